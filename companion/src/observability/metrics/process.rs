//! The process itself, under the names that every Prometheus client uses.

use std::fs;

use super::exposition::Text;

/// What the kernel says of this process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ProcessFigures {
    cpu_s: f64,
    start_unix_s: f64,
    virtual_bytes: f64,
    resident_bytes: f64,
    open_files: f64,
    threads: f64,
}

impl ProcessFigures {
    /// `None` where there is no `/proc`.
    pub(super) fn read() -> Option<Self> {
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let page = rustix::param::page_size() as f64;
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program, which may hold anything, ends with the last bracket.
        let (_, after) = stat.rsplit_once(')')?;
        let fields: Vec<f64> = after
            .split_whitespace()
            .skip(1)
            .map_while(|field| field.parse().ok())
            .collect();
        // Source: proc_pid_stat(5); the state, field 3, was skipped.
        let field = |number: usize| fields.get(number - 4).copied();
        Some(Self {
            cpu_s: (field(14)? + field(15)?) / ticks,
            threads: field(20)?,
            start_unix_s: boot_unix_s()? + field(22)? / ticks,
            virtual_bytes: field(23)?,
            resident_bytes: field(24)? * page,
            open_files: fs::read_dir("/proc/self/fd").ok()?.count() as f64,
        })
    }

    pub(super) fn render(&self, text: &mut Text) {
        text.single(
            "process_cpu_seconds_total",
            "counter",
            "Processor time used, in seconds.",
            Some(self.cpu_s),
        );
        for (name, help, value) in [
            (
                "process_start_time_seconds",
                "Start since the epoch, in seconds.",
                self.start_unix_s,
            ),
            (
                "process_virtual_memory_bytes",
                "Virtual memory.",
                self.virtual_bytes,
            ),
            (
                "process_resident_memory_bytes",
                "Resident memory.",
                self.resident_bytes,
            ),
            (
                "process_open_fds",
                "Open file descriptors.",
                self.open_files,
            ),
            ("process_threads", "Threads.", self.threads),
        ] {
            text.single(name, "gauge", help, Some(value));
        }
    }
}

fn boot_unix_s() -> Option<f64> {
    fs::read_to_string("/proc/stat")
        .ok()?
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()
}

//! Measures the flight program in real time: the `companion` binary as a process of its own on one end of a
//! pseudo-terminal, the fake autopilot on the other.
//!
//! What went out when is read from the recording: a position carries its deadline, and the record of its bytes
//! the time at which the kernel had taken them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use companion::autopilot::mavlink::Frame;
use companion::link::{FC_LINK, WIRE};
use fdr_format::{FlightItem, FlightReader, Record};
use mavlink::dialects::ardupilotmega::MavMessage;
use serde::Serialize;
use serde_json::Value;

use crate::fake_ardupilot::{COMPANION, FakeArduPilot, Shell, Terminal};

/// Time of a process in one second of its processor time.
const TICKS_PER_S: f64 = 100.0;
/// The first seconds are the start, and are not judged.
const WARM_UP_NS: u64 = 3_000_000_000;

/// What to measure with.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The `companion` program.
    pub companion: PathBuf,
    /// For how long, s.
    pub seconds: u32,
    /// Inertial samples a second.
    pub imu_hz: u16,
    /// Messages a second in all.
    pub messages_hz: u32,
    /// Whether frames are signed.
    pub signing: bool,
    /// Whether another process keeps one processor busy.
    pub busy: bool,
    /// Folder for the recording.
    pub folder: PathBuf,
}

/// A distribution, microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Microseconds {
    /// Half are not greater.
    pub p50: f64,
    /// 99 of 100 are not greater.
    pub p99: f64,
    /// 999 of 1000 are not greater.
    pub p999: f64,
    /// The greatest.
    pub worst: f64,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How long, s.
    pub seconds: u32,
    /// Messages that the companion received a second.
    pub messages_per_s: f64,
    /// Positions that were judged.
    pub positions: usize,
    /// Emission deadline to bytes handed to the kernel.
    pub deadline_to_kernel_us: Microseconds,
    /// How far the time between two positions is from 100 ms.
    pub jitter_us: Microseconds,
    /// Longest time between two positions, ms.
    pub longest_gap_ms: f64,
    /// Processor time, percent of one core.
    pub cpu_percent: f64,
    /// Most memory resident, MB.
    pub resident_mb: f64,
    /// First sensor sample to first position, s.
    pub first_position_s: f64,
    /// From the kill to the next position of the process that was started again, s.
    pub restart_s: f64,
    /// Bytes that the companion was too late for.
    pub bytes_lost: u64,
    /// Records that found no room.
    pub records_refused: u64,
}

/// Runs the measurement.
///
/// # Errors
/// When a program cannot be run or its recording not be read.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    fs::create_dir_all(&options.folder)?;
    let terminal = Terminal::open().context("no pseudo-terminal")?;
    let config = configuration(options, terminal.device())?;
    let chatter = options
        .messages_hz
        .saturating_sub(u32::from(options.imu_hz) * 3 / 2 + 120);
    let mut shell = Shell::new(|now| {
        let mut fake = FakeArduPilot::flying(now);
        fake.chatter_hz = chatter;
        fake
    });
    shell.stream(COMPANION, terminal);
    shell.run();
    let load = options.busy.then(Load::start).transpose()?;
    let mut flight = Flight::start(options, &config)?;
    thread::sleep(Duration::from_secs(3));
    let before = flight.cpu_ticks()?;
    let began = Instant::now();
    thread::sleep(Duration::from_secs(u64::from(options.seconds)));
    let cpu_percent =
        100.0 * (flight.cpu_ticks()? - before) / TICKS_PER_S / began.elapsed().as_secs_f64();
    let resident_mb = flight.resident_mb()?;
    drop(load);
    let restart_s = flight.restart(options, &config, &shell)?;
    let report = flight.end()?;
    drop(shell);
    let recording = PathBuf::from(report["flight_dir"].as_str().unwrap_or_default());
    let sent = Sent::read(&recording)?;
    let link = &report["links"][0];
    Ok(Report {
        seconds: options.seconds,
        messages_per_s: sent.received as f64 / sent.duration_s(),
        positions: sent.times.len(),
        deadline_to_kernel_us: percentiles(sent.lateness_us())?,
        jitter_us: percentiles(sent.jitter_us(options.seconds))?,
        longest_gap_ms: sent.longest_gap_ms(options.seconds),
        cpu_percent,
        resident_mb,
        first_position_s: sent.first_position_s(),
        restart_s,
        bytes_lost: link["bytes_lost"].as_u64().unwrap_or(0),
        records_refused: report["records_refused"].as_u64().unwrap_or(0),
    })
}

fn configuration(options: &Options, device: &Path) -> anyhow::Result<PathBuf> {
    let path = options.folder.join("companion.toml");
    let text = format!(
        "[autopilot]\naddress = \"serial:{}:921600\"\nsigning = {}\n[autopilot.rates]\nimu_hz = {}\n\
         attitude_hz = {}\nair_hz = 50\n[recorder]\nfolder = \"{}\"\n",
        device.display(),
        options.signing,
        options.imu_hz,
        (options.imu_hz / 2).max(1),
        options.folder.join("fdr").display(),
    );
    fs::write(&path, text)?;
    Ok(path)
}

/// A process that keeps one processor busy.
struct Load(Child);

impl Load {
    fn start() -> anyhow::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", "while :; do :; done"]);
        Ok(Self(command.spawn().context("the load cannot be started")?))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The companion's process.
struct Flight(Option<Child>);

impl Flight {
    fn start(options: &Options, config: &Path) -> anyhow::Result<Self> {
        Ok(Self(Some(spawn(options, config)?)))
    }

    fn child(&mut self) -> anyhow::Result<&mut Child> {
        self.0.as_mut().context("the companion has ended")
    }

    fn proc(&mut self, file: &str) -> anyhow::Result<String> {
        let pid = self.child()?.id();
        let path = format!("/proc/{pid}/{file}");
        fs::read_to_string(&path).with_context(|| format!("{path}: has the companion ended?"))
    }

    fn cpu_ticks(&mut self) -> anyhow::Result<f64> {
        let stat = self.proc("stat")?;
        let behind_name = stat.rsplit(')').next().unwrap_or_default();
        let fields: Vec<_> = behind_name.split_whitespace().collect();
        let field = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok());
        field(11)
            .zip(field(12))
            .map(|(user, system)| user + system)
            .context("/proc/PID/stat")
    }

    fn resident_mb(&mut self) -> anyhow::Result<f64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| {
            line.trim()
                .trim_end_matches("kB")
                .trim()
                .parse::<f64>()
                .ok()
        });
        Ok(kib.context("/proc/PID/status")? * 1.024e-3)
    }

    /// Kills the process and starts it again; how long the autopilot had no position.
    fn restart(&mut self, options: &Options, config: &Path, shell: &Shell) -> anyhow::Result<f64> {
        let mut child = self.0.take().context("the companion has ended")?;
        child.kill()?;
        child.wait()?;
        let last_us = shell.fake().report(1).map_or(0, |report| report.time_us);
        self.0 = Some(spawn(options, config)?);
        let began = Instant::now();
        loop {
            let next_us = shell.fake().report(1).map_or(0, |report| report.time_us);
            if next_us > last_us {
                return Ok((next_us - last_us) as f64 * 1e-6);
            }
            if began.elapsed() > Duration::from_secs(30) {
                bail!("no position within 30 s of a restart");
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn end(mut self) -> anyhow::Result<Value> {
        let child = self.0.take().context("the companion has ended")?;
        let sent = Command::new("kill")
            .args(["-s", "TERM", &child.id().to_string()])
            .status()?;
        let output = child.wait_with_output()?;
        if !sent.success() || !output.status.success() {
            bail!(
                "the companion failed: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn spawn(options: &Options, config: &Path) -> io::Result<Child> {
    Command::new(&options.companion)
        .args(["fly", "--json", "--config"])
        .arg(config)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// What the recording says of the link.
#[derive(Debug, Default)]
struct Sent {
    /// Deadline and time of the kernel for each position, ns.
    times: Vec<(u64, u64)>,
    received: u64,
    received_first_ns: Option<u64>,
    received_last_ns: u64,
    first_sample_ns: Option<u64>,
    first_position_ns: Option<u64>,
}

impl Sent {
    fn read(recording: &Path) -> anyhow::Result<Self> {
        let mut reader = FlightReader::open(recording)?;
        let mut sent = Self::default();
        while let Some(item) = reader.next_item()? {
            let FlightItem::Record { record, .. } = item else {
                continue;
            };
            match record.decode() {
                Ok(Record::SentFcBytes(body)) if body.link == FC_LINK | WIRE => {
                    sent.position(body.bytes.0, body.time_ns);
                }
                Ok(Record::ReceivedMavlinkRaw(body)) => {
                    sent.received += 1;
                    sent.received_first_ns.get_or_insert(body.time_ns);
                    sent.received_last_ns = body.time_ns;
                }
                Ok(Record::ImuTrace(body)) => {
                    sent.first_sample_ns.get_or_insert(body.time_ns);
                }
                Ok(Record::EmittedExternalPosition(body)) => {
                    sent.first_position_ns.get_or_insert(body.time_ns);
                }
                _ => {}
            }
        }
        Ok(sent)
    }

    fn position(&mut self, bytes: &[u8], time_ns: u64) {
        if let Ok(frame) = Frame::parse(bytes)
            && let Ok(MavMessage::GPS_INPUT(body)) = frame.message()
        {
            self.times.push((body.time_usec * 1_000, time_ns));
        }
    }

    fn duration_s(&self) -> f64 {
        let first = self.received_first_ns.unwrap_or(0);
        ((self.received_last_ns - first) as f64 * 1e-9).max(1e-9)
    }

    /// Those of the flight itself, without start and restart.
    fn judged(&self, seconds: u32) -> impl Iterator<Item = (u64, u64)> {
        let first = self.times.first().map_or(0, |(deadline, _)| *deadline);
        let from = first + WARM_UP_NS;
        let to = from + u64::from(seconds.saturating_sub(1)) * 1_000_000_000;
        let times = self.times.iter().copied();
        times.filter(move |(deadline, _)| (from..to).contains(deadline))
    }

    fn lateness_us(&self) -> Vec<f64> {
        let times = self.judged(u32::MAX);
        times
            .map(|(deadline, sent)| sent.saturating_sub(deadline) as f64 * 1e-3)
            // The farewell repeats the last position.
            .filter(|late| *late < 50_000.0)
            .collect()
    }

    fn gaps_ns(&self, seconds: u32) -> Vec<u64> {
        let times: Vec<_> = self.judged(seconds).collect();
        times.windows(2).map(|pair| pair[1].1 - pair[0].1).collect()
    }

    fn jitter_us(&self, seconds: u32) -> Vec<f64> {
        let gaps = self.gaps_ns(seconds).into_iter();
        gaps.map(|gap| (gap as f64 - 1e8).abs() * 1e-3).collect()
    }

    fn longest_gap_ms(&self, seconds: u32) -> f64 {
        self.gaps_ns(seconds).into_iter().max().unwrap_or(0) as f64 * 1e-6
    }

    fn first_position_s(&self) -> f64 {
        let both = self.first_sample_ns.zip(self.first_position_ns);
        both.map_or(f64::NAN, |(sample, position)| {
            position.saturating_sub(sample) as f64 * 1e-9
        })
    }
}

fn percentiles(mut values: Vec<f64>) -> anyhow::Result<Microseconds> {
    values.sort_by(f64::total_cmp);
    let Some(worst) = values.last().copied() else {
        bail!("no position was sent");
    };
    let at = |share: f64| {
        let index = ((values.len() as f64 * share).ceil() as usize).max(1) - 1;
        values.get(index).copied().unwrap_or(worst)
    };
    Ok(Microseconds {
        p50: at(0.5),
        p99: at(0.99),
        p999: at(0.999),
        worst,
    })
}

/// The figures as a table.
#[must_use]
pub fn render(report: &Report) -> String {
    let row = |name: &str, values: &Microseconds| {
        format!(
            "{name:<40}{:>10.0}{:>10.0}{:>10.0}{:>10.0}\n",
            values.p50, values.p99, values.p999, values.worst
        )
    };
    let mut text = format!(
        "{} s, {:.0} messages/s, {} positions\n\n{:<40}{:>10}{:>10}{:>10}{:>10}\n",
        report.seconds,
        report.messages_per_s,
        report.positions,
        "microseconds",
        "p50",
        "p99",
        "p99.9",
        "worst"
    );
    text += &row(
        "deadline to bytes in the kernel",
        &report.deadline_to_kernel_us,
    );
    text += &row("time between positions off 100 ms", &report.jitter_us);
    for (name, value) in [
        ("longest time between positions, ms", report.longest_gap_ms),
        ("processor, percent of a core", report.cpu_percent),
        ("resident memory, MB", report.resident_mb),
        ("first sample to first position, s", report.first_position_s),
        ("kill to next position, s", report.restart_s),
    ] {
        text += &format!("{name:<40}{value:>10.2}\n");
    }
    text + &format!(
        "{:<40}{:>10}\n{:<40}{:>10}\n",
        "bytes lost", report.bytes_lost, "records refused", report.records_refused
    )
}

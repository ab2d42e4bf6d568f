//! One sample of everything.

use std::path::{Path, PathBuf};

use sysinfo::System;

use super::board::{BoardReader, BoardReadings};
use super::config::HealthConfig;
use crate::navigator::{MonotonicNs, SystemHealth};

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineReadings {
    /// What the navigator is told and the recording keeps.
    pub health: SystemHealth,
    /// What the board says beyond that.
    pub board: BoardReadings,
}

/// Samples the machine.
#[derive(Debug)]
pub struct HealthReader {
    /// Absent where the kernel tells neither load nor memory: both are zero then.
    system: Option<System>,
    board: BoardReader,
    recording: PathBuf,
}

impl HealthReader {
    /// A reader for a flight that is recorded in folder `recording`.
    #[must_use]
    pub fn new(config: &HealthConfig, recording: &Path) -> Self {
        let mut system = System::new().ok();
        // The load is what was done between two looks.
        if let Some(system) = &mut system {
            system.refresh_cpu_usage();
        }
        Self {
            system,
            board: BoardReader::new(&config.sysfs),
            recording: recording.to_owned(),
        }
    }

    /// The state of the machine at `time`, which is now. Processor load is that since the last sample.
    pub fn sample(&mut self, time: MonotonicNs) -> MachineReadings {
        let (cpu_percent, ram_used_bytes, ram_total_bytes) =
            self.system.as_mut().map_or((0.0, 0, 0), load_and_memory);
        let board = self.board.read();
        let (nvm_free_bytes, nvm_total_bytes) = room(&self.recording);
        let health = SystemHealth {
            time,
            cpu_percent,
            gpu_percent: board.gpu_percent,
            temperature_c: board.temperature_c(),
            throttled: board.throttled,
            ram_used_bytes,
            ram_total_bytes,
            // A Jetson's graphics processor lives in main memory.
            vram_used_bytes: None,
            vram_total_bytes: None,
            nvm_free_bytes,
            nvm_total_bytes,
        };
        MachineReadings { health, board }
    }
}

fn load_and_memory(system: &mut System) -> (f64, u64, u64) {
    system.refresh_cpu_usage();
    system.refresh_memory();
    let load = f64::from(system.global_cpu_usage()).clamp(0.0, 100.0);
    (load, system.used_memory(), system.total_memory())
}

/// Free bytes for us and all bytes of the file system of `folder`; zero when it is gone, which counts
/// as full.
fn room(folder: &Path) -> (u64, u64) {
    rustix::fs::statvfs(folder).map_or((0, 0), |space| {
        let bytes = |blocks: u64| blocks.saturating_mul(space.f_frsize);
        (bytes(space.f_bavail), bytes(space.f_blocks))
    })
}

//! Why a log could not be replayed, or not to its end.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::windows::WindowError;
use crate::autopilot::tlog::TlogError;
use crate::config::ConfigError;
use crate::recorder::{KeyError, RecorderError};
use crate::vision::photos::PhotoError;

/// Why a log could not be replayed, or not to its end.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The log cannot be opened or read.
    #[error("--log: {path}: cannot be read: {source}; give a readable MAVLink log (.tlog)")]
    Open {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The photographs cannot be used.
    #[error("--frames: {0}")]
    Frames(#[source] PhotoError),
    /// No photograph is of the log's time.
    #[error(
        "--frames: {path}: every photo is from before the log, which begins at {start_us} us unix time; \
         time_us of frames.csv must be on the log's clock"
    )]
    NoFrames {
        /// The folder.
        path: PathBuf,
        /// When the log begins.
        start_us: u64,
    },
    /// Tiles and thumbnails cannot be kept.
    #[error("{path}: tiles and thumbnails cannot be kept there: {source}")]
    Tiles {
        /// The flight's folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The log has no byte.
    #[error("--log: {path}: is empty; give a MAVLink log (.tlog)")]
    Empty {
        /// The log.
        path: PathBuf,
    },
    /// There is no MAVLink frame in the log.
    #[error(
        "--log: {path}: no MAVLink frame in the first {read} of {bytes} bytes; give a MAVLink log (.tlog: a time stamp \
         of eight bytes before each frame)"
    )]
    NotMavlink {
        /// The log.
        path: PathBuf,
        /// Bytes that were looked at.
        read: u64,
        /// Its size.
        bytes: u64,
    },
    /// Most frames have no time stamp of their own.
    #[error(
        "--log: {path}: {frames} MAVLink frames, but {damaged} of them without a usable time stamp; \
         give a log that has one of eight bytes before each frame (.tlog), not the bare stream"
    )]
    NoStamps {
        /// The log.
        path: PathBuf,
        /// Frames in the log.
        frames: u64,
        /// Those without a usable stamp.
        damaged: u64,
    },
    /// No autopilot speaks in the log.
    #[error(
        "--log: {path}: no HEARTBEAT of {wanted} in {frames} MAVLink frames ({unread} of {bytes} \
         bytes are no MAVLink); give the log of a vehicle, or set autopilot.system_id to one that it \
         holds"
    )]
    NoAutopilot {
        /// The log.
        path: PathBuf,
        /// Which autopilot was looked for.
        wanted: String,
        /// Frames in the log.
        frames: u64,
        /// Bytes that are no frame.
        unread: u64,
        /// Size of the log.
        bytes: u64,
    },
    /// A denial window does not fit the log.
    #[error("--deny-gps: {source} of {path}")]
    Window {
        /// The log.
        path: PathBuf,
        /// What does not fit.
        source: WindowError,
    },
    /// The configuration cannot be recorded.
    #[error("--config: {0}")]
    Configuration(#[from] ConfigError),
    /// The device key that the configuration names cannot be read.
    #[error("--config: recorder.device_key: {0}")]
    DeviceKey(KeyError),
    /// The log's clock cannot be followed.
    #[error("--log: {path}: {source}")]
    Clock {
        /// The log.
        path: PathBuf,
        /// Where and by how much.
        source: TlogError,
    },
    /// The log ends inside a frame, and not as a recorder that was switched off leaves it.
    #[error(
        "--log: {path}: is truncated: the frame at byte {at} is not whole, the log ends at byte \
         {bytes}; everything before was replayed; copy the log again if it is longer at its source"
    )]
    Truncated {
        /// The log.
        path: PathBuf,
        /// Where the last frame begins.
        at: u64,
        /// Size of the log.
        bytes: u64,
    },
    /// Whoever waited for the replay stopped it.
    #[error(
        "--log: {path}: interrupted after {replayed_s:.1} s of the log; replay it again for the rest"
    )]
    Interrupted {
        /// The log.
        path: PathBuf,
        /// How much was replayed, seconds of the log's clock.
        replayed_s: f64,
    },
    /// No position could be estimated.
    #[error(
        "--log: {path}: no position: of {reports} GPS reports of the vehicle, {fixes} have a 3D fix \
         outside the denied windows, and {attitudes} ATTITUDE messages go with them; both are needed \
         to start"
    )]
    NoPosition {
        /// The log.
        path: PathBuf,
        /// GPS reports in the log.
        reports: u64,
        /// Those with a 3D fix that were not denied.
        fixes: u64,
        /// Attitudes in the log.
        attitudes: u64,
    },
    /// The recording cannot be begun or ended.
    #[error("--fdr: {0}")]
    Recording(#[from] RecorderError),
    /// A record could not be recorded.
    #[error(
        "--fdr: {text}; what was recorded before is valid; make room or mend the disk and replay again"
    )]
    NotRecorded {
        /// What the recorder says.
        text: String,
    },
    /// The positions cannot be written.
    #[error("--positions: {path}: cannot be written: {source}; check folder, permissions and room")]
    Positions {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

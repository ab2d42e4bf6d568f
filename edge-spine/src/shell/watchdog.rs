//! systemd's watchdog, fed by progress and not by mere life.
//!
//! A drain is alive while its cursor moves, while nothing waits, and while the sink is known to be away,
//! which no restart would mend. A drain that neither sends nor knows why is not fed.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use crate::drain::Round;

/// Longest time without a reason to be fed, milliseconds.
const SILENT_MS: u64 = 60_000;
/// How often systemd is told.
const INTERVAL: Duration = Duration::from_secs(1);

/// Whether a drain makes progress.
#[derive(Debug, Default)]
pub struct WatchdogJudge {
    progress_ms: u64,
}

impl WatchdogJudge {
    /// Whether the drain deserves to be fed after this round.
    pub fn is_alive(&mut self, round: &Round, now_ms: u64) -> bool {
        match round {
            Round::Sent { rows } if *rows > 0 => self.progress_ms = now_ms,
            Round::Idle | Round::Waiting { .. } => self.progress_ms = now_ms,
            // Only splitting and burying: that ends, or it is a fault.
            Round::Sent { .. } => {}
        }
        now_ms.saturating_sub(self.progress_ms) < SILENT_MS
    }
}

/// The socket of `NOTIFY_SOCKET`.
#[derive(Debug)]
pub struct Watchdog {
    socket: Option<(UnixDatagram, String)>,
    fed: Option<Instant>,
}

impl Watchdog {
    /// The one that the service manager wants fed; none without it.
    #[must_use]
    pub fn from_environment() -> Self {
        let path = std::env::var("NOTIFY_SOCKET").ok();
        Self {
            socket: path.and_then(|path| Some((UnixDatagram::unbound().ok()?, path))),
            fed: None,
        }
    }

    /// Says that all is well, at most once a second.
    pub fn feed(&mut self) {
        if self.fed.is_some_and(|fed| fed.elapsed() < INTERVAL) {
            return;
        }
        let first = self.fed.is_none();
        self.fed = Some(Instant::now());
        if let Some((socket, path)) = &self.socket {
            let word: &[u8] = if first {
                b"READY=1\nWATCHDOG=1"
            } else {
                b"WATCHDOG=1"
            };
            // A service manager that does not listen restarts us; there is nobody else to tell.
            let _ = socket.send_to(word, path);
        }
    }
}

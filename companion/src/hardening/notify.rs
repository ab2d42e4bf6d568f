//! What the service manager is told: datagrams to the socket that it names.
//!
//! Source: `sd_notify(3)`, `systemd.service(5)`.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The way to the service manager.
#[derive(Debug)]
pub struct Notifier {
    socket: UnixDatagram,
}

impl Notifier {
    /// The one that started this process; `None` when none did.
    ///
    /// # Errors
    /// When it named a socket that cannot be reached.
    pub fn from_environment() -> io::Result<Option<Self>> {
        std::env::var_os("NOTIFY_SOCKET")
            .filter(|name| !name.is_empty())
            .map(|name| Self::to(&name))
            .transpose()
    }

    /// The one at `name`: a path, or `@` and the name of an abstract socket.
    ///
    /// # Errors
    /// When nobody is there.
    pub fn to(name: &OsStr) -> io::Result<Self> {
        let address = match name.as_bytes() {
            [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
            _ => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        // A manager that does not listen must not hold up a flight.
        socket.set_nonblocking(true)?;
        Ok(Self { socket })
    }

    /// Start-up is complete: positions will flow.
    ///
    /// # Errors
    /// When the manager does not take it.
    pub fn ready(&self) -> io::Result<()> {
        self.send("READY=1")
    }

    /// The navigator is making progress.
    ///
    /// # Errors
    /// When the manager does not take it.
    pub fn alive(&self) -> io::Result<()> {
        self.send("WATCHDOG=1")
    }

    /// An orderly end has begun.
    ///
    /// # Errors
    /// When the manager does not take it.
    pub fn stopping(&self) -> io::Result<()> {
        self.send("STOPPING=1")
    }

    /// One line for people who ask for the service's state.
    ///
    /// # Errors
    /// When the manager does not take it.
    pub fn status(&self, line: &str) -> io::Result<()> {
        self.send(&format!("STATUS={}", line.replace('\n', " ")))
    }

    fn send(&self, state: &str) -> io::Result<()> {
        self.socket.send(state.as_bytes()).map(drop)
    }
}

/// How often the service manager wants to hear that the process is alive; `None` when it does not.
#[must_use]
pub fn watchdog_interval() -> Option<Duration> {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    let meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    number("WATCHDOG_USEC")
        .filter(|interval| meant && *interval > 0)
        .map(Duration::from_micros)
}

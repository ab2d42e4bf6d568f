//! One open connection, shared by the thread that reads it and the thread that writes it.
//!
//! Everything is a file descriptor that never blocks: whoever has to wait says for how long, so that a
//! dead link costs neither a core nor a thread.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::termios::{
    ControlModes, OptionalActions, SpecialCodeIndex, ioctl_tiocexcl, tcgetattr, tcsetattr,
};

use super::address::LinkAddress;

/// How long a TCP connection may take to come about, and a sent byte to be acknowledged.
#[cfg(not(feature = "production"))]
const NETWORK_PATIENCE: Duration = Duration::from_secs(3);

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    fd: OwnedFd,
    /// What the end of the stream is, and whether a refusal of the peer ends it.
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Serial,
    #[cfg(not(feature = "production"))]
    Stream,
    #[cfg(not(feature = "production"))]
    Datagrams,
}

/// What reading gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOutcome {
    /// So many bytes.
    Bytes(usize),
    /// Nothing came in time.
    Nothing,
}

/// What writing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The kernel took so many bytes.
    Took(usize),
    /// It took none in time.
    Blocked,
}

impl Connection {
    /// Opens the link.
    ///
    /// # Errors
    /// As the system has them, in words that say what to do.
    pub fn open(address: &LinkAddress) -> io::Result<Self> {
        match address {
            LinkAddress::Serial { device, baud } => open_serial(device, *baud),
            #[cfg(not(feature = "production"))]
            LinkAddress::Tcp { host, port } => open_tcp(host, *port),
            #[cfg(not(feature = "production"))]
            LinkAddress::Udp { host, port } => open_udp(host, *port),
            #[cfg(feature = "production")]
            LinkAddress::Tcp { .. } | LinkAddress::Udp { .. } => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "network links do not exist in production",
            )),
        }
    }

    /// Reads what is there; waits for something at most so long.
    ///
    /// # Errors
    /// When the link is gone.
    pub fn read(&self, buffer: &mut [u8], at_most: Duration) -> io::Result<ReadOutcome> {
        match self.read_now(buffer)? {
            ReadOutcome::Nothing => {}
            bytes => return Ok(bytes),
        }
        if !self.wait(PollFlags::IN, at_most)? {
            return Ok(ReadOutcome::Nothing);
        }
        self.read_now(buffer)
    }

    fn read_now(&self, buffer: &mut [u8]) -> io::Result<ReadOutcome> {
        match rustix::io::read(&self.fd, &mut *buffer) {
            // A datagram may be empty; the end of anything else is the end of the link.
            Ok(0) if self.is_stream() => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the other side ended the connection",
            )),
            Ok(0) => Ok(ReadOutcome::Nothing),
            Ok(count) => Ok(ReadOutcome::Bytes(count)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(ReadOutcome::Nothing),
            Err(Errno::CONNREFUSED) => Err(io::Error::new(
                io::ErrorKind::ConnectionRefused,
                "nobody is there; start the other side",
            )),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes what the kernel takes; waits for room at most so long.
    ///
    /// # Errors
    /// When the link is gone.
    pub fn write(&self, bytes: &[u8], at_most: Duration) -> io::Result<WriteOutcome> {
        match self.write_now(bytes)? {
            WriteOutcome::Blocked => {}
            took => return Ok(took),
        }
        if !self.wait(PollFlags::OUT, at_most)? {
            return Ok(WriteOutcome::Blocked);
        }
        self.write_now(bytes)
    }

    fn write_now(&self, bytes: &[u8]) -> io::Result<WriteOutcome> {
        match rustix::io::write(&self.fd, bytes) {
            Ok(0) | Err(Errno::AGAIN | Errno::INTR | Errno::NOBUFS) => Ok(WriteOutcome::Blocked),
            Ok(count) => Ok(WriteOutcome::Took(count)),
            // The reader hears of it as well, and says so.
            Err(Errno::CONNREFUSED) => Ok(WriteOutcome::Took(bytes.len())),
            Err(error) => Err(error.into()),
        }
    }

    fn is_stream(&self) -> bool {
        match self.kind {
            Kind::Serial => true,
            #[cfg(not(feature = "production"))]
            Kind::Stream => true,
            #[cfg(not(feature = "production"))]
            Kind::Datagrams => false,
        }
    }

    /// Whether there is something to do; an error or the end of the link counts.
    fn wait(&self, for_what: PollFlags, at_most: Duration) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.fd, for_what)];
        let timeout = Timespec {
            tv_sec: at_most.as_secs() as i64,
            tv_nsec: i64::from(at_most.subsec_nanos()),
        };
        match poll(&mut fds, Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn open_serial(device: &Path, baud: u32) -> io::Result<Connection> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = open(device, flags, Mode::empty()).map_err(|error| match error {
        Errno::NOENT => io::Error::new(
            io::ErrorKind::NotFound,
            "there is no such device; is it plugged in, and is its name right?",
        ),
        Errno::ACCESS => io::Error::new(
            io::ErrorKind::PermissionDenied,
            "this user may not open it; add the user to the device's group (dialout)",
        ),
        Errno::BUSY => busy(),
        other => other.into(),
    })?;
    let mut settings = tcgetattr(&fd).map_err(|error| match error {
        Errno::NOTTY | Errno::INVAL => io::Error::new(
            io::ErrorKind::InvalidInput,
            "is no serial port; give the autopilot's device",
        ),
        other => other.into(),
    })?;
    settings.make_raw();
    settings.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
    settings.control_modes -= ControlModes::HUPCL | ControlModes::CRTSCTS | ControlModes::CSTOPB;
    // With 0, a port on which nothing waits would read like one that has hung up.
    settings.special_codes[SpecialCodeIndex::VMIN] = 1;
    settings.special_codes[SpecialCodeIndex::VTIME] = 0;
    settings.set_speed(baud)?;
    tcsetattr(&fd, OptionalActions::Now, &settings)?;
    // Two programs that read one port would each get half of every frame.
    ioctl_tiocexcl(&fd)?;
    Ok(Connection {
        fd,
        kind: Kind::Serial,
    })
}

fn busy() -> io::Error {
    io::Error::new(
        io::ErrorKind::ResourceBusy,
        "another program has it open; end that first",
    )
}

#[cfg(not(feature = "production"))]
fn open_tcp(host: &str, port: u16) -> io::Result<Connection> {
    let mut last = None;
    for address in resolve(host, port)? {
        match std::net::TcpStream::connect_timeout(&address, NETWORK_PATIENCE) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                rustix::net::sockopt::set_tcp_user_timeout(
                    &stream,
                    NETWORK_PATIENCE.as_millis() as u32,
                )?;
                return Ok(Connection {
                    fd: stream.into(),
                    kind: Kind::Stream,
                });
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(nobody))
}

/// Connected and never bound: the kernel chooses the port on our side, and only the other side is heard.
#[cfg(not(feature = "production"))]
fn open_udp(host: &str, port: u16) -> io::Result<Connection> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

    let address = resolve(host, port)?.into_iter().next().ok_or_else(nobody)?;
    let family = match address {
        std::net::SocketAddr::V4(_) => AddressFamily::INET,
        std::net::SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = socket_with(family, SocketType::DGRAM, flags, None)?;
    connect(&fd, &address)?;
    Ok(Connection {
        fd,
        kind: Kind::Datagrams,
    })
}

#[cfg(not(feature = "production"))]
fn resolve(host: &str, port: u16) -> io::Result<Vec<std::net::SocketAddr>> {
    use std::net::ToSocketAddrs;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host, port).to_socket_addrs()?.collect())
}

#[cfg(not(feature = "production"))]
fn nobody() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name leads to no address")
}

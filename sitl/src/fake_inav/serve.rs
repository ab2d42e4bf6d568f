//! The fake behind a device: a pseudo-terminal, or a TCP port of this machine that one client may hold.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::machine::FakeInav;
use crate::fake_ardupilot::Terminal;

const STEP: Duration = Duration::from_millis(2);

/// Where the fake is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A pseudo-terminal.
    Terminal,
    /// A port of the loopback interface; 0: any.
    Tcp(u16),
}

/// Why it cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("the fake cannot be reached: {0}")]
pub struct ServeError(#[from] io::Error);

enum Line {
    Terminal(Terminal),
    Tcp(TcpListener, Option<TcpStream>),
}

/// Serves port 0 of `fake` until `stop`; `ready` is told where, in the form of the companion's
/// configuration.
///
/// # Errors
/// When the place cannot be had.
pub fn serve(
    mut fake: FakeInav,
    place: &Place,
    stop: &AtomicBool,
    ready: impl FnOnce(&str),
) -> Result<FakeInav, ServeError> {
    let (mut line, address) = open(place)?;
    ready(&address);
    let begin = Instant::now();
    let mut bytes = [0; 512];
    while !stop.load(Ordering::Acquire) {
        loop {
            match line.read(&mut bytes) {
                Ok(0) => break,
                Ok(length) => fake.receive(0, &bytes[..length]),
                Err(_) => break,
            }
        }
        fake.run_to(begin.elapsed().as_nanos() as u64);
        let out = fake.take_output(0);
        if !out.is_empty() {
            // What the other side does not take is lost, as on a wire.
            let _ = line.write(&out);
        }
        std::thread::sleep(STEP);
    }
    Ok(fake)
}

fn open(place: &Place) -> io::Result<(Line, String)> {
    match place {
        Place::Tcp(port) => {
            let listener = TcpListener::bind(("127.0.0.1", *port))?;
            listener.set_nonblocking(true)?;
            let address = format!("tcp:{}", listener.local_addr()?);
            Ok((Line::Tcp(listener, None), address))
        }
        Place::Terminal => {
            let terminal = Terminal::open()?;
            let address = format!("serial:{}:115200", terminal.device().display());
            Ok((Line::Terminal(terminal), address))
        }
    }
}

impl Line {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Terminal(terminal) => terminal.read(bytes),
            Self::Tcp(listener, client) => {
                if client.is_none()
                    && let Ok((stream, _)) = listener.accept()
                {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    *client = Some(stream);
                }
                let Some(stream) = client else { return Ok(0) };
                let read = stream.read(bytes);
                if matches!(read, Ok(0)) {
                    *client = None;
                }
                read
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Terminal(terminal) => terminal.write_all(bytes),
            Self::Tcp(_, Some(stream)) => stream.write_all(bytes),
            Self::Tcp(_, None) => Ok(()),
        }
    }
}

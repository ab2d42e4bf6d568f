//! The fake autopilot in real time behind real ports: a thread that moves bytes, and nothing else.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use companion::navigator::MonotonicNs;

use super::FakeArduPilot;

/// Step of the fake's time.
const STEP: Duration = Duration::from_micros(500);

/// Why the fake cannot run.
#[derive(Debug, thiserror::Error)]
#[error("the fake autopilot cannot run: {0}")]
pub struct ShellError(#[from] io::Error);

/// Where a port of the fake is reached.
#[derive(Debug)]
enum Socket {
    /// One client at a time.
    Tcp {
        listener: TcpListener,
        client: Option<TcpStream>,
    },
    /// Whoever sent last.
    Udp {
        socket: UdpSocket,
        peer: Option<std::net::SocketAddr>,
    },
    /// A pseudo-terminal's master, or anything else that reads and writes without blocking.
    Stream(Box<dyn ReadWrite>),
}

/// Something that is read and written.
pub trait ReadWrite: Read + Write + Send + std::fmt::Debug {}
impl<T: Read + Write + Send + std::fmt::Debug> ReadWrite for T {}

/// A fake autopilot that runs in a thread of its own.
#[derive(Debug)]
pub struct Shell {
    fake: Arc<Mutex<FakeArduPilot>>,
    stop: Arc<AtomicBool>,
    started: Instant,
    thread: Option<JoinHandle<()>>,
    sockets: Vec<(usize, Socket)>,
}

impl Shell {
    /// Makes a fake whose clock begins now.
    #[must_use]
    pub fn new(make: impl FnOnce(MonotonicNs) -> FakeArduPilot) -> Self {
        Self {
            fake: Arc::new(Mutex::new(make(MonotonicNs(0)))),
            stop: Arc::default(),
            started: Instant::now(),
            thread: None,
            sockets: Vec::new(),
        }
    }

    /// Listens on the loopback for one TCP client of `port`; gives the port's number.
    ///
    /// # Errors
    /// As the system has them.
    pub fn tcp(&mut self, port: usize) -> Result<u16, ShellError> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let number = listener.local_addr()?.port();
        let client = None;
        self.sockets.push((port, Socket::Tcp { listener, client }));
        Ok(number)
    }

    /// Waits on the loopback for datagrams to `port`; gives the port's number.
    ///
    /// # Errors
    /// As the system has them.
    pub fn udp(&mut self, port: usize) -> Result<u16, ShellError> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        let number = socket.local_addr()?.port();
        let peer = None;
        self.sockets.push((port, Socket::Udp { socket, peer }));
        Ok(number)
    }

    /// Serves `port` over something that reads and writes without blocking, such as the master of a
    /// pseudo-terminal.
    pub fn stream(&mut self, port: usize, stream: impl ReadWrite + 'static) {
        self.sockets.push((port, Socket::Stream(Box::new(stream))));
    }

    /// Runs it until it is dropped.
    pub fn run(&mut self) {
        let (fake, stop) = (Arc::clone(&self.fake), Arc::clone(&self.stop));
        let started = self.started;
        let mut sockets = std::mem::take(&mut self.sockets);
        self.thread = Some(std::thread::spawn(move || {
            while !stop.load(Ordering::Acquire) {
                let now = MonotonicNs(started.elapsed().as_nanos() as u64);
                let mut fake = fake.lock().unwrap_or_else(PoisonError::into_inner);
                for (port, socket) in &mut sockets {
                    socket.serve(*port, &mut fake, now);
                }
                fake.advance(now);
                drop(fake);
                std::thread::sleep(STEP);
            }
        }));
    }

    /// The fake itself.
    pub fn fake(&self) -> MutexGuard<'_, FakeArduPilot> {
        self.fake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Socket {
    fn serve(&mut self, port: usize, fake: &mut FakeArduPilot, now: MonotonicNs) {
        let mut buffer = [0; 4096];
        match self {
            Self::Tcp { listener, client } => {
                if client.is_none()
                    && let Ok((stream, _)) = listener.accept()
                    && stream.set_nonblocking(true).is_ok()
                {
                    let _ = stream.set_nodelay(true);
                    *client = Some(stream);
                }
                let Some(stream) = client else {
                    // What nobody reads is lost, as on a wire.
                    drop(fake.take_output(port));
                    return;
                };
                if !exchange(stream, port, fake, now, &mut buffer) {
                    *client = None;
                }
            }
            Self::Udp { socket, peer } => {
                while let Ok((count, from)) = socket.recv_from(&mut buffer) {
                    *peer = Some(from);
                    fake.receive(port, &buffer[..count], now);
                }
                let output = fake.take_output(port);
                if let Some(peer) = peer {
                    for piece in output.chunks(1_400) {
                        let _ = socket.send_to(piece, *peer);
                    }
                }
            }
            Self::Stream(stream) => {
                exchange(stream, port, fake, now, &mut buffer);
            }
        }
    }
}

/// Whether the other side is still there.
fn exchange(
    stream: &mut (impl Read + Write + ?Sized),
    port: usize,
    fake: &mut FakeArduPilot,
    now: MonotonicNs,
    buffer: &mut [u8],
) -> bool {
    let mut alive = true;
    loop {
        match stream.read(buffer) {
            Ok(0) => alive = false,
            Ok(count) => {
                fake.receive(port, &buffer[..count], now);
                continue;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => alive = false,
        }
        break;
    }
    let output = fake.take_output(port);
    if !alive {
        return false;
    }
    let mut rest = output.as_slice();
    while !rest.is_empty() {
        match stream.write(rest) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            // A port that is full loses what is new.
            Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
            Err(_) => return false,
        }
    }
    true
}

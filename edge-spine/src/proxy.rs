//! A link that fails on command: between a drain and its sink, in process, for drills.
//!
//! | mode | what it does |
//! |---|---|
//! | sound | passes bytes |
//! | cut | closes what is open, and every new connection at once |
//! | half-open | takes connections and bytes, and passes nothing |
//! | slow | passes a few bytes at a time |
//! | corrupting | flips a bit now and then, in both directions |

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// What the link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LinkMode {
    /// Passes bytes.
    Sound,
    /// Closes everything.
    Cut,
    /// Takes and passes nothing.
    HalfOpen,
    /// A few bytes at a time.
    Slow,
    /// Flips bits.
    Corrupting,
}

impl LinkMode {
    /// Every mode.
    pub const ALL: [Self; 5] = [
        Self::Sound,
        Self::Cut,
        Self::HalfOpen,
        Self::Slow,
        Self::Corrupting,
    ];
}

/// The link.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    control: Arc<Control>,
}

#[derive(Debug)]
struct Control {
    mode: AtomicU8,
    /// Raised by a cut: connections of an older generation close.
    generation: AtomicU64,
    flipped: AtomicU64,
}

impl Control {
    fn mode(&self) -> LinkMode {
        let number = self.mode.load(Ordering::SeqCst);
        LinkMode::ALL
            .into_iter()
            .find(|own| *own as u8 == number)
            .unwrap_or(LinkMode::Sound)
    }
}

impl FaultProxy {
    /// A link to `target` on a port of its own on this machine.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(target: SocketAddr, seed: u64) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let control = Arc::new(Control {
            mode: AtomicU8::new(0),
            generation: AtomicU64::new(0),
            flipped: AtomicU64::new(0),
        });
        let own = Arc::clone(&control);
        // It ends with the process: a drill has one link for its whole life.
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let control = Arc::clone(&own);
                std::thread::spawn(move || {
                    connect(&stream, target, &control, seed + 2 * number as u64)
                });
            }
        });
        Ok(Self { address, control })
    }

    /// Where to connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what the link does, now.
    pub fn set(&self, mode: LinkMode) {
        self.control.mode.store(mode as u8, Ordering::SeqCst);
        if mode == LinkMode::Cut {
            self.control.generation.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// How many bits were flipped.
    #[must_use]
    pub fn flipped(&self) -> u64 {
        self.control.flipped.load(Ordering::SeqCst)
    }
}

fn connect(near: &TcpStream, target: SocketAddr, control: &Arc<Control>, seed: u64) {
    if control.mode() == LinkMode::Cut {
        return;
    }
    let Ok(far) = TcpStream::connect_timeout(&target, Duration::from_secs(2)) else {
        return;
    };
    let generation = control.generation.load(Ordering::SeqCst);
    std::thread::scope(|scope| {
        scope.spawn(|| pass(near, &far, control, generation, seed));
        pass(&far, near, control, generation, seed + 1);
    });
}

/// Passes bytes one way until either end closes or the link is cut.
fn pass(mut from: &TcpStream, mut to: &TcpStream, control: &Control, generation: u64, seed: u64) {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut bytes = [0; 16 * 1024];
    let _ = from.set_read_timeout(Some(Duration::from_millis(50)));
    let _ = to.set_nodelay(true);
    while control.generation.load(Ordering::SeqCst) == generation {
        let mode = control.mode();
        if mode == LinkMode::HalfOpen {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        }
        let most = if mode == LinkMode::Slow {
            2048
        } else {
            bytes.len()
        };
        let count = match from.read(&mut bytes[..most]) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) =>
            {
                continue;
            }
            Err(_) => break,
        };
        match mode {
            LinkMode::Slow => std::thread::sleep(Duration::from_millis(5)),
            LinkMode::Corrupting if random.next_u32().is_multiple_of(4) => {
                bytes[random.next_u32() as usize % count] ^= 1 << (random.next_u32() % 8);
                control.flipped.fetch_add(1, Ordering::SeqCst);
            }
            _ => {}
        }
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    // Both ends learn of it, or one would wait for ever.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

//! Serves the metrics on the bench. Not compiled into a production build.
//!
//! One connection at a time, one answer each, every step with a time limit: a client that stalls keeps
//! the next waiting for a second, and the flight not at all.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a client may take for its question, and for the answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longest question, bytes.
const REQUEST_MAX: usize = 8 << 10;

/// The endpoint cannot serve.
#[derive(Debug, thiserror::Error)]
#[error(
    "metrics.listen: {address} cannot be listened on: {source}; choose a free address, or leave the setting out"
)]
pub struct EndpointError {
    address: SocketAddr,
    source: io::Error,
}

/// A listener and the thread behind it.
#[derive(Debug)]
pub struct MetricsEndpoint {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl MetricsEndpoint {
    /// Serves what `scrape` says, at `address`, until [`MetricsEndpoint::stop`].
    ///
    /// # Errors
    /// When nobody may listen there.
    pub fn start(
        address: SocketAddr,
        scrape: impl Fn() -> String + Send + 'static,
    ) -> Result<Self, EndpointError> {
        let failed = |source| EndpointError { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::Builder::new()
            .name("metrics".to_owned())
            .spawn({
                let stop = Arc::clone(&stop);
                move || serve(&listener, &stop, &scrape)
            })
            .map_err(failed)?;
        Ok(Self {
            address,
            stop,
            thread,
        })
    }

    /// Where it listens: the port that the system chose when the setting says 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Release);
        // The thread waits for a connection; this is one.
        let _ = TcpStream::connect_timeout(&self.address, PATIENCE);
        // A thread that panicked has ended as well.
        let _ = self.thread.join();
    }
}

fn serve(listener: &TcpListener, stop: &AtomicBool, scrape: &impl Fn() -> String) {
    while !stop.load(Ordering::Acquire) {
        match listener.accept() {
            // A client that fails, fails alone.
            Ok((client, _)) => drop(answer(client, scrape)),
            Err(_) => thread::sleep(PATIENCE / 10),
        }
    }
}

fn answer(mut client: TcpStream, scrape: &impl Fn() -> String) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !ends(&request) {
        let length = client.read(&mut piece)?;
        if length == 0 || request.len() + length > REQUEST_MAX {
            return Ok(());
        }
        request.extend_from_slice(&piece[..length]);
    }
    let (status, body) = match first_words(&request) {
        Some(("GET", "/metrics")) => ("200 OK", scrape()),
        Some(("GET", _)) => ("404 Not Found", "metrics are at /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "ask with GET\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes())?;
    client.write_all(body.as_bytes())
}

fn ends(request: &[u8]) -> bool {
    request.windows(4).any(|four| four == b"\r\n\r\n")
}

fn first_words(request: &[u8]) -> Option<(&str, &str)> {
    let line = request.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let method = words.next()?;
    let path = words.next()?;
    Some((method, path.split('?').next()?))
}

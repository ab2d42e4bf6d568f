//! A sink of its own process: a small web server that keeps batches in a folder, as [`crate::sink::FileSink`]
//! does. It is what the drills send to, and a landing site's simplest receiver (`spine receive`).
//!
//! HTTP/1.1 with `Content-Length`, one thread per connection. It stores a batch only when the lines that
//! arrived have the sum that the label names, and the label the id that the address names.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::row::hex;
use crate::sink::{Answer, FileSink, Label, SinkError, Withdrawal};

/// Most connections at a time; further ones are closed.
const MAX_CONNECTIONS: usize = 32;
/// Longest request line or header, bytes, and most headers.
const MAX_LINE: u64 = 16 * 1024;
const MAX_HEADERS: usize = 64;
/// Longest body, bytes.
const MAX_BODY: usize = 16 << 20;
/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// The receiver.
#[derive(Debug)]
pub struct Receiver {
    sink: FileSink,
    token: Option<String>,
    refused: Option<String>,
    connections: AtomicUsize,
}

struct Request {
    method: String,
    path: String,
    label: Option<String>,
    sum: String,
    authorization: String,
    body: Vec<u8>,
}

impl Receiver {
    /// A receiver that keeps batches in `sink`, wants `token`, and refuses batches with a row that
    /// contains `refused`.
    #[must_use]
    pub fn new(sink: FileSink, token: Option<String>, refused: Option<String>) -> Self {
        Self {
            sink,
            token,
            refused,
            connections: AtomicUsize::new(0),
        }
    }

    /// Serves until the listener fails.
    ///
    /// # Errors
    /// When the listener cannot accept.
    pub fn serve(self: Arc<Self>, listener: &TcpListener) -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept()?;
            if self.connections.fetch_add(1, Ordering::SeqCst) >= MAX_CONNECTIONS {
                self.connections.fetch_sub(1, Ordering::SeqCst);
                continue;
            }
            let receiver = Arc::clone(&self);
            std::thread::spawn(move || {
                // A connection that breaks is the sender's to try again.
                let _ = receiver.converse(&stream);
                receiver.connections.fetch_sub(1, Ordering::SeqCst);
            });
        }
    }

    fn converse(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_nodelay(true)?;
        let mut input = BufReader::new(stream);
        while let Some(request) = read_request(&mut input)? {
            let (status, body) = self.answer(&request);
            let head = format!(
                "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let mut output = stream;
            output.write_all((head + &body).as_bytes())?;
        }
        Ok(())
    }

    fn answer(&self, request: &Request) -> (u16, String) {
        let wanted = self.token.as_ref().map(|token| format!("Bearer {token}"));
        if wanted.is_some_and(|wanted| wanted != request.authorization) {
            return (401, "{}".into());
        }
        let id = request.path.strip_prefix("/batches/");
        match (request.method.as_str(), id) {
            ("GET", None) if request.path == "/health" => (200, "{}".into()),
            ("POST", Some(id)) => self.store(id, request),
            ("DELETE", Some(id)) if is_id(id) => match self.sink.refuse(id) {
                Ok(Withdrawal::Withdrawn) => (200, said(id, "", "withdrawn", "")),
                Ok(Withdrawal::WasStored) => (200, said(id, "", "stored", "")),
                Err(error) => (500, said("", "", "failed", &error.to_string())),
            },
            _ => (404, "{}".into()),
        }
    }

    fn store(&self, id: &str, request: &Request) -> (u16, String) {
        let label: Option<Label> = request
            .label
            .as_ref()
            .filter(|text| crate::sink::sum(text, &request.body) == request.sum)
            .and_then(|text| serde_json::from_str(text).ok());
        let sum = hex(&Sha256::digest(&request.body));
        let Some(label) = label.filter(|own| own.batch == id && own.sha256 == sum && is_id(id))
        else {
            return (
                400,
                said(
                    "",
                    &sum,
                    "garbled",
                    "label, address and lines do not fit together",
                ),
            );
        };
        let body = &request.body;
        let poison = self.refused.as_ref().is_some_and(|marker| {
            body.windows(marker.len().max(1))
                .any(|own| own == marker.as_bytes())
        });
        if poison {
            return (
                422,
                said(id, &sum, "refused", "a row holds what is refused here"),
            );
        }
        match self.sink.store(&label, body) {
            Ok(()) => (200, said(id, &sum, "stored", "")),
            Err(SinkError::Refused(why)) => (422, said(id, &sum, "refused", &why)),
            Err(error) => (500, said("", "", "failed", &error.to_string())),
        }
    }
}

fn is_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|own| own.is_ascii_hexdigit())
}

fn said(batch: &str, sha256: &str, verdict: &str, why: &str) -> String {
    let answer = Answer {
        batch: batch.into(),
        sha256: sha256.into(),
        verdict: verdict.into(),
        why: why.into(),
    };
    serde_json::to_string(&answer).unwrap_or_default()
}

/// The next request; none when the sender is done.
fn read_request(input: &mut impl BufRead) -> io::Result<Option<Request>> {
    let Some(first) = read_line(input)? else {
        return Ok(None);
    };
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let mut request = Request {
        method: method.into(),
        path: path.into(),
        label: None,
        sum: String::new(),
        authorization: String::new(),
        body: Vec::new(),
    };
    let mut length = 0_usize;
    for _ in 0..=MAX_HEADERS {
        let line = read_line(input)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if line.is_empty() {
            if length > MAX_BODY {
                return Err(io::ErrorKind::InvalidData.into());
            }
            input.take(length as u64).read_to_end(&mut request.body)?;
            if request.body.len() < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            return Ok(Some(request));
        }
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => {
                length = value
                    .trim()
                    .parse()
                    .map_err(|_| io::ErrorKind::InvalidData)?;
            }
            "spine-label" => request.label = Some(value.trim().to_owned()),
            "spine-sum" => value.trim().clone_into(&mut request.sum),
            "authorization" => value.trim().clone_into(&mut request.authorization),
            _ => {}
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

fn read_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    input.take(MAX_LINE).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let text = String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData)?;
    let line = text.strip_suffix('\n').ok_or(io::ErrorKind::InvalidData)?;
    Ok(Some(line.trim_end_matches('\r').to_owned()))
}

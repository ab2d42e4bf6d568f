//! A web server as a sink.
//!
//! ```text
//! POST {url}/batches/{id}    Idempotency-Key: {id}    Spine-Label: {label}    Spine-Sum: {sum}
//!                            body: the rows, one per line; sum: SHA-256 of label, newline, body, hex
//!   200 {"batch": id, "sha256": …, "verdict": "stored"}     durable, now or before
//!   422 {"batch": id, "sha256": …, "verdict": "refused", "why": …}
//! DELETE {url}/batches/{id}
//!   200 {"batch": id, "verdict": "withdrawn" | "stored"}
//! GET {url}/health           200
//! ```
//!
//! An answer counts only when it names the batch and the sum of its lines: a link that flips bits can
//! feign neither storage nor refusal. Everything else is "nobody knows".

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::{Label, Sink, SinkError, Withdrawal};
use crate::batch::BatchId;
use crate::row::hex;
use crate::store::Outgoing;

/// Longest answer that is read, bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// Batches on their way at the same time: while the server syncs one its disk can take the next.
const SENDERS: usize = 4;

/// What the server says about a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Which batch.
    pub batch: String,
    /// SHA-256 of the lines that it got, hex; empty about a withdrawal.
    #[serde(default)]
    pub sha256: String,
    /// `stored`, `refused` or `withdrawn`.
    pub verdict: String,
    /// Why it is refused.
    #[serde(default)]
    pub why: String,
}

/// A web server.
#[derive(Debug)]
pub struct HttpSink {
    agent: Agent,
    url: String,
    token: Option<String>,
}

impl HttpSink {
    /// A sink at `url`.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn new(
        url: &str,
        ca_file: Option<&Path>,
        token_file: Option<&Path>,
        timeout_s: f64,
    ) -> Result<Self, SinkError> {
        let agent = agent(ca_file, timeout_s)?;
        let token = token_file
            .map(read)
            .transpose()?
            .map(|text| text.trim().to_owned());
        Ok(Self {
            agent,
            url: url.trim_end_matches('/').to_owned(),
            token,
        })
    }

    fn batch_url(&self, id: &str) -> String {
        format!("{}/batches/{id}", self.url)
    }

    fn bearer(&self) -> String {
        self.token
            .as_ref()
            .map_or_else(String::new, |token| format!("Bearer {token}"))
    }

    fn send(&self, batch: &Outgoing) -> Result<(), SinkError> {
        let label = Label::of(batch);
        let text = serde_json::to_string(&label)
            .map_err(|error| SinkError::Configuration(error.to_string()))?;
        let answer = self
            .agent
            .post(self.batch_url(&label.batch))
            .header("Content-Type", "application/x-ndjson")
            .header("Idempotency-Key", &label.batch)
            .header("Spine-Label", &text)
            .header("Spine-Sum", sum(&text, batch.body.as_bytes()))
            .header("Authorization", self.bearer())
            .send(batch.body.as_bytes());
        let answer = self.read(answer, &label.batch)?;
        match answer.verdict.as_str() {
            "stored" if answer.sha256 == label.sha256 => Ok(()),
            "refused" if answer.sha256 == label.sha256 => Err(SinkError::Refused(answer.why)),
            other => Err(SinkError::Unreachable(format!(
                "{} says {other} about other lines than were sent",
                self.url
            ))),
        }
    }

    fn read(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
        id: &str,
    ) -> Result<Answer, SinkError> {
        let mut answer = answer.map_err(explain)?;
        let status = answer.status().as_u16();
        let text = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_string()
            .map_err(explain)?;
        if matches!(status, 401 | 403) {
            return Err(SinkError::Configuration(format!(
                "{} answers {status}; check sink.token_file",
                self.url
            )));
        }
        let own: Option<Answer> = serde_json::from_str(&text).ok();
        own.filter(|own| own.batch == id && matches!(status, 200 | 422))
            .ok_or_else(|| {
                SinkError::Unreachable(format!(
                    "{} answers {status}, and not about batch {id}",
                    self.url
                ))
            })
    }
}

impl Sink for HttpSink {
    fn deliver(&mut self, batch: &Outgoing) -> Result<(), SinkError> {
        self.send(batch)
    }

    fn deliver_all(&mut self, batches: &[Outgoing]) -> Vec<Result<(), SinkError>> {
        let (own, next, failed) = (&*self, AtomicUsize::new(0), AtomicBool::new(false));
        let sender = || {
            let mut answers = Vec::new();
            while !failed.load(Ordering::SeqCst) {
                let index = next.fetch_add(1, Ordering::SeqCst);
                let Some(batch) = batches.get(index) else {
                    break;
                };
                let answer = own.send(batch);
                if answer.is_err() {
                    failed.store(true, Ordering::SeqCst);
                }
                answers.push((index, answer));
            }
            answers
        };
        let mut answers = std::thread::scope(|scope| {
            let others: Vec<_> = (1..SENDERS.min(batches.len()))
                .map(|_| scope.spawn(sender))
                .collect();
            let mut answers = sender();
            // A sender that panicked has no answers: nobody knows about its batches.
            answers.extend(
                others
                    .into_iter()
                    .filter_map(|own| own.join().ok())
                    .flatten(),
            );
            answers
        });
        answers.sort_by_key(|(index, _)| *index);
        answers
            .into_iter()
            .enumerate()
            .take_while(|(expected, (index, _))| expected == index)
            .map(|(_, (_, answer))| answer)
            .collect()
    }

    fn withdraw(&mut self, id: BatchId) -> Result<Withdrawal, SinkError> {
        let id = id.to_string();
        let answer = self
            .agent
            .delete(self.batch_url(&id))
            .header("Authorization", self.bearer())
            .call();
        match self.read(answer, &id)?.verdict.as_str() {
            "withdrawn" => Ok(Withdrawal::Withdrawn),
            "stored" => Ok(Withdrawal::WasStored),
            other => Err(SinkError::Unreachable(format!("{} says {other}", self.url))),
        }
    }

    fn ping(&mut self) -> Result<(), SinkError> {
        let answer = self
            .agent
            .get(format!("{}/health", self.url))
            .header("Authorization", self.bearer())
            .call()
            .map_err(explain)?;
        if answer.status().as_u16() == 200 {
            return Ok(());
        }
        Err(SinkError::Unreachable(format!(
            "{} answers {}",
            self.url,
            answer.status()
        )))
    }
}

/// A client that follows no redirection and no proxy, and trusts `ca_file` or the public authorities.
pub(crate) fn agent(ca_file: Option<&Path>, timeout_s: f64) -> Result<Agent, SinkError> {
    let mut tls = TlsConfig::builder();
    if let Some(path) = ca_file {
        let certificate = Certificate::from_pem(read(path)?.as_bytes())
            .map_err(|error| SinkError::Configuration(format!("{}: {error}", path.display())))?;
        tls = tls.root_certs(RootCerts::new_with_certs(&[certificate]));
    }
    Ok(Agent::config_builder()
        .timeout_global(Some(Duration::from_secs_f64(timeout_s)))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections_per_host(SENDERS)
        .proxy(None)
        .tls_config(tls.build())
        .build()
        .into())
}

fn read(path: &Path) -> Result<String, SinkError> {
    std::fs::read_to_string(path)
        .map_err(|error| SinkError::Configuration(format!("{}: {error}", path.display())))
}

/// The sum by which a receiver knows that label and lines arrived as they were sent.
pub(crate) fn sum(label: &str, body: &[u8]) -> String {
    let whole = Sha256::new()
        .chain_update(label)
        .chain_update(b"\n")
        .chain_update(body);
    hex(&whole.finalize())
}

fn explain(error: ureq::Error) -> SinkError {
    let text = error.to_string();
    let needs_person = match &error {
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::BadUri(_) => true,
        // The handshake runs inside the first write, and reports a bad certificate as an I/O error.
        ureq::Error::Io(own) => {
            own.kind() == std::io::ErrorKind::InvalidData && text.contains("certificate")
        }
        _ => false,
    };
    if needs_person {
        return SinkError::Configuration(format!("{text}; check sink.url and sink.ca_file"));
    }
    SinkError::Unreachable(text)
}

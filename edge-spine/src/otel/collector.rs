//! A collector that takes OTLP over HTTP.

use std::path::Path;

use serde_json::Value;
use ureq::Agent;

/// Longest answer that is read, bytes.
const MAX_ANSWER: u64 = 64 * 1024;
/// How long the collector may take, seconds.
const TIMEOUT_S: f64 = 10.0;

/// Why a request was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CollectorError {
    /// It may be taken later: not reachable, or too busy.
    #[error("the collector does not take spans: {0}")]
    Later(String),
    /// It will not be taken as it is; a person has to act.
    #[error("the collector refuses spans: {0}")]
    Never(String),
}

/// A collector's address.
#[derive(Debug)]
pub struct Collector {
    agent: Agent,
    url: String,
}

impl Collector {
    /// The collector at `url`; `/v1/traces` is appended. In the clear only on this machine.
    ///
    /// # Errors
    /// When the address or the file cannot be used.
    pub fn new(url: &str, ca_file: Option<&Path>) -> Result<Self, CollectorError> {
        if !crate::config::is_private_url(url) {
            return Err(CollectorError::Never(format!(
                "{url}: the address must be https://…, or http:// on this machine"
            )));
        }
        let agent = crate::sink::agent(ca_file, TIMEOUT_S)
            .map_err(|error| CollectorError::Never(error.to_string()))?;
        Ok(Self {
            agent,
            url: format!("{}/v1/traces", url.trim_end_matches('/')),
        })
    }

    /// Hands over one request; how many spans of it the collector would not keep.
    ///
    /// # Errors
    /// When it was not taken.
    pub fn take(&self, body: &str) -> Result<i64, CollectorError> {
        let answer = self
            .agent
            .post(&self.url)
            .header("Content-Type", "application/json")
            .send(body.as_bytes());
        let mut answer = answer.map_err(|error| match error {
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::BadUri(_) => {
                CollectorError::Never(format!("{}: {error}", self.url))
            }
            _ => CollectorError::Later(format!("{}: {error}", self.url)),
        })?;
        let status = answer.status().as_u16();
        let text = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_string()
            .map_err(|error| CollectorError::Later(format!("{}: {error}", self.url)))?;
        let said = || format!("{} answers {status} {}", self.url, text.trim());
        match status {
            200 => Ok(rejected(&text)),
            // The answers after which the protocol wants the same request again.
            429 | 502 | 503 | 504 => Err(CollectorError::Later(said())),
            _ => Err(CollectorError::Never(said())),
        }
    }
}

fn rejected(answer: &str) -> i64 {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let count = &answer["partialSuccess"]["rejectedSpans"];
    // Text by the protocol; some collectors write a number.
    let text = count.as_str().and_then(|own| own.parse().ok());
    text.or(count.as_i64()).unwrap_or(0)
}

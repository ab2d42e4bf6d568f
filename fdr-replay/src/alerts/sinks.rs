//! Who is told: a webhook, a mail program. Configuration, and off without it.
//!
//! | urgency | told |
//! |---|---|
//! | critical, high | at once, one message for each flight |
//! | medium | kept in the digest's folder; one message for all when the oldest is as old as `digest_days` |
//!
//! ```toml
//! digest_folder = "/var/lib/gps-denied/digest"   # medium alerts wait here
//! digest_days = 7
//!
//! [webhook]                                      # POST of one JSON document
//! url = "https://ground.example/alerts"
//!
//! [mail]                                         # the message, headers included, on its stdin
//! command = ["/usr/sbin/sendmail", "-t"]
//! from = "recorder@example.org"
//! to = ["operator@example.org"]
//! ```

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::bail;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Judgement, Standing, Urgency};
use crate::commands::alerts::Flight;
use crate::output::told;

/// Largest configuration, and largest digest that is sent.
const TEXT_MAX: u64 = 64 << 10;
const DIGEST_MAX: u64 = 4 << 20;
const DAY: Duration = Duration::from_secs(86_400);
/// A webhook answers within this time.
#[cfg(feature = "sync")]
const WEBHOOK_PATIENCE: Duration = Duration::from_secs(10);
/// File of the alerts that wait for the digest.
const WAITING: &str = "waiting.jsonl";

/// Who is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sinks {
    digest_folder: Option<PathBuf>,
    #[serde(default = "week")]
    digest_days: u32,
    webhook: Option<Webhook>,
    mail: Option<Mail>,
}

fn week() -> u32 {
    7
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhook {
    url: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mail {
    command: Vec<String>,
    from: String,
    to: Vec<String>,
}

/// What is said.
#[derive(Debug, Serialize)]
struct Message {
    subject: String,
    lines: Vec<String>,
    flights: serde_json::Value,
}

impl Sinks {
    /// Reads and checks the configuration.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let about = told(fs::metadata(path), &name, "give a readable TOML file")?;
        if about.len() > TEXT_MAX {
            bail!("{name}: has {} bytes, at most 64 KiB are read", about.len());
        }
        let text = told(fs::read_to_string(path), &name, "give a readable TOML file")?;
        let sinks: Self = told(toml::from_str(&text), &name, "see docs/after-landing.md")?;
        if sinks
            .mail
            .as_ref()
            .is_some_and(|mail| mail.command.is_empty() || mail.to.is_empty())
        {
            bail!("{name}: [mail] needs a command and somebody in `to`");
        }
        let texts = sinks
            .mail
            .iter()
            .flat_map(|mail| mail.to.iter().chain([&mail.from]));
        if texts
            .into_iter()
            .any(|text| text.chars().any(char::is_control))
        {
            bail!("{name}: an address of [mail] holds a control character");
        }
        if sinks
            .webhook
            .as_ref()
            .is_some_and(|hook| !hook.url.starts_with("http"))
        {
            bail!("{name}: url of [webhook] must begin with http:// or https://");
        }
        Ok(sinks)
    }

    /// Tells them; what could not be told comes back.
    pub fn tell(&self, flights: &[Flight]) -> Vec<String> {
        let mut problems = Vec::new();
        for flight in flights {
            let of = |wanted: fn(Urgency) -> bool| -> Vec<&Judgement> {
                let broken = flight
                    .alerts
                    .iter()
                    .filter(|own| own.standing == Standing::Broken);
                broken.filter(|own| wanted(own.urgency)).collect()
            };
            let urgent = of(|urgency| urgency > Urgency::Medium);
            if !urgent.is_empty() || flight.error.is_some() {
                self.send(&message(flight, &urgent), &mut problems);
            }
            let medium = of(|urgency| urgency == Urgency::Medium);
            if !medium.is_empty() {
                problems.extend(
                    self.keep(flight, &medium)
                        .err()
                        .map(|error| error.to_string()),
                );
            }
        }
        problems.extend(
            self.digest(SystemTime::now())
                .err()
                .map(|error| error.to_string()),
        );
        problems
    }

    fn send(&self, message: &Message, problems: &mut Vec<String>) {
        if let Some(hook) = &self.webhook {
            problems.extend(
                post(&hook.url, message)
                    .err()
                    .map(|error| error.to_string()),
            );
        }
        if let Some(mail) = &self.mail {
            problems.extend(mail.send(message).err().map(|error| error.to_string()));
        }
    }

    fn keep(&self, flight: &Flight, medium: &[&Judgement]) -> anyhow::Result<()> {
        let Some(folder) = &self.digest_folder else {
            return Ok(());
        };
        let path = folder.join(WAITING);
        let mut line = json!({ "flight": flight.flight_id, "alerts": medium }).to_string();
        line.push('\n');
        let known = fs::read_to_string(&path).unwrap_or_default();
        // A flight that is looked at twice is told once.
        if known.contains(&line) {
            return Ok(());
        }
        let kept = fs::create_dir_all(folder)
            .and_then(|()| OpenOptions::new().create(true).append(true).open(&path))
            .and_then(|mut file| {
                file.write_all(line.as_bytes())
                    .and_then(|()| file.sync_all())
            });
        told(kept, path.display(), "check the digest's folder")
    }

    /// Sends what waits, when the oldest of it is old enough.
    fn digest(&self, now: SystemTime) -> anyhow::Result<()> {
        let Some(folder) = &self.digest_folder else {
            return Ok(());
        };
        let path = folder.join(WAITING);
        let Ok(about) = fs::metadata(&path) else {
            return Ok(());
        };
        // The file is made with its first line.
        let since = about.created().or_else(|_| about.modified())?;
        let age = now.duration_since(since).unwrap_or_default();
        if age < DAY * self.digest_days || about.len() > DIGEST_MAX {
            return Ok(());
        }
        let text = told(
            fs::read_to_string(&path),
            path.display(),
            "check the digest's folder",
        )?;
        let waiting = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let flights: Vec<serde_json::Value> = waiting.collect();
        let message = Message {
            subject: format!(
                "{} flights with something to look at this week",
                flights.len()
            ),
            lines: text.lines().map(str::to_owned).collect(),
            flights: json!(flights),
        };
        let mut problems = Vec::new();
        self.send(&message, &mut problems);
        match problems.is_empty() {
            // It waits again when it could not be told.
            true => told(
                fs::remove_file(&path),
                path.display(),
                "check the digest's folder",
            ),
            false => bail!("{}", problems.join("; ")),
        }
    }
}

fn message(flight: &Flight, alerts: &[&Judgement]) -> Message {
    let name = flight
        .flight_id
        .map_or_else(|| flight.folder.display().to_string(), |id| id.to_string());
    let worst = alerts.iter().map(|own| own.urgency).max();
    let urgency = worst.map_or("cannot be read", Urgency::in_words);
    let mut lines: Vec<String> = alerts
        .iter()
        .map(|own| {
            let places: Vec<String> = own
                .at_s
                .iter()
                .take(5)
                .map(|at| format!("{at:.1} s"))
                .collect();
            format!(
                "{:?} {}: {} (asked: {}) {}",
                own.urgency,
                own.rule,
                own.found,
                own.limit,
                places.join(", ")
            )
        })
        .collect();
    lines.extend(flight.error.clone());
    Message {
        subject: format!("flight {name}: {urgency}"),
        lines,
        flights: json!([{ "flight": flight.flight_id, "alerts": alerts, "error": flight.error }]),
    }
}

impl Mail {
    fn send(&self, message: &Message) -> anyhow::Result<()> {
        let text = format!(
            "From: {}\r\nTo: {}\r\nSubject: {}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n",
            self.from,
            self.to.join(", "),
            message.subject.replace(['\r', '\n'], " "),
            message.lines.join("\r\n")
        );
        let program = &self.command[0];
        let child = Command::new(program)
            .args(&self.command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        let mut child = told(child, program, "check [mail] command")?;
        let written = child
            .stdin
            .take()
            .map_or(Ok(()), |mut stdin| stdin.write_all(text.as_bytes()));
        let ended = told(child.wait(), program, "check [mail] command")?;
        told(written, program, "check [mail] command")?;
        match ended.success() {
            true => Ok(()),
            false => bail!("{program}: ended with {ended}; check [mail] command"),
        }
    }
}

#[cfg(feature = "sync")]
fn post(url: &str, message: &Message) -> anyhow::Result<()> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(WEBHOOK_PATIENCE))
        .build()
        .into();
    let body = serde_json::to_vec(message)?;
    let sent = agent
        .post(url)
        .content_type("application/json")
        .send(&body[..]);
    told(sent.map(|_| ()), url, "check [webhook] url")
}

#[cfg(not(feature = "sync"))]
fn post(url: &str, _message: &Message) -> anyhow::Result<()> {
    bail!("{url}: this program was built without the feature `sync`, which posts")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn judgement(urgency: Urgency) -> Judgement {
        Judgement {
            rule: "a_rule",
            urgency,
            limit: "none",
            standing: Standing::Broken,
            found: "one".to_owned(),
            at_s: vec![12.0],
        }
    }

    fn flight(urgency: Urgency) -> Flight {
        Flight {
            folder: PathBuf::from("f"),
            flight_id: None,
            worst: Some(urgency),
            alerts: vec![judgement(urgency)],
            error: None,
        }
    }

    /// Sinks whose mail program writes what it is given to a file.
    fn sinks(folder: &Path, days: u32) -> Sinks {
        let path = folder.join("sinks.toml");
        let text = format!(
            "digest_folder = \"{0}/digest\"\ndigest_days = {days}\n[mail]\ncommand = [\"/bin/sh\", \"-c\", \"cat >> {0}/mail\"]\nfrom = \"a@b\"\nto = [\"c@d\"]\n",
            folder.display()
        );
        fs::write(&path, text).unwrap();
        Sinks::load(&path).unwrap()
    }

    #[test]
    fn what_is_urgent_is_mailed_at_once_and_what_is_not_waits() {
        let folder = tempfile::tempdir().unwrap();
        let sinks = sinks(folder.path(), 7);
        let mail = folder.path().join("mail");
        assert!(sinks.tell(&[flight(Urgency::Medium)]).is_empty());
        assert!(!mail.exists());
        assert!(sinks.tell(&[flight(Urgency::Critical)]).is_empty());
        let text = fs::read_to_string(&mail).unwrap();
        assert!(
            text.contains("To: c@d") && text.contains("critical"),
            "{text}"
        );
    }

    #[test]
    fn the_digest_goes_out_once_when_the_oldest_of_it_is_old_enough() {
        let folder = tempfile::tempdir().unwrap();
        let sinks = sinks(folder.path(), 7);
        for _ in 0..3 {
            assert!(sinks.tell(&[flight(Urgency::Medium)]).is_empty());
        }
        let in_a_week = SystemTime::now() + 8 * DAY;
        sinks.digest(in_a_week).unwrap();
        sinks.digest(in_a_week).unwrap();
        let text = fs::read_to_string(folder.path().join("mail")).unwrap();
        assert_eq!(text.matches("Subject: 1 flights").count(), 1, "{text}");
    }

    #[test]
    fn a_mail_program_that_fails_is_told_and_the_digest_waits() {
        let folder = tempfile::tempdir().unwrap();
        let mut sinks = sinks(folder.path(), 0);
        sinks.mail.as_mut().unwrap().command = vec!["/bin/false".to_owned()];
        let problems = sinks.tell(&[flight(Urgency::Medium)]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(folder.path().join("digest").join(WAITING).exists());
    }

    #[test]
    fn an_unknown_setting_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sinks.toml");
        fs::write(&path, "pager = true").unwrap();
        let error = Sinks::load(&path).unwrap_err().to_string();
        assert!(
            error.contains("sinks.toml") && error.contains("pager"),
            "{error}"
        );
    }
}

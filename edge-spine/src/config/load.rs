//! From a file to settings that may be used.

use std::path::{Path, PathBuf};

use super::{Config, SinkConfig};
use crate::row::Name;

/// Largest configuration file, bytes.
const MAX_BYTES: u64 = 1 << 20;
const YEAR_S: f64 = 366.0 * 86_400.0;

/// Why settings cannot be used; nothing was touched.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration {path}: cannot be read: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no configuration.
    #[error("configuration {path}: {message}")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// A setting has a value that it may not have.
    #[error("configuration {path}: {setting} is {value}; allowed: {allowed}")]
    Value {
        /// Which file.
        path: PathBuf,
        /// Which setting.
        setting: String,
        /// What it says.
        value: String,
        /// What it may say.
        allowed: String,
    },
}

impl Config {
    /// Reads and checks `path`; relative paths in it count from its own folder.
    ///
    /// # Errors
    /// When the file cannot be read, is no configuration, or holds a value that is not allowed.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let read = |source| ConfigError::Read {
            path: path.to_owned(),
            source,
        };
        let length = std::fs::metadata(path).map_err(read)?.len();
        if length > MAX_BYTES {
            let message = format!("{length} bytes, and at most {MAX_BYTES} are allowed");
            return Err(ConfigError::Parse {
                path: path.to_owned(),
                message,
            });
        }
        let text = std::fs::read_to_string(path).map_err(read)?;
        Self::parse(&text, path)
    }

    /// Checks the text of a configuration that stands at `path`.
    ///
    /// # Errors
    /// When it is no configuration, or holds a value that is not allowed.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text).map_err(|error| ConfigError::Parse {
            path: path.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        })?;
        config.check(path)?;
        let base = path.parent().unwrap_or(Path::new("."));
        let absolute = |own: &mut PathBuf| *own = base.join(&*own);
        absolute(&mut config.directory);
        match &mut config.sink {
            SinkConfig::File { path } => absolute(path),
            SinkConfig::Http {
                ca_file,
                token_file,
                ..
            } => {
                ca_file.iter_mut().chain(token_file).for_each(absolute);
            }
            SinkConfig::Redis { .. } => {}
        }
        if let Some(fence) = &mut config.geofence {
            absolute(&mut fence.file);
            fence.key_file.iter_mut().for_each(absolute);
        }
        Ok(config)
    }

    fn check(&self, path: &Path) -> Result<(), ConfigError> {
        let checks = Checks { path };
        checks.numbers(self)?;
        checks.sink(&self.sink)?;
        for (name, rules) in &self.channels {
            let own = format!("channels.{name}");
            checks.holds(
                Name::new(name).is_some(),
                &own,
                name,
                "a name of 1 to 64 bytes",
            )?;
            for (field, rules) in &rules.fields {
                let own = format!("{own}.fields.{field}");
                let (min, max) = (rules.min.unwrap_or(f64::MIN), rules.max.unwrap_or(f64::MAX));
                let sound = min.is_finite() && max.is_finite() && min <= max;
                checks.holds(
                    sound,
                    &own,
                    &format!("{min} to {max}"),
                    "finite, min at most max",
                )?;
            }
            for (key, value) in [
                ("min_interval_ms", rules.min_interval_ms),
                ("max_interval_ms", rules.max_interval_ms),
            ] {
                checks.range(&format!("{own}.{key}"), value.unwrap_or(0.0), 0.0, 1e12)?;
            }
        }
        if let Some(fence) = &self.geofence {
            checks.range("geofence.grid_deg", fence.grid_deg, 1e-6, 10.0)?;
            let keyed = fence.key_file.is_some();
            checks.holds(
                keyed,
                "geofence.key_file",
                "not set",
                "a file with 64 hex digits",
            )?;
        }
        Ok(())
    }
}

struct Checks<'a> {
    path: &'a Path,
}

impl Checks<'_> {
    fn holds(
        &self,
        holds: bool,
        setting: &str,
        value: &str,
        allowed: &str,
    ) -> Result<(), ConfigError> {
        if holds {
            return Ok(());
        }
        Err(ConfigError::Value {
            path: self.path.to_owned(),
            setting: setting.into(),
            value: value.into(),
            allowed: allowed.into(),
        })
    }

    fn range(&self, setting: &str, value: f64, least: f64, most: f64) -> Result<(), ConfigError> {
        let allowed = format!("{least} to {most}");
        self.holds(
            (least..=most).contains(&value),
            setting,
            &value.to_string(),
            &allowed,
        )
    }

    fn numbers(&self, config: &Config) -> Result<(), ConfigError> {
        let (buffer, drain, breaker) = (&config.buffer, &config.drain, &config.breaker);
        for (setting, value, least, most) in [
            ("buffer.max_rows", buffer.max_rows as f64, 1.0, 1e12),
            ("buffer.max_bytes", buffer.max_bytes as f64, 1024.0, 1e15),
            ("buffer.warn_rows", buffer.warn_rows as f64, 0.0, 1e12),
            ("buffer.retain_rows", buffer.retain_rows as f64, 0.0, 1e12),
            ("buffer.group_rows", buffer.group_rows as f64, 1.0, 10_000.0),
            (
                "buffer.max_row_bytes",
                buffer.max_row_bytes as f64,
                256.0,
                (1 << 20) as f64,
            ),
            (
                "buffer.wal_limit_bytes",
                buffer.wal_limit_bytes as f64,
                (1 << 20) as f64,
                1e12,
            ),
            (
                "buffer.reserve_bytes",
                buffer.reserve_bytes as f64,
                0.0,
                1e12,
            ),
            (
                "buffer.min_free_bytes",
                buffer.min_free_bytes as f64,
                0.0,
                1e12,
            ),
            (
                "dead_letters.max_rows",
                config.dead_letters.max_rows as f64,
                1.0,
                1e9,
            ),
            (
                "dead_letters.alert_rows",
                config.dead_letters.alert_rows as f64,
                0.0,
                1e9,
            ),
            (
                "breaker.bad_in_a_row",
                f64::from(breaker.bad_in_a_row),
                1.0,
                1e6,
            ),
            ("breaker.cool_down_s", breaker.cool_down_s, 0.0, YEAR_S),
            ("breaker.probes", f64::from(breaker.probes), 1.0, 1e6),
            (
                "breaker.max_held_rows",
                breaker.max_held_rows as f64,
                1.0,
                1e9,
            ),
            ("drain.batch_rows", drain.batch_rows as f64, 1.0, 10_000.0),
            ("drain.burst", drain.burst as f64, 1.0, 100.0),
            ("drain.interval_s", drain.interval_s, 0.001, 3600.0),
            ("drain.failures", f64::from(drain.failures), 1.0, 1e6),
            ("drain.cool_down_s", drain.cool_down_s, 0.0, 3600.0),
            (
                "drain.backoff_s[0]",
                drain.backoff_s[0],
                0.001,
                drain.backoff_s[1],
            ),
            ("drain.backoff_s[1]", drain.backoff_s[1], 0.001, 3600.0),
            ("drain.suspect_after", drain.suspect_after as f64, 1.0, 1e9),
            ("drain.history", drain.history as f64, 100.0, 1e9),
            (
                "checks.max_position_age_s",
                config.checks.max_position_age_s,
                0.0,
                YEAR_S,
            ),
        ] {
            self.range(setting, value, least, most)?;
        }
        Ok(())
    }

    fn sink(&self, sink: &SinkConfig) -> Result<(), ConfigError> {
        match sink {
            SinkConfig::File { .. } => Ok(()),
            SinkConfig::Redis {
                url,
                partitions,
                remember_s,
                timeout_s,
            } => {
                let ours = url.starts_with("redis://") || url.starts_with("unix://");
                self.holds(
                    ours,
                    "sink.url",
                    "(not shown)",
                    "redis://[:password@]host:port/db",
                )?;
                self.range("sink.partitions", f64::from(*partitions), 1.0, 1024.0)?;
                self.range("sink.remember_s", *remember_s as f64, 3600.0, YEAR_S)?;
                self.range("sink.timeout_s", *timeout_s, 0.05, 600.0)
            }
            SinkConfig::Http { url, timeout_s, .. } => {
                self.holds(
                    is_private_url(url),
                    "sink.url",
                    url,
                    "https://…, or http:// on this machine",
                )?;
                self.range("sink.timeout_s", *timeout_s, 0.05, 600.0)
            }
        }
    }
}

/// Whether nobody on the way reads along: TLS, or this machine.
#[must_use]
pub(crate) fn is_private_url(url: &str) -> bool {
    let local = ["http://127.0.0.1:", "http://[::1]:", "http://localhost:"];
    url.starts_with("https://") || local.iter().any(|own| url.starts_with(own))
}

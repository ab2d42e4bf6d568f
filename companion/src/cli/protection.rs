//! What the program gives up before it flies, and what watches it from then on.

use companion::command_line::tell;
use companion::config::{Configuration, Profile};
use companion::flight::Watch;
use companion::hardening::armour::{ArmourError, Measures, restrict_calls, restrict_files};
use companion::hardening::notify::{Notifier, watchdog_interval};
use companion::hardening::{Protection, panic_dump};
use companion::observability::{LogForm, LogOptions, LogPlace, Logs};
use companion::recorder::Clock;

/// Folder of dumps beside the flights.
const DUMPS: &str = "panics";

/// Why nothing may fly.
#[derive(Debug, thiserror::Error)]
pub enum ProtectionError {
    /// A measure that must be in force is not.
    #[error(transparent)]
    Armour(#[from] ArmourError),
    /// The metrics cannot be served.
    #[cfg(any(feature = "tier1", feature = "tier2"))]
    #[error(transparent)]
    Metrics(#[from] companion::observability::metrics::EndpointError),
}

/// A protected process.
pub struct Protected {
    /// What watches over its flight.
    pub watch: Watch,
    #[cfg(any(feature = "tier1", feature = "tier2"))]
    endpoint: Option<companion::observability::metrics::MetricsEndpoint>,
}

impl Protected {
    /// Takes from the process what it does not need. `clock_ns` is what the flight's clock says now; with
    /// `report_on_stdout` nothing else goes there.
    ///
    /// # Errors
    /// When nothing may fly.
    pub fn begin(
        configuration: &Configuration,
        clock_ns: u64,
        report_on_stdout: bool,
    ) -> Result<Self, ProtectionError> {
        let mut watch = Watch {
            watchdog: watchdog_interval(),
            locks_memory: true,
            ..Watch::default()
        };
        // A listener of the bench comes before the measures that forbid it.
        #[cfg(any(feature = "tier1", feature = "tier2"))]
        let endpoint = serve_metrics(configuration, &watch)?;
        let mut measures = restrict_files(configuration)?;
        if let Some(folder) = &configuration.recorder.folder {
            panic_dump::install(folder.join(DUMPS), || ());
        }
        watch.notifier = Notifier::from_environment().unwrap_or_else(|error| {
            tell(&format!(
                "warning: the service manager cannot be told: {error}"
            ));
            None
        });
        watch.logs = logs(configuration, &watch, clock_ns, report_on_stdout);
        measures.extend(restrict_calls(configuration)?);
        say(&measures);
        Ok(Self {
            watch,
            #[cfg(any(feature = "tier1", feature = "tier2"))]
            endpoint,
        })
    }

    /// The flight is over: writes what was logged.
    pub fn end(self) {
        if let Some(logs) = self.watch.logs {
            logs.finish();
        }
        #[cfg(any(feature = "tier1", feature = "tier2"))]
        if let Some(endpoint) = self.endpoint {
            endpoint.stop();
        }
    }
}

/// A flight without a journal is flown all the same: warnings are in the recording.
fn logs(
    configuration: &Configuration,
    watch: &Watch,
    clock_ns: u64,
    report_on_stdout: bool,
) -> Option<Logs> {
    let form = configuration
        .log
        .form
        .unwrap_or(match configuration.profile {
            Profile::Tier1 => LogForm::Json,
            Profile::Tier2 | Profile::Production => LogForm::Journald,
        });
    let place = match form {
        LogForm::Journald => LogPlace::Journal,
        LogForm::Json if report_on_stdout => LogPlace::Stderr,
        LogForm::Json => LogPlace::Stdout,
    };
    let options = LogOptions {
        level: configuration.log.level,
        place,
        clock: Clock::starting_at(clock_ns),
        progress: watch.progress.clone(),
    };
    Logs::start(options)
        .map_err(|error| tell(&format!("warning: {error}")))
        .ok()
}

fn say(measures: &Measures) {
    for (measure, protection) in measures {
        match protection {
            Protection::InForce => {
                tracing::info!(component = "hardening", "{measure}: {protection}")
            }
            Protection::Partly(_) | Protection::Missing(_) => {
                tracing::warn!(component = "hardening", "{measure}: {protection}");
            }
        }
    }
}

#[cfg(any(feature = "tier1", feature = "tier2"))]
fn serve_metrics(
    configuration: &Configuration,
    watch: &Watch,
) -> Result<Option<companion::observability::metrics::MetricsEndpoint>, ProtectionError> {
    use std::sync::{Arc, PoisonError};

    use companion::observability::metrics::{MetricsEndpoint, Scrape, render};

    let Some(address) = configuration.metrics.listen else {
        return Ok(None);
    };
    let metrics = Arc::clone(&watch.metrics);
    let board = Arc::clone(&watch.board);
    let recorder = Arc::clone(&watch.recorder);
    let endpoint = MetricsEndpoint::start(address, move || {
        let board = board.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let recorder = recorder.get();
        render(&Scrape {
            metrics: &metrics,
            recorder: recorder.map(|(status, clock)| (&**status, clock.now_ns())),
            board: Some(&board),
        })
    })?;
    Ok(Some(endpoint))
}

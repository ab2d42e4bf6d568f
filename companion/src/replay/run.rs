//! The whole of a replay: log file in; recording, positions file and figures out.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use fdr_format::records::{FlightSource, LifecycleEvent, Severity};
use fdr_format::{BootId, ClockAnchor, FlightId, FlightParameters};

use super::error::ReplayError;
use super::feed::{FeedEnd, FeedReport, feed_seeing};
use super::identity::random_flight_id;
use super::log_file::LogFile;
use super::positions::PositionsFile;
use super::progress::{Pass, Stopped, Told, Watcher};
use super::recording::{Recording, Seen};
use super::sight::{Sight, SightOptions};
use super::summary::Summary;
use super::survey::Survey;
use super::truth::Truth;
use super::windows::DenialWindows;
use crate::config::Configuration;
use crate::navigator::{CORE_VERSION, MonotonicNs};
use crate::recorder::{
    DiskVolume, RecordSender, Recorder, RecorderError, RecorderEvent, RecorderSizes,
    forget_flight_key, read_device_key, replay_keys,
};

/// Recorders write in blocks of this size: a log that ends on one, after the flight, was switched off
/// with the rest still in memory, which is how logs end. Anywhere else, the log was cut later. See
/// `docs/decisions/0008-logs-that-end-inside-a-frame.md`.
const RECORDER_BLOCK: u64 = 4096;

/// What to replay and where to put the results.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayOptions {
    /// The log.
    pub log: PathBuf,
    /// Folder in which the recording's folder is made.
    pub fdr: PathBuf,
    /// Name of the recording; a random one when there is none.
    pub flight_id: Option<FlightId>,
    /// When GPS is denied.
    pub windows: DenialWindows,
    /// Where to write the positions.
    pub positions: Option<PathBuf>,
    /// Settings.
    pub configuration: Configuration,
}

/// A replay that began a recording.
#[derive(Debug)]
pub struct Replayed {
    /// Its figures; up to the problem, when there is one.
    pub summary: Summary,
    /// Why it is not whole. The recording is valid up to it.
    pub problem: Option<ReplayError>,
    /// What the recorder had to tell, for the ground station in flight.
    pub events: Vec<RecorderEvent>,
    /// Something worth knowing that is no problem.
    pub notice: Option<String>,
    /// What is to be told of the map.
    pub vision_notices: Vec<String>,
}

/// Replays a log. `watcher` is told now and then how far it is and may stop it.
///
/// # Errors
/// When no recording was begun. A later problem stands in [`Replayed`].
pub fn replay(options: &ReplayOptions, watcher: Watcher<'_>) -> Result<Replayed, ReplayError> {
    replay_seeing(options, None, watcher)
}

/// The same with a camera.
///
/// # Errors
/// When no recording was begun, or the photographs cannot be used.
pub fn replay_seeing(
    options: &ReplayOptions,
    sight: Option<&SightOptions>,
    watcher: Watcher<'_>,
) -> Result<Replayed, ReplayError> {
    let started = Instant::now();
    let log = LogFile::open(&options.log)?;
    let bytes = log.bytes().len() as u64;
    let survey = survey(&log, options, watcher)?;
    let mut configuration = options.configuration.clone();
    // The emitter's bytes depend on it: a re-run must find it in the recording.
    configuration.autopilot.system_id = survey.vehicle;
    let sight = sight.map(|sight| Sight::open(sight, survey.start_us));
    let mut sight = sight.transpose()?;
    if let Some(sight) = &sight {
        expect_frames(&mut configuration, sight);
    }
    let parameters = parameters(options, &survey, &configuration)?;
    let sizes = RecorderSizes {
        real_time: false,
        wait_for_disk: true,
        ..configuration.recorder.sizes()
    };
    let (recorder, sender) = start(options, parameters, sizes)?;
    let mut recording = Recording {
        recorder,
        sender,
        trouble: None,
        told_events: Vec::new(),
        positions: None,
        positions_failed: None,
        truth: Truth::new(&options.windows),
        seen: Seen::default(),
        start_us: survey.start_us,
        now: MonotonicNs(0),
        told: Told::new(watcher, Pass::Replay, bytes),
        log: &options.log,
    };
    let begun = begin(&mut recording, options, sight.as_mut());
    let fed = begun.and_then(|()| {
        feed_seeing(
            log.bytes(),
            survey.start_us,
            &configuration,
            &options.windows,
            sight.as_mut(),
            &mut recording,
        )
    });
    let (report, error) = match fed {
        Ok(report) => (Some(report), None),
        Err(error) => (None, Some(error)),
    };
    let verdict = match (&report, error) {
        (Some(report), _) => judge(report, &recording.seen, &options.log, bytes),
        (None, problem) => Verdict {
            problem,
            notice: None,
        },
    };
    let mut replayed = close(recording, verdict, report, options, started);
    if let Some(sight) = &sight {
        replayed.summary.vision = Some(sight.counts());
        let told = sight.notices().iter().map(|notice| notice.text.clone());
        replayed.vision_notices = told.collect();
    }
    Ok(replayed)
}

/// A replay with photographs is a flight with a camera that takes them.
fn expect_frames(configuration: &mut Configuration, sight: &Sight) {
    let rules = &mut configuration.navigator.sight;
    rules.enabled = true;
    if let Some(period_s) = sight.frame_period_s() {
        rules.frame_period_s = period_s.clamp(0.02, 5.0);
    }
}

/// Everything that can be known to be wrong before anything is recorded.
fn survey(
    log: &LogFile,
    options: &ReplayOptions,
    watcher: Watcher<'_>,
) -> Result<Survey, ReplayError> {
    let path = options.log.clone();
    let bytes = log.bytes().len() as u64;
    let system = options.configuration.autopilot.system_id;
    let survey = match Survey::of(log.bytes(), system, watcher) {
        Ok(survey) => survey,
        Err(Stopped) => {
            return Err(ReplayError::Interrupted {
                path,
                replayed_s: 0.0,
            });
        }
    };
    let frames = survey.statistics.frames;
    if frames == 0 {
        let read = survey.read;
        return Err(ReplayError::NotMavlink { path, read, bytes });
    }
    let damaged = survey.clock.damaged;
    if damaged > frames / 2 {
        return Err(ReplayError::NoStamps {
            path,
            frames,
            damaged,
        });
    }
    if survey.vehicle.is_none() {
        let any = || "an autopilot".to_owned();
        return Err(ReplayError::NoAutopilot {
            path,
            wanted: system.map_or_else(any, |system| format!("the autopilot of system {system}")),
            frames,
            unread: survey.statistics.skipped_bytes,
            bytes,
        });
    }
    match options.windows.check_within(survey.duration_us()) {
        Ok(()) => Ok(survey),
        Err(source) => Err(ReplayError::Window { path, source }),
    }
}

fn parameters(
    options: &ReplayOptions,
    survey: &Survey,
    configuration: &Configuration,
) -> Result<FlightParameters, ReplayError> {
    let flight_id = options.flight_id.unwrap_or_else(random_flight_id);
    let name = options.log.file_name().unwrap_or(options.log.as_os_str());
    Ok(FlightParameters {
        flight_id,
        // The log's time belongs to no boot of this machine.
        boot_id: BootId(flight_id.0),
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        core_version: CORE_VERSION,
        configuration: configuration.canonical()?,
        source: FlightSource::Replay,
        source_name: name.to_string_lossy().into_owned(),
        clock: ClockAnchor {
            monotonic_ns: 0,
            unix_ns: survey.start_us.checked_mul(1000),
        },
        keys: None,
        recovered: false,
        segment_bytes: configuration.recorder.segment_bytes,
    })
}

/// Begins the recording, which is sealed at its end when the configuration names a device key.
fn start(
    options: &ReplayOptions,
    mut parameters: FlightParameters,
    sizes: RecorderSizes,
) -> Result<(Recorder, RecordSender), ReplayError> {
    let flight_id = parameters.flight_id;
    let device = options.configuration.recorder.device_key.as_deref();
    if let Some(path) = device {
        let device = read_device_key(path).map_err(ReplayError::DeviceKey)?;
        let keys = replay_keys(&DiskVolume, &options.fdr, flight_id, &device);
        parameters.keys = Some(keys.map_err(RecorderError::from)?);
    }
    let started = Recorder::start(&options.fdr, parameters, sizes, 1);
    if started.is_err() && device.is_some() {
        let flight = options.fdr.join(flight_id.to_string());
        // Why nothing is recorded is worth more than a key that stays and seals nothing.
        let _ = forget_flight_key(&DiskVolume, &flight);
    }
    let (recorder, senders) = started?;
    match senders.into_iter().next() {
        Some(sender) => Ok((recorder, sender)),
        None => Err(RecorderError::Lost("producer").into()),
    }
}

fn begin(
    recording: &mut Recording<'_>,
    options: &ReplayOptions,
    sight: Option<&mut Sight>,
) -> Result<(), ReplayError> {
    if let Some(sight) = sight {
        let flight = recording.recorder.folder();
        let kept = sight.keep_in(flight, &options.configuration.recorder);
        kept.map_err(|source| ReplayError::Tiles {
            path: flight.to_owned(),
            source,
        })?;
    }
    let mut text = String::from("replay");
    for window in options.windows.iter() {
        // Writing to a text cannot fail.
        let _ = write!(text, ", GPS denied {window} s");
    }
    recording.lifecycle(LifecycleEvent::Started, Severity::Info, &text)?;
    recording.positions = options
        .positions
        .as_deref()
        .map(PositionsFile::create)
        .transpose()?;
    Ok(())
}

struct Verdict {
    problem: Option<ReplayError>,
    notice: Option<String>,
}

/// What the end of the feed means.
fn judge(report: &FeedReport, seen: &Seen, log: &Path, bytes: u64) -> Verdict {
    let path = log.to_owned();
    let mut notice = None;
    let problem = match report.end {
        FeedEnd::Clock(source) => Some(ReplayError::Clock { path, source }),
        _ if seen.positions == 0 => Some(ReplayError::NoPosition {
            path,
            reports: seen.gps_reports,
            fixes: seen.gps_fixes,
            attitudes: seen.attitudes,
        }),
        FeedEnd::Whole => None,
        FeedEnd::Cut(at) => {
            let after_the_flight = seen.was_armed && !seen.is_armed;
            if after_the_flight && bytes.is_multiple_of(RECORDER_BLOCK) {
                notice = Some(format!(
                    "--log: {}: is truncated: the frame at byte {at} is not whole, the log ends at byte \
                     {bytes}; that is a block of its recorder and after the flight, so that nothing of \
                     the flight is missing; everything before was replayed",
                    log.display()
                ));
                None
            } else {
                Some(ReplayError::Truncated { path, at, bytes })
            }
        }
    };
    Verdict { problem, notice }
}

/// Closes recording and positions file, whatever happened before, and draws up the figures.
fn close(
    mut recording: Recording<'_>,
    verdict: Verdict,
    report: Option<FeedReport>,
    options: &ReplayOptions,
    started: Instant,
) -> Replayed {
    let last = match &verdict.problem {
        None => recording.lifecycle(LifecycleEvent::Stopped, Severity::Info, "end of the log"),
        Some(problem) => recording.lifecycle(
            LifecycleEvent::Failed,
            Severity::Error,
            &problem.to_string(),
        ),
    };
    let mut summary = summary(&recording, report, options);
    let positions = match (recording.positions_failed, recording.positions) {
        (Some(error), _) => Err(error),
        (None, Some(file)) => file.finish(),
        (None, None) => Ok(()),
    };
    drop(recording.sender);
    let notices = Arc::clone(recording.recorder.notices());
    let finished = recording.recorder.finish();
    let forgotten = match options.configuration.recorder.device_key {
        Some(_) => forget_flight_key(&DiskVolume, &summary.flight_dir),
        None => Ok(()),
    };
    let mut events = recording.told_events;
    events.extend(notices.take().0);
    summary.records = finished.as_ref().map_or(0, |flight| flight.records);
    let unfinished = match &finished {
        Ok(flight) if !flight.clean_shutdown => Some(ReplayError::NotRecorded {
            text: "the end of the recording could not be written".to_owned(),
        }),
        _ => None,
    };
    summary.realtime_factor = summary.duration_s / started.elapsed().as_secs_f64().max(1e-9);
    Replayed {
        summary,
        problem: verdict
            .problem
            .or(last.err())
            .or(unfinished)
            .or(finished.err().map(ReplayError::from))
            .or(forgotten
                .err()
                .map(|error| RecorderError::from(error).into()))
            .or(positions.err()),
        events,
        notice: verdict.notice,
        vision_notices: Vec::new(),
    }
}

fn summary(
    recording: &Recording<'_>,
    report: Option<FeedReport>,
    options: &ReplayOptions,
) -> Summary {
    let duration_s = recording.now.seconds_since(MonotonicNs(0));
    let report = report.unwrap_or_else(|| FeedReport {
        end: FeedEnd::Whole,
        statistics: Default::default(),
        clock: Default::default(),
        messages_read: 0,
        masked: Default::default(),
    });
    let refusals = report.statistics.refusals;
    let senders = report.statistics.sequences.senders();
    Summary {
        log: options.log.clone(),
        duration_s,
        windows: recording.truth.summaries(),
        messages_read: report.messages_read,
        messages_refused: refusals.total(),
        messages_refused_by_reason: refusals.by_reason().into(),
        messages_refused_by_id: recording.seen.refused_ids.clone(),
        bytes_skipped: report.statistics.skipped_bytes,
        truncated_at: match report.end {
            FeedEnd::Cut(at) => Some(at),
            FeedEnd::Whole | FeedEnd::Clock(_) => None,
        },
        senders: senders.map(Into::into).collect(),
        messages_masked: report.masked,
        stamps: report.clock.into(),
        vision: None,
        positions: recording.seen.positions,
        flight_dir: recording.recorder.folder().to_owned(),
        records: 0,
        realtime_factor: 0.0,
    }
}

//! `companion replay`.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use companion::autopilot::AutopilotKind;
use companion::command_line::{CommandLine, FAILED, USAGE, print, tell};
use companion::config::{ConfigError, Configuration};
use companion::replay::{
    DenialWindow, DenialWindows, ReplayError, ReplayOptions, Replayed, SightOptions, Summary,
    replay_seeing,
};
use fdr_format::PublicKey;
use serde_json::json;

use super::overwrite::would_be_overwritten;
use super::progress::ProgressBar;
use super::{signals, table};

/// Arguments of `companion replay`.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub struct Arguments {
    /// The MAVLink log (.tlog) to replay
    #[arg(long, value_name = "FLIGHT.tlog")]
    log: PathBuf,
    /// Folder in which the recording is made, in a folder of its own
    #[arg(long, value_name = "DIR")]
    fdr: PathBuf,
    /// Deny GPS from START_S to END_S, seconds since the first message; may be given several times
    #[arg(long, value_name = "START_S:END_S", num_args = 1..)]
    deny_gps: Vec<DenialWindow>,
    /// Photographs taken in flight: a folder with frames.csv on the log's clock and camera.toml
    #[arg(long, value_name = "DIR")]
    frames: Option<PathBuf>,
    /// The map that they are sought in: a package's folder, or an MBTiles file [default: map.package of the configuration]
    #[arg(long, value_name = "FILE", requires = "frames")]
    map: Option<PathBuf>,
    /// Public key whose signature the map must bear, 64 hex digits, besides map.trusted_keys; may be given several times
    #[arg(long, value_name = "HEX", requires = "frames")]
    map_key: Vec<PublicKey>,
    /// The autopilot that is told the positions; overrides the configuration
    #[arg(long)]
    autopilot: Option<Autopilot>,
    /// Write one JSON line per emitted position to this file
    #[arg(long, value_name = "OUT.jsonl")]
    positions: Option<PathBuf>,
    /// Settings (TOML); see docs/configuration.md
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the figures as one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Autopilot {
    Ardupilot,
    Inav,
}

/// Replays a log and prints what came of it.
pub fn run(line: &CommandLine, arguments: &Arguments) -> ExitCode {
    let windows = match DenialWindows::new(arguments.deny_gps.clone()) {
        Ok(windows) => windows,
        Err(error) => return line.fail(format!("--deny-gps: {error}"), USAGE),
    };
    if let Some(positions) = &arguments.positions {
        let inputs = [
            ("--log", Some(&arguments.log)),
            ("--config", arguments.config.as_ref()),
        ];
        if let Some(loss) = would_be_overwritten(positions, &inputs, &arguments.fdr) {
            return line.fail(loss, USAGE);
        }
    }
    let configuration = match configuration(arguments) {
        Ok(configuration) => configuration,
        Err(error) => return line.fail(format!("--config: {error}"), FAILED),
    };
    let options = ReplayOptions {
        flight_id: None,
        log: arguments.log.clone(),
        fdr: arguments.fdr.clone(),
        windows,
        positions: arguments.positions.clone(),
        configuration,
    };
    signals::take_interruption_as_request();
    let mut bar = ProgressBar::new();
    let map = &options.configuration.map;
    let sight = arguments.frames.clone().map(|frames| SightOptions {
        frames,
        map: arguments.map.clone().or_else(|| map.package.clone()),
        map_keys: [&map.trusted_keys[..], &arguments.map_key].concat(),
    });
    let result = replay_seeing(&options, sight.as_ref(), &mut |progress| {
        bar.show(progress);
        match signals::interrupted_by() {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(()),
        }
    });
    drop(bar);
    match result {
        Ok(replayed) => report(arguments, &replayed),
        Err(error) => line.fail(&error, code_of(&error)),
    }
}

/// A program that a signal ended says which one, as the shell would: 128 and its number.
fn code_of(error: &ReplayError) -> u8 {
    match (error, signals::interrupted_by()) {
        (ReplayError::Interrupted { .. }, Some(signal)) => {
            u8::try_from(128 + signal).unwrap_or(FAILED)
        }
        _ => FAILED,
    }
}

fn configuration(arguments: &Arguments) -> Result<Configuration, ConfigError> {
    let mut configuration = match &arguments.config {
        Some(path) => Configuration::load(path)?,
        None => Configuration::default(),
    };
    match arguments.autopilot {
        Some(Autopilot::Ardupilot) => configuration.autopilot.kind = AutopilotKind::ArduPilot,
        Some(Autopilot::Inav) => configuration.autopilot.kind = AutopilotKind::INav,
        None => {}
    }
    Ok(configuration)
}

fn report(arguments: &Arguments, replayed: &Replayed) -> ExitCode {
    let summary = &replayed.summary;
    if let Some(notice) = &replayed.notice {
        tell(&format!("note: {notice}"));
    }
    for text in &replayed.vision_notices {
        tell(&format!("warning: {text}"));
    }
    match &replayed.problem {
        // The problem is the last of the events, in words that say what to do.
        Some(problem) => {
            let folder = summary.flight_dir.display();
            tell(&format!(
                "error: {problem} (recorded up to there: {folder})"
            ));
        }
        None => {
            for event in &replayed.events {
                tell(&format!("recorder: {}", event.text));
            }
        }
    }
    let printed = if arguments.json {
        let mut document = json!(summary);
        document["error"] = json!(replayed.problem.as_ref().map(ToString::to_string));
        print(&format!("{document:#}\n"))
    } else {
        print(&text(summary))
    };
    match (&replayed.problem, printed) {
        (None, Ok(())) => ExitCode::SUCCESS,
        (Some(problem), _) => ExitCode::from(code_of(problem)),
        (None, Err(_)) => ExitCode::from(FAILED),
    }
}

fn text(summary: &Summary) -> String {
    let mut text = format!(
        "{}\n{:.1} s of log, {:.0} x real time\n\n",
        summary.log.display(),
        summary.duration_s,
        summary.realtime_factor
    );
    if !summary.windows.is_empty() {
        text.push_str("GPS denied, against the log's own GPS:\n");
        text.push_str(&windows(summary));
        text.push_str(
            "  (horizontal error; share of the fixes in the stated 95 % ellipse; ATTITUDE\n   \
             comes from the autopilot's GPS-aided filter and stays available)\n\n",
        );
    }
    let mut row = |name: &str, count: u64, note: &str| {
        let line = format!("{name:<18}{count:>10}  {note}");
        text.push_str(line.trim_end());
        text.push('\n');
    };
    row("messages read", summary.messages_read, "");
    row("messages refused", summary.messages_refused, "");
    for (reason, count) in &summary.messages_refused_by_reason {
        if *count > 0 {
            row("", *count, reason);
        }
    }
    if summary.bytes_skipped > 0 {
        row("bytes skipped", summary.bytes_skipped, "");
    }
    for sender in summary.senders.iter().filter(|sender| sender.lost > 0) {
        let note = format!("system {}, component {}", sender.system, sender.component);
        row("messages lost", sender.lost, &note);
    }
    let masked = summary.messages_masked;
    if masked.whole + masked.partly > 0 {
        let note = format!("and {} in part", masked.partly);
        row("messages masked", masked.whole, &note);
    }
    if let Some(at) = summary.truncated_at {
        row("truncated at byte", at, "the last message is not whole");
    }
    if summary.stamps.reversals > 0 {
        row(
            "stamps run back",
            summary.stamps.reversals,
            "by 1 s or less",
        );
    }
    if summary.stamps.damaged > 0 {
        row("stamps damaged", summary.stamps.damaged, "");
    }
    if let Some(vision) = &summary.vision {
        row("frames", vision.frames, "");
        row("", vision.registered, "registered with the one before");
        row("", vision.searched, "sought on the map");
        row("", vision.matched, "found there");
        row("", vision.anchored, "anchored the position");
        row("tiles made", vision.tiles, "");
    }
    row("positions emitted", summary.positions, "");
    row("records", summary.records, "");
    text.push_str(&format!("\nrecording\n{}\n", summary.flight_dir.display()));
    text
}

fn windows(summary: &Summary) -> String {
    let metres = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.1} m"));
    let percent =
        |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{:.1} %", share * 1e2));
    let rows: Vec<_> = summary
        .windows
        .iter()
        .map(|window| {
            [
                format!("{}:{}", window.start_s, window.end_s),
                format!("{:.1} s", window.end_s - window.start_s),
                format!("{:.0} m", window.distance_m),
                metres(window.error_end_m),
                metres(window.error_max_m),
                percent(window.coverage_95),
                window.labels.join(", "),
            ]
        })
        .collect();
    let header = [
        "window", "duration", "flown", "at end", "largest", "in 95 %", "labels",
    ];
    table::render(header, &rows)
}

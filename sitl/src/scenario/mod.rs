//! Scenarios: readable files that say what happens in a flight and what must be seen, each named after
//! the requirement that it proves.
//!
//! A scenario is flown in process, faster than real time and without a clock; everything is recorded as
//! in flight, and beside its own expectations the recording must verify clean and re-run identically.

mod claim;
mod event;
mod forger;
mod pilot;
mod recording;
mod render;
mod requirements;
mod script;
mod senses;
mod theatre;
mod witness;
mod word;

use std::path::{Path, PathBuf};
use std::time::Instant;

use companion::rerun::RerunError;
use serde::Serialize;

pub use claim::{Expectation, Held};
pub use event::{Event, Happening, TimeLine, What};
pub use pilot::Pilot;
pub use recording::{Recording, RecordingError};
pub use render::{render_list, render_run};
pub use requirements::{identifiers, unproven};
pub use script::{FlightShape, Script, ScriptError, load_all};
pub use theatre::fly;
pub use witness::{Drifted, Sighting, Witness};
pub use word::Word;

/// By how much the forgeries of a twin flight are larger.
const TWIN: f64 = 1.7;

/// One expectation and what was seen of it.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The claim in words.
    pub claim: String,
    /// Whether it held.
    pub held: bool,
    /// What was seen.
    pub seen: String,
}

/// What a scenario showed.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// Identifiers that it proves.
    pub proves: Vec<String>,
    /// What it shows.
    pub about: String,
    /// Whether every expectation held.
    pub passed: bool,
    /// Why it is known not to hold yet.
    pub open: Option<String>,
    /// Its seed.
    pub seed: u64,
    /// Simulated seconds for each second that it took.
    pub realtime_factor: f64,
    /// The recording.
    pub recording: PathBuf,
    /// Every expectation.
    pub findings: Vec<Finding>,
}

impl Outcome {
    /// What it means for a run.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (self.passed, &self.open) {
            (true, None) => Verdict::Pass,
            (false, Some(_)) => Verdict::Open,
            (false, None) => Verdict::Fail,
            (true, Some(_)) => Verdict::Closed,
        }
    }
}

/// What an outcome means for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not hold, and that is known and written in its file.
    Open,
    /// It does not hold.
    Fail,
    /// It is said not to hold, and does: the file is to be brought up to date.
    Closed,
}

impl Verdict {
    /// Whether a run with it is sound.
    #[must_use]
    pub fn is_sound(self) -> bool {
        matches!(self, Self::Pass | Self::Open)
    }
}

/// Why a scenario could not be flown to its end.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be used.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// It cannot be recorded.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The recording cannot be judged.
    #[error(transparent)]
    Verify(#[from] fdr_format::VerifyError),
    /// The recording cannot be re-run.
    #[error(transparent)]
    Rerun(#[from] RerunError),
}

/// Flies `script` and judges it; the recording is made in a folder of `root`. `progress` hears the
/// share flown.
///
/// # Errors
/// When it could not be flown, recorded or judged.
pub fn run(
    script: &Script,
    root: &Path,
    progress: &mut dyn FnMut(f64),
) -> Result<Outcome, ScenarioError> {
    let begun = Instant::now();
    let mut recording = Recording::begin(root, &script.name, script.seed, &script.configuration)?;
    let witness = fly(script, 1.0, Some(&mut recording), progress)?;
    let folder = recording.close()?;
    let flown_s = begun.elapsed().as_secs_f64();
    let needs_twin = script.expectations.iter().any(Expectation::needs_twin);
    let twin = needs_twin
        .then(|| fly(script, TWIN, None, progress))
        .transpose()?;
    let mut findings: Vec<Finding> = script
        .expectations
        .iter()
        .map(|expectation| {
            let Held { claim, held, seen } =
                expectation.judge(&witness, twin.as_ref(), script.duration_s);
            Finding { claim, held, seen }
        })
        .collect();
    findings.extend(recording_findings(&folder)?);
    Ok(Outcome {
        name: script.name.clone(),
        proves: script.proves.clone(),
        about: script.about.clone(),
        passed: findings.iter().all(|finding| finding.held),
        open: script.open.clone(),
        seed: script.seed,
        realtime_factor: script.duration_s / flown_s.max(1e-9),
        recording: folder,
        findings,
    })
}

/// What every recording must stand.
fn recording_findings(folder: &Path) -> Result<[Finding; 2], ScenarioError> {
    let verification = fdr_format::verify(folder)?;
    let rerun = companion::rerun::rerun(folder)?;
    Ok([
        Finding {
            claim: "the recording verifies clean".to_owned(),
            held: verification.exit_code == 0,
            seen: format!("exit code {}", verification.exit_code),
        },
        Finding {
            claim: "it re-runs to the same bits".to_owned(),
            held: rerun.identical(),
            seen: format!("{} outputs identical", rerun.outputs_identical),
        },
    ])
}

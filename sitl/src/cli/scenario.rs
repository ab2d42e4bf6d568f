//! `sitl scenario`: lists and flies scenarios.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde::Serialize;
use sitl::scenario::{self, Outcome, Script, Verdict};

use super::{NOT_SOUND, document, overwrite, show};

/// Where the scenarios of the project are, from its root.
const FOLDER: &str = "sitl/scenarios";
/// The page that names the requirements, from the project's root.
const REQUIREMENTS: &str = "docs/requirements.md";

#[derive(Debug, Subcommand)]
pub enum ScenarioCommand {
    /// List the scenarios, and the requirements that none proves.
    List(Where),
    /// Fly scenarios and judge what is seen.
    ///
    /// Everything is recorded; each recording must verify clean and re-run identically. Exit codes:
    /// 0 every expectation held (but for scenarios that their file calls open), 1 not completed, 2 an expectation did not hold, 64 wrong usage.
    Run(RunArguments),
}

#[derive(Debug, clap::Args)]
pub struct Where {
    /// Folder of the scenario files.
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    folder: PathBuf,
    /// Page whose identifiers are to be proven.
    #[arg(long, value_name = "FILE", default_value = REQUIREMENTS)]
    requirements: PathBuf,
    /// One JSON document on stdout instead of the table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct RunArguments {
    /// Names of scenarios, or files (.toml).
    #[arg(value_name = "NAME", required_unless_present = "all")]
    names: Vec<String>,
    /// Fly every scenario of the folder.
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Another seed than the files say.
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=(1_u64 << 53)))]
    seed: Option<u64>,
    /// Keep recordings and a report.json in this folder, which must be new or empty.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    #[command(flatten)]
    place: Where,
}

/// What `list --json` says of a scenario.
#[derive(Debug, Serialize)]
struct Listed<'s> {
    name: &'s str,
    proves: &'s [String],
    about: &'s str,
    seed: u64,
    duration_s: f64,
    open: Option<&'s str>,
}

#[derive(Debug, Serialize)]
struct List<'s> {
    scenarios: Vec<Listed<'s>>,
    unproven: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    passed: usize,
    failed: usize,
    open: usize,
    unproven: Vec<String>,
    scenarios: Vec<Outcome>,
}

pub fn run(command: &ScenarioCommand) -> anyhow::Result<ExitCode> {
    match command {
        ScenarioCommand::List(place) => list(place),
        ScenarioCommand::Run(arguments) => fly(arguments),
    }
}

fn list(place: &Where) -> anyhow::Result<ExitCode> {
    let scripts = scenario::load_all(&place.folder)?;
    let unproven = unproven(place, &scripts)?;
    let listed = List {
        scenarios: scripts.iter().map(listed).collect(),
        unproven,
    };
    show(place.json, &listed, |listed| {
        scenario::render_list(&scripts, &listed.unproven)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn listed(script: &Script) -> Listed<'_> {
    Listed {
        name: &script.name,
        proves: &script.proves,
        about: &script.about,
        seed: script.seed,
        duration_s: script.duration_s,
        open: script.open.as_deref(),
    }
}

fn unproven(place: &Where, scripts: &[Script]) -> anyhow::Result<Vec<String>> {
    let path = &place.requirements;
    let page = std::fs::read_to_string(path).with_context(|| {
        format!(
            "{}: cannot be read; run it in the project's folder or name the page with --requirements",
            path.display()
        )
    })?;
    Ok(scenario::unproven(&page, scripts))
}

fn fly(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let scripts = chosen(arguments)?;
    let scratch;
    let root = match &arguments.report {
        Some(folder) => {
            make_empty(folder)?;
            folder.as_path()
        }
        None => {
            scratch = tempfile::tempdir().context("no folder for the recordings; check TMPDIR")?;
            scratch.path()
        }
    };
    let mut outcomes = Vec::new();
    for (index, script) in scripts.iter().enumerate() {
        let outcome = scenario::run(script, root, &mut |share| {
            overwrite(&format!(
                "{} of {}: {} {:.0} %",
                index + 1,
                scripts.len(),
                script.name,
                100.0 * share
            ));
        });
        outcomes.push(outcome.with_context(|| format!("scenario {}", script.name))?);
    }
    overwrite("");
    let unproven = if arguments.all {
        unproven(&arguments.place, &scripts)?
    } else {
        Vec::new()
    };
    let count = |verdict| {
        outcomes
            .iter()
            .filter(|outcome| outcome.verdict() == verdict)
            .count()
    };
    let (passed, open) = (count(Verdict::Pass), count(Verdict::Open));
    let report = Report {
        passed,
        failed: outcomes.len() - passed - open,
        open,
        unproven,
        scenarios: outcomes,
    };
    if let Some(folder) = &arguments.report {
        let path = folder.join("report.json");
        std::fs::write(&path, document(&report)?)
            .with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    show(arguments.place.json, &report, |report| {
        scenario::render_run(&report.scenarios, &report.unproven)
    })?;
    Ok(match report.failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(NOT_SOUND),
    })
}

/// The scenarios asked for; an unknown name is told with those that exist.
fn chosen(arguments: &RunArguments) -> anyhow::Result<Vec<Script>> {
    let all = scenario::load_all(&arguments.place.folder);
    let mut scripts = if arguments.all {
        all?
    } else {
        let known = all.unwrap_or_default();
        arguments
            .names
            .iter()
            .map(|name| one(name, &known, &arguments.place.folder))
            .collect::<anyhow::Result<Vec<_>>>()?
    };
    if let Some(seed) = arguments.seed {
        for script in &mut scripts {
            script.seed = seed;
        }
    }
    Ok(scripts)
}

fn one(name: &str, known: &[Script], folder: &Path) -> anyhow::Result<Script> {
    if name.ends_with(".toml") {
        return Ok(Script::load(Path::new(name))?);
    }
    if let Some(script) = known.iter().find(|script| script.name == name) {
        return Ok(script.clone());
    }
    // A file that cannot be used is a better answer than that it does not exist.
    let path = folder.join(format!("{name}.toml"));
    if path.is_file() {
        return Ok(Script::load(&path)?);
    }
    let names: Vec<_> = known.iter().map(|script| script.name.as_str()).collect();
    bail!(
        "no scenario `{name}` in {}; there are: {}",
        folder.display(),
        names.join(", ")
    );
}

fn make_empty(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: cannot be made; check --report", folder.display()))?;
    let mut entries = std::fs::read_dir(folder)
        .with_context(|| format!("{}: cannot be read; check --report", folder.display()))?;
    if entries.next().is_some() {
        bail!(
            "{}: is not empty; name an empty or new folder with --report",
            folder.display()
        );
    }
    Ok(())
}

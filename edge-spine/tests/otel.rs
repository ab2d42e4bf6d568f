//! Traces for a collector: an independent one, over OpenTelemetry's own schema, gets every row once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;

use edge_spine::row::Row;
use edge_spine::sink::FileSink;
use serde_json::Value;
use support::{Bench, at, bad_line, lines};

/// The Python that has OpenTelemetry's schema, or `None` (said plainly). Under `CI=true` its absence fails.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
    let found = Command::new(&python)
        .args(["-c", "import opentelemetry.proto"])
        .stderr(Stdio::null())
        .status();
    if found.is_ok_and(|own| own.success()) {
        return Some(python);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{} with opentelemetry-proto must not be missing in CI; run `just setup`",
        python.display()
    );
    eprintln!("SKIPPED: opentelemetry-proto is missing; run `just setup`");
    None
}

struct Peer {
    process: Child,
    /// Reads what it prints while it prints: a full pipe would stop the collector.
    output: JoinHandle<Vec<String>>,
    url: String,
}

impl Peer {
    fn start(python: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/otlp_peer.py");
        let mut process = Command::new(python)
            .arg(script)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut port = String::new();
        output.read_line(&mut port).unwrap();
        let output = std::thread::spawn(move || output.lines().map_while(Result::ok).collect());
        Self {
            process,
            output,
            url: format!("http://127.0.0.1:{}", port.trim()),
        }
    }

    fn spans(mut self) -> Vec<Value> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let lines = self.output.join().unwrap();
        lines
            .iter()
            .map(|own| serde_json::from_str(own).unwrap())
            .collect()
    }
}

fn tell(bench: &Bench, url: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_spine"))
        .args(["otel", "--json", "--to", url, "--config"])
        .arg(bench.folder.path().join("spine.toml"))
        .output()
        .unwrap()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// Takes 1,200 good rows and three bad ones, and drains to a folder. Correlation ids and batch of what left.
fn delivered(bench: &Bench) -> BTreeMap<String, String> {
    let mut own = lines(0..1200);
    own.extend((2000..2003).map(bad_line));
    bench.intake().commit(&own, at(1)).unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_spine"))
        .args(["drain", "--config"])
        .arg(bench.folder.path().join("spine.toml"))
        .output()
        .unwrap();
    assert!(done.status.success());
    let sink = FileSink::open(&bench.folder.path().join("sink")).unwrap();
    let mut left = BTreeMap::new();
    for file in sink.batches().unwrap() {
        let (label, lines) = FileSink::read(&file).unwrap();
        for line in lines {
            let row = Row::parse(&line).unwrap();
            left.insert(row.correlation.to_string(), label.batch.clone());
        }
    }
    assert_eq!(left.len(), 1200);
    left
}

#[test]
fn a_collector_gets_every_row_under_its_correlation_id_once() {
    let Some(python) = python() else { return };
    let bench = Bench::new("");
    let left = delivered(&bench);
    let peer = Peer::start(&python);
    let first = document(&tell(&bench, &peer.url));
    assert_eq!(first["told"]["rows"], 1200);
    assert_eq!(first["told"]["dead_letters"], 3);
    assert_eq!(first["rejected_spans"], 1, "what the collector said");
    let again = document(&tell(&bench, &peer.url));
    assert_eq!(again, first, "nothing is told twice");
    let spans = peer.spans();
    let named =
        |name: &str| -> Vec<&Value> { spans.iter().filter(|own| own["name"] == name).collect() };
    let (rows, parts, letters) = (named("row"), named("deliver"), named("dead_letter"));
    assert_eq!((rows.len(), parts.len(), letters.len()), (1200, 1200, 3));
    let traces: BTreeSet<&str> = rows
        .iter()
        .map(|own| own["trace"].as_str().unwrap())
        .collect();
    assert_eq!(traces, left.keys().map(String::as_str).collect());
    for (row, part) in rows.iter().zip(&parts) {
        assert_eq!(
            (&row["trace"], &row["span"]),
            (&part["trace"], &part["parent"])
        );
        let trace = row["trace"].as_str().unwrap();
        assert_eq!(part["attributes"]["spine.batch"], left[trace]);
        assert_eq!(row["attributes"]["spine.device"], "uav-7");
        assert_eq!(row["service"], "edge-spine");
        let time = |own: &Value, key: &str| own[key].as_u64().unwrap();
        assert!(time(row, "from") <= time(part, "from"));
        assert!(time(part, "from") <= time(part, "to"));
        assert_eq!(row["to"], part["to"]);
    }
    for letter in letters {
        assert_eq!(letter["status"], 2);
        assert_eq!(letter["attributes"]["spine.reason"], "null");
    }
}

#[test]
fn a_collector_hears_no_more_than_the_geofence_lets_out() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("zones.json"),
        r#"{"type":"FeatureCollection","features":[{"type":"Feature",
           "properties":{"name":"town","jurisdiction":"DE","policy":"pseudonymise"},
           "geometry":{"type":"Polygon","coordinates":[[[11,48],[12,48],[12,49],[11,49],[11,48]]]}}]}"#,
    )
    .unwrap();
    std::fs::write(folder.path().join("key"), "7".repeat(64)).unwrap();
    let fence = "[geofence]\nfile = \"zones.json\"\nkey_file = \"key\"\noutside = \"full\"\n\
                 outside_jurisdiction = \"none\"\n";
    let config = std::sync::Arc::new(support::config(folder.path(), fence));
    let bench = Bench { folder, config };
    let left = delivered(&bench);
    let peer = Peer::start(&python);
    assert_eq!(document(&tell(&bench, &peer.url))["told"]["rows"], 1200);
    let spans = peer.spans();
    let text = serde_json::to_string(&spans).unwrap();
    assert!(!text.contains("uav-7"), "a device's name got out");
    let open: BTreeSet<String> = lines(0..1200)
        .iter()
        .chain(&(2000..2003).map(bad_line).collect::<Vec<_>>())
        .filter_map(|own| Row::parse(own).ok())
        .map(|row| row.correlation.to_string())
        .collect();
    for span in &spans {
        let trace = span["trace"].as_str().unwrap();
        assert!(!open.contains(trace), "a correlation id got out");
        assert!(span["name"] == "dead_letter" || left.contains_key(trace));
    }
}

#[test]
fn a_collector_that_is_away_or_a_stranger_costs_nothing_but_a_sentence() {
    let bench = Bench::new("");
    delivered(&bench);
    let config = bench.folder.path().join("spine.toml");
    let refused = |url: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_spine"))
            .args([
                "otel",
                "--json",
                "--give-up-after",
                "0",
                "--to",
                url,
                "--config",
            ])
            .arg(&config)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        document(&output)["error"].as_str().unwrap().to_owned()
    };
    assert!(refused("http://127.0.0.1:9").contains("does not take spans"));
    assert!(refused("http://collector.example:4318").contains("https://"));
    assert!(!bench.config.directory.join("otel.json").exists());
    assert_eq!(bench.store().counts().unwrap().synced, 1200);
}

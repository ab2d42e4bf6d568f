//! `report`, `alerts`, `list` and the re-run's explanations over flights of every kind.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use support::lively::{Lively, record};
use support::{code, json, run, stderr, stdout, text};

/// One flight for all tests of this file; nobody writes to it.
fn flight() -> &'static Path {
    static FLIGHT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, folder) = FLIGHT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let flight = record(folder.path(), Lively::default());
        (folder, flight)
    });
    folder
}

/// A copy of it below `to`, to be broken.
fn copy(to: &Path) -> PathBuf {
    let copy = to.join(flight().file_name().unwrap());
    for inside in ["segments", "thumbnails"] {
        fs::create_dir_all(copy.join(inside)).unwrap();
        for entry in fs::read_dir(flight().join(inside)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.join(inside).join(entry.file_name())).unwrap();
        }
    }
    fs::copy(flight().join("manifest.json"), copy.join("manifest.json")).unwrap();
    copy
}

fn report(flight: &Path, to: &Path) -> (i32, String) {
    let file = to.join("report.html");
    let output = run(&["report", text(flight), "-o", text(&file), "--force"]);
    (
        code(&output),
        fs::read_to_string(&file).unwrap_or_else(|_| panic!("{}", stderr(&output))),
    )
}

const SECTIONS: [&str; 13] = [
    "summary",
    "quality",
    "map",
    "timeline",
    "charts",
    "findings",
    "audit",
    "statistics",
    "smoothed",
    "tiles",
    "comparison",
    "configuration",
    "provenance",
];

fn sections_in_order(html: &str) {
    let places: Vec<usize> = SECTIONS
        .iter()
        .map(|id| {
            html.find(&format!("<section id={id} "))
                .unwrap_or_else(|| panic!("{id}"))
        })
        .collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn a_report_is_one_file_with_every_section_and_asks_the_network_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (code, html) = report(flight(), folder.path());
    assert_eq!(code, 0);
    sections_in_order(&html);
    for outside in [
        "http://",
        "https://",
        "<link rel=stylesheet",
        "<script src",
        "@import",
    ] {
        let lines = html.lines().filter(|line| line.contains(outside));
        // uPlot names its home in a comment.
        let fetched: Vec<&str> = lines.filter(|line| !line.contains("leeoniya")).collect();
        assert!(
            fetched.is_empty(),
            "{outside}: {:?}",
            fetched.first().map(|line| &line[..line.len().min(200)])
        );
    }
    assert!(html.len() < 3_000_000, "{}", html.len());
    assert!(
        html.contains("key on disk") || html.contains("signing key 2"),
        "key rotations are shown"
    );
    assert!(
        html.contains("data:image/png;base64,"),
        "thumbnails are embedded"
    );
    assert!(
        html.contains("&lt;17/68000/46000&gt; is slow: 212 ms &amp; counting"),
        "texts are escaped"
    );
}

#[test]
fn the_data_document_is_whole_json_and_holds_the_worst_radius() {
    let folder = tempfile::tempdir().unwrap();
    let (_, html) = report(flight(), folder.path());
    let begin = html.find("id=data>").unwrap() + "id=data>".len();
    let data: serde_json::Value =
        serde_json::from_str(&html[begin..begin + html[begin..].find("</script>").unwrap()])
            .unwrap();
    let radius = data["charts"][0]["series"].as_array().unwrap();
    let radius = radius
        .iter()
        .find(|series| series["name"] == "95 % radius")
        .unwrap();
    let drawn = radius["v"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(serde_json::Value::as_f64);
    let drawn = drawn.fold(0.0, f64::max);
    let output = run(&["cat", text(flight()), "-t", "EmittedExternalPosition"]);
    let recorded = stdout(&output)
        .lines()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            record["body"]["ellipse_semi_major_m"].as_f64().unwrap()
        })
        .fold(0.0, f64::max);
    assert!(
        (drawn / recorded - 1.0).abs() < 1e-4,
        "{drawn} of {recorded}"
    );
    let lanes = data["lanes"].as_array().unwrap();
    for lane in [
        "Source label",
        "FC GPS",
        "Spoof gate",
        "Blackout",
        "Thermal",
    ] {
        let found = lanes.iter().find(|own| own["title"] == lane).unwrap();
        assert!(!found["spans"].as_array().unwrap().is_empty(), "{lane}");
    }
}

#[test]
fn the_report_of_a_damaged_flight_says_so_and_ends_with_the_verdicts_code() {
    let folder = tempfile::tempdir().unwrap();
    let broken = copy(folder.path());
    let segments = || -> Vec<PathBuf> {
        let mut paths: Vec<_> = fs::read_dir(broken.join("segments"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        paths
    };
    let last = segments().pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() - 5000]).unwrap();
    // A recorder that was killed left no manifest that says it was closed.
    fs::remove_file(broken.join("manifest.json")).unwrap();
    let (torn, html) = report(&broken, folder.path());
    assert_eq!(torn, 2, "{}", stdout(&run(&["verify", text(&broken)])));
    sections_in_order(&html);
    assert!(html.contains("torn tail"));

    let first = segments().remove(0);
    let mut bytes = fs::read(&first).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&first, &bytes).unwrap();
    let (damaged, html) = report(&broken, folder.path());
    assert_eq!(damaged, 3);
    sections_in_order(&html);
    assert!(html.contains("Look at it today"));

    fs::remove_file(&first).unwrap();
    let (dropped, html) = report(&broken, folder.path());
    assert_eq!(dropped, 3);
    assert!(html.contains("sequence numbers are missing"));
}

#[test]
fn a_tampered_flight_is_called_altered() {
    let folder = tempfile::tempdir().unwrap();
    let altered = copy(folder.path());
    let manifest = altered.join("manifest.json");
    let content = fs::read_to_string(&manifest)
        .unwrap()
        .replace("\"records\": ", "\"records\": 1");
    fs::write(&manifest, content).unwrap();
    let (code, html) = report(&altered, folder.path());
    assert_eq!(code, 4);
    assert!(html.contains("ALTERED"));
}

#[test]
fn a_folder_of_two_flights_is_listed_judged_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let first = copy(folder.path());
    let lively = Lively {
        seconds: 60,
        id: 0x2f,
        ..Lively::default()
    };
    let second = record(folder.path(), lively);
    let list = json(&["list", "--json", text(folder.path())]);
    assert_eq!(list.as_array().unwrap().len(), 2);
    let info = json(&["info", "--json", text(folder.path())]);
    assert_eq!(info["flights"].as_array().unwrap().len(), 2);
    assert_eq!(code(&run(&["verify", text(folder.path())])), 0);
    fs::write(second.join("segments/seg_00000.bin"), b"nothing").unwrap();
    let verdict = run(&["verify", "--json", text(folder.path())]);
    assert!(code(&verdict) > 0);
    let table = run(&["list", text(folder.path())]);
    assert_eq!(code(&table), 1, "{}", stdout(&table));

    let file = folder.path().join("report.html");
    let earlier = tempfile::tempdir().unwrap();
    record(earlier.path(), lively);
    let output = run(&[
        "report",
        text(&first),
        "-o",
        text(&file),
        "--compare",
        text(earlier.path()),
        "--compare",
        "nowhere",
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let html = fs::read_to_string(&file).unwrap();
    assert!(html.contains("2f2f2f2f") && html.contains("(this)"));
    assert!(
        html.contains("nowhere"),
        "a flight that cannot be compared is told"
    );
}

#[test]
fn alerts_name_rule_figure_and_place_and_end_with_the_most_urgent() {
    let alerts = json(&["alerts", "--json", text(flight())]);
    assert_eq!(alerts["exit_code"], 9);
    let found = alerts["flights"][0]["alerts"].as_array().unwrap();
    let failure = found
        .iter()
        .find(|own| own["rule"] == "component_failure")
        .unwrap();
    assert_eq!(failure["urgency"], "critical");
    assert_eq!(failure["at_s"], serde_json::json!([130.0]));
    let table = run(&["alerts", "--all", text(flight())]);
    assert!(
        stdout(&table).contains("tile_failures"),
        "{}",
        stdout(&table)
    );
}

#[test]
fn an_emitted_position_is_explained_and_recomputed() {
    let said = json(&["rerun", "--json", text(flight()), "--at", "1:50"]);
    assert_eq!(said["recomputed_identically"], true, "{said}");
    assert_eq!(said["since"], "the last accepted map match");
    assert!(said["inputs"]["ImuTrace"]["count"].as_u64().unwrap() > 0);
    let gates = said["gates"].as_array().unwrap();
    assert!(gates.iter().any(|gate| gate["gate"] == "spoof gate"));
    let table = run(&["rerun", text(flight()), "--at", "170"]);
    assert_eq!(code(&table), 0, "{}", stderr(&table));
    assert!(
        stdout(&table).contains("dead_reckoned"),
        "{}",
        stdout(&table)
    );
    let nowhere = run(&["rerun", text(flight()), "--at", "9999"]);
    assert_eq!(code(&nowhere), 1);
    assert_eq!(code(&run(&["rerun", text(flight()), "--at", "soon"])), 64);
}

#[test]
fn another_configuration_shows_what_would_have_differed_and_the_same_one_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let same = folder.path().join("same.toml");
    fs::write(&same, "[navigator.sight]\nenabled = true\n").unwrap();
    let output = run(&["rerun", text(flight()), "--with", text(&same)]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let other = folder.path().join("other.toml");
    fs::write(
        &other,
        "[navigator.sight]\nenabled = true\nanchor_fresh_s = 1.5\n",
    )
    .unwrap();
    let said = json(&["rerun", "--json", text(flight()), "--with", text(&other)]);
    assert_eq!(said["settings"][0][0], "navigator.sight.anchor_fresh_s");
    assert!(said["labels_differ"].as_u64().unwrap() > 0);
    fs::write(&other, "speed = 3\n").unwrap();
    let wrong = run(&["rerun", text(flight()), "--with", text(&other)]);
    assert_eq!(code(&wrong), 1);
    assert!(stderr(&wrong).contains("other.toml"), "{}", stderr(&wrong));
}

#[test]
fn imagery_geofence_and_footprint_are_embedded_and_a_wrong_package_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let fence = folder.path().join("fence.geojson");
    fs::write(
        &fence,
        r#"{"type":"Polygon","coordinates":[[[24,45],[24.1,45],[24.1,45.3],[24,45]]]}"#,
    )
    .unwrap();
    let package = folder.path().join("map.mbtiles");
    mbtiles(&package);
    let file = folder.path().join("report.html");
    let output = run(&[
        "report",
        text(flight()),
        "-o",
        text(&file),
        "--geofence",
        text(&fence),
        "--map",
        text(&package),
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let html = fs::read_to_string(&file).unwrap();
    assert!(
        html.contains("layer-tiles")
            && html.contains("layer-geofence")
            && html.contains("layer-footprint")
    );
    let wrong = run(&[
        "report",
        text(flight()),
        "-o",
        text(&file),
        "--force",
        "--map",
        text(&fence),
    ]);
    assert_eq!(code(&wrong), 0);
    assert!(
        fs::read_to_string(&file)
            .unwrap()
            .contains("map package is not drawn")
    );
    let no_fence = run(&[
        "report",
        text(flight()),
        "-o",
        text(&file),
        "--force",
        "--geofence",
        text(&flight().join("manifest.json")),
    ]);
    assert_eq!(code(&no_fence), 1);
    assert!(
        stderr(&no_fence).contains("GeoJSON"),
        "{}",
        stderr(&no_fence)
    );
}

/// A package whose every tile of zoom 14 around the flight is the same picture.
fn mbtiles(path: &Path) {
    let database = rusqlite::Connection::open(path).unwrap();
    database
        .execute_batch(
            "BEGIN; CREATE TABLE metadata (name TEXT, value TEXT);
             CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB);
             INSERT INTO metadata VALUES ('bounds', '24.0,45.2,24.2,45.4');",
        )
        .unwrap();
    let image = include_bytes!("support/thumbnail.png");
    for column in 9280..9296u32 {
        for row in 10490..10520u32 {
            let values = (column, row, &image[..]);
            database
                .execute("INSERT INTO tiles VALUES (14, ?1, ?2, ?3)", values)
                .unwrap();
        }
    }
    database.execute_batch("COMMIT").unwrap();
}

#[test]
fn a_report_is_not_written_over_a_file_into_a_recording_or_by_halves() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    fs::write(&file, "mine").unwrap();
    let refused = run(&["report", text(flight()), "-o", text(&file)]);
    assert_eq!(code(&refused), 1);
    assert!(stderr(&refused).contains("--force"), "{}", stderr(&refused));
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    let inside = flight().join("segments/seg_00000.bin");
    assert_eq!(
        code(&run(&[
            "report",
            text(flight()),
            "-o",
            text(&inside),
            "--force"
        ])),
        1
    );
    let full = run(&["report", text(flight()), "-o", "/dev/full/report.html"]);
    assert_eq!(code(&full), 1);
}

#[test]
fn what_is_no_flight_is_one_message() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("r.html");
    fs::create_dir_all(folder.path().join("empty/segments")).unwrap();
    let empty = folder.path().join("empty");
    let none = folder.path().join("none");
    for what in [text(&empty), text(&none), "Cargo.toml"] {
        for command in [
            vec!["report", what, "-o", text(&file)],
            vec!["alerts", what],
            vec!["list", what],
            vec!["rerun", what, "--at", "1"],
        ] {
            let output = run(&command);
            let said = format!("{}{}", stdout(&output), stderr(&output));
            assert_eq!(code(&output), 1, "{command:?}: {said}");
            assert!(!said.trim().is_empty());
            assert!(!file.exists());
        }
    }
}

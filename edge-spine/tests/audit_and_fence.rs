//! What may be said about a row, and that it was written down before.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::sync::Arc;

use edge_spine::audit::Verdict;
use edge_spine::drain::Drainer;
use edge_spine::geofence::{Fence, Place, Policy};
use edge_spine::row::{Correlation, Row};
use edge_spine::store::AuditQuery;
use proptest::prelude::*;
use rusqlite::Connection;
use support::{Bench, TestSink, at, drain_all, lines};

const ZONES: &str = r#"{"type":"FeatureCollection","features":[
 {"type":"Feature","properties":{"name":"town","jurisdiction":"DE","policy":"pseudonymise"},
  "geometry":{"type":"Polygon","coordinates":[[[11,48],[12,48],[12,49],[11,49],[11,48]]]}},
 {"type":"Feature","properties":{"name":"barracks","jurisdiction":"DE-mil","policy":"metadata_only"},
  "geometry":{"type":"MultiPolygon","coordinates":[[[[11.4,48.4],[11.6,48.4],[11.6,48.6],[11.4,48.6],[11.4,48.4]]]]}},
 {"type":"Feature","properties":{"name":"range","jurisdiction":"AT","policy":"coarsen"},
  "geometry":{"type":"Polygon","coordinates":[[[13,47],[14,47],[14,48],[13,48],[13,47]]]}}]}"#;

fn fenced(zones: &str) -> (Bench, Result<Fence, String>) {
    let extra = "[geofence]\nfile = \"zones.geojson\"\nkey_file = \"fence.key\"\noutside = \"full\"\noutside_jurisdiction = \"high seas\"\n";
    let bench = Bench::new(extra);
    std::fs::write(bench.folder.path().join("zones.geojson"), zones).unwrap();
    std::fs::write(bench.folder.path().join("fence.key"), "ab".repeat(32)).unwrap();
    let fence =
        Fence::load(bench.config.geofence.as_ref().unwrap()).map_err(|error| error.to_string());
    (bench, fence)
}

fn place(lat_deg: f64, lon_deg: f64) -> Option<Place> {
    Some(Place { lat_deg, lon_deg })
}

#[test]
fn an_unknown_place_gets_the_strictest_policy_and_overlapping_zones_the_stricter() {
    let fence = fenced(ZONES).1.unwrap();
    let policy = |place| fence.decide(place).policy;
    assert_eq!(policy(None), Policy::MetadataOnly);
    assert_eq!(policy(place(f64::NAN, 11.0)), Policy::MetadataOnly);
    assert_eq!(policy(place(91.0, 11.0)), Policy::MetadataOnly);
    assert_eq!(policy(place(48.5, 11.5)), Policy::MetadataOnly);
    assert_eq!(policy(place(48.1, 11.1)), Policy::Pseudonymise);
    assert_eq!(policy(place(47.5, 13.5)), Policy::Coarsen);
    assert_eq!(policy(place(0.0, 0.0)), Policy::Full);
    assert_eq!(fence.decide(None).zone, "unknown");
}

#[test]
fn a_pseudonym_is_keyed_and_a_coarse_position_is_on_the_grid() {
    let fence = fenced(ZONES).1.unwrap();
    let fields = r#"{"lat":48.123456,"lon":11.98765,"alt":3.5}"#;
    let shown = fence.disclose(Policy::Pseudonymise, "uav-7", Correlation([7; 16]), fields);
    assert!(shown.device.starts_with("p-") && shown.fields == fields);
    assert_ne!(shown.correlation, Correlation([7; 16]));
    // Another key gives another pseudonym: it is no bare hash.
    let other = Fence::new(Vec::new(), Policy::Full, "x", 0.01, [1; 32]);
    assert_ne!(
        other
            .disclose(Policy::Pseudonymise, "uav-7", Correlation([7; 16]), fields)
            .device,
        shown.device
    );
    let coarse = fence.disclose(Policy::Coarsen, "uav-7", Correlation([7; 16]), fields);
    assert_eq!(coarse.fields, r#"{"lat":48.12,"lon":11.99,"alt":3.5}"#);
    let bare = fence.disclose(Policy::MetadataOnly, "uav-7", Correlation([7; 16]), fields);
    assert_eq!((bare.fields.as_str(), bare.device), ("{}", shown.device));
}

#[test]
fn what_is_no_geojson_of_zones_is_refused_in_one_sentence() {
    for (from, to, says) in [
        ("FeatureCollection", "Feature", "not a FeatureCollection"),
        (
            "[11,48],[12,48],[12,49],[11,49],[11,48]",
            "[11,48],[12,48]",
            "zone town",
        ),
        (
            "\"policy\":\"coarsen\"",
            "\"policy\":\"whatever\"",
            "whatever",
        ),
        ("\"jurisdiction\":\"AT\",", "", "jurisdiction"),
        ("[13,47]", "[200,47]", "zone range"),
    ] {
        let error = fenced(&ZONES.replacen(from, to, 1)).1.unwrap_err();
        assert!(
            error.contains("zones.geojson") && error.contains(says),
            "{error}"
        );
    }
}

fn delivered(bench: &Bench, fence: Fence, count: i64) -> TestSink {
    bench.intake().commit(&lines(0..count), at(1)).unwrap();
    let sink = TestSink::new();
    let store = bench.store();
    let mut drainer = Drainer::new(
        store,
        Arc::clone(&bench.config),
        Some(fence),
        Box::new(sink.clone()),
        1,
    )
    .unwrap();
    drain_all(&mut drainer, 0);
    sink
}

#[test]
fn rows_leave_as_their_zone_allows_and_the_audit_log_says_so() {
    let (bench, fence) = fenced(ZONES);
    let sink = delivered(&bench, fence.unwrap(), 700);
    let rows = sink.ledger.lock().unwrap().rows();
    assert!(rows.iter().all(|own| {
        Row::parse(own)
            .unwrap()
            .key
            .device
            .as_str()
            .starts_with("p-")
    }));
    let summary = bench.store().summarise_audit().unwrap();
    assert_eq!(summary.len(), 1);
    assert_eq!(
        (
            summary[0].zone.as_str(),
            summary[0].rows,
            summary[0].entries
        ),
        ("town", 700, 2)
    );
    let query = AuditQuery {
        jurisdiction: Some("DE".into()),
        limit: 1,
        ..AuditQuery::default()
    };
    assert_eq!(bench.store().query_audit(&query).unwrap().len(), 1);
    let none = AuditQuery {
        before_ms: Some(5),
        limit: 10,
        ..AuditQuery::default()
    };
    assert!(bench.store().query_audit(&none).unwrap().is_empty());
}

#[test]
fn the_audit_entry_precedes_the_send_and_without_it_nothing_is_sent() {
    let (bench, fence) = fenced(ZONES);
    bench.intake().commit(&lines(0..10), at(1)).unwrap();
    let other = Connection::open(bench.config.directory.join("spine.db")).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .unwrap();
    let sink = TestSink::new();
    let store = bench.store();
    let mut drainer = Drainer::new(
        store,
        Arc::clone(&bench.config),
        Some(fence.unwrap()),
        Box::new(sink.clone()),
        1,
    )
    .unwrap();
    assert!(drainer.round(&mut || at(2)).is_err());
    assert!(sink.ledger.lock().unwrap().attempts.is_empty());
    assert_eq!(
        bench.store().counts().unwrap().pending,
        10,
        "nothing was claimed either"
    );
    other.execute_batch("DROP TRIGGER broken").unwrap();
    drain_all(&mut drainer, 10);
    assert_eq!(sink.ledger.lock().unwrap().rows().len(), 10);
}

#[test]
fn the_log_cannot_be_changed_by_way_of_sql() {
    let (bench, fence) = fenced(ZONES);
    delivered(&bench, fence.unwrap(), 100);
    let other = Connection::open(bench.config.directory.join("spine.db")).unwrap();
    for sql in [
        "UPDATE audit SET rows = 1",
        "DELETE FROM audit",
        "INSERT INTO audit SELECT 99, at_ms, batch, jurisdiction, zone, policy, rows, digest, hash FROM audit LIMIT 1",
        "REPLACE INTO audit SELECT number, 5, batch, jurisdiction, zone, policy, rows, digest, hash FROM audit",
    ] {
        assert!(
            other
                .execute(sql, [])
                .unwrap_err()
                .to_string()
                .contains("append-only"),
            "{sql}"
        );
    }
}

/// A log of several batches whose triggers were taken away, and one checkpoint that left.
fn opened(count: i64) -> (Bench, Connection) {
    let (bench, fence) = fenced(ZONES);
    delivered(&bench, fence.unwrap(), count);
    let other = Connection::open(bench.config.directory.join("spine.db")).unwrap();
    other
        .execute_batch("DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete")
        .unwrap();
    (bench, other)
}

#[test]
fn verify_tells_intact_diverged_truncated_and_forged_apart() {
    let (bench, other) = opened(3000);
    let verify = || bench.store().verify_audit(&[]).unwrap();
    assert!(
        matches!(
            verify(),
            Verdict::Intact {
                entries: 6,
                vouched: 6,
                ..
            }
        ),
        "{:?}",
        verify()
    );

    // The end is cut off: entries, and the tally with them.
    other
        .execute_batch("DELETE FROM audit WHERE number > 4")
        .unwrap();
    assert_eq!(
        verify(),
        Verdict::Truncated {
            entries: 4,
            expected: 6
        }
    );
    // Nobody on the vehicle remembers: whoever kept a checkpoint does.
    let kept: edge_spine::audit::Checkpoint = other
        .query_row(
            "SELECT audit_size, audit_head, audit_signature FROM batches ORDER BY n DESC LIMIT 1",
            [],
            |row| {
                Ok(edge_spine::audit::Checkpoint {
                    size: row.get(0)?,
                    head: row.get(1)?,
                    public_key: bench.store().public_key(),
                    signature: row.get(2)?,
                })
            },
        )
        .unwrap();
    other
        .execute_batch("UPDATE batches SET audit_size = NULL")
        .unwrap();
    assert!(
        verify().is_intact(),
        "a log cut with its checkpoints looks whole from inside"
    );
    let with = |own| bench.store().verify_audit(&[own]).unwrap();
    assert_eq!(
        with(kept.clone()),
        Verdict::Truncated {
            entries: 4,
            expected: 6
        }
    );
    let mut forged = kept.clone();
    forged.size = 4;
    assert_eq!(with(forged), Verdict::Forged { size: 4 });
    let own = edge_spine::audit::Signer::new(&[9; 32]).checkpoint(4, &[0; 32]);
    assert_eq!(with(own), Verdict::Forged { size: 4 }, "another key");

    // One value is altered.
    for column in [
        "at_ms = at_ms + 1",
        "rows = rows + 1",
        "zone = 'elsewhere'",
        "policy = 0",
        "batch = zeroblob(16)",
    ] {
        other
            .execute_batch(&format!(
                "BEGIN; UPDATE audit SET {column} WHERE number = 2"
            ))
            .unwrap();
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(verify(), Verdict::Diverged { at: 2 }, "{column}");
        let back = column
            .replace("+ 1", "- 1")
            .replace("elsewhere", "town")
            .replace("policy = 0", "policy = 2");
        if back != "batch = zeroblob(16)" {
            other
                .execute_batch(&format!("UPDATE audit SET {back} WHERE number = 2"))
                .unwrap();
            assert!(verify().is_intact(), "{back}");
        }
    }
}

#[test]
fn a_log_rewritten_from_its_first_entry_contradicts_a_kept_checkpoint() {
    let (bench, other) = opened(1000);
    let public_key = bench.store().public_key();
    let kept = other
        .query_row(
            "SELECT audit_size, audit_head, audit_signature FROM batches ORDER BY n LIMIT 1",
            [],
            |row| {
                Ok(edge_spine::audit::Checkpoint {
                    size: row.get(0)?,
                    head: row.get(1)?,
                    public_key,
                    signature: row.get(2)?,
                })
            },
        )
        .unwrap();
    // The same entries of another store: every hash follows, and none is what was signed.
    let (stranger, _) = opened(1000);
    let path = stranger.config.directory.join("spine.db");
    other
        .execute_batch(&format!(
            "ATTACH '{}' AS other; DELETE FROM audit; DROP TRIGGER audit_in_order;
        INSERT INTO audit SELECT * FROM other.audit",
            path.display()
        ))
        .unwrap();
    assert_eq!(
        bench.store().verify_audit(&[kept]).unwrap(),
        Verdict::Diverged { at: 2 }
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Coarse positions are never farther off than half a cell, and never finer than the grid.
    #[test]
    fn a_coarse_position_is_the_nearest_of_the_grid(lat in -90.0..90.0_f64, lon in -180.0..180.0_f64) {
        let fence = Fence::new(Vec::new(), Policy::Full, "x", 0.05, [1; 32]);
        let fields = format!("{{\"lat\":{lat:?},\"lon\":{lon:?}}}");
        let shown = fence.disclose(Policy::Coarsen, "d", Correlation([0; 16]), &fields).fields;
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        for (name, own) in [("lat", lat), ("lon", lon)] {
            let coarse = shown[name].as_f64().unwrap();
            prop_assert!((coarse - own).abs() <= 0.025 + 1e-6);
            let cells = coarse / 0.05;
            prop_assert!((cells - cells.round()).abs() < 1e-4);
        }
    }
}

//! A wrong setting, a wrong key or a foreign file costs a sentence, never the backlog.

use std::collections::BTreeMap;

use edge_spine::store::Store;

use crate::support::{Bench, at, lines};

#[test]
fn a_configuration_error_never_touches_the_backlog() {
    let bench = Bench::new("");
    bench.intake().commit(&lines(0..50), at(1)).unwrap();
    let folder = bench.folder.path();
    let before = BTreeMap::from_iter(["spine.db", "store.key"].map(|own| {
        (
            own,
            std::fs::read(bench.config.directory.join(own)).unwrap(),
        )
    }));
    let text = std::fs::read_to_string(folder.join("spine.toml")).unwrap();
    for (from, to, says) in [
        (
            "[sink]",
            "[buffer]\nmax_rows = 0\n[sink]",
            "buffer.max_rows",
        ),
        ("[sink]", "[buffer]\nmax_rowz = 5\n[sink]", "max_rowz"),
        (
            "kind = \"file\"",
            "kind = \"carrier_pigeon\"",
            "carrier_pigeon",
        ),
        ("max = 90.0", "max = -91.0", "channels.position.fields.lat"),
    ] {
        std::fs::write(folder.join("bad.toml"), text.replacen(from, to, 1)).unwrap();
        let error = edge_spine::config::Config::load(&folder.join("bad.toml"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(says), "{error}");
    }
    for (file, bytes) in before {
        assert_eq!(
            std::fs::read(bench.config.directory.join(file)).unwrap(),
            bytes,
            "{file}"
        );
    }
    assert_eq!(bench.store().counts().unwrap().pending, 50);
}

#[test]
fn foreign_newer_and_wrongly_keyed_stores_are_refused_in_one_sentence() {
    let bench = Bench::new("");
    bench.intake().commit(&lines(0..50), at(1)).unwrap();
    let path = bench.config.directory.join("spine.db");
    let set = |pragma: &str| {
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute_batch(pragma)
            .unwrap();
        Store::open(&bench.config)
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert!(
        set("PRAGMA user_version = 9")
            .unwrap_err()
            .contains("version 9")
    );
    assert!(
        set("PRAGMA user_version = 1; PRAGMA application_id = 7")
            .unwrap_err()
            .contains("another program")
    );
    set(&format!("PRAGMA application_id = {}", 0x4744_5350)).unwrap();
    let key = bench.config.directory.join("store.key");
    let own = std::fs::read(&key).unwrap();
    std::fs::write(&key, "11".repeat(32)).unwrap();
    assert!(
        Store::open(&bench.config)
            .unwrap_err()
            .to_string()
            .contains("is not the key of this store")
    );
    std::fs::write(&key, "short").unwrap();
    assert!(
        Store::open(&bench.config)
            .unwrap_err()
            .to_string()
            .contains("64 hex digits")
    );
    std::fs::remove_file(&key).unwrap();
    assert!(
        Store::open(&bench.config)
            .unwrap_err()
            .to_string()
            .contains("store.key")
    );
    std::fs::write(&key, own).unwrap();
    assert_eq!(bench.store().counts().unwrap().pending, 50);
}

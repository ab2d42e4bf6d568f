//! A flight closed in order is sealed by its own key, which the device certifies.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use companion::recorder::{
    DiskVolume, KeyError, Recorder, flight_keys, make_device_key, read_device_key,
};
use fdr_format::{SEAL_FILE, SEAL_KEY_FILE, Seal, Stream, verify};

use super::rig::{event, imu, parameters, sizes};

#[test]
fn a_sealed_flight_names_its_device_and_the_last_chain_of_each_stream() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("device.key");
    let made = make_device_key(&file).unwrap();
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let device = read_device_key(&file).unwrap();
    assert_eq!(device.public(), made.public());

    let mut told = parameters(1 << 20);
    let keys = flight_keys(&DiskVolume, folder.path(), told.flight_id, Some(&device)).unwrap();
    told.keys = Some(keys);
    let sizes = companion::recorder::RecorderSizes {
        essential: true,
        essential_bytes: 16 << 20,
        wait_for_disk: true,
        ..sizes(16, 1 << 20)
    };
    let id = told.flight_id;
    let (recorder, mut senders) = Recorder::start(folder.path(), told, sizes, 1).unwrap();
    let mut sender = senders.remove(0);
    for time in 0..50_000 {
        while sender.offer(&imu(time), time).is_err() {
            std::thread::yield_now();
        }
    }
    sender.offer(&event(50_000), 50_000).unwrap();
    drop(sender);
    let summary = recorder.finish().unwrap();

    let flight = summary.folder;
    let secret = flight.join(SEAL_KEY_FILE);
    assert_eq!(
        fs::metadata(&secret).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let seal: Seal = serde_json::from_slice(&fs::read(flight.join(SEAL_FILE)).unwrap()).unwrap();
    seal.check(id).unwrap();
    assert_eq!(seal.device_key, Some(device.public()));
    let bulk = seal.stream(Stream::Bulk).unwrap();
    assert_eq!(bulk.last_segment + 1, summary.segments);
    assert!(seal.stream(Stream::Essential).is_some());
    assert_eq!(verify(&flight).unwrap().exit_code, 0);
}

#[test]
fn a_device_key_is_never_written_over_and_a_file_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("device.key");
    make_device_key(&file).unwrap();
    assert!(matches!(make_device_key(&file), Err(KeyError::Io { .. })));
    fs::write(&file, "short").unwrap();
    let error = read_device_key(&file).unwrap_err();
    assert!(
        error.to_string().contains("companion device-key new"),
        "{error}"
    );
}

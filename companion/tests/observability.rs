//! Log and metrics: what they say, what they never say, and that nobody waits for them.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::process::{Command, Output};
use std::{env, fs};

use companion::hardening::watchdog::Progress;
use companion::observability::{
    LogLevel, LogOptions, LogPlace, Logs, names_coordinates, shows_coordinates,
};
use companion::recorder::{Clock, Received, record_ring};
use fdr_format::RecordType;
use proptest::prelude::*;

const ROLE: &str = "COMPANION_LOG_CHILD";

/// A process has one log: each test that needs one is run in a process of its own.
fn child(test: &str) -> Output {
    Command::new(env::current_exe().expect("this test"))
        .args([test, "--exact", "--nocapture"])
        .env(ROLE, test)
        .output()
        .expect("a child")
}

fn is_child(test: &str) -> bool {
    env::var(ROLE).is_ok_and(|role| role == test)
}

fn logs(level: LogLevel, progress: Progress) -> Logs {
    Logs::start(LogOptions {
        level,
        place: LogPlace::Stdout,
        clock: Clock::starting_at(5_000_000_000),
        progress,
    })
    .expect("a log")
}

fn lines(output: &Output) -> Vec<serde_json::Value> {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).expect("a JSON object per line"))
        .collect()
}

#[test]
fn a_line_has_exactly_the_fields_that_were_asked_for() {
    const NAME: &str = "a_line_has_exactly_the_fields_that_were_asked_for";
    if is_child(NAME) {
        let progress = Progress::default();
        let logs = logs(LogLevel::Debug, progress.clone());
        logs.record_into("2f6c".to_owned(), None);
        progress.step();
        progress.step();
        tracing::info!(
            component = "recorder",
            horiz_accuracy = 3.25,
            "segment\nclosed"
        );
        tracing::debug!(cycle = 17_u64, "closer");
        logs.finish();
        return;
    }
    let lines = lines(&child(NAME));
    assert_eq!(lines.len(), 2);
    let fields: Vec<_> = lines[0].as_object().expect("an object").keys().collect();
    let mut expected = [
        "timestamp",
        "level",
        "service",
        "component",
        "flight_id",
        "cycle",
        "monotonic_ms",
        "message",
        "context",
    ];
    expected.sort_unstable();
    let mut fields: Vec<_> = fields.into_iter().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, expected);
    let first = &lines[0];
    assert_eq!(first["level"], "INFO");
    assert_eq!(first["service"], "gps-denied-companion");
    assert_eq!(first["component"], "recorder");
    assert_eq!(first["flight_id"], "2f6c");
    assert_eq!(first["cycle"], 2);
    assert_eq!(first["message"], "segment\nclosed");
    assert_eq!(first["context"]["horiz_accuracy"], 3.25);
    assert!(first["monotonic_ms"].as_u64().expect("a number") >= 5000);
    assert_eq!(lines[1]["cycle"], 17);
    assert_eq!(
        lines[1]["component"], "observability",
        "the module that logs"
    );
}

#[test]
fn coordinates_are_withheld_below_warn_and_counted() {
    const NAME: &str = "coordinates_are_withheld_below_warn_and_counted";
    if is_child(NAME) {
        let logs = logs(LogLevel::Debug, Progress::default());
        tracing::info!(lat_rad = 0.88, "by name");
        tracing::debug!("at 50.45012, 30.52345 now");
        tracing::info!(place = "50.45012 30.52345", "in a field");
        tracing::warn!("withdrawn at 50.45012, 30.52345");
        tracing::info!("an accuracy of 3.12345 m after 0.00123 s");
        let losses = logs.finish();
        assert_eq!((losses.lost, losses.withheld), (0, 3));
        return;
    }
    let messages: Vec<_> = lines(&child(NAME))
        .iter()
        .map(|line| line["message"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(
        messages,
        [
            "withdrawn at 50.45012, 30.52345",
            "an accuracy of 3.12345 m after 0.00123 s"
        ]
    );
}

#[test]
fn warnings_are_recorded_and_the_rest_is_not() {
    const NAME: &str = "warnings_are_recorded_and_the_rest_is_not";
    if is_child(NAME) {
        let (sender, mut receiver) = record_ring(1 << 20, 1 << 16);
        let logs = logs(LogLevel::Info, Progress::default());
        logs.record_into("2f6c".to_owned(), Some(sender));
        tracing::debug!("below the level");
        tracing::info!("nothing to keep");
        tracing::warn!(free_bytes = 12_u64, "the disk fills");
        tracing::error!("the disk is full");
        logs.finish();
        let mut kept = Vec::new();
        while let Some(received) = receiver.receive() {
            if let Received::Record {
                record_type, body, ..
            } = received
            {
                assert_eq!(record_type, RecordType::LOG);
                kept.push(String::from_utf8_lossy(body).into_owned());
            }
        }
        assert_eq!(kept.len(), 2);
        assert!(
            kept[0].contains("the disk fills free_bytes=12"),
            "{}",
            kept[0]
        );
        assert!(kept[1].contains("the disk is full"));
        return;
    }
    assert_eq!(lines(&child(NAME)).len(), 3);
}

#[test]
fn a_log_that_nobody_reads_holds_nobody_up_and_counts_what_it_loses() {
    const NAME: &str = "a_log_that_nobody_reads_holds_nobody_up_and_counts_what_it_loses";
    if is_child(NAME) {
        let logs = logs(LogLevel::Info, Progress::default());
        let begin = std::time::Instant::now();
        for number in 0..20_000 {
            tracing::info!(
                number,
                "a line that nobody reads, and that is long enough to fill a pipe"
            );
        }
        let report = env::temp_dir().join(format!("companion-log-{}", std::process::id()));
        let losses = logs.losses();
        fs::write(
            &report,
            format!("{} {}", losses.lost, begin.elapsed().as_millis()),
        )
        .expect("a report");
        fs::rename(&report, env::var("COMPANION_LOG_REPORT").expect("where")).expect("the report");
        // The log's thread hangs in the pipe for ever.
        std::process::exit(0);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report");
    let mut stuck = Command::new(env::current_exe().expect("this test"))
        .args([NAME, "--exact", "--nocapture"])
        .env(ROLE, NAME)
        .env("COMPANION_LOG_REPORT", &report)
        .env("TMPDIR", folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("a child");
    let mut told = None;
    for _ in 0..200 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        told = fs::read_to_string(&report).ok();
        if told.is_some() {
            break;
        }
    }
    stuck.kill().expect("an end");
    stuck.wait().expect("an end");
    let told = told.expect("the child got on");
    let (lost, took_ms) = told.split_once(' ').expect("two numbers");
    assert!(lost.parse::<u64>().expect("a number") > 10_000, "{told}");
    assert!(took_ms.parse::<u64>().expect("a number") < 10_000, "{told}");
}

#[test]
fn names_and_pairs_of_numbers_are_coordinates_and_other_numbers_are_not() {
    for name in [
        "lat",
        "lat_rad",
        "home.longitude",
        "LON",
        "position",
        "coordinates",
    ] {
        assert!(names_coordinates(name), "{name}");
    }
    for name in [
        "latency_ms",
        "horiz_accuracy",
        "longest_ns",
        "relative",
        "platform",
        "positions",
    ] {
        assert!(!names_coordinates(name), "{name}");
    }
    for text in [
        "50.4501, 30.5234",
        "(-33.8688,151.2093)",
        "at 50.4501° N, 30.5234° E",
        "{\"a\":50.4501,\"b\":1} 30.5234/50.4501",
    ] {
        assert!(shows_coordinates(text), "{text}");
    }
    for text in [
        "3.1234 m after 2.1234 s",
        "version 1.2.3, 4.5.6",
        "took 0.001, 0.002 of 12",
        "50.4, 30.5",
        "50.4501",
        "450.4501, 430.5234",
    ] {
        assert!(
            !shows_coordinates(text) || text.starts_with("took"),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn every_pair_of_degrees_is_found_wherever_it_stands(
        lat in -90.0..90.0_f64,
        lon in -180.0..180.0_f64,
        decimals in 3..9_usize,
        before in "[a-z =:]{0,20}",
        between in prop_oneof![Just(", "), Just(" "), Just(","), Just("; "), Just(" / ")],
    ) {
        let text = format!("{before}{lat:.decimals$}{between}{lon:.decimals$}");
        prop_assert!(shows_coordinates(&text), "{}", text);
    }

    #[test]
    fn any_text_is_judged_without_a_panic(text in any::<String>()) {
        let _ = shows_coordinates(&text);
        let _ = names_coordinates(&text);
    }
}

/// The metrics endpoint, which a production build does not have.
#[cfg(any(feature = "tier1", feature = "tier2"))]
mod metrics {
    use std::io::{Read, Write};
    use std::net::{Shutdown, SocketAddr, TcpStream};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use companion::config::Configuration;
    use companion::health::BoardReader;
    use companion::navigator::{
        Attitude, FcGps, FlightState, FrameOutcome, FrameRefusal, GpsFix, Input, MonotonicNs,
        SystemHealth, VisualOdometry,
    };
    use companion::observability::metrics::{Metrics, MetricsEndpoint, Scrape, render};
    use companion::pipeline::{Pipeline, Product};
    use companion::recorder::Status;

    const SECOND: u64 = 1_000_000_000;

    /// A minute on the ground with GPS, a frame that cannot be used, and a hot board.
    fn flown() -> Metrics {
        let metrics = Metrics::default();
        let mut pipeline = Pipeline::new(&Configuration::default());
        let mut feed = |input: Input| {
            let now = input.time();
            let mut sink = |product: Product<'_>| {
                metrics.observe(&product, now.plus_ns(300_000));
                Ok::<(), ()>(())
            };
            pipeline.advance_to(now, &mut sink).expect("no error");
            pipeline.handle(&input, &mut sink).expect("no error");
        };
        for step in 0..600_u64 {
            let time = MonotonicNs(SECOND + step * SECOND / 10);
            feed(Input::FlightState(FlightState {
                time,
                armed: false,
                airframe: companion::navigator::Airframe::FixedWing,
            }));
            feed(Input::Attitude(Attitude {
                time,
                roll_rad: 0.0,
                pitch_rad: 0.0,
                yaw_rad: 0.0,
                angular_rate_frd_radps: [0.0; 3],
            }));
            feed(Input::FcGps(FcGps {
                time,
                instance: 0,
                fix: GpsFix::ThreeD,
                lat_rad: 0.88,
                lon_rad: 0.53,
                alt_msl_m: 150.0,
                velocity_ne_mps: Some([0.0, 0.0]),
                horiz_accuracy_m: Some(2.0),
                vert_accuracy_m: Some(3.0),
                speed_accuracy_mps: Some(0.3),
                satellites: Some(12),
            }));
        }
        let time = MonotonicNs(62 * SECOND);
        feed(Input::VisualOdometry(VisualOdometry {
            time,
            frame: 1,
            exposure: MonotonicNs(61 * SECOND),
            outcome: FrameOutcome::Refused(FrameRefusal::PoorImage),
        }));
        feed(Input::SystemHealth(SystemHealth {
            time,
            cpu_percent: 40.0,
            gpu_percent: None,
            temperature_c: Some(95.0),
            throttled: false,
            ram_used_bytes: 1,
            ram_total_bytes: 2,
            vram_used_bytes: None,
            vram_total_bytes: None,
            nvm_free_bytes: 1,
            nvm_total_bytes: 2,
        }));
        metrics.key_rotated();
        metrics
    }

    fn scrape(metrics: &Metrics) -> String {
        let fixture = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../fixtures/jetson-orin-nano/sys"
        );
        let board = BoardReader::new(std::path::Path::new(fixture)).read();
        let status = Status::default();
        render(&Scrape {
            metrics,
            recorder: Some((&status, 62 * SECOND)),
            board: Some(&board),
        })
    }

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut client = TcpStream::connect(address).expect("the endpoint");
        client.write_all(request.as_bytes()).expect("a question");
        client.shutdown(Shutdown::Write).expect("no more");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("an answer");
        answer
    }

    fn value(text: &str, sample: &str) -> f64 {
        text.lines()
            .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))
            .unwrap_or_else(|| panic!("{sample} is missing in\n{text}"))
            .parse()
            .expect("a number")
    }

    #[test]
    fn a_scrape_holds_every_metric_that_was_promised() {
        let metrics = Arc::new(flown());
        let endpoint = MetricsEndpoint::start(([127, 0, 0, 1], 0).into(), {
            let metrics = Arc::clone(&metrics);
            move || scrape(&metrics)
        })
        .expect("an endpoint");
        let answer = ask(
            endpoint.address(),
            "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
        );
        let (head, text) = answer.split_once("\r\n\r\n").expect("head and body");
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(head.contains("text/plain; version=0.0.4"));
        for name in [
            "gps_denied_frame_processed_total{strategy=\"odometry\"}",
            "gps_denied_frame_processed_total{strategy=\"anchor\"}",
            "gps_denied_frame_emit_latency_seconds_bucket{le=\"+Inf\"}",
            "gps_denied_source_label_total{label=\"satellite_anchored\"}",
            "gps_denied_fdr_segment_drops_total",
            "gps_denied_fdr_size_bytes",
            "gps_denied_fdr_durable_age_seconds",
            "gps_denied_horiz_accuracy_m",
            "gps_denied_cycle_deadline_misses_total",
            "gps_denied_emission_delay_seconds_count",
            "gps_denied_link_errors_total",
            "gps_denied_validation_failures_total",
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "jetson_stats_power_watts{rail=\"VDD_IN\"}",
            "jetson_stats_temperature_celsius{zone=\"cpu-thermal\"}",
        ] {
            value(text, name);
        }
        assert!(
            value(
                text,
                "gps_denied_source_label_total{label=\"dead_reckoned\"}"
            ) > 500.0
        );
        assert_eq!(
            value(
                text,
                "gps_denied_frame_processed_total{strategy=\"refused\"}"
            ),
            1.0
        );
        assert_eq!(value(text, "gps_denied_thermal_hybrid_active"), 1.0);
        assert_eq!(value(text, "gps_denied_signing_key_rotations_total"), 1.0);
        assert!(value(text, "gps_denied_cold_start_seconds") < 1.0);
        assert!(value(text, "process_start_time_seconds") > 1.6e9);
        for absent in [
            "gps_denied_vpr_match_rate",
            "gps_denied_spoofing_promotion_latency_seconds",
        ] {
            assert!(!text.contains(absent), "{absent} has no value yet");
        }
        endpoint.stop();
    }

    #[test]
    fn other_questions_and_stalled_clients_are_answered_and_outlived() {
        let endpoint = MetricsEndpoint::start(([127, 0, 0, 1], 0).into(), || "up 1\n".to_owned())
            .expect("an endpoint");
        let address = endpoint.address();
        assert!(ask(address, "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(ask(address, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        assert_eq!(ask(address, &"x".repeat(100)), "");
        let begin = Instant::now();
        let stalled = TcpStream::connect(address).expect("a client that says nothing");
        assert!(ask(address, "GET /metrics HTTP/1.1\r\n\r\n").ends_with("up 1\n"));
        assert!(begin.elapsed() < Duration::from_secs(3));
        drop(stalled);
        endpoint.stop();
        assert!(TcpStream::connect(address).is_err(), "it has ended");
    }

    #[test]
    fn an_address_that_is_taken_is_named() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = taken.local_addr().expect("its address");
        let error = MetricsEndpoint::start(address, String::new).expect_err("it is taken");
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}

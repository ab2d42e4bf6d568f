//! The real sinks: a folder, a Redis server, and a web server with and without TLS.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use edge_spine::receiver::Receiver;
use edge_spine::row::Row;
use edge_spine::sink::{FileSink, HttpSink, Label, RedisSink, Sink, SinkError, Withdrawal};
use edge_spine::store::Outgoing;
use support::{Bench, at, lines};

/// Batches of real rows.
fn batches(bench: &Bench, count: i64) -> Vec<Outgoing> {
    bench.intake().commit(&lines(0..count), at(1)).unwrap();
    bench.store().claim(100, 100, None, at(2)).unwrap()
}

fn delivered(folder: &Path) -> Vec<i64> {
    let sink = FileSink::open(folder).unwrap();
    let files = sink.batches().unwrap();
    let rows = files.iter().flat_map(|own| FileSink::read(own).unwrap().1);
    rows.map(|own| Row::parse(&own).unwrap().key.seq).collect()
}

/// What every sink promises.
fn keeps_its_promises(sink: &mut dyn Sink, batches: &[Outgoing]) {
    sink.ping().unwrap();
    for batch in &batches[..2] {
        for _ in 0..3 {
            sink.deliver(batch).unwrap();
        }
    }
    assert_eq!(
        sink.withdraw(batches[0].batch.id).unwrap(),
        Withdrawal::WasStored
    );
    for _ in 0..2 {
        assert_eq!(
            sink.withdraw(batches[2].batch.id).unwrap(),
            Withdrawal::Withdrawn
        );
    }
    assert!(matches!(
        sink.deliver(&batches[2]),
        Err(SinkError::Refused(_))
    ));
}

#[test]
fn a_folder_keeps_a_batch_once_and_whole() {
    let bench = Bench::new("");
    let batches = batches(&bench, 300);
    let folder = bench.folder.path().join("out");
    let mut sink = FileSink::open(&folder).unwrap();
    keeps_its_promises(&mut sink, &batches);
    assert_eq!(delivered(&folder), (0..200).collect::<Vec<_>>());
    let (label, _) = FileSink::read(&sink.batches().unwrap()[0]).unwrap();
    assert_eq!(label.audit.size, 1);
    assert!(label.audit.is_signed_by(&bench.store().public_key()));
}

/// A request that a slow link held up may arrive while its batch is being taken back.
#[test]
fn a_batch_is_stored_or_withdrawn_and_never_both() {
    let bench = Bench::new("");
    let batch = batches(&bench, 300).remove(0);
    let sink = FileSink::open(&bench.folder.path().join("out")).unwrap();
    for number in 0..200_i64 {
        let mut label = Label::of(&batch);
        label.batch = format!("{number:032x}");
        label.first = number;
        let (stored, withdrawal) = std::thread::scope(|scope| {
            let stores = [0, 1].map(|_| scope.spawn(|| sink.store(&label, batch.body.as_bytes())));
            let withdrawal = sink.refuse(&label.batch).unwrap();
            (stores.map(|own| own.join().unwrap().is_ok()), withdrawal)
        });
        match withdrawal {
            Withdrawal::Withdrawn => assert_eq!(stored, [false, false]),
            Withdrawal::WasStored => assert_eq!(stored, [true, true]),
        }
        let is_it = |own: &std::path::PathBuf| own.to_string_lossy().contains(&label.batch);
        let there = sink.batches().unwrap().iter().any(is_it);
        assert_eq!(there, withdrawal == Withdrawal::WasStored);
    }
}

fn serve(folder: &Path, token: Option<&str>, refused: Option<&str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sink = FileSink::open(folder).unwrap();
    let receiver = Receiver::new(sink, token.map(str::to_owned), refused.map(str::to_owned));
    std::thread::spawn(move || Arc::new(receiver).serve(&listener));
    address
}

#[test]
fn a_web_server_keeps_a_batch_once_and_wants_the_right_token() {
    let bench = Bench::new("");
    let batches = batches(&bench, 300);
    let folder = bench.folder.path().join("out");
    let address = serve(&folder, Some("secret"), None);
    let url = format!("http://{address}");
    let token = bench.folder.path().join("token");
    std::fs::write(&token, "wrong\n").unwrap();
    let mut sink = HttpSink::new(&url, None, Some(&token), 5.0).unwrap();
    let error = sink.deliver(&batches[0]).unwrap_err();
    assert!(matches!(&error, SinkError::Configuration(why) if why.contains("sink.token_file")));
    std::fs::write(&token, "secret\n").unwrap();
    let mut sink = HttpSink::new(&url, None, Some(&token), 5.0).unwrap();
    keeps_its_promises(&mut sink, &batches);
    assert_eq!(delivered(&folder), (0..200).collect::<Vec<_>>());
}

#[test]
fn a_row_that_the_web_server_refuses_ends_in_the_dead_letters() {
    let bench = Bench::new("");
    bench.intake().commit(&lines(0..300), at(1)).unwrap();
    let folder = bench.folder.path().join("out");
    let address = serve(&folder, None, Some("\"alt\":42}"));
    let sink = HttpSink::new(&format!("http://{address}"), None, None, 5.0).unwrap();
    support::drain_all(&mut bench.drainer(sink), 0);
    let mut seqs = delivered(&folder);
    seqs.sort_unstable();
    assert_eq!(seqs, (0..300).filter(|own| *own != 42).collect::<Vec<_>>());
    assert_eq!(bench.store().counts().unwrap().dead, 1);
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn redis(folder: &Path, extra: &[&str]) -> Option<(Killed, SocketAddr)> {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let started = Command::new("redis-server")
        .args([
            "--port",
            &address.port().to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ])
        .arg("--dir")
        .arg(folder)
        .args(extra)
        .stdout(Stdio::null())
        .spawn();
    let Ok(child) = started else {
        assert!(std::env::var_os("CI").is_none(), "CI needs redis-server");
        return None;
    };
    let server = Killed(child);
    let since = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(since.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(20));
    }
    Some((server, address))
}

const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

#[test]
fn redis_takes_a_batch_once_by_device_and_keeps_it_over_a_kill() {
    let bench = Bench::new("");
    let batches = batches(&bench, 300);
    let Some((server, address)) = redis(bench.folder.path(), &DURABLE) else {
        return;
    };
    let url = format!("redis://{address}");
    let mut sink = RedisSink::new(&url, 16, 86_400, 2.0).unwrap();
    keeps_its_promises(&mut sink, &batches);
    drop(server);
    assert!(matches!(sink.ping(), Err(SinkError::Unreachable(_))));
    let Some((_server, address)) = redis(bench.folder.path(), &DURABLE) else {
        return;
    };
    let url = format!("redis://{address}");
    let mut sink = RedisSink::new(&url, 16, 86_400, 2.0).unwrap();
    // It listens before it has read back what it had.
    let limit = Instant::now() + Duration::from_secs(20);
    while sink.ping().is_err() {
        assert!(Instant::now() < limit, "Redis does not come back");
        std::thread::sleep(Duration::from_millis(20));
    }
    sink.deliver(&batches[1]).unwrap();
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    let stream = format!("telemetry:t:{}", crc32fast::hash(b"uav-7") % 16);
    let length: i64 = redis::cmd("XLEN")
        .arg(&stream)
        .query(&mut connection)
        .unwrap();
    assert_eq!(length, 200, "every acknowledged entry is there, once");
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("telemetry:t:*")
        .query(&mut connection)
        .unwrap();
    assert_eq!(keys, [stream]);
}

#[test]
fn a_redis_that_would_lose_what_it_acknowledges_is_refused_and_so_is_a_wrong_password() {
    let bench = Bench::new("");
    let batches = batches(&bench, 100);
    let folder = bench.folder.path();
    let lax = ["--appendonly", "yes", "--appendfsync", "everysec"];
    let Some((_lax, address)) = redis(folder, &lax) else {
        return;
    };
    let mut sink = RedisSink::new(&format!("redis://{address}"), 16, 86_400, 2.0).unwrap();
    let error = sink.deliver(&batches[0]).unwrap_err();
    assert!(
        matches!(&error, SinkError::Configuration(why) if why.contains("appendfsync")),
        "{error}"
    );
    let secret = [
        "--requirepass",
        "secret",
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
    ];
    let other = tempfile::tempdir().unwrap();
    let Some((_secret, address)) = redis(other.path(), &secret) else {
        return;
    };
    for url in [
        format!("redis://{address}"),
        format!("redis://:wrong@{address}"),
    ] {
        let mut sink = RedisSink::new(&url, 16, 86_400, 2.0).unwrap();
        let error = sink.deliver(&batches[0]).unwrap_err();
        assert!(matches!(error, SinkError::Configuration(_)), "{error:?}");
        assert!(
            !error.to_string().contains("wrong@"),
            "no password in a message"
        );
    }
    let mut sink = RedisSink::new(&format!("redis://:secret@{address}"), 16, 86_400, 2.0).unwrap();
    sink.deliver(&batches[0]).unwrap();
}

/// Makes an authority and a certificate for `localhost` with OpenSSL; none where that is missing.
fn certificate(folder: &Path) -> bool {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(folder.join("key.pem"))
        .arg("-out")
        .arg(folder.join("cert.pem"))
        .stderr(Stdio::null())
        .status();
    let made = made.is_ok_and(|own| own.success());
    assert!(made || std::env::var_os("CI").is_none(), "CI needs openssl");
    made
}

#[test]
fn an_https_server_written_by_somebody_else_gets_each_batch_once_and_a_stranger_gets_none() {
    use std::io::{BufRead, BufReader};
    let bench = Bench::new("");
    let batches = batches(&bench, 200);
    let folder = bench.folder.path();
    if !certificate(folder) {
        return;
    }
    let peer = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls_peer.py");
    let mut child = Command::new("python3")
        .arg(peer)
        .arg(folder.join("cert.pem"))
        .arg(folder.join("key.pem"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let _server = Killed(child);
    let port = said.next().unwrap();
    let url = format!("https://localhost:{port}");
    let mut stranger = HttpSink::new(&url, None, None, 5.0).unwrap();
    let error = stranger.deliver(&batches[0]).unwrap_err();
    assert!(matches!(error, SinkError::Configuration(_)), "{error:?}");
    let mut sink = HttpSink::new(&url, Some(&folder.join("cert.pem")), None, 5.0).unwrap();
    for batch in [&batches[0], &batches[0], &batches[1]] {
        sink.deliver(batch).unwrap();
    }
    for batch in &batches[..2] {
        assert_eq!(said.next().unwrap(), format!("{} 100", batch.batch.id));
    }
}

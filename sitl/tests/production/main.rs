//! The flying program as a process under its own protection: it flies, records and tells the service manager,
//! nothing of it listens, and whoever tries to make it listen fails.
//!
//! `just test-production` runs this with the production binary (`COMPANION_BINARY`, `COMPANION_PROFILE`);
//! otherwise it is the binary that the workspace's tests were built with.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sitl::fake_ardupilot::{COMPANION, FakeArduPilot, Shell, Terminal};

const EPERM: &str = "1";

/// The program, and the profile that it is built for.
fn program() -> Option<(PathBuf, String)> {
    if let Some(binary) = std::env::var_os("COMPANION_BINARY") {
        let profile = std::env::var("COMPANION_PROFILE").unwrap();
        return Some((binary.into(), profile));
    }
    // Beside the folder that this test lies in.
    let test = std::env::current_exe().unwrap();
    let binary = test.parent().unwrap().parent().unwrap().join("companion");
    if binary.is_file() {
        return Some((binary, "tier1".to_owned()));
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{} is missing: build it with cargo build -p companion",
        binary.display()
    );
    eprintln!("SKIPPED: {} is not built", binary.display());
    None
}

/// The stranger, or nothing where there is no compiler.
fn intruder(folder: &Path) -> Option<PathBuf> {
    let library = folder.join("intruder.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/production/intruder.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .args([source, "-pthread"])
        .status();
    let built = built.is_ok_and(|status| status.success());
    assert!(built || std::env::var_os("CI").is_none(), "cc is missing");
    built.then_some(library)
}

struct Flight {
    child: Child,
    /// Words to the service manager that nobody has waited for yet.
    heard: Arc<Mutex<Vec<String>>>,
    folder: tempfile::TempDir,
    _autopilot: Shell,
}

impl Flight {
    fn begin(binary: &Path, profile: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let terminal = Terminal::open().unwrap();
        let device = terminal.device().display().to_string();
        let mut autopilot = Shell::new(FakeArduPilot::flying);
        autopilot.stream(COMPANION, terminal);
        autopilot.run();
        let config = folder.path().join("companion.toml");
        let text = format!(
            "profile = \"{profile}\"\n[autopilot]\naddress = \"serial:{device}:921600\"\n[recorder]\n\
             folder = \"{}\"\nsegment_bytes = 1048576\n",
            folder.path().join("fdr").display()
        );
        fs::write(&config, text).unwrap();
        let socket = folder.path().join("notify");
        let manager = UnixDatagram::bind(&socket).unwrap();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        std::thread::spawn({
            let heard = Arc::clone(&heard);
            move || listen(&manager, &heard)
        });
        let mut command = Command::new(binary);
        command
            .args(["fly", "--json", "--config"])
            .arg(&config)
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "600000")
            .env("INTRUDER_GO", folder.path().join("go"))
            .env("INTRUDER_REPORT", folder.path().join("report"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(library) = intruder(folder.path()) {
            command.env("LD_PRELOAD", library);
        }
        Self {
            child: command.spawn().unwrap(),
            heard,
            folder,
            _autopilot: autopilot,
        }
    }

    /// Waits for a word to the service manager; what came up to it is forgotten.
    fn hear(&self, word: &str) {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(20) {
            let mut heard = self.heard.lock().unwrap();
            if let Some(at) = heard.iter().position(|said| said == word) {
                heard.drain(..=at);
                return;
            }
            drop(heard);
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the service manager did not hear {word}");
    }

    fn proc(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.child.id()))
    }

    /// Inode numbers of its sockets.
    fn sockets(&self) -> Vec<String> {
        fs::read_dir(self.proc("fd"))
            .unwrap()
            .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
            .filter_map(|target| {
                let target = target.to_string_lossy().into_owned();
                Some(
                    target
                        .strip_prefix("socket:[")?
                        .trim_end_matches(']')
                        .to_owned(),
                )
            })
            .collect()
    }

    fn end(mut self) -> (serde_json::Value, tempfile::TempDir) {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(asked.unwrap().success());
        self.hear("STOPPING=1");
        let _ = self.child.stdin.take();
        let output = self.child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        let text = String::from_utf8(output.stdout).unwrap();
        // In tier 1 the log stands in front of the report.
        let report = text.find("\n{\n").map_or(0, |at| at + 1);
        let report = serde_json::from_str(&text[report..]);
        (
            report.unwrap_or_else(|error| panic!("{error}: {text}")),
            self.folder,
        )
    }
}

/// A service manager that listens as long as the test runs.
fn listen(manager: &UnixDatagram, heard: &Mutex<Vec<String>>) {
    let mut bytes = [0; 256];
    while let Ok(length) = manager.recv(&mut bytes) {
        let said = String::from_utf8_lossy(&bytes[..length]).into_owned();
        heard.lock().unwrap().push(said);
    }
}

/// Sockets of `mine` that listen, by the kernel's tables.
fn listening(flight: &Flight, mine: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    // The state stands in field 3, the inode in field 9; 0A is LISTEN.
    for table in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
        let text = fs::read_to_string(flight.proc(&format!("net/{table}"))).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<_> = line.split_whitespace().collect();
            let ours = fields
                .get(9)
                .is_some_and(|inode| mine.iter().any(|own| own == inode));
            let connected = table.starts_with("tcp") && fields.get(3) != Some(&"0A");
            if ours && !connected {
                found.push(format!("{table}: {line}"));
            }
        }
    }
    // Flag 00010000 is a listener's.
    let text = fs::read_to_string(flight.proc("net/unix")).unwrap();
    for line in text.lines().skip(1) {
        let fields: Vec<_> = line.split_whitespace().collect();
        let ours = fields
            .get(6)
            .is_some_and(|inode| mine.iter().any(|own| own == inode));
        if ours && fields.get(3) == Some(&"00010000") {
            found.push(format!("unix: {line}"));
        }
    }
    found
}

#[test]
fn the_program_flies_and_records_and_nothing_of_it_listens() {
    let Some((binary, profile)) = program() else {
        return;
    };
    let flight = Flight::begin(&binary, &profile);
    flight.hear("READY=1");
    flight.hear("WATCHDOG=1");
    std::thread::sleep(Duration::from_secs(4));
    flight.hear("WATCHDOG=1");

    let mine = flight.sockets();
    assert_eq!(listening(&flight, &mine), Vec::<String>::new());
    for task in fs::read_dir(flight.proc("task")).unwrap() {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().to_owned())
        };
        let name = field("Name:").unwrap();
        assert_eq!(
            field("Seccomp:").as_deref(),
            Some("2"),
            "thread {name} has no filter"
        );
        assert_eq!(field("NoNewPrivs:").as_deref(), Some("1"), "thread {name}");
    }
    let limits = fs::read_to_string(flight.proc("limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core"))
        .unwrap();
    assert!(core.contains(" 0 "), "{core}");
    stranger_fails(&flight, &profile);

    let (report, folder) = flight.end();
    assert!(report["positions"].as_u64().unwrap() > 20, "{report}");
    assert_eq!(report["clean_shutdown"], true);
    let recording = PathBuf::from(report["flight_dir"].as_str().unwrap());
    let verification = fdr_format::verify(&recording).unwrap();
    assert_eq!(verification.exit_code, 0, "{:?}", verification.findings);
    drop(folder);
}

/// From inside: every way to a listener, other programs, and the way around the filter.
fn stranger_fails(flight: &Flight, profile: &str) {
    if !flight.folder.path().join("intruder.so").is_file() {
        return eprintln!("SKIPPED: no compiler for the stranger");
    }
    fs::write(flight.folder.path().join("go"), "").unwrap();
    let report = flight.folder.path().join("report");
    let begin = Instant::now();
    while !report.is_file() && begin.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let report = fs::read_to_string(report).unwrap();
    let mut attempts = 0;
    for line in report.lines() {
        let (attempt, error) = line.split_once(' ').unwrap();
        // On the bench clients may connect.
        let allowed = attempt == "internet" && profile != "production";
        assert_eq!(error, if allowed { "0" } else { EPERM }, "{attempt}");
        attempts += 1;
    }
    assert_eq!(attempts, 5, "{report}");
}

#[test]
fn a_file_for_the_other_build_is_not_flown() {
    let Some((binary, profile)) = program() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("companion.toml");
    let other = if profile == "production" {
        "tier1"
    } else {
        "production"
    };
    let fdr = folder.path().join("fdr");
    let text = format!(
        "profile = \"{other}\"\n[autopilot]\naddress = \"serial:/dev/null:921600\"\n[recorder]\n\
         folder = \"{}\"\n",
        fdr.display()
    );
    fs::write(&config, text).unwrap();
    let output = Command::new(&binary)
        .args(["fly", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("profile") && told.contains("build-production"),
        "{told}"
    );
    assert!(!fdr.exists(), "nothing was begun");
}

//! What the process gives up, tried by a child of this test: the measures cannot be taken back.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;
use std::{env, fs, thread};

use companion::hardening::landlock::{self, Reach};
use companion::hardening::notify::Notifier;
use companion::hardening::seccomp::{self, Sockets};
use companion::hardening::watchdog::{Progress, Watchdog};
use companion::hardening::{Protection, memory, panic_dump};

const ROLE: &str = "COMPANION_HARDENING_CHILD";
const FOLDER: &str = "COMPANION_HARDENING_FOLDER";

/// Runs `test` of this binary once more, as a child that knows it is one.
fn child(test: &str, folder: &Path) -> Output {
    Command::new(env::current_exe().expect("this test"))
        .args([test, "--exact", "--nocapture"])
        .env(ROLE, test)
        .env(FOLDER, folder)
        .output()
        .expect("a child")
}

fn is_child(test: &str) -> bool {
    env::var(ROLE).is_ok_and(|role| role == test)
}

fn folder() -> std::path::PathBuf {
    env::var_os(FOLDER).expect("the parent's folder").into()
}

fn succeeded(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn refused<T: std::fmt::Debug>(attempt: std::io::Result<T>) {
    let error = attempt.expect_err("an attempt that must fail");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

#[test]
fn under_the_production_filter_nothing_listens_and_nothing_leaves_the_machine() {
    const NAME: &str = "under_the_production_filter_nothing_listens_and_nothing_leaves_the_machine";
    if !is_child(NAME) {
        let folder = tempfile::tempdir().expect("a folder");
        return succeeded(&child(NAME, folder.path()));
    }
    let before = UnixDatagram::bind(folder().join("journal")).expect("a socket of before");
    seccomp::restrict(Sockets::Local).expect("the filter");
    refused(TcpListener::bind("127.0.0.1:0"));
    refused(TcpStream::connect("127.0.0.1:9"));
    refused(UdpSocket::bind("127.0.0.1:0"));
    refused(UnixListener::bind(folder().join("listener")));
    refused(Command::new("/bin/true").status());
    // A thread that was started later is held as well.
    thread::spawn(|| refused(TcpListener::bind("127.0.0.1:0")))
        .join()
        .expect("the thread");
    // The journal and the service manager are still told.
    let local = UnixDatagram::unbound().expect("a local socket");
    local
        .send_to(b"hello", folder().join("journal"))
        .expect("a datagram");
    let mut bytes = [0; 8];
    assert_eq!(before.recv(&mut bytes).expect("the datagram"), 5);
    fs::write(folder().join("record"), b"still writes").expect("a file");
}

#[test]
fn on_the_bench_clients_connect_and_still_nobody_listens() {
    const NAME: &str = "on_the_bench_clients_connect_and_still_nobody_listens";
    if !is_child(NAME) {
        let folder = tempfile::tempdir().expect("a folder");
        return succeeded(&child(NAME, folder.path()));
    }
    let metrics = TcpListener::bind("127.0.0.1:0").expect("a listener of before");
    let address = metrics.local_addr().expect("its address");
    seccomp::restrict(Sockets::ClientsAndOneListener).expect("the filter");
    TcpStream::connect(address).expect("a client");
    metrics.accept().expect("the listener of before");
    refused(TcpListener::bind("127.0.0.1:0"));
    seccomp::restrict(Sockets::Clients).expect("a stricter filter");
    TcpStream::connect(address).expect("a client");
    refused(metrics.accept());
}

#[test]
fn the_ways_around_the_filter_are_closed_too() {
    const NAME: &str = "the_ways_around_the_filter_are_closed_too";
    if !is_child(NAME) {
        let folder = tempfile::tempdir().expect("a folder");
        return succeeded(&child(NAME, folder.path()));
    }
    seccomp::restrict(Sockets::Local).expect("the filter");
    // rustix has no safe call for these; the C library's `syscall` is what an intruder would use.
    for call in [
        libc::SYS_io_uring_setup,
        libc::SYS_bpf,
        libc::SYS_ptrace,
        libc::SYS_userfaultfd,
        libc::SYS_bind,
        libc::SYS_socket,
    ] {
        assert_eq!(raw(call), libc::EPERM, "call {call}");
        #[cfg(target_arch = "x86_64")]
        assert!(
            [libc::EPERM, libc::ENOSYS].contains(&raw(call | 0x4000_0000)),
            "call {call} by its other number"
        );
    }
}

/// Calls with `AF_NETLINK`, or 16, and zeros; the error number.
#[allow(unsafe_code, reason = "raw system calls")]
fn raw(call: libc::c_long) -> i32 {
    // SAFETY: every call here is refused by the filter before the kernel looks at its arguments, and
    // none of them writes through a null pointer.
    let result = unsafe { libc::syscall(call, 16, 0, 0, 0, 0, 0) };
    if result >= 0 {
        return 0;
    }
    std::io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or_default()
}

#[test]
fn files_outside_the_flight_are_out_of_reach() {
    const NAME: &str = "files_outside_the_flight_are_out_of_reach";
    if !is_child(NAME) {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("fdr")).expect("the recording's folder");
        fs::create_dir(folder.path().join("map")).expect("the map's folder");
        fs::write(folder.path().join("map/tiles"), "tiles").expect("a map");
        fs::write(folder.path().join("secret"), "secret").expect("a secret");
        return succeeded(&child(NAME, folder.path()));
    }
    let reach = Reach {
        write: vec![folder().join("fdr")],
        read: vec![folder().join("map"), folder().join("not there")],
        devices: vec!["/dev".into()],
        connects: false,
    };
    match landlock::restrict(&reach) {
        Protection::InForce | Protection::Partly(_) => {}
        Protection::Missing(why) => {
            assert!(env::var_os("CI").is_none(), "{why}");
            return println!("skipped: {why}");
        }
    }
    fs::write(folder().join("fdr/seg"), "records").expect("a segment");
    fs::rename(folder().join("fdr/seg"), folder().join("fdr/seg_00000")).expect("a rename");
    fs::remove_file(folder().join("fdr/seg_00000")).expect("a drop");
    fs::read(folder().join("map/tiles")).expect("a tile");
    refused(fs::write(folder().join("map/tiles"), "poison"));
    refused(fs::read(folder().join("secret")));
    refused(fs::read("/etc/passwd"));
    fs::read("/dev/null").expect("a device");
    thread::spawn(|| refused(fs::read("/etc/passwd")))
        .join()
        .expect("the thread");
}

#[test]
fn memory_is_locked_and_never_dumped() {
    const NAME: &str = "memory_is_locked_and_never_dumped";
    if !is_child(NAME) {
        let folder = tempfile::tempdir().expect("a folder");
        return succeeded(&child(NAME, folder.path()));
    }
    let arena = vec![1_u8; 1 << 20];
    assert_eq!(memory::never_dump(), Protection::InForce);
    let limits = fs::read_to_string("/proc/self/limits").expect("limits");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .expect("the limit");
    assert!(core.contains(" 0 "), "{core}");
    match memory::lock() {
        Protection::InForce => {
            let status = fs::read_to_string("/proc/self/status").expect("status");
            let locked = status
                .lines()
                .find_map(|line| line.strip_prefix("VmLck:"))
                .expect("locked memory");
            let kib: u64 = locked.trim().trim_end_matches(" kB").parse().expect("kB");
            assert!(kib >= arena.len() as u64 / 1024, "{kib} KiB locked");
        }
        Protection::Missing(why) => assert!(why.contains("LimitMEMLOCK"), "{why}"),
        Protection::Partly(what) => panic!("{what}"),
    }
}

#[test]
fn a_panic_of_any_thread_leaves_a_dump_and_asks_for_a_restart() {
    const NAME: &str = "a_panic_of_any_thread_leaves_a_dump_and_asks_for_a_restart";
    if is_child(NAME) {
        panic_dump::install(folder(), || ());
        let worker = thread::Builder::new().name("navigator".to_owned());
        let panicked = worker
            .spawn(|| panic!("a broken promise"))
            .expect("a thread");
        panicked.join().expect("the process has ended by now");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let dumps = folder.path().join("dumps");
    fs::create_dir(&dumps).expect("a folder");
    for old in 0..panic_dump::DUMPS_MAX + 2 {
        fs::write(dumps.join(format!("panic-{old:013}-1.txt")), "old").expect("an old dump");
    }
    let output = child(NAME, &dumps);
    assert_eq!(output.status.code(), Some(i32::from(panic_dump::RESTART)));
    let mut kept: Vec<_> = fs::read_dir(&dumps)
        .expect("the dumps")
        .map(|entry| entry.expect("a dump").path())
        .collect();
    kept.sort();
    assert_eq!(kept.len(), panic_dump::DUMPS_MAX, "the oldest go");
    let newest = kept.last().expect("a dump");
    let text = fs::read_to_string(newest).expect("a dump");
    assert!(text.contains("thread `navigator` panicked"), "{text}");
    assert!(text.contains("a broken promise"), "{text}");
    assert!(text.contains("hardening.rs"), "{text}");
}

#[test]
fn the_service_manager_hears_ready_alive_and_stopping() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a manager");
    let notifier = Notifier::to(path.as_os_str()).expect("the way to it");
    notifier.ready().expect("ready");
    notifier.status("anchored\nand well").expect("status");
    notifier.alive().expect("alive");
    notifier.stopping().expect("stopping");
    let mut heard = Vec::new();
    for _ in 0..4 {
        let mut bytes = [0; 64];
        let length = manager.recv(&mut bytes).expect("a datagram");
        heard.push(String::from_utf8_lossy(&bytes[..length]).into_owned());
    }
    assert_eq!(
        heard,
        [
            "READY=1",
            "STATUS=anchored and well",
            "WATCHDOG=1",
            "STOPPING=1"
        ]
    );
    drop(manager);
    assert!(
        notifier.alive().is_err(),
        "a manager that is gone is noticed"
    );
}

#[test]
fn a_manager_that_does_not_read_holds_nothing_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let _manager = UnixDatagram::bind(&path).expect("a manager");
    let notifier = Notifier::to(path.as_os_str()).expect("the way to it");
    let full = (0..100_000).find_map(|_| notifier.alive().err());
    assert_eq!(full.map(|error| error.kind()), Some(ErrorKind::WouldBlock));
}

#[test]
fn the_watchdog_is_fed_by_progress_alone() {
    let progress = Progress::default();
    let mut dog = Watchdog::new(progress.clone());
    assert!(!dog.look(), "nothing was done yet");
    progress.step();
    assert!(dog.look());
    assert!(!dog.look(), "the navigator hangs");
    progress.step();
    progress.step();
    assert!(dog.look());
    assert_eq!(
        Watchdog::period(Duration::from_secs(3)),
        Duration::from_secs(1)
    );
}

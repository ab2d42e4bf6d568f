//! The processes of a drill: started, killed at any moment, started again.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crate::cli::CommandError;

/// Lines on their way to the intake's standard input.
const IN_FLIGHT: usize = 64;
/// How long a sink may take to answer after its start.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A process that is killed when it is dropped.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Result<Self, CommandError> {
        command
            .spawn()
            .map(Self)
            .map_err(|error| CommandError::Other(format!("{command:?}: {error}")))
    }

    /// Ends it at once, without a word.
    pub fn kill(&mut self) {
        // A process that ended by itself needs no killing.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The intake, with what it has not acknowledged.
#[derive(Debug)]
pub struct Ingest {
    config: PathBuf,
    offset_ms: i64,
    process: Process,
    lines: Option<SyncSender<String>>,
    acknowledged: Arc<AtomicU64>,
    counted: u64,
    unacknowledged: VecDeque<String>,
    sent: usize,
}

impl Ingest {
    /// Starts it.
    pub fn start(program: &Path, config: &Path, offset_ms: i64) -> Result<Self, CommandError> {
        let (process, lines, acknowledged) = launch(program, config, offset_ms)?;
        Ok(Self {
            config: config.to_owned(),
            offset_ms,
            process,
            lines: Some(lines),
            acknowledged,
            counted: 0,
            unacknowledged: VecDeque::new(),
            sent: 0,
        })
    }

    /// Kills it and starts it again; what was not acknowledged is sent again.
    pub fn restart(&mut self, program: &Path, offset_ms: i64) -> Result<(), CommandError> {
        self.lines = None;
        self.process.kill();
        self.take_receipts();
        self.offset_ms = offset_ms;
        let (process, lines, acknowledged) = launch(program, &self.config, offset_ms)?;
        (self.process, self.lines, self.acknowledged) = (process, Some(lines), acknowledged);
        (self.counted, self.sent) = (0, 0);
        Ok(())
    }

    /// One more line.
    pub fn offer(&mut self, line: String) {
        self.unacknowledged.push_back(line);
    }

    /// Moves lines and receipts, as far as that goes without waiting. A process that ended by itself is
    /// started again, as its service manager would; true when that was so.
    pub fn pump(&mut self, program: &Path) -> Result<bool, CommandError> {
        self.take_receipts();
        while let (Some(line), Some(lines)) = (self.unacknowledged.get(self.sent), &self.lines) {
            if lines.try_send(line.clone()).is_err() {
                break;
            }
            self.sent += 1;
        }
        if self.process.runs() {
            return Ok(false);
        }
        self.restart(program, self.offset_ms)?;
        Ok(true)
    }

    /// Lines without a receipt.
    pub fn waiting(&self) -> usize {
        self.unacknowledged.len()
    }

    fn take_receipts(&mut self) {
        let now = self.acknowledged.load(Ordering::SeqCst);
        let fresh = usize::try_from(now - self.counted).unwrap_or(usize::MAX);
        let fresh = fresh.min(self.unacknowledged.len());
        self.unacknowledged.drain(..fresh);
        self.sent = self.sent.saturating_sub(fresh);
        self.counted = now;
    }
}

type Launched = (Process, SyncSender<String>, Arc<AtomicU64>);

fn launch(program: &Path, config: &Path, offset_ms: i64) -> Result<Launched, CommandError> {
    let mut process = Process::start(
        Command::new(program)
            .arg("ingest")
            .arg("--config")
            .arg(config)
            .args(["--clock-offset-ms", &offset_ms.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null()),
    )?;
    let none = || CommandError::Other("a pipe is missing".into());
    let mut input = process.0.stdin.take().ok_or_else(none)?;
    let output = process.0.stdout.take().ok_or_else(none)?;
    let (sender, receiver) = sync_channel::<String>(IN_FLIGHT);
    std::thread::spawn(move || {
        for line in receiver {
            if input.write_all((line + "\n").as_bytes()).is_err() {
                return;
            }
        }
    });
    let acknowledged = Arc::new(AtomicU64::new(0));
    let own = Arc::clone(&acknowledged);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let count = line
                .trim_start_matches("{\"acknowledged\":")
                .trim_end_matches('}')
                .parse();
            // A receipt that was torn by a kill is none.
            if line.ends_with('}')
                && let Ok(count) = count
            {
                own.store(count, Ordering::SeqCst);
            }
        }
    });
    Ok((process, sender, acknowledged))
}

/// Starts the drain.
pub fn start_drain(program: &Path, config: &Path, offset_ms: i64) -> Result<Process, CommandError> {
    Process::start(
        Command::new(program)
            .args(["drain", "--follow", "--config"])
            .arg(config)
            .args(["--clock-offset-ms", &offset_ms.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    )
}

/// The process that rows are sent to.
#[derive(Debug)]
pub enum Server {
    /// `spine receive`, which keeps batches as the file sink does.
    Receiver {
        /// Where.
        folder: PathBuf,
    },
    /// A Redis server of its own.
    Redis {
        /// Where it keeps its log.
        folder: PathBuf,
    },
}

impl Server {
    /// Starts it on `address` and waits until it answers.
    pub fn start(&self, program: &Path, address: SocketAddr) -> Result<Process, CommandError> {
        let mut command = match self {
            Self::Receiver { folder } => {
                let mut command = Command::new(program);
                command.arg("receive").arg("--to").arg(folder);
                command.args(["--listen", &address.to_string()]);
                command
            }
            Self::Redis { folder } => {
                std::fs::create_dir_all(folder)?;
                let mut command = Command::new("redis-server");
                command
                    .arg("--dir")
                    .arg(folder)
                    .args(["--port", &address.port().to_string()]);
                command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]);
                command.args(["--appendfsync", "always", "--daemonize", "no"]);
                command
            }
        };
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let started = Instant::now();
        let mut process = Process::start(&mut command)?;
        while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
            if started.elapsed() > START_LIMIT {
                return Err(CommandError::Other(format!(
                    "{command:?} does not listen on {address}"
                )));
            }
            if !process.runs() {
                process = Process::start(&mut command)?;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(process)
    }
}

/// A port that is free now.
pub fn free_address() -> Result<SocketAddr, CommandError> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The folder of the store on a small file system of its own, where root may mount one.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one at `path`; none where that is not allowed.
    pub fn mount(path: &Path, megabytes: i64) -> Option<Self> {
        std::fs::create_dir_all(path).ok()?;
        let options = format!("size={megabytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "edge-spine-drill"])
            .arg(path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|own| own.success()).then(|| Self {
            path: path.to_owned(),
        })
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        let Ok(mut file) = std::fs::File::create(self.path.join("filler")) else {
            return;
        };
        let block = vec![0; 64 * 1024];
        while file.write_all(&block).is_ok() {}
        while file.write_all(&block[..1]).is_ok() {}
    }

    /// Gives the room back.
    pub fn free(&self) {
        let _ = std::fs::remove_file(self.path.join("filler"));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("-l")
            .arg(&self.path)
            .stderr(Stdio::null())
            .status();
    }
}

//! A panic ends the process: it leaves a dump, and a code by which the service manager starts it again.
//!
//! Going on without the thread that panicked would be flying on a promise that is known to be broken;
//! a restart in flight has positions again within seconds.

use std::backtrace::Backtrace;
use std::fs;
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Exit code after a panic: start it again (`EX_SOFTWARE` of `sysexits.h`).
pub const RESTART: u8 = 70;
/// Dumps that are kept; the oldest go.
pub const DUMPS_MAX: usize = 16;
/// Longest dump, bytes.
const DUMP_BYTES: usize = 64 << 10;
const PREFIX: &str = "panic-";

static ENDING: AtomicBool = AtomicBool::new(false);

/// From now on a panic of any thread writes a dump into `folder`, which is made when it is missing, and
/// ends the process with [`RESTART`]. `stopped` is called in between: the last chance to say something.
pub fn install(folder: PathBuf, stopped: impl Fn() + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |panic| {
        // A second panic, of another thread or of this hook, adds nothing.
        if !ENDING.swap(true, Ordering::SeqCst) {
            let text = describe(panic);
            // Nobody is left to tell when stderr is gone.
            let _ = writeln!(io::stderr(), "{}", text.lines().next().unwrap_or_default());
            if let Err(error) = write(&folder, &text) {
                let path = folder.display();
                let _ = writeln!(io::stderr(), "{path}: the dump cannot be written: {error}");
            }
            stopped();
        }
        std::process::exit(i32::from(RESTART));
    }));
}

fn describe(panic: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("without a name");
    let version = env!("CARGO_PKG_VERSION");
    let backtrace = Backtrace::force_capture();
    let mut text =
        format!("companion {version}: thread `{name}` panicked: {panic}\n\n{backtrace}\n");
    let mut end = DUMP_BYTES.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

fn write(folder: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    make_room(folder)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let time = since.unwrap_or_default().as_millis();
    let path = folder.join(format!("{PREFIX}{time:013}-{}.txt", std::process::id()));
    let mut file = fs::File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn make_room(folder: &Path) -> io::Result<()> {
    let mut dumps: Vec<_> = fs::read_dir(folder)?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .map(|entry| entry.path())
        .collect();
    dumps.sort();
    let surplus = (dumps.len() + 1).saturating_sub(DUMPS_MAX);
    dumps.iter().take(surplus).try_for_each(fs::remove_file)
}

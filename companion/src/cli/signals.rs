//! Signals whose default would end the program without a word.
#![allow(unsafe_code, reason = "the standard library cannot ignore a signal")]

/// Makes a write beyond the process's file-size limit (`ulimit -f`) fail like any other, so that the
/// recording is closed and the file named. By default SIGXFSZ kills the program.
pub fn report_file_size_limit_as_error() {
    // SAFETY: no handler is installed, the signal is only ignored; no other thread runs yet.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

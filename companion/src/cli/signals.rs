//! Signals whose default would end the program without a word.
#![allow(unsafe_code, reason = "the standard library cannot handle a signal")]

use std::sync::atomic::{AtomicI32, Ordering};

/// The signal that asked the program to end; 0 while there is none.
static INTERRUPTED_BY: AtomicI32 = AtomicI32::new(0);

/// Makes a write beyond the process's file-size limit (`ulimit -f`) fail like any other, so that the
/// recording is closed and the file named. By default SIGXFSZ kills the program.
pub fn report_file_size_limit_as_error() {
    // SAFETY: no handler is installed, the signal is only ignored; no other thread runs yet.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Makes the first SIGINT or SIGTERM a request ([`interrupted_by`]), so that the recording is closed in
/// order. The second one ends the program at once.
pub fn take_interruption_as_request() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: `action` is plain data, for which zero is valid (no flags, empty mask); the handler
        // only writes to an atomic, which is allowed in a signal handler, and lives as long as the
        // program. SA_RESTART leaves system calls under way undisturbed.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = remember as *const () as libc::sighandler_t;
            action.sa_flags = libc::SA_RESTART | libc::SA_RESETHAND;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

extern "C" fn remember(signal: libc::c_int) {
    INTERRUPTED_BY.store(signal, Ordering::Relaxed);
}

/// The signal that asked the program to end.
pub fn interrupted_by() -> Option<i32> {
    match INTERRUPTED_BY.load(Ordering::Relaxed) {
        0 => None,
        signal => Some(signal),
    }
}

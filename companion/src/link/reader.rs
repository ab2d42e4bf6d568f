//! The thread that opens a link, reads it, and opens it again.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::address::LinkAddress;
use super::backoff::Backoff;
use super::connection::{Connection, ReadOutcome};
use super::inbox::{Inbox, Notice};
use crate::navigator::MonotonicNs;
use crate::recorder::Clock;

/// How long a reader waits for bytes before it looks whether it is to end.
const READ_WAIT: Duration = Duration::from_millis(100);
/// Room of one read.
const READ_BYTES: usize = 4096;

/// What the threads of one link share.
#[derive(Debug)]
pub struct Line {
    number: u8,
    address: LinkAddress,
    connection: Mutex<Option<Arc<Connection>>>,
    changed: Condvar,
    reconnect: AtomicBool,
    stop: AtomicBool,
}

impl Line {
    /// A line that leads to `address`; `number` is the link's in records.
    #[must_use]
    pub fn new(number: u8, address: LinkAddress) -> Self {
        Self {
            number,
            address,
            connection: Mutex::default(),
            changed: Condvar::new(),
            reconnect: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        }
    }

    /// The link's number.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.number
    }

    /// Where it leads.
    #[must_use]
    pub fn address(&self) -> &LinkAddress {
        &self.address
    }

    fn slot(&self) -> MutexGuard<'_, Option<Arc<Connection>>> {
        // One assignment is all that happens under it.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The open connection.
    #[must_use]
    pub fn connection(&self) -> Option<Arc<Connection>> {
        self.slot().clone()
    }

    fn publish(&self, connection: Option<Arc<Connection>>) {
        *self.slot() = connection;
        self.changed.notify_all();
    }

    /// Asks the reader to open the link anew: it is open, and dead.
    pub fn reconnect(&self) {
        self.reconnect.store(true, Ordering::Release);
    }

    /// Ends both threads.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    /// Whether the threads are to end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Waits, unless the threads are to end.
    fn pause(&self, time: Duration) {
        let slot = self.slot();
        if !self.is_stopped() {
            // Why the wait ended does not matter.
            drop(self.changed.wait_timeout(slot, time));
        }
    }
}

/// Opens and reads the link until it is stopped.
pub fn read_link(line: &Line, inbox: &Inbox, clock: Clock) {
    let mut backoff = Backoff::default();
    let now = || MonotonicNs(clock.now_ns());
    while !line.is_stopped() {
        let problem = match Connection::open(&line.address) {
            Ok(connection) => {
                let connection = Arc::new(connection);
                line.reconnect.store(false, Ordering::Release);
                line.publish(Some(Arc::clone(&connection)));
                inbox.notice(Notice::Opened {
                    link: line.number,
                    time: now(),
                });
                let problem = read_until_end(line, &connection, inbox, &mut backoff, &now);
                line.publish(None);
                problem
            }
            Err(problem) => Some(problem),
        };
        let Some(problem) = problem else { break };
        inbox.notice(Notice::Failed {
            link: line.number,
            time: now(),
            text: format!("{}: {problem}", line.address),
        });
        line.pause(backoff.failed());
    }
}

/// Why the link ended; `None` when it was stopped.
fn read_until_end(
    line: &Line,
    connection: &Connection,
    inbox: &Inbox,
    backoff: &mut Backoff,
    now: &impl Fn() -> MonotonicNs,
) -> Option<io::Error> {
    let mut buffer = [0; READ_BYTES];
    loop {
        if line.is_stopped() {
            return None;
        }
        if line.reconnect.swap(false, Ordering::AcqRel) {
            let why = "nothing comes any more; it is opened anew";
            return Some(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        match connection.read(&mut buffer, READ_WAIT) {
            Ok(ReadOutcome::Bytes(count)) => {
                inbox.bytes(line.number, now(), &buffer[..count]);
                backoff.worked();
            }
            Ok(ReadOutcome::Nothing) => {}
            Err(problem) => return Some(problem),
        }
    }
}

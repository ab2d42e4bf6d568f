//! What the recorder's threads tell the flight, and what the flight asks of them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::events::{EVENTS_MAX, EventQueue, RecorderEvent};
use super::freeze::FreezeReason;

/// Most orders that wait: beyond it the newest are refused.
const ORDERS_MAX: usize = 64;

/// What is asked of the recorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Drop nothing any more.
    Freeze(FreezeReason),
    /// Drop the oldest again.
    Thaw,
    /// Keep a segment whatever happens.
    Pin(u32),
}

#[derive(Debug, Default)]
struct Board {
    to_record: VecDeque<RecorderEvent>,
    to_ground: EventQueue,
    orders: VecDeque<Order>,
}

/// Events on their way out and orders on their way in. Its lock is held for moments only.
#[derive(Debug, Default)]
pub struct Notices {
    board: Mutex<Board>,
}

impl Notices {
    fn board(&self) -> MutexGuard<'_, Board> {
        // Every method leaves the board in order, so that a panic elsewhere does not matter.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the ground station something that is recorded already, or as a record of its own.
    pub fn tell(&self, event: RecorderEvent) {
        self.board().to_ground.push(event);
    }

    /// Has an event recorded, and tells the ground station.
    pub fn record(&self, event: RecorderEvent) {
        let mut board = self.board();
        // Far fewer occur between two rounds of the collector; the ground station hears of all.
        if board.to_record.len() < EVENTS_MAX {
            board.to_record.push_back(event.clone());
        }
        board.to_ground.push(event);
    }

    /// The next event that is to be recorded.
    pub fn next_to_record(&self) -> Option<RecorderEvent> {
        self.board().to_record.pop_front()
    }

    /// What the ground station has not heard, oldest first, and how many events before that were
    /// forgotten because nobody asked.
    pub fn take(&self) -> (Vec<RecorderEvent>, u64) {
        self.board().to_ground.take()
    }

    /// Asks something of the recorder; says whether there was room.
    pub fn order(&self, order: Order) -> bool {
        let mut board = self.board();
        let room = board.orders.len() < ORDERS_MAX;
        if room {
            board.orders.push_back(order);
        }
        room
    }

    /// The oldest order.
    pub fn next_order(&self) -> Option<Order> {
        self.board().orders.pop_front()
    }
}

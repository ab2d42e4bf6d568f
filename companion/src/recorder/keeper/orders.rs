//! Freeze, thaw and pins: asked for by a call or by a marker in the flight's folder.

use std::sync::Arc;

use super::super::events::{RecorderEvent, RecorderEventKind};
use super::super::freeze::FreezeReason;
use super::super::markers::Markers;
use super::super::notices::Order;
use super::super::volume::Volume;
use super::Keeper;

impl<V: Volume> Keeper<V> {
    pub(super) fn follow(&mut self, order: Order, now_ns: u64) {
        let volume = &*self.parts.volume;
        match order {
            Order::Freeze(reason) if !self.markers.frozen() => {
                // The order holds for this process even when the marker cannot be written.
                let _ = self.markers.freeze(volume);
                self.frozen(reason, now_ns);
            }
            Order::Thaw if self.markers.frozen() => {
                let _ = self.markers.thaw(volume);
                self.thawed(now_ns);
            }
            Order::Pin(segment) => {
                let _ = self.markers.pin(volume, segment);
                self.pinned(segment, now_ns);
            }
            Order::Freeze(_) | Order::Thaw => {}
        }
    }

    fn frozen(&mut self, reason: FreezeReason, now_ns: u64) {
        self.parts.status.set_frozen(true);
        self.tell(
            RecorderEventKind::Frozen,
            format!(
                "recording frozen ({}): nothing is dropped any more",
                reason.name()
            ),
            now_ns,
        );
    }

    fn thawed(&mut self, now_ns: u64) {
        self.parts.status.set_frozen(false);
        // A stream that held because of the freeze looks for room again at once.
        self.pause_until_ns = 0;
        self.tell(
            RecorderEventKind::Thawed,
            "recording thawed: the oldest segments are dropped again".to_owned(),
            now_ns,
        );
    }

    fn pinned(&mut self, segment: u32, now_ns: u64) {
        let mut dropping = self.dropping.iter().flatten();
        if dropping.any(|dropping| dropping.segment() == segment) || !self.shelf.pin(segment) {
            return;
        }
        let text = format!("segment {segment} is kept whatever happens");
        self.tell(RecorderEventKind::Pinned { segment }, text, now_ns);
    }

    fn tell(&self, kind: RecorderEventKind, text: String, now_ns: u64) {
        self.parts.notices.record(RecorderEvent {
            time_ns: now_ns,
            kind,
            text,
        });
    }

    /// Looks at the file system, and at the markers that somebody may have put or taken away.
    pub(super) fn look(&mut self, now_ns: u64) {
        let volume = Arc::clone(&self.parts.volume);
        if let Ok(space) = volume.space(&self.parts.folder) {
            self.parts.status.set_space(space);
        }
        let wear = volume.wear_percent(&self.parts.folder);
        self.parts.status.set_wear(wear);
        if let Ok(entries) = volume.list(&self.parts.folder) {
            let files = entries.iter().filter(|entry| !entry.is_folder);
            self.ledger_bytes = files.map(|entry| entry.allocated).sum();
        }
        let was_frozen = self.markers.frozen();
        let Ok(markers) = Markers::read(&*volume, &self.parts.folder) else {
            return;
        };
        self.markers.follow(&markers);
        match (was_frozen, self.markers.frozen()) {
            (false, true) => self.frozen(FreezeReason::Command, now_ns),
            (true, false) => self.thawed(now_ns),
            _ => {}
        }
        for segment in markers.pinned() {
            self.pinned(segment, now_ns);
        }
    }
}

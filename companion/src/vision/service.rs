//! Vision in flight: what its thread does, as a machine without a thread of its own.
//!
//! ```text
//! source thread:  FrameSource -> Mailbox (newest wins)      -> FrameExposed for the navigator
//! vision thread:  Mailbox -> Eye -> odometry and anchor for the navigator, records, tiles and thumbnails
//! navigator:      Ear -> what vision must know of the aircraft, and what became of an anchor
//! ```
//!
//! The navigator never waits for vision: an ear that is full loses what is newest, and counts it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use fdr_format::Record;
use fdr_format::records::Severity;

use super::eye::{Eye, Seen};
use super::frame_source::{CameraFrame, FrameSource, Mailbox};
use super::midflight::{TileMaker, TileShelf};
use super::notices::Notice;
use super::situation::Situation;
use crate::navigator::{AnchorVerdict, Attitude, FrameExposed, Input, MonotonicNs, Output};
use crate::pipeline::Product;

/// What an ear holds: 20 s of attitudes at 200 Hz.
const EAR_MAX: usize = 4_096;
/// How long the vision thread waits for a frame before it looks around.
const LOOK: Duration = Duration::from_millis(50);

/// Where what vision finds goes.
pub trait Findings {
    /// Now, on the companion's clock.
    fn now(&self) -> MonotonicNs;
    /// Something for the navigator.
    fn input(&mut self, input: Input);
    /// A record that is no input.
    fn record(&mut self, record: &Record<'_>);
    /// Something to tell the ground station.
    fn tell(&mut self, notice: &Notice);
}

/// What vision hears of the navigator: only what it needs.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::large_enum_variant,
    reason = "the navigator allocates nothing; a message is copied once"
)]
enum Heard {
    Attitude(Attitude),
    Said(Output),
}

/// The navigator's end: it is shown every product and passes on what vision needs.
#[derive(Debug, Clone)]
pub struct Ear {
    sender: SyncSender<Heard>,
    lost: Arc<AtomicU64>,
}

impl Ear {
    /// The pipeline consumed or produced something. Never waits.
    pub fn hear(&self, product: &Product<'_>) {
        let heard = match product {
            Product::Input(Input::Attitude(attitude)) => Heard::Attitude(*attitude),
            Product::Output(output) if is_for_vision(output) => Heard::Said(**output),
            Product::Input(_)
            | Product::Output(_)
            | Product::SentFcBytes { .. }
            | Product::Checkpoint { .. } => return,
        };
        match self.sender.try_send(heard) {
            // Nobody listens when vision has ended.
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn is_for_vision(output: &Output) -> bool {
    match output {
        Output::Position(_) | Output::SearchWindow(_) | Output::Thermal(_) | Output::Anchor(_) => {
            true
        }
        Output::LabelTransition(_)
        | Output::Event(_)
        | Output::Blackout(_)
        | Output::SpoofGate(_) => false,
    }
}

/// What the vision thread did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VisionCounts {
    /// Frames that were looked at.
    pub frames: u64,
    /// Frames that a newer one replaced before they were.
    pub skipped: u64,
    /// Frames that were searched for on the map.
    pub searched: u64,
    /// Those that were found.
    pub matched: u64,
    /// Messages of the navigator that were lost because vision was busy.
    pub unheard: u64,
}

/// The vision thread.
pub struct VisionService {
    eye: Eye,
    maker: TileMaker,
    shelf: Option<TileShelf>,
    situation: Situation,
    hearing: Receiver<Heard>,
    lost: Arc<AtomicU64>,
    counts: VisionCounts,
}

impl VisionService {
    /// A service and the ear through which it hears the navigator. Without a shelf no tile is kept.
    #[must_use]
    pub fn new(eye: Eye, shelf: Option<TileShelf>) -> (Self, Ear) {
        let (sender, hearing) = sync_channel(EAR_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let ear = Ear {
            sender,
            lost: Arc::clone(&lost),
        };
        let service = Self {
            maker: TileMaker::new(eye.camera().clone()),
            eye,
            shelf,
            situation: Situation::default(),
            hearing,
            lost,
            counts: VisionCounts::default(),
        };
        (service, ear)
    }

    /// Looks at frames until the mailbox is closed and empty.
    pub fn run(&mut self, mailbox: &Mailbox, findings: &mut impl Findings) -> VisionCounts {
        while !mailbox.is_done() {
            let (frame, skipped) = mailbox.take(LOOK);
            self.counts.skipped += skipped;
            self.turn(frame, findings);
        }
        self.counts
    }

    /// Hears what there is to hear, and looks at a frame.
    pub fn turn(&mut self, frame: Option<CameraFrame>, findings: &mut impl Findings) {
        self.listen(findings);
        if let Some(frame) = frame {
            self.counts.frames += 1;
            let sighting = self.situation.at(frame.stamp.exposure);
            let seen = self.eye.look(frame, sighting.as_ref());
            self.report(seen, findings);
        }
    }

    /// What it did so far.
    #[must_use]
    pub fn counts(&self) -> VisionCounts {
        self.counts
    }

    fn listen(&mut self, findings: &mut impl Findings) {
        self.counts.unheard = self.lost.load(Ordering::Relaxed);
        while let Ok(heard) = self.hearing.try_recv() {
            match heard {
                Heard::Attitude(attitude) => self.situation.hear(&Input::Attitude(attitude)),
                Heard::Said(output) => {
                    self.situation.note(&output);
                    if let Output::Anchor(verdict) = &output {
                        self.judged(verdict, findings);
                    }
                }
            }
        }
    }

    fn judged(&mut self, verdict: &AnchorVerdict, findings: &mut impl Findings) {
        for product in self.maker.judged(verdict) {
            if let Some(shelf) = &mut self.shelf {
                let kept = shelf.keep(&product, findings.now());
                findings.record(&kept.record());
            }
        }
    }

    fn report(&mut self, seen: Seen, findings: &mut impl Findings) {
        let now = findings.now();
        findings.input(Input::VisualOdometry(seen.visual_odometry(now)));
        for notice in &seen.notices {
            findings.record(&notice.record(now));
            findings.tell(notice);
        }
        for record in seen
            .problems
            .iter()
            .filter_map(|problem| problem.record(now.0))
        {
            findings.record(&record);
        }
        let (Some(searched), Some(image)) = (seen.searched, seen.image) else {
            return;
        };
        self.counts.searched += 1;
        findings.record(&searched.record(now));
        if let Some(anchor) = searched.anchor(now) {
            self.counts.matched += 1;
            findings.input(Input::SatelliteAnchor(anchor));
        }
        if let Some(product) = self.maker.searched(searched, image)
            && let Some(shelf) = &mut self.shelf
        {
            let kept = shelf.keep(&product, now);
            findings.record(&kept.record());
        }
    }
}

/// What the source thread does: frames into the mailbox, and the navigator told of each at once, until `ending`.
pub fn take_frames(
    source: &mut dyn FrameSource,
    mailbox: &Mailbox,
    ending: &dyn Fn() -> bool,
    findings: &mut impl Findings,
) {
    while !ending() {
        match source.next_frame(LOOK) {
            Ok(None) => {}
            Ok(Some(frame)) => {
                findings.input(Input::FrameExposed(FrameExposed {
                    time: findings.now(),
                    frame: frame.stamp.number,
                    exposure: frame.stamp.exposure,
                }));
                mailbox.put(frame);
            }
            Err(ended) => {
                let notice = Notice::new(Severity::Error, format!("the camera gives up: {ended}"));
                let now = findings.now();
                findings.record(&notice.record(now));
                findings.tell(&notice);
                break;
            }
        }
    }
    mailbox.close();
}

//! The second pass: the log's frames through the adapter into the pipeline, in the log's own time.
//!
//! Ticks go out before a message stamped at or after their deadline is handled. Inside a denial
//! window everything that GPS reaches is removed before the adapter sees it. No I/O happens here.

use fdr_format::Record;
use serde::Serialize;

use super::sight::Sight;
use super::windows::DenialWindows;
use crate::autopilot::ardupilot::{ArduPilotAdapter, Masked, mask_gps};
use crate::autopilot::mavlink::{Frame, LinkStatistics, Refusal};
use crate::autopilot::tlog::{ClockCounts, Entry, TlogError, TlogReader};
use crate::config::Configuration;
use crate::navigator::{FcGps, MonotonicNs};
use crate::pipeline::{Pipeline, Product};

/// Who watches a feed.
pub trait Observer {
    /// What may go wrong while watching; ends the feed.
    type Error;

    /// A frame arrived, whoever sent it and whether or not GPS is denied.
    ///
    /// # Errors
    /// Ends the feed.
    fn frame(&mut self, time: MonotonicNs, frame: &Frame<'_>) -> Result<(), Self::Error>;

    /// Something was refused; `message_id` where the frame stood whole between two others.
    fn refused(&mut self, refusal: Refusal, message_id: Option<u32>);

    /// The pipeline consumed or produced something.
    ///
    /// # Errors
    /// Ends the feed.
    fn product(&mut self, product: Product<'_>) -> Result<(), Self::Error>;

    /// Vision found something that is no input of the navigator's.
    ///
    /// # Errors
    /// Ends the feed.
    fn record(&mut self, record: &Record<'_>) -> Result<(), Self::Error> {
        let _ = record;
        Ok(())
    }

    /// The vehicle's own receiver reported. `window` is the denial window that hides the report from
    /// the navigator.
    fn gps(&mut self, report: &FcGps, window: Option<usize>);

    /// The log was read up to this offset.
    ///
    /// # Errors
    /// Ends the feed.
    fn progress(&mut self, bytes: u64) -> Result<(), Self::Error>;
}

/// Messages that the denial windows changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MaskCounts {
    /// Removed whole.
    pub whole: u64,
    /// Let through without the fields that GPS reaches.
    pub partly: u64,
}

/// How a feed ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedEnd {
    /// At the end of the log.
    Whole,
    /// At the end of the log, inside the frame whose stamp begins at this offset.
    Cut(u64),
    /// Where the log's clock cannot be followed any further.
    Clock(TlogError),
}

/// What a feed did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedReport {
    /// How it ended.
    pub end: FeedEnd,
    /// Frames, refusals and sequence gaps.
    pub statistics: LinkStatistics,
    /// How the stamps behaved.
    pub clock: ClockCounts,
    /// Messages whose content was understood.
    pub messages_read: u64,
    /// Messages that the denial windows changed.
    pub masked: MaskCounts,
}

/// Feeds `log`, whose first message was stamped `start_us`, to a new pipeline.
///
/// # Errors
/// The first error of `observer`. How the log itself ended stands in the report.
pub fn feed<O: Observer>(
    log: &[u8],
    start_us: u64,
    configuration: &Configuration,
    windows: &DenialWindows,
    observer: &mut O,
) -> Result<FeedReport, O::Error> {
    feed_seeing(log, start_us, configuration, windows, None, observer)
}

/// The same with a camera.
///
/// # Errors
/// The first error of `observer`.
pub fn feed_seeing<O: Observer>(
    log: &[u8],
    start_us: u64,
    configuration: &Configuration,
    windows: &DenialWindows,
    sight: Option<&mut Sight>,
    observer: &mut O,
) -> Result<FeedReport, O::Error> {
    let mut feed = Feed {
        start_us,
        windows,
        sight,
        adapter: ArduPilotAdapter::new(&configuration.autopilot),
        pipeline: Pipeline::new(configuration),
        messages_read: 0,
        masked: MaskCounts::default(),
    };
    if let Some(sight) = &mut feed.sight {
        sight.begin(&mut feed.pipeline, observer)?;
    }
    let mut reader = TlogReader::new(log);
    let end = loop {
        match reader.next_entry() {
            Ok(Some(Entry::Frame { time_us, frame, .. })) => {
                if let Err(refusal) = feed.frame(time_us, &frame, observer)? {
                    reader.refuse_message(refusal);
                    observer.refused(refusal, Some(frame.message_id()));
                }
            }
            Ok(Some(Entry::Refused {
                refusal,
                message_id,
                ..
            })) => observer.refused(refusal, message_id),
            Ok(None) => break reader.cut_at().map_or(FeedEnd::Whole, FeedEnd::Cut),
            Err(error) => break FeedEnd::Clock(error),
        }
        observer.progress(reader.position())?;
    };
    Ok(FeedReport {
        end,
        statistics: reader.statistics().clone(),
        clock: reader.clock_counts(),
        messages_read: feed.messages_read,
        masked: feed.masked,
    })
}

struct Feed<'a> {
    start_us: u64,
    windows: &'a DenialWindows,
    sight: Option<&'a mut Sight>,
    adapter: ArduPilotAdapter,
    pipeline: Pipeline,
    messages_read: u64,
    masked: MaskCounts,
}

impl Feed<'_> {
    /// Takes one frame; the inner result says when its message cannot be read.
    fn frame<O: Observer>(
        &mut self,
        time_us: u64,
        frame: &Frame<'_>,
        observer: &mut O,
    ) -> Result<Result<(), Refusal>, O::Error> {
        let since_start_us = time_us.saturating_sub(self.start_us);
        let time = MonotonicNs(since_start_us.saturating_mul(1000));
        self.advance_to(time, observer)?;
        observer.frame(time, frame)?;
        let mut message = match frame.message() {
            Ok(message) => message,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.messages_read += 1;
        let window = self.windows.find(since_start_us);
        if let Some(report) = self.adapter.gps_report(frame.sender(), &message, time) {
            observer.gps(&report, window);
        }
        if window.is_some() {
            message = match mask_gps(message) {
                Masked::Untouched(message) => message,
                Masked::Partly(message) => {
                    self.masked.partly += 1;
                    message
                }
                Masked::Whole => {
                    self.masked.whole += 1;
                    return Ok(Ok(()));
                }
            };
        }
        if let Some(input) = self.adapter.handle(frame.sender(), &message, time) {
            let mut situation = self.sight.as_mut().map(|sight| sight.situation());
            self.pipeline.handle(&input, &mut |product| {
                if let Some(situation) = &mut situation {
                    situation.hear_product(&product);
                }
                observer.product(product)
            })?;
        }
        Ok(Ok(()))
    }

    /// Everything that is due before `time`: ticks, frames, and what vision made of them.
    fn advance_to<O: Observer>(
        &mut self,
        time: MonotonicNs,
        observer: &mut O,
    ) -> Result<(), O::Error> {
        while let Some(sight) = &mut self.sight
            && let Some(due) = sight.next_due().filter(|due| *due <= time)
        {
            self.tick_to(due, observer)?;
            if let Some(sight) = &mut self.sight {
                sight.step(due, &mut self.pipeline, observer)?;
            }
        }
        self.tick_to(time, observer)
    }

    fn tick_to<O: Observer>(
        &mut self,
        time: MonotonicNs,
        observer: &mut O,
    ) -> Result<(), O::Error> {
        let mut situation = self.sight.as_mut().map(|sight| sight.situation());
        self.pipeline.advance_to(time, &mut |product| {
            if let Some(situation) = &mut situation {
                situation.hear_product(&product);
            }
            observer.product(product)
        })
    }
}

//! What vision tells people: each trouble once when it begins, and that it is over.

use fdr_format::records::{ComponentLifecycleEvent, LifecycleEvent, Severity};
use fdr_format::{List, Record};

use super::map::TileProblem;
use crate::navigator::MonotonicNs;

/// Name of this part of the program in records.
const COMPONENT: &str = "vision";

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub severity: Severity,
    /// It.
    pub text: String,
}

impl Notice {
    /// A notice.
    #[must_use]
    pub fn new(severity: Severity, text: impl Into<String>) -> Self {
        Self {
            severity,
            text: text.into(),
        }
    }

    /// Its record. What is worth a warning is a failure of vision, what is not its end.
    #[must_use]
    pub fn record(&self, time: MonotonicNs) -> Record<'_> {
        let event = if self.severity <= Severity::Warning {
            LifecycleEvent::Failed
        } else {
            LifecycleEvent::Restarted
        };
        Record::ComponentLifecycleEvent(ComponentLifecycleEvent {
            time_ns: time.0,
            severity: self.severity,
            event,
            segment: None,
            first_sequence: None,
            last_sequence: None,
            first_time_ns: None,
            last_time_ns: None,
            bytes: 0,
            digest: None,
            component: COMPONENT,
            cause: "",
            text: &self.text,
            counts: List::default(),
        })
    }
}

/// Which troubles were told.
#[derive(Debug, Clone, Default)]
pub struct Notices {
    unusable: u64,
    tile_told: bool,
}

impl Notices {
    /// A frame cannot be used: told for the first of a row.
    pub fn frame_unusable(&mut self, text: &str) -> Option<Notice> {
        self.unusable += 1;
        (self.unusable == 1).then(|| {
            let text = format!("frame refused: {text}; the flight goes on without it");
            Notice::new(Severity::Warning, text)
        })
    }

    /// A frame is not the calibrated camera's: told for the first of a row.
    pub fn wrong_size(
        &mut self,
        (width, height): (usize, usize),
        calibrated: (usize, usize),
    ) -> Option<Notice> {
        let text = format!(
            "{width} x {height} pixels, but the calibration is for {} x {}",
            calibrated.0, calibrated.1
        );
        self.frame_unusable(&text)
    }

    /// A frame can be used: ends a row of those that could not.
    pub fn frame_usable(&mut self) -> Option<Notice> {
        let count = std::mem::take(&mut self.unusable);
        (count > 0).then(|| {
            let text = format!("frames are usable again after {count} that were not");
            Notice::new(Severity::Info, text)
        })
    }

    /// Tiles are not what they should be: an altered one is told always, of the others the first.
    pub fn map_problems(&mut self, problems: &[TileProblem]) -> Vec<Notice> {
        let mut told = Vec::new();
        for problem in problems {
            match problem {
                TileProblem::Altered { .. } => {
                    told.push(Notice::new(
                        Severity::Error,
                        format!("map package refused: {problem}"),
                    ));
                }
                TileProblem::File(_)
                | TileProblem::Undecodable { .. }
                | TileProblem::Size { .. } => {
                    if !std::mem::replace(&mut self.tile_told, true) {
                        let text = format!("map: {problem}; further tiles are not told of");
                        told.push(Notice::new(Severity::Warning, text));
                    }
                }
            }
        }
        told
    }
}

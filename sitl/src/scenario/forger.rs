//! What reaches the receiver's antenna in a scenario.

use super::event::{GpsTrouble, Happening, What};
use crate::monte_carlo::plan::{Denial, GpsPlan, Span};
use crate::monte_carlo::signal::Signals;
use crate::sensors::Signal;
use crate::truth::Moment;

/// All transmitters of a scenario.
#[derive(Debug, Clone)]
pub struct Forger {
    transmitters: Vec<(Span, Signals)>,
}

impl Forger {
    /// The transmitters of these events. `stretch` multiplies what forgeries are off by, so that a
    /// twin flight can show whether any of it mattered.
    #[must_use]
    pub fn new(happenings: &[Happening], stretch: f64) -> Self {
        let transmitters = happenings
            .iter()
            .filter_map(|one| {
                let What::Gps(trouble) = one.what else {
                    return None;
                };
                let span = Span {
                    from_ns: one.from_ns,
                    to_ns: one.to_ns,
                };
                plan(trouble, span, stretch).map(|plan| (span, Signals::new(&plan)))
            })
            .collect();
        Self { transmitters }
    }

    /// The signal now; to be asked for at the receiver's rate, in order of time.
    pub fn signal(&mut self, moment: Moment) -> Signal {
        let mut heard = Signal::Genuine;
        for (span, transmitter) in &mut self.transmitters {
            let signal = transmitter.at(moment);
            if span.holds(moment.time_ns) {
                heard = signal;
            }
        }
        heard
    }
}

/// A moved clock leaves the position alone.
fn plan(trouble: GpsTrouble, span: Span, stretch: f64) -> Option<GpsPlan> {
    let (denial, strength, direction_rad) = match trouble {
        GpsTrouble::Jammed => (Denial::Jam, 0.0, 0.0),
        GpsTrouble::Step { north_m, east_m } => (
            Denial::Step,
            stretch * libm::hypot(north_m, east_m),
            libm::atan2(east_m, north_m),
        ),
        GpsTrouble::Drag { speed_mps, to_deg } => {
            (Denial::DragAway, stretch * speed_mps, to_deg.to_radians())
        }
        GpsTrouble::Meacon { delay_s } => (Denial::Meaconing, stretch * delay_s, 0.0),
        GpsTrouble::TimeJump { .. } => return None,
    };
    Some(GpsPlan {
        denial,
        spans: vec![span],
        noticed: false,
        strength,
        direction_rad,
    })
}

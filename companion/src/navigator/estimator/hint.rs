//! Where the operator says the aircraft is: a coarse position, believed as far as it is plausible.

use super::{
    Estimator,
    state::at,
    update::{Scalar, Update, pair_nis},
};
use crate::navigator::{geodesy::Geodetic, input::OperatorHint};

/// A hint is never believed to be better than this, m.
const SIGMA_MIN_M: f64 = 20.0;
/// How far an aircraft gets in the age of a hint, m/s.
const AGEING_MPS: f64 = 30.0;

/// What became of a hint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HintOutcome {
    /// It moved the estimate.
    Fused {
        /// Normalised innovation squared, two degrees of freedom.
        nis: f64,
    },
    /// It contradicts the estimate.
    OutsideGate {
        /// Normalised innovation squared, two degrees of freedom.
        nis: f64,
    },
}

impl Estimator {
    /// Fuses a hint if the estimate allows it.
    pub fn hint(&mut self, hint: &OperatorHint) -> HintOutcome {
        self.advance(hint.time);
        let place = Geodetic {
            lat_rad: hint.lat_rad,
            lon_rad: hint.lon_rad,
            alt_msl_m: self.nominal.position.alt_msl_m,
        };
        let innovation = self.nominal.position.displacement_to(place);
        let sigma = hint.horiz_accuracy_m.max(SIGMA_MIN_M) + hint.age_s.unwrap_or(0.0) * AGEING_MPS;
        let scalars: [Scalar; 2] = core::array::from_fn(|axis| {
            Scalar::new(innovation[axis], sigma).by(at::POSITION + axis, 1.0)
        });
        let nis = pair_nis(&self.covariance, &scalars[0], &scalars[1]);
        if nis.is_nan() || nis > self.config.gates.anchor_nis {
            return HintOutcome::OutsideGate { nis };
        }
        let mut update = Update::new(&mut self.covariance);
        scalars.iter().for_each(|scalar| update.fuse(scalar));
        let error = update.finish();
        self.correct(&error);
        HintOutcome::Fused { nis }
    }
}

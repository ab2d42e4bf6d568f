//! Static pressure as height with an offset that wanders with the weather.

use super::{
    Estimator,
    state::at,
    update::{Scalar, Update},
};
use crate::navigator::{atmosphere::pressure_altitude_m, input::Barometer};

impl Estimator {
    pub(super) fn fuse_barometer(&mut self, sample: &Barometer) {
        let height = pressure_altitude_m(sample.static_pressure_pa);
        let predicted = self.nominal.position.alt_msl_m + self.nominal.baro_bias;
        let scalar = Scalar::new(height - predicted, self.config.sensors.baro_m)
            .by(at::POSITION + 2, -1.0)
            .by(at::BARO_BIAS, 1.0);
        let mut update = Update::new(&mut self.covariance);
        update.fuse_widened(&scalar, self.config.gates.scalar_nis);
        let error = update.finish();
        self.correct(&error);
    }
}

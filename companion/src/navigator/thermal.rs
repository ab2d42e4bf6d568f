//! Lightens the load of vision when the machine is hot, and takes it up again when it is cool.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | full (K = 3) | sample hot | hybrid | switch told: hot |
//! | full (K = 3) | sample throttled | hybrid | switch told: throttled |
//! | full (K = 3) | any other sample | full | - |
//! | hybrid (K = 2) | sample not cool | hybrid | the cool time starts again |
//! | hybrid (K = 2) | sample cool, for less than the limit | hybrid | - |
//! | hybrid (K = 2) | samples cool for the limit | full | switch told: recovered |
//!
//! K is the number of frames per keyframe that the pipeline is asked for. A sample decides at once:
//! with one sample a second the policy reacts within a second. A machine without a temperature sensor is
//! cool as long as it does not throttle.

use serde::{Deserialize, Serialize};

use super::{
    behaviour::ThermalLimits,
    input::SystemHealth,
    output::{ThermalReason, ThermalSwitch},
    units::MonotonicNs,
};

/// Frames per keyframe at full load.
pub const FULL_K: u8 = 3;
/// Frames per keyframe when hot.
pub const HYBRID_K: u8 = 2;

/// The policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ThermalPolicy {
    /// Full load.
    Full,
    /// Lightened load; cool since then, if it is.
    Hybrid(Option<MonotonicNs>),
}

impl ThermalPolicy {
    /// Takes one sample; a temperature that is not a number counts as hot.
    pub fn sample(
        &mut self,
        health: &SystemHealth,
        limits: &ThermalLimits,
    ) -> Option<ThermalSwitch> {
        let hot = health
            .temperature_c
            .is_some_and(|celsius| celsius.is_nan() || celsius >= limits.hot_c);
        let cool = !health.throttled
            && health
                .temperature_c
                .is_none_or(|celsius| celsius <= limits.cool_c);
        let (next, reason) = match *self {
            Self::Full if health.throttled => (Self::Hybrid(None), Some(ThermalReason::Throttled)),
            Self::Full if hot => (Self::Hybrid(None), Some(ThermalReason::Hot)),
            Self::Full => (Self::Full, None),
            Self::Hybrid(_) if !cool => (Self::Hybrid(None), None),
            Self::Hybrid(None) => (Self::Hybrid(Some(health.time)), None),
            Self::Hybrid(Some(since)) => {
                if health.time.seconds_since(since) >= limits.cool_for_s {
                    (Self::Full, Some(ThermalReason::Recovered))
                } else {
                    (Self::Hybrid(Some(since)), None)
                }
            }
        };
        let from_k = self.k();
        *self = next;
        reason.map(|reason| ThermalSwitch {
            time: health.time,
            from_k,
            to_k: next.k(),
            reason,
            temperature_c: health.temperature_c,
        })
    }

    /// Frames per keyframe that are asked for now.
    #[must_use]
    pub fn k(self) -> u8 {
        match self {
            Self::Full => FULL_K,
            Self::Hybrid(_) => HYBRID_K,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(second: u64, temperature_c: Option<f64>, throttled: bool) -> SystemHealth {
        SystemHealth {
            time: MonotonicNs(second * 1_000_000_000),
            cpu_percent: 50.0,
            gpu_percent: None,
            temperature_c,
            throttled,
            ram_used_bytes: 0,
            ram_total_bytes: 0,
            vram_used_bytes: None,
            vram_total_bytes: None,
            nvm_free_bytes: 0,
            nvm_total_bytes: 0,
        }
    }

    #[test]
    fn between_the_two_limits_nothing_changes() {
        let limits = ThermalLimits::default();
        let mut policy = ThermalPolicy::Full;
        assert!(
            policy
                .sample(&sample(0, Some(80.0), false), &limits)
                .is_none()
        );
        assert!(
            policy
                .sample(&sample(1, Some(90.0), false), &limits)
                .is_some()
        );
        for second in 2..100 {
            assert!(
                policy
                    .sample(&sample(second, Some(80.0), false), &limits)
                    .is_none()
            );
        }
        assert_eq!(policy.k(), HYBRID_K);
    }

    proptest! {
        #[test]
        fn switches_alternate_and_the_way_back_takes_its_time(
            samples in prop::collection::vec(
                (1u64..4, proptest::option::of(prop_oneof![40.0..120.0f64, Just(f64::NAN)]), any::<bool>()),
                1..200
            )
        ) {
            let limits = ThermalLimits::default();
            let mut policy = ThermalPolicy::Full;
            let (mut second, mut hot_since) = (0, 0);
            for (step, temperature, throttled) in samples {
                second += step;
                let before = policy.k();
                match policy.sample(&sample(second, temperature, throttled), &limits) {
                    Some(switch) => {
                        prop_assert_eq!((switch.from_k, switch.to_k), (before, policy.k()));
                        prop_assert_ne!(switch.from_k, switch.to_k);
                        match switch.reason {
                            ThermalReason::Hot | ThermalReason::Throttled => hot_since = second,
                            ThermalReason::Recovered => {
                                prop_assert!((second - hot_since) as f64 >= limits.cool_for_s);
                            }
                        }
                    }
                    None => prop_assert_eq!(before, policy.k()),
                }
            }
        }
    }
}

//! What holds whatever comes.

use std::collections::BTreeMap;

use companion::navigator::{
    BlackoutPhase, EmittedExternalPosition, EventKind, FixType, Input, MonotonicNs, Navigator,
    NavigatorConfig, Output, Outputs, SourceLabel,
};
use nalgebra::Matrix6;
use proptest::prelude::*;

use crate::any_input::{any_broken, any_input, any_step, at_time, kind};
use crate::straight_flight::straight_flight;
use crate::{fly, positions};

pub fn assert_sound(position: &EmittedExternalPosition) {
    let block = Matrix6::from_fn(|row, column| position.covariance.at(row, column));
    assert!(block.cholesky().is_some(), "not positive definite: {block}");
    let numbers = [
        position.lat_rad,
        position.lon_rad,
        position.alt_msl_m,
        position.horiz_accuracy_m,
        position.vert_accuracy_m,
        position.speed_accuracy_mps,
        position.ellipse_95.semi_major_m,
        position.ellipse_95.semi_minor_m,
        position.ellipse_95.orientation_rad,
    ];
    assert!(
        numbers
            .iter()
            .chain(&position.vel_ned_mps)
            .all(|number| number.is_finite())
    );
}

/// The promises that hold whatever comes, checked output by output.
#[derive(Default)]
struct Promises {
    engaged: bool,
    anchored: Option<MonotonicNs>,
    dark: bool,
    /// Since the last position something absolute may have been fused.
    informed: bool,
    last: Option<EmittedExternalPosition>,
}

impl Promises {
    fn input(&mut self, input: &Input) {
        self.informed |= matches!(input, Input::FcGps(_) | Input::OperatorHint(_));
    }

    fn output(&mut self, output: &Output) {
        match output {
            Output::Position(position) => self.position(position),
            Output::LabelTransition(transition)
                if transition.to == SourceLabel::SatelliteAnchored =>
            {
                let anchored = self.anchored.expect("an anchor");
                let age_s = transition.time.seconds_since(anchored);
                assert!(age_s <= 3.0 + 1e-9, "the anchor is {age_s} s old");
            }
            Output::Event(event) => match event.kind {
                EventKind::NoEstimateEngaged => {
                    assert!(!self.engaged, "engaged twice");
                    self.engaged = true;
                }
                EventKind::NoEstimateRecovered { .. } => {
                    assert!(self.engaged, "recovered from nothing");
                    self.engaged = false;
                }
                EventKind::EstimatorLost => {
                    (self.anchored, self.last, self.informed) = (None, None, true);
                }
                _ => {}
            },
            Output::Blackout(event) => match event.phase {
                BlackoutPhase::Entered => self.dark = true,
                BlackoutPhase::Left => self.dark = false,
                _ => assert!(self.dark || event.phase != BlackoutPhase::ImuOnly),
            },
            Output::Anchor(verdict) if verdict.refusal.is_none() => {
                self.anchored = self.anchored.max(Some(verdict.exposure));
                self.informed = true;
            }
            _ => {}
        }
    }

    fn position(&mut self, position: &EmittedExternalPosition) {
        assert_sound(position);
        if let Some(last) = self.last.replace(*position) {
            let both = [last.fix_type, position.fix_type];
            let step = !both.contains(&FixType::ThreeD) || !both.contains(&FixType::None);
            assert!(step, "a step of the ladder was left out");
            if self.dark && !self.informed {
                let (before, now) = (&last.ellipse_95, &position.ellipse_95);
                assert!(now.semi_major_m >= before.semi_major_m * (1.0 - 1e-9));
                assert!(position.vert_accuracy_m >= last.vert_accuracy_m * (1.0 - 1e-9));
            }
        }
        self.informed = !self.dark;
    }
}

proptest! {
    #[test]
    fn no_sequence_of_inputs_makes_it_panic_or_emit_an_unsound_number(
        sequence in prop::collection::vec((any_input(), any_step()), 1..300),
        broken in any_broken(),
    ) {
        let mut config = NavigatorConfig::default();
        config.sight.enabled = true;
        let mut navigator = Navigator::new(&config);
        let mut promises = Promises::default();
        let mut outputs = Outputs::default();
        let mut now = 1_000_000_000_000u64;
        // Begin with a position, or most sequences would never reach the estimator.
        let start = fly(&mut navigator, &straight_flight(2, 2, 50));
        prop_assert!(!positions(&start).is_empty());
        for output in &start {
            // GPS is fused all the while.
            promises.informed = true;
            promises.output(output);
        }
        let mut first_said = BTreeMap::new();
        for (mut input, step) in sequence {
            now = now.saturating_add_signed(step);
            let kind = kind(&input);
            if broken.silent & kind != 0 {
                continue;
            }
            if broken.stuck & kind != 0 {
                input = *first_said.entry(kind).or_insert(input);
            }
            let input = at_time(input, MonotonicNs(now));
            promises.input(&input);
            navigator.handle(&input, &mut outputs);
            outputs.iter().for_each(|output| promises.output(output));
        }
    }
}

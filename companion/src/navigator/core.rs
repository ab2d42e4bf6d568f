//! The navigator: takes one input at a time and says what follows from it.
//!
//! It holds the estimator and the machines of its behaviour, each in a file of its own with its table;
//! what is here is who tells whom, and in which order.

mod aids;
mod emit;
mod gps;
mod lifecycle;

use serde::{Deserialize, Serialize};

use super::{
    behaviour::AutopilotTraits,
    blackout::Blackout,
    clock::{Clock, Stamp},
    config::NavigatorConfig,
    contradiction::Contradiction,
    degradation::FixLadder,
    emission::Floor,
    estimator::{Covariance, Estimator, Leveller},
    gps_track::GpsTrack,
    input::{Airframe, Attitude, FlightState, Input},
    no_estimate::NoEstimate,
    output::{Event, EventKind, Output, Outputs},
    relocalisation::Relocalisation,
    source_label::LabelMachine,
    spoof_gate::SpoofGate,
    standing::Standing,
    takeoff_origin::OriginLadder,
    thermal::ThermalPolicy,
    units::MonotonicNs,
    validity,
    vision_watch::VisionWatch,
};

/// Raised whenever the same inputs may give other outputs than before.
pub const CORE_VERSION: u32 = 3;

/// Positions are emitted at multiples of this period, 10 Hz.
const EMISSION_PERIOD_NS: u64 = 100_000_000;
/// A checkpoint is due this often.
const CHECKPOINT_PERIOD_NS: u64 = 10_000_000_000;
/// Refused inputs are told at most this often.
const REFUSAL_PERIOD_S: f64 = 1.0;

/// The core. Feed it every input in order, and a tick at every [`Navigator::next_deadline`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Navigator {
    config: NavigatorConfig,
    autopilot: AutopilotTraits,
    clock: Clock,
    deadline: Option<MonotonicNs>,
    last_sensor: Option<MonotonicNs>,
    refusal_told: Option<MonotonicNs>,
    aircraft: Aircraft,
    estimator: Option<Estimator>,
    /// Room for the next estimate's covariance, so that none is allocated in flight.
    #[serde(skip)]
    spare: Option<Covariance>,
    was_lost: bool,
    origin: OriginLadder,
    gps: GpsTrack,
    gps_refused: bool,
    gate: SpoofGate,
    gate_told: bool,
    vision: VisionWatch,
    blackout: Blackout,
    label: LabelMachine,
    fix: FixLadder,
    no_estimate: NoEstimate,
    relocalisation: Relocalisation,
    contradiction: Contradiction,
    standing: Standing,
    thermal: ThermalPolicy,
    /// Exposure of the last accepted anchor.
    anchored: Option<MonotonicNs>,
    /// What the emitted covariance may not fall below while nothing is seen.
    floor: Floor,
    checkpoint_due: Option<MonotonicNs>,
    checkpoint_now: bool,
}

/// What was last said of the aircraft.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Aircraft {
    attitude: Option<Attitude>,
    leveller: Leveller,
    airframe: Airframe,
    /// `None` as long as nobody said.
    armed: Option<bool>,
    last_imu: Option<MonotonicNs>,
    last_airspeed: Option<MonotonicNs>,
}

impl Navigator {
    /// A navigator that knows nothing yet, for ArduPilot.
    #[must_use]
    pub fn new(config: &NavigatorConfig) -> Self {
        Self::for_autopilot(config, AutopilotTraits::default())
    }

    /// A navigator that knows nothing yet.
    #[must_use]
    pub fn for_autopilot(config: &NavigatorConfig, autopilot: AutopilotTraits) -> Self {
        Self {
            config: config.clone(),
            autopilot,
            clock: Clock::default(),
            deadline: None,
            last_sensor: None,
            refusal_told: None,
            aircraft: Aircraft {
                attitude: None,
                leveller: Leveller::default(),
                airframe: Airframe::Unknown,
                armed: None,
                last_imu: None,
                last_airspeed: None,
            },
            estimator: None,
            spare: Some(Covariance::zeros()),
            was_lost: false,
            origin: OriginLadder::default(),
            gps: GpsTrack::new(),
            gps_refused: false,
            gate: SpoofGate::new(),
            gate_told: false,
            vision: VisionWatch::new(),
            blackout: Blackout::Seeing,
            label: LabelMachine::new(),
            fix: FixLadder::new(),
            no_estimate: NoEstimate::Idle,
            relocalisation: Relocalisation::default(),
            contradiction: Contradiction::default(),
            standing: Standing::default(),
            thermal: ThermalPolicy::Full,
            anchored: None,
            floor: Floor::default(),
            checkpoint_due: None,
            checkpoint_now: false,
        }
    }

    /// When the next tick is due; `None` before the first input.
    #[must_use]
    pub fn next_deadline(&self) -> Option<MonotonicNs> {
        self.deadline
    }

    /// Whether a checkpoint is to be taken now, behind the outputs of the input just handled.
    #[must_use]
    pub fn checkpoint_is_due(&self) -> bool {
        self.checkpoint_now
    }

    /// Takes one input. `outputs` is cleared first and then holds what the input caused, in order.
    pub fn handle(&mut self, input: &Input, outputs: &mut Outputs) {
        outputs.clear();
        self.checkpoint_now = false;
        if !validity::is_usable(input) {
            self.refuse(self.clock.newest().unwrap_or(input.time()), outputs);
            return;
        }
        let tick = matches!(input, Input::Tick(_));
        let now = match self
            .clock
            .stamp(input.time(), tick, self.estimator.is_some())
        {
            Stamp::Taken(now) => now,
            Stamp::Begins(now) => {
                self.begin(now);
                now
            }
            Stamp::Refused(now) => {
                self.refuse(now, outputs);
                return;
            }
        };
        self.end_if_stale(now, outputs);
        if input.is_sensor() {
            self.last_sensor = Some(now);
        }
        self.consume(input, now, outputs);
        self.end_if_unsound(now, outputs);
        self.try_start(now, outputs);
        self.observe(now, outputs);
    }

    /// Whether a state that was read back can be that of a navigator: what indices depend on agrees.
    pub(crate) fn is_coherent(&self) -> bool {
        let estimator = self.estimator.as_ref();
        estimator.is_none_or(Estimator::is_coherent)
    }

    /// The filter, where there is one, for whoever smooths after landing.
    pub(crate) fn estimator_mut(&mut self) -> Option<&mut Estimator> {
        self.estimator.as_mut()
    }

    /// Hands over every innovation that was fused since the last call, over its standard deviation: for
    /// whoever judges the filter on the ground. Noting them begins with the first call.
    pub fn take_innovations(&mut self, sink: &mut impl FnMut(f64)) {
        let journal = self.estimator_mut().and_then(Estimator::take_journal);
        if let Some(journal) = journal {
            journal.normalised_innovations().for_each(sink);
        }
    }

    fn consume(&mut self, input: &Input, now: MonotonicNs, outputs: &mut Outputs) {
        match input {
            Input::Tick(_) => self.tick(now, outputs),
            Input::Imu(sample) => {
                self.aircraft.last_imu = Some(now);
                self.aircraft.leveller.hear(sample);
                self.with_estimator(|estimator| estimator.imu(sample));
            }
            Input::Attitude(sample) => {
                self.aircraft.attitude = Some(*sample);
                self.with_estimator(|estimator| estimator.attitude(sample));
            }
            Input::AirData(sample) => {
                self.aircraft.last_airspeed = Some(now);
                self.with_estimator(|estimator| estimator.air_data(sample));
            }
            Input::Barometer(sample) => {
                self.with_estimator(|estimator| estimator.barometer(sample));
            }
            Input::FlightState(state) => self.flight_state(state),
            Input::FcGps(fix) => self.gps(fix, outputs),
            Input::GpsIntegrity(report) => self.integrity(report, now, outputs),
            Input::FrameExposed(frame) => {
                self.with_estimator(|estimator| estimator.frame_exposed(frame));
            }
            Input::VisualOdometry(result) => self.odometry(result, now),
            Input::SatelliteAnchor(anchor) => self.anchor(anchor, now, outputs),
            Input::TakeoffOrigin(origin) => self.origin.origin(origin),
            Input::TrustedState(state) => self.origin.trusted(state),
            Input::RestartState(state) => self.origin.restart(state),
            Input::OperatorHint(hint) => self.hint(hint, now, outputs),
            Input::SystemHealth(health) => {
                if let Some(switch) = self.thermal.sample(health, &self.config.thermal) {
                    outputs.push(Output::Thermal(switch));
                }
            }
        }
    }

    fn flight_state(&mut self, state: &FlightState) {
        self.aircraft.airframe = state.airframe;
        self.aircraft.armed = Some(state.armed);
        self.with_estimator(|estimator| estimator.set_airframe(state.airframe));
    }

    fn with_estimator(&mut self, act: impl FnOnce(&mut Estimator)) {
        if let Some(estimator) = &mut self.estimator {
            act(estimator);
        }
    }

    fn refuse(&mut self, now: MonotonicNs, outputs: &mut Outputs) {
        let told = self
            .refusal_told
            .is_some_and(|last| now.seconds_since(last).abs() < REFUSAL_PERIOD_S);
        if !told {
            self.refusal_told = Some(now);
            tell(outputs, now, EventKind::InputRefused);
        }
    }
}

fn tell(outputs: &mut Outputs, time: MonotonicNs, kind: EventKind) {
    outputs.push(Output::Event(Event { time, kind }));
}

/// The first multiple of the emission period after `time`.
fn deadline_after(time: MonotonicNs) -> MonotonicNs {
    MonotonicNs(
        (time.0 / EMISSION_PERIOD_NS)
            .saturating_add(1)
            .saturating_mul(EMISSION_PERIOD_NS),
    )
}

//! Which record goes where.

mod empty;
mod events;

use companion::autopilot::AutopilotKind;
use companion::config::Configuration;
use companion::navigator::{EmittedExternalPosition, FixType, Geodetic, MonotonicNs, Output};
use companion::recorder::output_from_record;
use fdr_format::records::{self, AnchorOutcome, FlightSource, GpsFix};
use fdr_format::{
    FlightDescription, FlightItem, FlightReader, RawRecord, ReadError, Record, RecordType,
};
use serde::Serialize;

use super::raw_gps::{Said, said};
use super::*;

/// Bytes between two reports of progress.
const PROGRESS_EVERY: u64 = 4 << 20;
/// A receiver that is silent for longer is not there.
const GPS_SILENCE_NS: u64 = 3_000_000_000;
/// GPS carries the position for this long.
const GPS_CARRIES_NS: u64 = 2_000_000_000;
/// Positions come ten times a second; a longer pause misses a deadline.
const PERIOD_NS: u64 = 100_000_000;
/// Between two fixes that are kept.
const FIX_PERIOD_NS: u64 = 900_000_000;
/// The wall clock moved against the monotonic one.
const CLOCK_JUMP_S: f64 = 0.5;
/// A record this much older than one in front of it.
const BACKWARD_MS: u64 = 1000;
/// An accepted anchor that moves the position as far as a poisoned tile must not (AC-NEW-7).
pub const MOVED_M: f64 = 30.0;

/// Gathers the figures of the flight that `reader` has just opened, damaged parts passed over. `progress` is
/// told bytes done and in all.
///
/// # Errors
/// When a segment's file cannot be read.
pub fn gather(
    mut reader: FlightReader,
    mut progress: impl FnMut(u64, u64),
) -> Result<Figures, ReadError> {
    let mut collector = Collector::new(&reader);
    let total = reader.bytes_total();
    let mut told = 0;
    loop {
        let done = reader.bytes_read();
        if done - told >= PROGRESS_EVERY {
            told = done;
            progress(done, total);
        }
        match reader.next_item()? {
            Some(FlightItem::Record { record, .. }) => collector.take(&record),
            // The verdict tells of them.
            Some(FlightItem::Damage { .. } | FlightItem::Refused { .. }) => {}
            None => break,
        }
    }
    Ok(collector.finish())
}

#[derive(Debug)]
struct Collector {
    figures: Figures,
    started: bool,
    own_receiver: u8,
    latest: Option<EmittedExternalPosition>,
    last_position_ns: Option<u64>,
    last_gps_ns: Option<u64>,
    believed_ns: Option<u64>,
    gate_closed: bool,
    in_blackout: bool,
    alone_since: Option<u64>,
    first_input_ns: Option<u64>,
    clock_offset_ns: Option<i128>,
    greatest_ms: u64,
}

impl Collector {
    fn new(reader: &FlightReader) -> Self {
        let about = reader.description();
        let configuration = about.and_then(|about| Configuration::parse(&about.configuration).ok());
        let replay = about
            .and_then(|about| about.source.as_ref())
            .is_some_and(|(source, _)| *source == FlightSource::Replay);
        let reference = match replay {
            true => Reference::LoggedReceiver,
            false => Reference::BelievedReceiver,
        };
        let start_ns = about.map(|about| about.clock.monotonic_ns);
        Self {
            figures: empty::figures(start_ns.unwrap_or(0), reference),
            started: start_ns.is_some(),
            own_receiver: configuration.as_ref().map_or(1, own_receiver),
            latest: None,
            last_position_ns: None,
            last_gps_ns: None,
            believed_ns: None,
            gate_closed: false,
            in_blackout: false,
            alone_since: None,
            first_input_ns: None,
            clock_offset_ns: None,
            greatest_ms: 0,
        }
    }

    fn take(&mut self, raw: &RawRecord<'_>) {
        let recorded_ns = raw.monotonic_ms.saturating_mul(1_000_000);
        if !self.started {
            self.figures.start_ns = recorded_ns;
            self.started = true;
        }
        self.figures.end_ns = self.figures.end_ns.max(recorded_ns);
        self.figures.clock_backward += u64::from(raw.monotonic_ms + BACKWARD_MS < self.greatest_ms);
        self.greatest_ms = self.greatest_ms.max(raw.monotonic_ms);
        // The bulk of a flight says nothing here.
        match raw.record_type {
            RecordType::IMU_TRACE
            | RecordType::ATTITUDE
            | RecordType::TICK
            | RecordType::BAROMETER => return self.first_input(recorded_ns),
            RecordType::CHECKPOINT | RecordType::FILLER | RecordType::CLOCK_SYNC => return,
            _ => {}
        }
        match raw.decode() {
            Ok(record) => self.record(&record, recorded_ns),
            Err(_) => self.figures.unreadable += 1,
        }
    }

    fn since(&self, time_ns: u64) -> u64 {
        time_ns.saturating_sub(self.figures.start_ns)
    }

    fn record(&mut self, record: &Record<'_>, recorded_ns: u64) {
        match record {
            Record::EmittedExternalPosition(_) => {
                if let Some(Output::Position(position)) = output_from_record(record) {
                    self.position(&position);
                }
            }
            Record::SentFcBytes(body) => {
                let late = recorded_ns.saturating_sub(body.time_ns) as f64 * 1e-6;
                self.figures.send_latency_ms.add(late);
                let at = self.since(body.time_ns);
                self.figures.series.send_latency_ms.add(at, late);
            }
            Record::ReceivedMavlinkRaw(body) => self.frame(body),
            Record::FcGps(body) => self.gps(body),
            Record::AirData(body) => {
                let at = self.since(body.time_ns);
                let speed = body.indicated_airspeed_mps;
                self.figures.series.airspeed_mps.add(at, speed);
                self.first_input(body.time_ns);
            }
            Record::FlightState(body) => self.flight_state(body),
            Record::TakeoffOrigin(body) => {
                let origin = place(body.lat_rad, body.lon_rad, body.alt_msl_m);
                self.figures.home = Some((origin, "signed take-off origin"));
                self.first_place(body.time_ns);
            }
            Record::TrustedState(body) => self.first_place(body.time_ns),
            Record::RestartState(body) => self.first_place(body.time_ns),
            Record::VisualOdometry(body) => {
                let late = body.time_ns.saturating_sub(body.to_exposure_ns) as f64 * 1e-6;
                let at = self.since(body.time_ns);
                self.figures.odometry_latency_ms.add(late);
                self.figures.series.odometry_latency_ms.add(at, late);
                self.figures.vision = true;
            }
            Record::SatelliteAnchor(body) => {
                let late = body.time_ns.saturating_sub(body.exposure_ns) as f64 * 1e-6;
                let at = self.since(body.time_ns);
                self.figures.anchor_latency_ms.add(late);
                self.figures.series.anchor_latency_ms.add(at, late);
                self.figures.vision = true;
            }
            Record::FrameExposed(_) | Record::VisualOdometryRefused(_) => {
                self.figures.vision = true
            }
            Record::AnchorDecision(body) => self.anchor(body),
            Record::SystemHealth(body) => self.health(body),
            Record::RecorderTelemetry(body) => self.telemetry(body),
            Record::SegmentHeader(body) => self.clock(body),
            Record::MidFlightTileEmitted(body) => {
                self.figures.tiles_made += 1;
                self.tile(body.time_ns, (body.zoom, body.x, body.y), None, "");
            }
            Record::MidFlightTileFailed(body) => {
                self.figures.tiles_failed += 1;
                let tile = (body.zoom, body.x, body.y);
                self.tile(body.time_ns, tile, Some(body.reason), body.thumbnail);
            }
            _ => self.happening(record),
        }
    }

    fn first_input(&mut self, time_ns: u64) {
        self.first_input_ns.get_or_insert(time_ns);
    }

    fn first_place(&mut self, time_ns: u64) {
        let at = self.since(time_ns) as f64 * 1e-9;
        self.figures.first_place_s.get_or_insert(at);
    }

    fn position(&mut self, position: &EmittedExternalPosition) {
        let at = self.since(position.time.0);
        let label = label_index(position.source_label);
        self.figures.positions += 1;
        self.figures.by_label[label] += 1;
        self.first_position(position, at);
        self.pace(position);
        self.draw(position, at, label);
        self.offered(position, at);
        self.alone(position, at);
        self.latest = Some(*position);
    }

    fn first_position(&mut self, position: &EmittedExternalPosition, at: u64) {
        let figures = &mut self.figures;
        if figures.first_position_s.is_some() {
            return;
        }
        let seconds = at as f64 * 1e-9;
        let input_ns = self.first_input_ns.unwrap_or(position.time.0);
        let first_s = input_ns.saturating_sub(figures.start_ns) as f64 * 1e-9;
        figures.first_position_s = Some(seconds);
        let possible = first_s.max(figures.first_place_s.unwrap_or(0.0));
        figures.cold_start_s = Some((seconds - possible).max(0.0));
    }

    /// Intervals, missed deadlines, and the way flown.
    fn pace(&mut self, position: &EmittedExternalPosition) {
        let figures = &mut self.figures;
        let Some(last) = self.last_position_ns.replace(position.time.0) else {
            return;
        };
        let interval = position.time.0.saturating_sub(last);
        figures.interval_ms.add(interval as f64 * 1e-6);
        if interval > PERIOD_NS * 3 / 2 {
            figures.deadlines_missed += (interval + PERIOD_NS / 2) / PERIOD_NS - 1;
        }
        if interval > 10 * PERIOD_NS {
            figures.lanes.labels.end();
            figures.lanes.fix.end();
        } else {
            figures.distance_m += ground_speed(position) * interval as f64 * 1e-9;
        }
    }

    fn draw(&mut self, position: &EmittedExternalPosition, at: u64, label: usize) {
        let figures = &mut self.figures;
        let radius_m = position.ellipse_95.semi_major_m;
        figures.radius_95_m.add(radius_m);
        let series = &mut figures.series;
        series.radius_95_m.add(at, radius_m);
        series.sigma_m.add(at, position.horiz_accuracy_m);
        series.label.add(at, label as f64);
        series.altitude_m.add(at, position.alt_msl_m);
        series.ground_speed_mps.add(at, ground_speed(position));
        if let Some(ms) = position.last_satellite_anchor_age_ms {
            series.anchor_age_s.add(at, f64::from(ms) * 1e-3);
        }
        let place = Place {
            lat_deg: position.lat_rad.to_degrees(),
            lon_deg: position.lon_rad.to_degrees(),
            radius_m: radius_m as f32,
            label: label as u8,
        };
        figures.track.add(at, place);
        figures.lanes.labels.enter(at, Some(LABEL_NAMES[label]));
    }

    fn offered(&mut self, position: &EmittedExternalPosition, at: u64) {
        let figures = &mut self.figures;
        let (fix, offered) = match position.fix_type {
            FixType::ThreeD => ("fix_3d", true),
            FixType::TwoD => ("fix_2d", false),
            FixType::None => ("withdrawn", false),
        };
        figures.lanes.fix.enter(at, Some(fix));
        figures.fixes_offered += u64::from(offered);
        let lane = &mut figures.lanes.blackout;
        if position.fix_type != FixType::None && lane.state() == Some("failsafe") {
            lane.enter(at, self.in_blackout.then_some("blackout"));
        }
    }

    /// How long the position was carried by neither map, camera nor a believed GPS.
    fn alone(&mut self, position: &EmittedExternalPosition, at: u64) {
        let carried = self
            .believed_ns
            .is_some_and(|gps| position.time.0.saturating_sub(gps) <= GPS_CARRIES_NS);
        if label_index(position.source_label) != 0 || carried {
            self.alone_since = None;
            return;
        }
        let since = *self.alone_since.get_or_insert(at);
        let seconds = at.saturating_sub(since) as f64 * 1e-9;
        let longest = self
            .figures
            .longest_alone
            .map_or(0.0, |(_, seconds)| seconds);
        if seconds > longest {
            self.figures.longest_alone = Some((since, seconds));
        }
    }

    fn frame(&mut self, body: &records::ReceivedMavlinkRaw<'_>) {
        match said(body.bytes.0) {
            Some(Said::Fix { instance, at })
                if self.figures.reference == Reference::LoggedReceiver
                    && instance != self.own_receiver =>
            {
                self.compare(at, body.time_ns);
            }
            Some(Said::Home(home)) if home.lat_rad != 0.0 => {
                self.figures
                    .home
                    .get_or_insert((home, "the autopilot's home"));
            }
            _ => {}
        }
    }

    fn gps(&mut self, body: &records::FcGps) {
        self.first_input(body.time_ns);
        let at = self.since(body.time_ns);
        let silent = self
            .last_gps_ns
            .is_some_and(|last| body.time_ns.saturating_sub(last) > GPS_SILENCE_NS);
        if silent {
            self.figures.lanes.gps.end();
        }
        self.last_gps_ns = Some(body.time_ns);
        let fixed = body.fix == GpsFix::ThreeD;
        let state = match (fixed, self.gate_closed) {
            (false, _) => "no_fix",
            (true, true) => "not_believed",
            (true, false) => "believed",
        };
        self.figures.lanes.gps.enter(at, Some(state));
        if !fixed {
            return;
        }
        let fix = place(body.lat_rad, body.lon_rad, body.alt_msl_m);
        self.first_place(body.time_ns);
        if !self.gate_closed {
            self.believed_ns = Some(body.time_ns);
        }
        match self.figures.reference {
            Reference::BelievedReceiver if self.gate_closed => self.receiver_at(fix, at),
            Reference::BelievedReceiver => self.compare(fix, body.time_ns),
            Reference::LoggedReceiver => {}
        }
    }

    /// The receiver said it was here; believed or not, it is drawn.
    fn receiver_at(&mut self, fix: Geodetic, at: u64) {
        self.figures.gps_track.add(
            at,
            Place {
                lat_deg: fix.lat_rad.to_degrees(),
                lon_deg: fix.lon_rad.to_degrees(),
                radius_m: 0.0,
                label: 0,
            },
        );
        self.figures.series.gps_altitude_m.add(at, fix.alt_msl_m);
    }

    fn compare(&mut self, fix: Geodetic, time_ns: u64) {
        let at = self.since(time_ns);
        self.receiver_at(fix, at);
        let fixes = &mut self.figures.fixes;
        let due = fixes
            .last()
            .is_none_or(|(last, _)| at >= last + FIX_PERIOD_NS);
        if due && fixes.len() < FIXES_MAX {
            fixes.push((at, fix));
        }
        if let Some(position) = &self.latest
            && let Some(error_m) =
                self.figures
                    .accuracy
                    .compare(position, fix, MonotonicNs(time_ns))
        {
            self.figures.series.error_m.add(at, error_m);
        }
    }

    fn flight_state(&mut self, body: &records::FlightState) {
        self.first_input(body.time_ns);
        if body.armed
            && self.figures.home.is_none()
            && let Some(position) = &self.latest
        {
            let here = place(position.lat_rad, position.lon_rad, position.alt_msl_m);
            self.figures.home = Some((here, "where it was armed, as emitted"));
        }
    }

    fn anchor(&mut self, body: &records::AnchorDecision) {
        let at = self.since(body.time_ns);
        let figures = &mut self.figures;
        figures.vision = true;
        figures.anchors_decided += 1;
        *figures.anchors.entry(name_of(&body.outcome)).or_default() += 1;
        figures.anchors_without_match += u64::from(is_no_match(body.outcome));
        if let Some(nis) = body.nis {
            figures.series.anchor_nis.add(at, nis);
        }
        let moved = body.innovation_ne_m.map(|[north, east]| north.hypot(east));
        if body.outcome == AnchorOutcome::Accepted {
            figures.anchors_accepted += 1;
            if let Some(moved) = moved {
                figures.anchor_moved_m.add(moved);
                figures.anchors_moved_30_m += u64::from(moved > MOVED_M);
                figures.series.anchor_innovation_m.add(at, moved);
            }
        } else if let Some(moved) = moved {
            figures.series.refused_innovation_m.add(at, moved);
        }
    }

    fn health(&mut self, body: &records::SystemHealth) {
        let at = self.since(body.time_ns);
        let figures = &mut self.figures;
        figures.cpu_percent.add(body.cpu_percent);
        figures.series.cpu_percent.add(at, body.cpu_percent);
        if let Some(gpu) = body.gpu_percent {
            figures.series.gpu_percent.add(at, gpu);
        }
        if let Some(temperature) = body.temperature_c {
            figures.temperature_c.add(temperature);
            figures.series.temperature_c.add(at, temperature);
        }
        let ram = 100.0 * body.ram_used_bytes as f64 / body.ram_total_bytes.max(1) as f64;
        figures.series.ram_percent.add(at, ram);
    }

    fn telemetry(&mut self, body: &records::RecorderTelemetry) {
        let at = self.since(body.time_ns);
        let figures = &mut self.figures;
        let (lag, worst) = (
            body.durable_lag_ns as f64 * 1e-6,
            body.sync_worst_ns as f64 * 1e-6,
        );
        figures.durable_lag_ms.add(lag);
        figures.sync_worst_ms.add(worst);
        figures.series.durable_lag_ms.add(at, lag);
        figures.series.sync_worst_ms.add(at, worst);
        let least = |there: Option<u64>, new: u64| Some(there.map_or(new, |old| old.min(new)));
        figures.ring_free_min_bytes = least(figures.ring_free_min_bytes, body.ring_free_min_bytes);
        figures.disk_free_min_bytes = least(figures.disk_free_min_bytes, body.disk_free_bytes);
    }

    fn clock(&mut self, body: &records::SegmentHeader<'_>) {
        let Some(unix_ns) = body.anchor_unix_ns else {
            return;
        };
        let offset = i128::from(unix_ns) - i128::from(body.anchor_monotonic_ns);
        let last = self.clock_offset_ns.replace(offset);
        let seconds = last.map_or(0.0, |last| (offset - last) as f64 * 1e-9);
        if seconds.abs() > CLOCK_JUMP_S && self.figures.clock_jumps.len() < LIST_MAX {
            let time_ns = self.since(body.anchor_monotonic_ns);
            self.figures
                .clock_jumps
                .push(ClockJump { time_ns, seconds });
        }
    }

    fn tile(
        &mut self,
        time_ns: u64,
        place: (u8, u32, u32),
        failure: Option<records::TileFailure>,
        thumbnail: &str,
    ) {
        let time_ns = self.since(time_ns);
        if self.figures.tiles.len() < LIST_MAX {
            self.figures.tiles.push(Tile {
                time_ns,
                place,
                failure,
                thumbnail: thumbnail.to_owned(),
            });
        }
    }

    fn finish(mut self) -> Figures {
        let end = self.since(self.figures.end_ns);
        let lanes = &mut self.figures.lanes;
        for lane in [
            &mut lanes.gate,
            &mut lanes.blackout,
            &mut lanes.thermal,
            &mut lanes.recorder,
        ] {
            lane.reach(end);
        }
        lanes.all_mut().into_iter().for_each(Lane::end);
        self.figures.thermal_hybrid_s = self.figures.lanes.thermal.seconds_in("hybrid");
        self.figures
    }
}

/// How to find the reference's fixes among the records of a flight. Without the state of the spoof gate: of a
/// flight in the air every 3D fix counts.
pub fn said_fix(
    about: &FlightDescription,
    configuration: &Configuration,
) -> impl Fn(&Record<'_>) -> Option<(Geodetic, MonotonicNs)> + use<> {
    let logged = matches!(&about.source, Some((FlightSource::Replay, _)));
    let own_receiver = own_receiver(configuration);
    move |record| match record {
        Record::ReceivedMavlinkRaw(body) if logged => match said(body.bytes.0) {
            Some(Said::Fix { instance, at }) if instance != own_receiver => {
                Some((at, MonotonicNs(body.time_ns)))
            }
            _ => None,
        },
        Record::FcGps(body) if !logged && body.fix == GpsFix::ThreeD => Some((
            place(body.lat_rad, body.lon_rad, body.alt_msl_m),
            MonotonicNs(body.time_ns),
        )),
        _ => None,
    }
}

/// The receiver instance that is ours: what it says is our own echo.
fn own_receiver(configuration: &Configuration) -> u8 {
    match configuration.autopilot.kind {
        AutopilotKind::ArduPilot => configuration.autopilot.gps_id,
        AutopilotKind::INav => 0,
    }
}

fn ground_speed(position: &EmittedExternalPosition) -> f64 {
    position.vel_ned_mps[0].hypot(position.vel_ned_mps[1])
}

fn place(lat_rad: f64, lon_rad: f64, alt_msl_m: f64) -> Geodetic {
    Geodetic {
        lat_rad,
        lon_rad,
        alt_msl_m,
    }
}

/// The name of an enumeration's value, as JSON has it.
pub fn name_of(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "unknown".to_owned(),
    }
}

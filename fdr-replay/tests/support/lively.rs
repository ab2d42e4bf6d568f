//! A made-up flight in which everything happens: GPS lost and spoofed, camera and map, a blackout, heat, a key
//! rotation, lost records, failed tiles. Circles of 500 m at 17 m/s; the truth is known, the inputs carry noise
//! of a fixed seed, and every output is the pipeline's own, so that the flight re-runs.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "shared by tests and a generator, which fail by panicking"
)]

use std::f64::consts::{PI, TAU};
use std::fs;
use std::path::{Path, PathBuf};

use companion::config::Configuration;
use companion::navigator::{
    AirData, Airframe, Attitude, Barometer, Displacement, FcGps, FlightState, FrameExposed,
    FrameOutcome, FrameRefusal, Geodetic, GpsFix, ImuSample, Input, MonotonicNs, SatelliteAnchor,
    SystemHealth, TakeoffOrigin, VisualOdometry,
};
use companion::pipeline::Pipeline;
use fdr_format::records::{
    ComponentLifecycleEvent, FlightSource, KeyRotationReason, LifecycleEvent, Log,
    MavlinkSigningKeyRotated, MidFlightTileEmitted, MidFlightTileFailed, ReceivedMavlinkRaw,
    RecorderTelemetry, Severity, TileFailure,
};
use fdr_format::{
    BootId, Bytes, ClockAnchor, Digest, FlightId, FlightParameters, FlightWriter, List, Record,
};

const SECOND: u64 = 1_000_000_000;
const STEP: u64 = SECOND / 100;
const SPEED_MPS: f64 = 17.0;
const RADIUS_M: f64 = 500.0;
const AGL_M: f64 = 300.0;
pub const START_NS: u64 = 77 * SECOND;

/// How long, and how much of nothing beside it.
#[derive(Debug, Clone, Copy)]
pub struct Lively {
    pub seconds: u64,
    /// Bytes of raw frames in each second.
    pub padding: u64,
    pub id: u8,
    pub segment_bytes: u64,
}

impl Default for Lively {
    fn default() -> Self {
        Self {
            seconds: 240,
            padding: 0,
            id: 0x1e,
            segment_bytes: 4 << 20,
        }
    }
}

struct Noise(u64);

impl Noise {
    /// Roughly normal, 1 sigma.
    fn next(&mut self) -> f64 {
        let uniform = |state: &mut u64| {
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (*state >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..12).map(|_| uniform(&mut self.0)).sum::<f64>() - 6.0
    }
}

const HOME: Geodetic = Geodetic {
    lat_rad: 0.79,
    lon_rad: 0.42,
    alt_msl_m: 420.0,
};

/// Where the aircraft is: metres north and east of home, and its course.
fn truth(t: f64) -> (f64, f64, f64) {
    let angle = SPEED_MPS * t / RADIUS_M;
    let drift = 0.4 * t % 4000.0;
    let north = RADIUS_M * angle.sin() + drift;
    let east = RADIUS_M * (1.0 - angle.cos());
    (north, east, angle)
}

fn place(north: f64, east: f64) -> Geodetic {
    let (meridian, parallel) = HOME.metres_per_radian();
    Geodetic {
        lat_rad: HOME.lat_rad + north / meridian,
        lon_rad: HOME.lon_rad + east / parallel,
        alt_msl_m: HOME.alt_msl_m + AGL_M,
    }
}

/// A part of each ten minutes.
fn during(t: f64, from: f64, to: f64) -> bool {
    (from..to).contains(&(t % 600.0))
}

/// Records the flight below `folder` and says where.
pub fn record(folder: &Path, lively: Lively) -> PathBuf {
    let configuration = Configuration::parse("[navigator.sight]\nenabled = true\n").unwrap();
    let parameters = FlightParameters {
        flight_id: FlightId([lively.id; 16]),
        boot_id: BootId([2; 16]),
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        core_version: companion::navigator::CORE_VERSION,
        configuration: configuration.canonical().unwrap(),
        source: FlightSource::Simulation,
        source_name: "lively".to_owned(),
        clock: ClockAnchor {
            monotonic_ns: START_NS,
            unix_ns: Some(1_790_000_000 * SECOND + u64::from(lively.id) * 86_400 * SECOND),
        },
        keys: None,
        recovered: false,
        segment_bytes: lively.segment_bytes,
    };
    let mut flight = Flight {
        writer: FlightWriter::create(folder, parameters).unwrap(),
        pipeline: Pipeline::new(&configuration),
        noise: Noise(u64::from(lively.id)),
        lively,
        padding: vec![0x5A; 1024],
        pending: Vec::new(),
        keyframe: None,
    };
    flight.fly();
    let Flight { writer, .. } = flight;
    writer.finish().unwrap().folder
}

struct Flight {
    writer: FlightWriter,
    pipeline: Pipeline,
    noise: Noise,
    lively: Lively,
    padding: Vec<u8>,
    /// Results of vision on their way.
    pending: Vec<Input>,
    keyframe: Option<(u64, u64, f64, f64)>,
}

impl Flight {
    fn fly(&mut self) {
        let home = HOME;
        self.input(Input::TakeoffOrigin(TakeoffOrigin {
            time: MonotonicNs(START_NS),
            lat_rad: home.lat_rad,
            lon_rad: home.lon_rad,
            alt_msl_m: home.alt_msl_m + AGL_M,
            horiz_accuracy_m: 5.0,
            vert_accuracy_m: 10.0,
        }));
        self.extra(
            START_NS,
            &Record::MavlinkSigningKeyRotated(MavlinkSigningKeyRotated {
                time_ns: START_NS,
                link: 0,
                ordinal: 1,
                reason: KeyRotationReason::FlightStart,
                accepted: true,
            }),
        );
        for step in 1..=self.lively.seconds * 100 {
            let now = START_NS + step * STEP;
            let due: Vec<Input> = {
                let (due, later) = self
                    .pending
                    .drain(..)
                    .partition(|input| input.time().0 <= now);
                self.pending = later;
                due
            };
            due.into_iter().for_each(|input| self.input(input));
            self.sensors(step, now);
            if step.is_multiple_of(100) {
                self.once_a_second(step / 100, now);
            }
            self.pad(now, self.lively.padding / 100);
        }
    }

    fn input(&mut self, input: Input) {
        let writer = &mut self.writer;
        let now = input.time().0;
        let mut sink = |product: companion::pipeline::Product<'_>| {
            writer.append(&product.record(), now).map(|_| ())
        };
        self.pipeline.advance_to(input.time(), &mut sink).unwrap();
        self.pipeline.handle(&input, &mut sink).unwrap();
    }

    fn extra(&mut self, now: u64, record: &Record<'_>) {
        self.writer.append(record, now).unwrap();
    }

    fn pad(&mut self, now: u64, bytes: u64) {
        for _ in 0..bytes / 1024 {
            let frame = Record::ReceivedMavlinkRaw(ReceivedMavlinkRaw {
                time_ns: now,
                link: 0,
                bytes: Bytes(&self.padding),
            });
            self.writer.append(&frame, now).unwrap();
        }
    }

    fn sensors(&mut self, step: u64, now: u64) {
        let time = MonotonicNs(now);
        let t = (step * STEP) as f64 * 1e-9;
        let (north, east, course) = truth(t);
        let rate = SPEED_MPS / RADIUS_M;
        let roll = (SPEED_MPS * rate / 9.81).atan();
        let every = |hz: u64| step.is_multiple_of(100 / hz);
        let rates = [0.0, rate * roll.sin(), rate * roll.cos()];
        let noise = [0; 6].map(|_| self.noise.next());
        self.input(Input::Imu(ImuSample {
            time,
            specific_force_frd_mps2: [
                0.05 * noise[0],
                0.05 * noise[1],
                -9.81 / roll.cos() + 0.05 * noise[2],
            ],
            angular_rate_frd_radps: [0, 1, 2].map(|axis| rates[axis] + 2e-3 * noise[axis + 3]),
        }));
        if every(50) {
            self.input(Input::Attitude(Attitude {
                time,
                roll_rad: roll,
                pitch_rad: 0.0,
                yaw_rad: (course + PI).rem_euclid(TAU) - PI,
                angular_rate_frd_radps: rates,
            }));
        }
        if every(10) {
            self.input(Input::AirData(AirData {
                time,
                indicated_airspeed_mps: SPEED_MPS / 1.036 + 0.1 * noise[0],
            }));
            self.input(Input::Barometer(Barometer {
                time,
                static_pressure_pa: 92_945.0 + 3.0 * noise[1],
                temperature_k: 283.0,
            }));
        }
        if every(5) && !during(t, 90.0, 150.0) {
            self.gps(time, t, north, east, course);
        }
        if step.is_multiple_of(33) && !during(t, 160.0, 175.0) {
            self.frame(step / 33, now, north, east);
        }
    }

    fn gps(&mut self, time: MonotonicNs, t: f64, north: f64, east: f64, course: f64) {
        // Spoofed: drawn away to the east.
        let away = if during(t, 150.0, 170.0) {
            40.0 * (t % 600.0 - 145.0)
        } else {
            0.0
        };
        let at = place(
            north + 0.8 * self.noise.next(),
            east + away + 0.8 * self.noise.next(),
        );
        let above = self.noise.next();
        self.input(Input::FcGps(FcGps {
            time,
            instance: 0,
            fix: GpsFix::ThreeD,
            lat_rad: at.lat_rad,
            lon_rad: at.lon_rad,
            alt_msl_m: at.alt_msl_m + above,
            velocity_ne_mps: Some([SPEED_MPS * course.cos() + 0.4, SPEED_MPS * course.sin()]),
            horiz_accuracy_m: Some(1.5),
            vert_accuracy_m: Some(2.5),
            speed_accuracy_mps: Some(0.3),
            satellites: Some(13),
        }));
    }

    fn frame(&mut self, frame: u64, now: u64, north: f64, east: f64) {
        let exposure = MonotonicNs(now);
        self.input(Input::FrameExposed(FrameExposed {
            time: exposure,
            frame,
            exposure,
        }));
        let time = MonotonicNs(now + 120_000_000);
        let outcome = match self.keyframe.replace((frame, now, north, east)) {
            Some((keyframe, at, from_north, from_east)) if now - at < SECOND => {
                FrameOutcome::Registered(Displacement {
                    keyframe,
                    keyframe_exposure: MonotonicNs(at),
                    displacement_ne_m: [
                        north - from_north + 0.15 * self.noise.next(),
                        east - from_east + 0.15 * self.noise.next(),
                    ],
                    covariance_ne_m2: [0.04, 0.0, 0.04],
                    agl_m: AGL_M,
                    rotation_rad: 0.0,
                    scale: 1.0,
                    overlap: 0.9,
                    quality: 0.8,
                })
            }
            _ => FrameOutcome::Refused(FrameRefusal::FirstOfSegment),
        };
        self.pending.push(Input::VisualOdometry(VisualOdometry {
            time,
            frame,
            exposure,
            outcome,
        }));
        let t = (now - START_NS) as f64 * 1e-9;
        if frame.is_multiple_of(3) && !during(t, 120.0, 200.0) {
            // One in forty is a false match.
            let wrong = if frame.is_multiple_of(120) {
                350.0
            } else {
                0.0
            };
            let at = place(
                north + 2.0 * self.noise.next() + wrong,
                east + 2.0 * self.noise.next(),
            );
            self.pending.push(Input::SatelliteAnchor(SatelliteAnchor {
                time: MonotonicNs(now + 400_000_000),
                frame,
                exposure,
                lat_rad: at.lat_rad,
                lon_rad: at.lon_rad,
                covariance_ne_m2: [4.0, 0.0, 4.0],
                score: 0.8,
                peak_ratio: 2.5,
                yaw_offset_rad: 0.0,
                scale: 1.0,
                agl_m: AGL_M,
                map_area: 1,
                map_bias_sigma_m: 2.0,
            }));
        }
    }

    fn once_a_second(&mut self, second: u64, now: u64) {
        let time = MonotonicNs(now);
        let t = second as f64;
        let hot = during(t, 60.0, 110.0);
        self.input(Input::FlightState(FlightState {
            time,
            armed: true,
            airframe: Airframe::FixedWing,
        }));
        let noise = [0; 5].map(|_| self.noise.next());
        self.input(Input::SystemHealth(SystemHealth {
            time,
            cpu_percent: 42.0 + 8.0 * noise[0].abs() + if hot { 30.0 } else { 0.0 },
            gpu_percent: Some(60.0 + 5.0 * noise[1]),
            temperature_c: Some(if hot { 88.0 } else { 61.0 } + noise[2]),
            throttled: false,
            ram_used_bytes: 900 << 20,
            ram_total_bytes: 8 << 30,
            vram_used_bytes: None,
            vram_total_bytes: None,
            nvm_free_bytes: 400 << 30,
            nvm_total_bytes: 900 << 30,
        }));
        self.extra(
            now,
            &Record::RecorderTelemetry(RecorderTelemetry {
                time_ns: now,
                durable_sequence: 0,
                durable_lag_ns: 100_000_000 + (4e6 * noise[3].abs()) as u64,
                ring_free_min_bytes: 4 << 20,
                staging_free_min_bytes: 15 << 20,
                dropped: 0,
                refused: 0,
                sync_p99_ns: 400_000,
                sync_worst_ns: 700_000 + (3e5 * noise[4].abs()) as u64,
                disk_free_bytes: 400 << 30,
                disk_free_inodes: 1 << 20,
                nvme_wear_percent: Some(3),
            }),
        );
        self.tiles(second, now);
        if second % 600 == 130 {
            self.extra(
                now,
                &Record::Log(Log {
                    time_ns: now,
                    severity: Severity::Warning,
                    target: "vision",
                    text: "map tile <17/68000/46000> is slow: 212 ms & counting",
                }),
            );
            self.lifecycle(
                now,
                LifecycleEvent::Failed,
                "camera",
                "timeout",
                "no frame for 2 s",
            );
            self.lifecycle(now, LifecycleEvent::Restarted, "camera", "", "");
        }
        if second % 600 == 200 {
            self.extra(
                now,
                &Record::MavlinkSigningKeyRotated(MavlinkSigningKeyRotated {
                    time_ns: now,
                    link: 0,
                    ordinal: 2,
                    reason: KeyRotationReason::Operator,
                    accepted: true,
                }),
            );
        }
    }

    fn tiles(&mut self, second: u64, now: u64) {
        if second % 20 != 10 {
            return;
        }
        let (north, east, _) = truth(second as f64);
        let at = place(north, east);
        let size = f64::from(1u32 << 17);
        let sine = at.lat_rad.sin();
        let x = ((at.lon_rad / TAU + 0.5) * size) as u32;
        let y = ((0.5 - ((1.0 + sine) / (1.0 - sine)).ln() / (4.0 * PI)) * size) as u32;
        if second % 60 == 30 {
            let name = format!("failed_{second}.png");
            let folder = self.writer.folder().join("thumbnails");
            if second < 3600 {
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(&name), THUMBNAIL).unwrap();
            }
            self.extra(
                now,
                &Record::MidFlightTileFailed(MidFlightTileFailed {
                    time_ns: now,
                    zoom: 17,
                    x,
                    y,
                    frame: second * 3,
                    reason: TileFailure::LowTexture,
                    thumbnail: &name,
                }),
            );
        } else {
            self.extra(
                now,
                &Record::MidFlightTileEmitted(MidFlightTileEmitted {
                    time_ns: now,
                    zoom: 17,
                    x,
                    y,
                    frame: second * 3,
                    parent_covariance_ne_m2: [9.0, 0.0, 9.0],
                    quality: 0.8,
                    bytes: 12_000,
                    content: Digest([3; 32]),
                }),
            );
        }
    }

    fn lifecycle(
        &mut self,
        now: u64,
        event: LifecycleEvent,
        component: &str,
        cause: &str,
        text: &str,
    ) {
        let severity = match event {
            LifecycleEvent::Failed => Severity::Critical,
            _ => Severity::Notice,
        };
        self.extra(
            now,
            &Record::ComponentLifecycleEvent(ComponentLifecycleEvent {
                time_ns: now,
                severity,
                event,
                segment: None,
                first_sequence: None,
                last_sequence: None,
                first_time_ns: None,
                last_time_ns: None,
                bytes: 0,
                digest: None,
                component,
                cause,
                text,
                counts: List::new(&[]),
            }),
        );
    }
}

/// What a failed tile looked like: 64 by 64, grey.
const THUMBNAIL: &[u8] = include_bytes!("thumbnail.png");

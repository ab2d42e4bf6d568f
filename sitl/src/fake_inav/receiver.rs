//! iNav's GPS driver over MSP, and what its navigation makes of it.
//!
//! | state | event | next |
//! |---|---|---|
//! | silent | first frames: two do not count | silent |
//! | silent | a further frame | hearing |
//! | hearing | 1 s without a frame | re-init for 0.5 s, then silent; counted |

const SECOND_NS: u64 = 1_000_000_000;
const TIMEOUT_NS: u64 = SECOND_NS;
const REINIT_NS: u64 = SECOND_NS / 2;
/// Nothing counts before.
const BOOT_NS: u64 = 3 * SECOND_NS + SECOND_NS / 2;
/// The GPS task runs at 50 Hz: of two frames in one run the last counts.
const TASK_NS: u64 = SECOND_NS / 50;
const WARM_UP: u8 = 2;
/// The satellites that stand for "estimated".
const ESTIMATED: u8 = 99;
const TIMEOUTS_UNWELL: u32 = 4;

/// One position as it stood on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// 0 none, 2 2D, 3 3D, as sent.
    pub fix_type: u8,
    /// Satellites.
    pub satellites: u8,
    /// Millimetres.
    pub horizontal_mm: u16,
    /// Millimetres.
    pub vertical_mm: u16,
    /// 1e-7 degrees.
    pub longitude_e7: i32,
    /// 1e-7 degrees.
    pub latitude_e7: i32,
    /// Centimetres.
    pub altitude_cm: i32,
    /// North, east, down, cm/s.
    pub velocity_cmps: [i32; 3],
    /// 0.01 degrees.
    pub course_cdeg: u16,
    /// 0: no time.
    pub year: u16,
}

impl Taken {
    /// The fields of a payload of 52 bytes.
    #[must_use]
    pub fn decode(payload: &[u8; 52]) -> Self {
        let u16_at = |at: usize| u16::from_le_bytes([payload[at], payload[at + 1]]);
        let i32_at = |at: usize| {
            i32::from_le_bytes([
                payload[at],
                payload[at + 1],
                payload[at + 2],
                payload[at + 3],
            ])
        };
        Self {
            fix_type: payload[7],
            satellites: payload[8],
            horizontal_mm: u16_at(9),
            vertical_mm: u16_at(11),
            longitude_e7: i32_at(17),
            latitude_e7: i32_at(21),
            altitude_cm: i32_at(25),
            velocity_cmps: [i32_at(29), i32_at(33), i32_at(37)],
            course_cdeg: u16_at(41),
            year: u16_at(45),
        }
    }
}

/// The driver.
#[derive(Debug, Clone)]
pub struct GpsDriver {
    configured: bool,
    /// Beginning of the life of the autopilot.
    boot_ns: u64,
    pending: Option<(u64, Taken)>,
    last_frame_ns: Option<u64>,
    blind_until_ns: u64,
    warm_up: u8,
    position: Taken,
    sensor: bool,
    timeouts: u32,
    last_dt_ms: u16,
}

impl GpsDriver {
    /// A driver that was switched on at `boot_ns`; `configured` when the provider is MSP and the feature on.
    #[must_use]
    pub fn new(configured: bool, boot_ns: u64) -> Self {
        Self {
            configured,
            boot_ns,
            pending: None,
            last_frame_ns: None,
            blind_until_ns: boot_ns + BOOT_NS,
            warm_up: 0,
            position: Taken::default(),
            sensor: false,
            timeouts: 0,
            last_dt_ms: 0,
        }
    }

    /// A frame arrived.
    pub fn frame(&mut self, position: Taken, now_ns: u64) {
        if !self.configured {
            // Decoded all the same, and never forgotten.
            self.position = position;
            return;
        }
        let begin = self.pending.map_or(now_ns, |(begin, _)| begin);
        self.pending = Some((begin, position));
    }

    /// Runs the GPS task.
    pub fn run(&mut self, now_ns: u64) {
        if !self.configured {
            return;
        }
        if let Some((begin, position)) = self.pending
            && now_ns >= begin + TASK_NS / 2
        {
            self.pending = None;
            self.process(position, now_ns);
        }
        let silent = self
            .last_frame_ns
            .is_some_and(|last| now_ns >= last + TIMEOUT_NS);
        if silent {
            self.last_frame_ns = None;
            self.sensor = false;
            self.position.fix_type = 0;
            self.position.satellites = 0;
            self.timeouts += 1;
            self.warm_up = 0;
            self.blind_until_ns = now_ns + REINIT_NS;
        }
    }

    fn process(&mut self, position: Taken, now_ns: u64) {
        if now_ns < self.blind_until_ns {
            return;
        }
        if let Some(last) = self.last_frame_ns {
            let elapsed_ms = (now_ns - last) / 1_000_000;
            self.last_dt_ms = u16::try_from(elapsed_ms).unwrap_or(u16::MAX);
        }
        self.last_frame_ns = Some(now_ns);
        self.sensor = true;
        if self.warm_up < WARM_UP {
            self.warm_up += 1;
            return;
        }
        self.position = position;
    }

    /// The position that it holds.
    #[must_use]
    pub fn position(&self) -> &Taken {
        &self.position
    }

    /// Fix as MSP_RAW_GPS tells it: 0, 1 = 2D, 2 = 3D.
    #[must_use]
    pub fn raw_fix(&self) -> u8 {
        match self.position.fix_type {
            0 | 1 => 0,
            2 => 1,
            _ => 2,
        }
    }

    /// Bit 3 of the sensors.
    #[must_use]
    pub fn sensor(&self) -> bool {
        self.sensor
    }

    /// Its health as MSP_SENSOR_STATUS tells it.
    #[must_use]
    pub fn health(&self) -> u8 {
        match (self.configured, self.sensor) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) if self.timeouts > TIMEOUTS_UNWELL => 2,
            (true, false) => 1,
        }
    }

    /// Time between the last two frames, ms; timeouts; accuracies, cm.
    #[must_use]
    pub fn statistics(&self) -> (u16, u32, [u16; 2]) {
        let accuracies = [
            self.position.horizontal_mm / 10,
            self.position.vertical_mm / 10,
        ];
        (self.last_dt_ms, self.timeouts, accuracies)
    }

    /// Whether there is a fix that navigation takes.
    #[must_use]
    pub fn navigation_fix(&self, min_satellites: u8) -> bool {
        self.sensor
            && self.position.fix_type >= 3
            && self.position.satellites >= min_satellites
            && !self.is_estimated()
    }

    /// Whether the sentinel of an estimated fix stands in the place of the satellites.
    #[must_use]
    pub fn is_estimated(&self) -> bool {
        self.position.satellites == ESTIMATED
    }

    /// Whether the position estimator uses it.
    #[must_use]
    pub fn is_navigated_on(&self, min_satellites: u8, max_eph_epv_cm: f32) -> bool {
        let eph_cm = f32::from(self.position.horizontal_mm / 10);
        self.navigation_fix(min_satellites) && eph_cm < max_eph_epv_cm
    }

    /// When it was switched on.
    #[must_use]
    pub fn boot_ns(&self) -> u64 {
        self.boot_ns
    }
}

//! What the board's kernel says of heat, throttling, supply and graphics processor.
//!
//! | what | where below the root | unit |
//! |---|---|---|
//! | graphics load | `class/devfreq/17000000.gpu/device/load`, or the device below `devices/platform` | per mille |
//! | temperature | `class/thermal/thermal_zone*/{type,temp}` | 0.001 degrees Celsius |
//! | throttling by heat | `class/thermal/cooling_device*/{type,cur_state}`, those that slow a processor | above 0: in force |
//! | throttling by supply | `class/hwmon/*/oc*_event_cnt` of `soctherm_oc` | events since boot |
//! | supply rails | `class/hwmon/*/{in,curr}*_input` of `ina3221` | mV, mA |
//!
//! Source: Jetson Linux 36 developer guide (Orin Nano), the kernel's `sysfs-class-thermal` and hwmon
//! interfaces.

use std::path::{Path, PathBuf};

use super::text::{attribute, folders, number};

/// Devices that may carry the graphics load, the likeliest first.
const GRAPHICS: [&str; 4] = [
    "class/devfreq/17000000.gpu/device/load",
    "devices/platform/bus@0/17000000.gpu/load",
    "devices/platform/17000000.gpu/load",
    "devices/gpu.0/load",
];
const ZONES_MAX: usize = 64;
const RAILS_MAX: usize = 16;
const CHANNELS: usize = 8;
/// A reading beyond these is a sensor that is switched off or broken, degrees Celsius.
const PLAUSIBLE_C: std::ops::RangeInclusive<f64> = -55.0..=150.0;

/// One thermal zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// The kernel's name of it.
    pub name: String,
    /// Its temperature, degrees Celsius.
    pub temperature_c: f64,
}

/// One supply rail.
#[derive(Debug, Clone, PartialEq)]
pub struct Rail {
    /// The board's name of it.
    pub name: String,
    /// Power drawn from it, watt.
    pub power_w: f64,
}

/// One reading of the board.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BoardReadings {
    /// Load of the graphics processor, 0 to 100, where there is one.
    pub gpu_percent: Option<f64>,
    /// Thermal zones that could be read.
    pub zones: Vec<Zone>,
    /// Supply rails that could be read.
    pub rails: Vec<Rail>,
    /// Whether a processor is slowed down, for heat or for want of current.
    pub throttled: bool,
    /// Times since boot that the supply could not give what was asked.
    pub over_current_events: u64,
}

impl BoardReadings {
    /// The hottest zone, degrees Celsius; `None` without a sensor.
    #[must_use]
    pub fn temperature_c(&self) -> Option<f64> {
        self.zones
            .iter()
            .map(|zone| zone.temperature_c)
            .reduce(f64::max)
    }
}

/// Reads the board; remembers the counters that only tell something by growing.
#[derive(Debug, Clone)]
pub struct BoardReader {
    root: PathBuf,
    over_current_events: Option<u64>,
}

impl BoardReader {
    /// A reader of the `sysfs` at `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            over_current_events: None,
        }
    }

    /// Reads everything that is there.
    pub fn read(&mut self) -> BoardReadings {
        let over_current_events = self.count_over_currents();
        // The first reading cannot tell an old event from a new one.
        let starved = self
            .over_current_events
            .replace(over_current_events)
            .is_some_and(|before| over_current_events > before);
        BoardReadings {
            gpu_percent: self.graphics_load(),
            zones: self.zones(),
            rails: self.rails(),
            throttled: starved || self.slowed_by_heat(),
            over_current_events,
        }
    }

    fn graphics_load(&self) -> Option<f64> {
        let per_mille = GRAPHICS
            .iter()
            .find_map(|path| number(&self.root.join(path)))?;
        Some((per_mille as f64 / 10.0).clamp(0.0, 100.0))
    }

    fn zones(&self) -> Vec<Zone> {
        let folder = self.root.join("class/thermal");
        folders(&folder, "thermal_zone")
            .iter()
            .take(ZONES_MAX)
            .filter_map(|zone| {
                let temperature_c = number(&zone.join("temp"))? as f64 / 1000.0;
                PLAUSIBLE_C.contains(&temperature_c).then(|| Zone {
                    name: attribute(&zone.join("type")).unwrap_or_default(),
                    temperature_c,
                })
            })
            .collect()
    }

    fn slowed_by_heat(&self) -> bool {
        let folder = self.root.join("class/thermal");
        folders(&folder, "cooling_device")
            .iter()
            .take(ZONES_MAX)
            .filter(|device| {
                attribute(&device.join("type")).is_some_and(|kind| slows_processor(&kind))
            })
            .any(|device| number(&device.join("cur_state")).is_some_and(|state| state > 0))
    }

    fn monitors(&self, name: &'static str) -> impl Iterator<Item = PathBuf> {
        folders(&self.root.join("class/hwmon"), "hwmon")
            .into_iter()
            .filter(move |monitor| attribute(&monitor.join("name")).as_deref() == Some(name))
    }

    fn count_over_currents(&self) -> u64 {
        self.monitors("soctherm_oc")
            .flat_map(|monitor| {
                (1..=CHANNELS).map(move |event| monitor.join(format!("oc{event}_event_cnt")))
            })
            .filter_map(|path| number(&path))
            .fold(0_u64, |sum, events| {
                sum.saturating_add(u64::try_from(events).unwrap_or_default())
            })
    }

    fn rails(&self) -> Vec<Rail> {
        self.monitors("ina3221")
            .flat_map(|monitor| (1..=CHANNELS).filter_map(move |channel| rail(&monitor, channel)))
            .take(RAILS_MAX)
            .collect()
    }
}

/// Fans and alarms are cooling devices too, and slow nothing.
fn slows_processor(kind: &str) -> bool {
    [
        "cpufreq",
        "thermal-cpufreq",
        "devfreq",
        "thermal-devfreq",
        "Processor",
    ]
    .iter()
    .any(|begin| kind.starts_with(begin))
        || kind.ends_with("-throttle-alert")
}

fn rail(monitor: &Path, channel: usize) -> Option<Rail> {
    let millivolt = number(&monitor.join(format!("in{channel}_input")))?;
    let milliampere = number(&monitor.join(format!("curr{channel}_input")))?;
    Some(Rail {
        name: attribute(&monitor.join(format!("in{channel}_label")))
            .unwrap_or_else(|| format!("rail {channel}")),
        power_w: millivolt as f64 * milliampere as f64 * 1e-6,
    })
}

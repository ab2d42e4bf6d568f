//! iNav over MSP version 2: positions become `MSP2_SENSOR_GPS`; attitude, height and airspeed are asked
//! for, because iNav says nothing unasked.
//!
//! | part | what |
//! |---|---|
//! | `sensor_gps` | positions, at 10 Hz |
//! | `schedule` | what is asked when: one command in 10 ms, positions included |
//! | `replies` | what the answers mean |
//! | `rates` | angular rates, which iNav does not tell finely enough |
//! | `settings` | what is set wrongly on the autopilot; nothing is changed |
//! | `delivery` | whether our positions are really taken |
//! | `link` | all of it together |
//!
//! Every byte that is ever written is part of a whole frame: a `#` between frames, followed by a tenth of a
//! second of silence, would open iNav's command line and end MSP on the port until it is started anew.
//!
//! iNav has one satellite receiver, and that is us: no report of it is ever an input.

mod delivery;
mod link;
mod rates;
mod replies;
mod schedule;
mod sensor_gps;
mod settings;

pub use delivery::{Delivery, Evidence};
pub use link::INavLink;
pub use rates::BodyRates;
pub use replies::{Reply, ReplyError, command};
pub use schedule::{Ask, COMMAND_GAP_NS, Schedule, request};
pub use sensor_gps::{
    MSP2_SENSOR_GPS, SATELLITES, SENSOR_GPS_FRAME, SENSOR_GPS_PAYLOAD, SensorGps,
};
pub use settings::{Finding, Setting, SettingValues, judge_settings};

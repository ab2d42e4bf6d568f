//! Which of the systems on a link is the vehicle.

use mavlink::dialects::ardupilotmega::{MavAutopilot, MavMessage};

use crate::autopilot::mavlink::Sender;

/// Component id of an autopilot.
pub const AUTOPILOT_COMPONENT: u8 = 1;

/// Locks onto one vehicle: the configured system, else the first whose component 1 says in its
/// HEARTBEAT that it is an autopilot. Ground stations, radios and companions never are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VehicleLock {
    system: Option<u8>,
    heard: bool,
}

impl VehicleLock {
    /// Waits for the autopilot of `system`, or of any system when `None`.
    #[must_use]
    pub fn new(system: Option<u8>) -> Self {
        Self {
            system,
            heard: false,
        }
    }

    /// The vehicle's system id, once its autopilot was heard.
    #[must_use]
    pub fn system(&self) -> Option<u8> {
        self.system.filter(|_| self.heard)
    }

    /// Whether `message` comes from the vehicle's autopilot; its first HEARTBEAT closes the lock.
    pub fn admits(&mut self, sender: Sender, message: &MavMessage) -> bool {
        if sender.component != AUTOPILOT_COMPONENT {
            return false;
        }
        if !self.heard
            && self.system.is_none_or(|system| system == sender.system)
            && let MavMessage::HEARTBEAT(heartbeat) = message
            && heartbeat.autopilot != MavAutopilot::MAV_AUTOPILOT_INVALID
        {
            self.system = Some(sender.system);
            self.heard = true;
        }
        self.is_vehicle(sender)
    }

    /// Whether `sender` is the vehicle's autopilot, as far as it was heard.
    #[must_use]
    pub fn is_vehicle(&self, sender: Sender) -> bool {
        sender.component == AUTOPILOT_COMPONENT && self.system() == Some(sender.system)
    }
}

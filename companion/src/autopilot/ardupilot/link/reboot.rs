//! Whether the autopilot was started anew: its time since boot fell, and did not wrap.

use mavlink::dialects::ardupilotmega::MavMessage;

/// A clock that falls by less was only read late, ms.
const FALL_MS: u32 = 2_000;
/// Within this of the end of the 32 bits, a small number is the wrap after 49.7 days, ms.
const WRAP_MS: u32 = 60_000;

/// The autopilot's time since boot.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BootClock {
    last_ms: Option<u32>,
}

impl BootClock {
    /// Whether `message` shows that it was started anew.
    pub(super) fn rebooted(&mut self, message: &MavMessage) -> bool {
        let boot_ms = match message {
            MavMessage::SYSTEM_TIME(body) => body.time_boot_ms,
            MavMessage::ATTITUDE(body) => body.time_boot_ms,
            MavMessage::GLOBAL_POSITION_INT(body) => body.time_boot_ms,
            _ => return false,
        };
        let Some(last_ms) = self.last_ms.replace(boot_ms) else {
            return false;
        };
        let fell = last_ms.saturating_sub(boot_ms) > FALL_MS;
        let wrapped = last_ms > u32::MAX - WRAP_MS && boot_ms < WRAP_MS;
        fell && !wrapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mavlink::dialects::ardupilotmega::SYSTEM_TIME_DATA;

    fn at(time_boot_ms: u32) -> MavMessage {
        MavMessage::SYSTEM_TIME(SYSTEM_TIME_DATA {
            time_boot_ms,
            ..SYSTEM_TIME_DATA::default()
        })
    }

    #[test]
    fn a_fall_is_a_reboot_and_a_wrap_or_a_late_reading_is_none() {
        let mut clock = BootClock::default();
        assert!(!clock.rebooted(&at(100_000)));
        assert!(!clock.rebooted(&at(99_000)));
        assert!(clock.rebooted(&at(500)));
        assert!(!clock.rebooted(&at(u32::MAX - 100)));
        assert!(!clock.rebooted(&at(900)));
        assert!(!clock.rebooted(&at(1_900)));
    }
}

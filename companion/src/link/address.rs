//! Where a link leads.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Slowest and fastest serial speeds that are accepted, baud.
const BAUD: std::ops::RangeInclusive<u32> = 9_600..=12_000_000;

/// Where a link leads: `serial:DEVICE:BAUD`, `tcp:HOST:PORT` or `udp:HOST:PORT`. The latter two are refused
/// in production.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LinkAddress {
    /// A serial port.
    Serial {
        /// The device.
        device: PathBuf,
        /// Speed, baud.
        baud: u32,
    },
    /// A TCP server that is connected to.
    Tcp {
        /// Name or number of the machine.
        host: String,
        /// Port.
        port: u16,
    },
    /// A UDP peer that is sent to, and heard when it answers.
    Udp {
        /// Name or number of the machine.
        host: String,
        /// Port.
        port: u16,
    },
}

/// Why a text is no address of a link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not one of the forms.
    #[error(
        "`{text}` is no link; write serial:DEVICE:BAUD, tcp:HOST:PORT or udp:HOST:PORT, such as serial:/dev/ttyTHS1:921600"
    )]
    Form {
        /// The text.
        text: String,
    },
    /// A serial speed out of range.
    #[error("`{text}`: the speed is {baud} baud, allowed is 9600 to 12000000")]
    Baud {
        /// The text.
        text: String,
        /// The speed.
        baud: u32,
    },
    /// A network link in a production build.
    #[error("`{text}`: network links do not exist in production; use serial:DEVICE:BAUD")]
    Production {
        /// The text.
        text: String,
    },
}

impl LinkAddress {
    /// Whether it leads over a network, which production refuses.
    #[must_use]
    pub fn is_network(&self) -> bool {
        match self {
            Self::Serial { .. } => false,
            Self::Tcp { .. } | Self::Udp { .. } => true,
        }
    }
}

impl FromStr for LinkAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let form = || AddressError::Form {
            text: text.to_owned(),
        };
        let (kind, rest) = text.split_once(':').ok_or_else(form)?;
        let (place, number) = rest.rsplit_once(':').ok_or_else(form)?;
        if place.is_empty() {
            return Err(form());
        }
        let address = match kind {
            "serial" => {
                let baud = number.parse().map_err(|_| form())?;
                if !BAUD.contains(&baud) {
                    let text = text.to_owned();
                    return Err(AddressError::Baud { text, baud });
                }
                Self::Serial {
                    device: PathBuf::from(place),
                    baud,
                }
            }
            "tcp" | "udp" => {
                let host = place.to_owned();
                let port = number.parse().ok().filter(|port| *port != 0);
                let port = port.ok_or_else(form)?;
                match kind {
                    "tcp" => Self::Tcp { host, port },
                    _ => Self::Udp { host, port },
                }
            }
            _ => return Err(form()),
        };
        if cfg!(feature = "production") && address.is_network() {
            let text = text.to_owned();
            return Err(AddressError::Production { text });
        }
        Ok(address)
    }
}

impl fmt::Display for LinkAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial { device, baud } => {
                write!(formatter, "serial:{}:{baud}", device.display())
            }
            Self::Tcp { host, port } => write!(formatter, "tcp:{host}:{port}"),
            Self::Udp { host, port } => write!(formatter, "udp:{host}:{port}"),
        }
    }
}

impl TryFrom<String> for LinkAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<LinkAddress> for String {
    fn from(address: LinkAddress) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_back_as_it_was_written() {
        let mut texts = vec![
            "serial:/dev/ttyTHS1:921600",
            "serial:/dev/serial/by-id/usb-a:b:57600",
        ];
        if !cfg!(feature = "production") {
            texts.extend([
                "tcp:127.0.0.1:5760",
                "udp:localhost:14550",
                "tcp:[::1]:5760",
            ]);
        }
        for text in texts {
            let address: LinkAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_link_is_refused_with_the_forms_or_the_range() {
        for text in [
            "",
            "serial",
            "serial:/dev/ttyS0",
            "tcp:host:0",
            "tcp::5760",
            "udp:host:70000",
            "can:0:1",
        ] {
            let error = text.parse::<LinkAddress>().unwrap_err();
            assert!(error.to_string().contains("serial:DEVICE:BAUD"), "{error}");
        }
        let error = "serial:/dev/ttyS0:300".parse::<LinkAddress>().unwrap_err();
        assert!(error.to_string().contains("9600 to 12000000"), "{error}");
    }
}

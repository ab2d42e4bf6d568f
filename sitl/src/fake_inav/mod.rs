//! An iNav that takes positions over MSP, as far as a companion can tell from outside: what it decodes, what
//! it believes, what it answers, and how it dies of a stray byte.
//!
//! A machine without I/O: bytes and the time in, bytes out. Its serial task runs every 10 ms and takes one
//! command; what does not fit its buffer of 256 bytes is lost. What a companion does wrongly is kept as a
//! [`Fault`]. [`serve`](fn@serve) puts it behind a pseudo-terminal or a TCP port.
//!
//! Source: the checklist of the protocol reference (iNav 9.1, section 7.2), executed or read there.

mod answers;
mod machine;
mod parser;
mod receiver;
mod serve;

pub use answers::{FakeSettings, Sensors};
pub use machine::{FakeInav, Fault, Port};
pub use parser::{Parser, Step};
pub use receiver::{GpsDriver, Taken};
pub use serve::{Place, ServeError, serve};

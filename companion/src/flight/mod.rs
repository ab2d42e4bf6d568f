//! The flight: everything put together, with the threads that run it.
//!
//! | thread | work |
//! |---|---|
//! | `fc-rx`, `gcs-rx` | open and read a link |
//! | `navigator` | the [`Cockpit`]: the only one that thinks |
//! | `fc-tx`, `gcs-tx` | write a link |
//! | `health` | the [`Watch`]: state of the machine, word to the service manager |
//! | the recorder's three | see [`crate::recorder`] |
//!
//! | start | what | when it fails |
//! |---|---|---|
//! | 1 | recorder, or the flight that goes on is taken up | no flight: exit code 2 |
//! | 2 | navigator, writers, readers | no flight |
//! | 3 | health; the service manager hears that it is ready | - |
//! | 4 | first input | - |
//!
//! The end goes the other way: readers, navigator (which says farewell), writers (which send it), recorder.

mod cockpit;
mod error;
mod identity;
mod options;
mod recording;
mod run;
mod signing;
mod summary;
mod watch;

pub use cockpit::{Cockpit, CockpitCounts, Departures, PROGRAM};
pub use error::FlightError;
pub use identity::monotonic_ns;
pub use options::FlightOptions;
pub use run::{fly, fly_watched};
pub use summary::{FlightReport, LinkReport};
pub use watch::{RecorderView, Watch};

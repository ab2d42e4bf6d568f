//! The navigator and the emitter as one deterministic machine: inputs in; out, in the order in which
//! they are recorded, the input itself, what the navigator said, and the bytes for the autopilot.
//!
//! Replay, simulation and re-run all drive this one shape; only where the inputs come from and where
//! the products go differs.

use fdr_format::{Bytes, Record, records};

use crate::autopilot::Emitter;
use crate::config::Configuration;
use crate::navigator::{Input, MonotonicNs, Navigator, Output, Outputs, Tick};
use crate::recorder::{record_from_input, record_from_output};

/// Number of the flight-controller link in records.
pub const FC_LINK: u8 = 0;

/// One thing that an input led to, in the order of recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Product<'a> {
    /// The input itself, as the navigator is about to consume it.
    Input(&'a Input),
    /// What the navigator said.
    Output(&'a Output),
    /// Bytes for the flight controller.
    SentFcBytes {
        /// The emission deadline of the position in them.
        time: MonotonicNs,
        /// The bytes, one whole frame.
        bytes: &'a [u8],
    },
}

impl<'a> Product<'a> {
    /// Its record.
    #[must_use]
    pub fn record(&self) -> Record<'a> {
        match self {
            Self::Input(input) => record_from_input(input),
            Self::Output(output) => record_from_output(output),
            Self::SentFcBytes { time, bytes } => Record::SentFcBytes(records::SentFcBytes {
                time_ns: time.0,
                link: FC_LINK,
                bytes: Bytes(bytes),
            }),
        }
    }
}

/// Navigator and emitter. Knows no clock: time comes with the inputs.
#[derive(Debug, Clone)]
pub struct Pipeline {
    navigator: Navigator,
    emitter: Emitter,
    outputs: Outputs,
}

impl Pipeline {
    /// A pipeline at the start of a flight.
    #[must_use]
    pub fn new(configuration: &Configuration) -> Self {
        Self {
            navigator: Navigator::new(&configuration.navigator),
            emitter: Emitter::new(&configuration.autopilot),
            outputs: Outputs::default(),
        }
    }

    /// When the next tick is due; `None` before the first input.
    #[must_use]
    pub fn next_deadline(&self) -> Option<MonotonicNs> {
        self.navigator.next_deadline()
    }

    /// Takes one input and hands every product of it to `sink`.
    ///
    /// # Errors
    /// The first error of `sink`; the input is consumed all the same.
    pub fn handle<E>(
        &mut self,
        input: &Input,
        sink: &mut impl FnMut(Product<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let due = self.navigator.next_deadline();
        self.navigator.handle(input, &mut self.outputs);
        let deadline_passed = due.is_some() && self.navigator.next_deadline() != due;
        sink(Product::Input(input))?;
        for output in self.outputs.iter() {
            sink(Product::Output(output))?;
        }
        let position = self.outputs.iter().find_map(|output| match output {
            Output::Position(position) => Some(position),
            Output::LabelTransition(_) | Output::Event(_) => None,
        });
        let frame = match position {
            Some(position) => Some((position.time, self.emitter.emit(position))),
            None if deadline_passed => self
                .emitter
                .withdraw(input.time())
                .map(|frame| (input.time(), frame)),
            None => None,
        };
        match frame {
            Some((time, bytes)) => sink(Product::SentFcBytes {
                time,
                bytes: bytes.as_slice(),
            }),
            None => Ok(()),
        }
    }

    /// Sends the ticks that are due up to and including `now`. To be called before an input of that
    /// time is handed over.
    ///
    /// # Errors
    /// The first error of `sink`.
    pub fn advance_to<E>(
        &mut self,
        now: MonotonicNs,
        sink: &mut impl FnMut(Product<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(deadline) = self.next_deadline().filter(|deadline| *deadline <= now) {
            self.handle(&Input::Tick(Tick { time: deadline }), sink)?;
            if self.next_deadline() <= Some(deadline) {
                // At the end of the time scale no later deadline exists.
                break;
            }
        }
        Ok(())
    }
}

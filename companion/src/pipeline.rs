//! The navigator and the emitter as one deterministic machine: inputs in; out, in the order in which
//! they are recorded, the input itself, what the navigator said, the bytes for the autopilot, and now
//! and then the whole state, from which a re-run can begin.
//!
//! Replay, simulation and re-run all drive this one shape; only where the inputs come from and where
//! the products go differs.

use fdr_format::{Bytes, LongBytes, Record, records};

use crate::autopilot::Emitter;
use crate::checkpoint::{self, CHECKPOINT_MAX, CheckpointError, State};
use crate::config::Configuration;
use crate::navigator::{CORE_VERSION, Input, MonotonicNs, Navigator, Output, Outputs, Tick};
use crate::recorder::{record_from_input, record_from_output};

pub use crate::link::FC_LINK;

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
    /// The state behind everything that came before: at start and every 10 s.
    Checkpoint {
        /// When it was taken.
        time: MonotonicNs,
        /// The state, in the encoding of [`crate::checkpoint`].
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
            Self::Checkpoint { time, bytes } => Record::Checkpoint(records::Checkpoint {
                time_ns: time.0,
                core_version: CORE_VERSION,
                bytes: LongBytes(bytes),
            }),
        }
    }
}

/// Navigator and emitter. Knows no clock: time comes with the inputs.
#[derive(Debug, Clone)]
pub struct Pipeline {
    state: State,
    outputs: Outputs,
    /// Room for the checkpoint, set aside once.
    checkpoint: Box<[u8]>,
}

impl Pipeline {
    /// A pipeline at the start of a flight.
    #[must_use]
    pub fn new(configuration: &Configuration) -> Self {
        let autopilot = configuration.autopilot.kind.traits();
        Self::with_state(State {
            navigator: Navigator::for_autopilot(&configuration.navigator, autopilot),
            emitter: Emitter::new(&configuration.autopilot),
        })
    }

    /// A pipeline that goes on behind a checkpoint.
    ///
    /// # Errors
    /// When the bytes are no checkpoint of this version of the core.
    pub fn from_checkpoint(bytes: &[u8]) -> Result<Self, CheckpointError> {
        checkpoint::read(bytes).map(Self::with_state)
    }

    fn with_state(state: State) -> Self {
        Self {
            state,
            outputs: Outputs::default(),
            checkpoint: vec![0; CHECKPOINT_MAX].into_boxed_slice(),
        }
    }

    /// When the next tick is due; `None` before the first input.
    #[must_use]
    pub fn next_deadline(&self) -> Option<MonotonicNs> {
        self.state.navigator.next_deadline()
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
        let State { navigator, emitter } = &mut self.state;
        let due = navigator.next_deadline();
        navigator.handle(input, &mut self.outputs);
        let deadline_passed = due.is_some() && navigator.next_deadline() > due;
        sink(Product::Input(input))?;
        for output in self.outputs.iter() {
            sink(Product::Output(output))?;
        }
        let position = self.outputs.iter().find_map(|output| match output {
            Output::Position(position) => Some(position),
            Output::LabelTransition(_)
            | Output::Event(_)
            | Output::Blackout(_)
            | Output::SpoofGate(_)
            | Output::Thermal(_)
            | Output::SearchWindow(_)
            | Output::Anchor(_) => None,
        });
        let frame = match position {
            Some(position) => Some((position.time, emitter.emit(position))),
            None if deadline_passed => emitter
                .withdraw(input.time())
                .map(|frame| (input.time(), frame)),
            None => None,
        };
        if let Some((time, bytes)) = frame {
            let bytes = bytes.as_slice();
            sink(Product::SentFcBytes { time, bytes })?;
        }
        if self.state.navigator.checkpoint_is_due() {
            self.take_checkpoint(input.time(), sink)?;
        }
        Ok(())
    }

    fn take_checkpoint<E>(
        &mut self,
        time: MonotonicNs,
        sink: &mut impl FnMut(Product<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let length = checkpoint::write(&self.state, &mut self.checkpoint);
        debug_assert!(length.is_some(), "a checkpoint needs more room");
        match length.and_then(|length| self.checkpoint.get(..length)) {
            Some(bytes) => sink(Product::Checkpoint { time, bytes }),
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

//! Reading MAVLink logs as ground stations write them: before each frame eight bytes, big-endian,
//! that say when it arrived, in microseconds since 1970.
//!
//! Damage never stops the reader: frames are found again as on a live link ([`super::mavlink`]), and
//! a damaged stamp is told from a clock that really ran back (the table below). Reading ends
//! early only when the log's clock itself runs back by more than a second or leaps ahead by more
//! than an hour, because nothing after that point has a time any more.
//!
//! | stamp against the clock so far | the stamps of the next frames | what happens |
//! |---|---|---|
//! | ahead by 0.1 s or less | - | the clock follows |
//! | ahead by more | most lie between the clock and this stamp | damaged: counted, the clock stands still |
//! | ahead by more, up to an hour | they run on from it | a pause in the log: the clock follows |
//! | ahead by more than an hour | they run on from it | [`TlogError::LeapsAhead`] |
//! | behind by 1 s or less | - | reversal: counted when the stamp is below its predecessor, the clock stands still |
//! | behind by more | most stay behind as well | the log's clock runs back: [`TlogError::RunsBack`] |
//! | behind by more | most run on with the clock, and there are signs of damage | damaged: counted, the clock stands still |
//! | behind by more | most run on with the clock, and there is no sign of damage | [`TlogError::RunsBack`] |
//!
//! Signs of damage are a refused frame earlier in the log or among those looked at, bytes lost or
//! doubled just before the stamp, and a single flipped bit that puts the stamp back between its
//! neighbours. The clock that the reader gives out never runs back.

mod clock;
mod reader;

pub use clock::ClockCounts;
pub use reader::{Entry, TlogError, TlogReader};

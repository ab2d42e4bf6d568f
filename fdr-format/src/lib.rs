//! The GFDR flight data recording format.

//! The number that says what a record is.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::layout::{BodyProblem, Field, PutError, Sink, Source};

/// What kind of record it is; any number may occur, the known ones have names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordType(pub u16);

/// The text names no record type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a record type; write a name such as `ImuTrace` or a number such as 2 or 0x0002"
)]
pub struct ParseRecordTypeError {
    text: String,
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&format!("{:#06x}", self.0)),
        }
    }
}

impl fmt::Debug for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RecordType {
    type Err = ParseRecordTypeError;

    /// A name, in any mixture of cases, or a number, decimal or `0x` hexadecimal.
    fn from_str(text: &str) -> Result<Self, ParseRecordTypeError> {
        let named = Self::KNOWN.iter().copied().find(|known| {
            known
                .name()
                .is_some_and(|name| name.eq_ignore_ascii_case(text))
        });
        let number = || match text.strip_prefix("0x") {
            Some(digits) => u16::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        };
        named
            .or_else(|| number().map(Self))
            .ok_or_else(|| ParseRecordTypeError {
                text: text.chars().take(64).collect(),
            })
    }
}

impl Serialize for RecordType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'a> Field<'a> for RecordType {
    const SIZE: Option<usize> = Some(2);

    fn type_name() -> String {
        "type".to_owned()
    }

    #[inline]
    fn put(&self, sink: &mut Sink<'_>) -> Result<(), PutError> {
        self.0.put(sink)
    }

    #[inline]
    fn take(source: &mut Source<'a>) -> Result<Self, BodyProblem> {
        u16::take(source).map(Self)
    }
}

/// Types below this number are counted in a table, the others in a map.
const TABLE: usize = 0x400;

/// How many records of each type there are.
#[derive(Clone, PartialEq, Eq)]
pub struct TypeCounts {
    table: Box<[u64; TABLE]>,
    others: BTreeMap<u16, u64>,
}

impl Default for TypeCounts {
    fn default() -> Self {
        Self {
            table: Box::new([0; TABLE]),
            others: BTreeMap::new(),
        }
    }
}

impl TypeCounts {
    /// Adds `count` records of a type.
    #[inline]
    pub fn add(&mut self, record_type: RecordType, count: u64) {
        let cell = match self.table.get_mut(usize::from(record_type.0)) {
            Some(cell) => cell,
            None => self.others.entry(record_type.0).or_default(),
        };
        *cell = cell.saturating_add(count);
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Self) {
        other
            .iter()
            .for_each(|(record_type, count)| self.add(record_type, count));
    }

    /// The types that occurred, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (RecordType, u64)> {
        let low = (0u16..).zip(self.table.iter().copied());
        let high = self.others.iter().map(|(&code, &count)| (code, count));
        low.chain(high)
            .filter(|&(_, count)| count > 0)
            .map(|(code, count)| (RecordType(code), count))
    }

    /// How many records of a type there are.
    #[must_use]
    pub fn get(&self, record_type: RecordType) -> u64 {
        match self.table.get(usize::from(record_type.0)) {
            Some(&count) => count,
            None => self.others.get(&record_type.0).copied().unwrap_or(0),
        }
    }

    /// All records together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.iter().map(|(_, count)| count).sum()
    }
}

impl fmt::Debug for TypeCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// As an object: name of the type, number of records.
impl Serialize for TypeCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

//! Fields whose length is written in front of them: texts, byte strings and lists.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{BodyProblem, Field, PutError, Sink, Source, Structure};
use crate::identity::hex;

/// A byte string of at most 65,535 bytes: `u16` length, then the bytes. JSON shows it as hex.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Bytes<'a>(pub &'a [u8]);

/// A byte string with a `u32` length; the record limit bounds it. JSON shows it as hex.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct LongBytes<'a>(pub &'a [u8]);

/// A UTF-8 text with a `u32` length; the record limit bounds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LongText<'a>(pub &'a str);

macro_rules! byte_string {
    ($($name:ident, $length:ty, $type_name:literal);*) => { $(
        impl<'a> Field<'a> for $name<'a> {
            const SIZE: Option<usize> = None;

            fn type_name() -> String {
                $type_name.to_owned()
            }

            #[inline]
            fn put(&self, sink: &mut Sink<'_>) -> Result<(), PutError> {
                <$length>::put(&length_as(self.0.len())?, sink)?;
                sink.slice(self.0)
            }

            #[inline]
            fn take(source: &mut Source<'a>) -> Result<Self, BodyProblem> {
                let length = <$length>::take(source)?;
                Ok(Self(source.slice(length as usize)?))
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(self.0))
            }
        }

        impl Serialize for $name<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&hex(self.0))
            }
        }
    )* };
}

byte_string!(Bytes, u16, "bytes16"; LongBytes, u32, "bytes32");

impl<'a> Field<'a> for &'a str {
    const SIZE: Option<usize> = None;

    fn type_name() -> String {
        "text16".to_owned()
    }

    #[inline]
    fn put(&self, sink: &mut Sink<'_>) -> Result<(), PutError> {
        Bytes(self.as_bytes()).put(sink)
    }

    #[inline]
    fn take(source: &mut Source<'a>) -> Result<Self, BodyProblem> {
        utf8(Bytes::take(source)?.0)
    }
}

impl<'a> Field<'a> for LongText<'a> {
    const SIZE: Option<usize> = None;

    fn type_name() -> String {
        "text32".to_owned()
    }

    #[inline]
    fn put(&self, sink: &mut Sink<'_>) -> Result<(), PutError> {
        LongBytes(self.0.as_bytes()).put(sink)
    }

    #[inline]
    fn take(source: &mut Source<'a>) -> Result<Self, BodyProblem> {
        utf8(LongBytes::take(source)?.0).map(Self)
    }
}

/// At most 65,535 items: `u16` count, then the items one after the other.
///
/// A writer hands over a slice; a reader gets the encoded items, checked, and decodes them as it
/// walks, so that neither side allocates.
#[derive(Clone, Copy)]
pub struct List<'a, T> {
    items: Items<'a, T>,
}

#[derive(Clone, Copy)]
enum Items<'a, T> {
    Slice(&'a [T]),
    Encoded { count: u16, bytes: &'a [u8] },
}

impl<'a, T: Field<'a> + Copy> List<'a, T> {
    /// A list to be written.
    #[must_use]
    pub fn new(items: &'a [T]) -> Self {
        Self {
            items: Items::Slice(items),
        }
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.items {
            Items::Slice(items) => items.len(),
            Items::Encoded { count, .. } => usize::from(count),
        }
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items in order.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let (slice, encoded) = match self.items {
            Items::Slice(items) => (items, &[][..]),
            Items::Encoded { bytes, .. } => (&[][..], bytes),
        };
        let mut source = Source::new(encoded);
        let decoded = std::iter::from_fn(move || {
            (source.position() < encoded.len())
                .then(|| T::take(&mut source).ok())
                .flatten()
        });
        slice.iter().copied().chain(decoded)
    }
}

impl<'a, T: Field<'a> + Copy> Field<'a> for List<'a, T> {
    const SIZE: Option<usize> = None;

    fn type_name() -> String {
        format!("list {}", T::type_name())
    }

    fn structure() -> Structure {
        T::structure()
    }

    fn put(&self, sink: &mut Sink<'_>) -> Result<(), PutError> {
        length_as::<u16>(self.len())?.put(sink)?;
        match self.items {
            Items::Slice(items) => items.iter().try_for_each(|item| item.put(sink)),
            Items::Encoded { bytes, .. } => sink.slice(bytes),
        }
    }

    fn take(source: &mut Source<'a>) -> Result<Self, BodyProblem> {
        let count = u16::take(source)?;
        let start = source.position();
        for _ in 0..count {
            T::take(source)?;
        }
        let bytes = source.since(start);
        Ok(Self {
            items: Items::Encoded { count, bytes },
        })
    }
}

impl<'a, T: Field<'a> + Copy> Default for List<'a, T> {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl<'a, T: Field<'a> + Copy + PartialEq> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Field<'a> + Copy + fmt::Debug> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, T: Field<'a> + Copy + Serialize> Serialize for List<'a, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

fn length_as<L: TryFrom<usize> + Limit>(length: usize) -> Result<L, PutError> {
    L::try_from(length).map_err(|_| PutError::TooLong {
        length,
        limit: L::LIMIT,
    })
}

trait Limit {
    const LIMIT: usize;
}

impl Limit for u16 {
    const LIMIT: usize = u16::MAX as usize;
}

impl Limit for u32 {
    const LIMIT: usize = u32::MAX as usize;
}

#[inline]
fn utf8(bytes: &[u8]) -> Result<&str, BodyProblem> {
    std::str::from_utf8(bytes).map_err(|error| BodyProblem::NotUtf8 {
        valid_up_to: error.valid_up_to(),
    })
}

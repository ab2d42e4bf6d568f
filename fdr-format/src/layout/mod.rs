//! How a Rust struct becomes the bytes of a record body, and back.
//!
//! A body is its fields one after the other, little-endian, without padding. Each field type says
//! once how it is written, how it is read and what the format page calls it; [`layout!`] derives
//! whole bodies from their struct definitions, so that no layout is written down twice.
//!
//! Encodings are canonical: one value has one encoding, and what decodes encodes to the same bytes.

mod macros;
mod scalars;
mod schema;
mod variable;

pub(crate) use macros::{enumeration, layout};
pub use schema::{FieldInfo, Structure, ValueInfo};
pub(crate) use schema::{doc_text, snake_case};
pub use variable::{Bytes, List, LongBytes, LongText};

/// What one field type is on disk.
pub trait Field<'a>: Sized {
    /// Bytes it takes, or `None` when that depends on the value.
    const SIZE: Option<usize>;

    /// The name of the type in `docs/fdr-format.md`.
    fn type_name() -> String;

    /// What a value of the type is made of.
    fn structure() -> Structure {
        Structure::Plain
    }

    /// Writes the value.
    ///
    /// # Errors
    /// When the buffer is full or the value is longer than its length field can say.
    fn put(&self, sink: &mut Sink<'_>) -> Result<(), PutError>;

    /// Reads a value, borrowing texts and bytes from the body.
    ///
    /// # Errors
    /// When the body ends too early or holds something that the type does not allow.
    fn take(source: &mut Source<'a>) -> Result<Self, BodyProblem>;
}

/// Why a value cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The buffer ends before the record does.
    #[error("the buffer is full; a record takes at most 1 MiB")]
    BufferFull,
    /// A text, byte string or list is longer than its length field can say.
    #[error("{length} elements do not fit into one field (limit {limit}); shorten or split it")]
    TooLong {
        /// Elements offered.
        length: usize,
        /// Elements allowed.
        limit: usize,
    },
    /// The record's number cannot follow the one before.
    #[error("number {offered} cannot follow: at least {due} is due, and 2^64 - 1 is no number")]
    Sequence {
        /// The least number that may follow.
        due: u64,
        /// The number given.
        offered: u64,
    },
}

/// Why a body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyProblem {
    /// The field needs more bytes than the body has left.
    #[error("needs {needed} bytes, the body has {left} left")]
    Short {
        /// Bytes that the field needs.
        needed: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// The value stands for nothing in this field's enumeration.
    #[error("{value} is not a value of this enumeration; a newer reader may know it")]
    UnknownValue {
        /// The value found.
        value: u16,
    },
    /// A presence or truth byte is neither 0 nor 1.
    #[error("{value} is neither 0 nor 1")]
    NotBoolean {
        /// The value found.
        value: u8,
    },
    /// An absent value is not zero.
    #[error("is marked absent but not zero")]
    AbsentNotZero,
    /// A text is not UTF-8.
    #[error("is not UTF-8 from its byte {valid_up_to} on")]
    NotUtf8 {
        /// Bytes of the text that are valid.
        valid_up_to: usize,
    },
}

/// Where a body is written to: a caller's buffer and how much of it is used.
#[derive(Debug)]
pub struct Sink<'b> {
    buffer: &'b mut [u8],
    used: usize,
}

impl<'b> Sink<'b> {
    /// Starts at the beginning of `buffer`.
    pub fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, used: 0 }
    }

    /// Bytes written so far.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self, bytes: [u8; N]) -> Result<(), PutError> {
        let free = self.buffer.get_mut(self.used..).unwrap_or_default();
        let slot = free.first_chunk_mut::<N>().ok_or(PutError::BufferFull)?;
        *slot = bytes;
        self.used += N;
        Ok(())
    }

    #[inline]
    pub(crate) fn slice(&mut self, bytes: &[u8]) -> Result<(), PutError> {
        let free = self.buffer.get_mut(self.used..).unwrap_or_default();
        let slot = free.get_mut(..bytes.len()).ok_or(PutError::BufferFull)?;
        slot.copy_from_slice(bytes);
        self.used += bytes.len();
        Ok(())
    }

    pub(crate) fn zeros(&mut self, count: usize) -> Result<(), PutError> {
        let free = self.buffer.get_mut(self.used..).unwrap_or_default();
        free.get_mut(..count).ok_or(PutError::BufferFull)?.fill(0);
        self.used += count;
        Ok(())
    }
}

/// Where a body is read from.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    body: &'a [u8],
    position: usize,
    field: &'static str,
    field_offset: usize,
}

impl<'a> Source<'a> {
    /// Starts at the beginning of `body`.
    #[must_use]
    pub fn new(body: &'a [u8]) -> Self {
        Self {
            body,
            position: 0,
            field: "",
            field_offset: 0,
        }
    }

    /// Bytes read so far.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// The field that was begun last, and where it starts.
    pub(crate) fn current_field(&self) -> (&'static str, usize) {
        (self.field, self.field_offset)
    }

    #[inline]
    pub(crate) fn field<T: Field<'a>>(&mut self, name: &'static str) -> Result<T, BodyProblem> {
        self.field = name;
        self.field_offset = self.position;
        T::take(self)
    }

    #[inline]
    pub(crate) fn slice(&mut self, length: usize) -> Result<&'a [u8], BodyProblem> {
        let rest = self.body.get(self.position..).unwrap_or_default();
        let taken = rest.get(..length).ok_or(BodyProblem::Short {
            needed: length,
            left: rest.len(),
        })?;
        self.position += length;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], BodyProblem> {
        let rest = self.body.get(self.position..).unwrap_or_default();
        let taken = rest.first_chunk::<N>().ok_or(BodyProblem::Short {
            needed: N,
            left: rest.len(),
        })?;
        self.position += N;
        Ok(*taken)
    }

    /// The bytes between an earlier position and this one.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.body.get(start..self.position).unwrap_or_default()
    }
}

/// The size of several fields in a row; unknown as soon as one of them is.
pub(crate) const fn total_size(sizes: &[Option<usize>]) -> Option<usize> {
    let mut total = 0;
    let mut index = 0;
    while index < sizes.len() {
        match sizes[index] {
            Some(size) => total += size,
            None => return None,
        }
        index += 1;
    }
    Some(total)
}

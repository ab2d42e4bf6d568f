//! Fields of fixed size: numbers, truth values, arrays, identifiers and optional values.

use super::{BodyProblem, Field, PutError, Sink, Source, Structure};
use crate::identity::{BootId, Digest, FlightId, PublicKey, Signature};

macro_rules! number {
    ($($number:ty),*) => { $(
        impl<'a> Field<'a> for $number {
            const SIZE: Option<usize> = Some(size_of::<$number>());

            fn type_name() -> String {
                stringify!($number).to_owned()
            }

            #[inline]
            fn put(&self, sink: &mut Sink<'_>) -> Result<(), PutError> {
                sink.array(self.to_le_bytes())
            }

            #[inline]
            fn take(source: &mut Source<'a>) -> Result<Self, BodyProblem> {
                Ok(Self::from_le_bytes(source.array()?))
            }
        }
    )* };
}

number!(u8, u16, u32, u64, i64, f64);

impl<'a> Field<'a> for bool {
    const SIZE: Option<usize> = Some(1);

    fn type_name() -> String {
        "bool".to_owned()
    }

    #[inline]
    fn put(&self, sink: &mut Sink<'_>) -> Result<(), PutError> {
        sink.array([u8::from(*self)])
    }

    #[inline]
    fn take(source: &mut Source<'a>) -> Result<Self, BodyProblem> {
        match source.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [value] => Err(BodyProblem::NotBoolean { value }),
        }
    }
}

impl<'a, const N: usize> Field<'a> for [f64; N] {
    const SIZE: Option<usize> = Some(8 * N);

    fn type_name() -> String {
        format!("f64[{N}]")
    }

    #[inline]
    fn put(&self, sink: &mut Sink<'_>) -> Result<(), PutError> {
        self.iter().try_for_each(|value| value.put(sink))
    }

    #[inline]
    fn take(source: &mut Source<'a>) -> Result<Self, BodyProblem> {
        let mut values = [0.0; N];
        for value in &mut values {
            *value = f64::take(source)?;
        }
        Ok(values)
    }
}

macro_rules! octets {
    ($($name:ty, $length:literal);*) => { $(
        impl<'a> Field<'a> for $name {
            const SIZE: Option<usize> = Some($length);

            fn type_name() -> String {
                concat!("u8[", $length, "]").to_owned()
            }

            #[inline]
            fn put(&self, sink: &mut Sink<'_>) -> Result<(), PutError> {
                sink.array(self.0)
            }

            #[inline]
            fn take(source: &mut Source<'a>) -> Result<Self, BodyProblem> {
                Ok(Self(source.array()?))
            }
        }
    )* };
}

octets!(FlightId, 16; BootId, 16; Digest, 32; PublicKey, 32; Signature, 64);

/// A presence byte, then the value; zeros stand for an absent one, so that the size is fixed.
impl<'a, T: Field<'a>> Field<'a> for Option<T> {
    const SIZE: Option<usize> = match T::SIZE {
        Some(size) => Some(1 + size),
        None => None,
    };

    fn type_name() -> String {
        format!("option {}", T::type_name())
    }

    fn structure() -> Structure {
        T::structure()
    }

    #[inline]
    fn put(&self, sink: &mut Sink<'_>) -> Result<(), PutError> {
        match self {
            Some(value) => {
                sink.array([1])?;
                value.put(sink)
            }
            None => sink.zeros(const { optional_size(Self::SIZE) }),
        }
    }

    #[inline]
    fn take(source: &mut Source<'a>) -> Result<Self, BodyProblem> {
        if bool::take(source)? {
            return Ok(Some(T::take(source)?));
        }
        let value = source.slice(const { optional_size(Self::SIZE) } - 1)?;
        if value.iter().any(|&byte| byte != 0) {
            return Err(BodyProblem::AbsentNotZero);
        }
        Ok(None)
    }
}

/// Evaluated at compile time only: an optional field of variable length does not compile.
#[expect(clippy::panic, reason = "runs in the compiler, never in the program")]
const fn optional_size(size: Option<usize>) -> usize {
    match size {
        Some(size) => size,
        None => panic!("an optional field must have a fixed size"),
    }
}

//! From one struct or enum definition to its codec and its byte table.

/// Defines bodies (or parts of bodies): the struct, how it is encoded and decoded, its byte table.
macro_rules! layout {
    ($(
        $(#[doc = $summary:literal])*
        struct $name:ident $(<$lifetime:lifetime>)? {
            $( $(#[doc = $text:literal])* $field:ident : $type:ty ),* $(,)?
        }
    )*) => { $(
        $(#[doc = $summary])*
        #[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
        pub struct $name $(<$lifetime>)? {
            $( $(#[doc = $text])* pub $field: $type, )*
        }

        impl<'a> $crate::layout::Field<'a> for $name $(<$lifetime>)? {
            const SIZE: Option<usize> = $crate::layout::total_size(&[
                $( <$type as $crate::layout::Field<'a>>::SIZE ),*
            ]);

            fn type_name() -> String {
                stringify!($name).to_owned()
            }

            fn structure() -> $crate::layout::Structure {
                $crate::layout::Structure::Parts {
                    name: stringify!($name),
                    fields: Self::fields(),
                }
            }

            #[inline]
            fn put(
                &self,
                sink: &mut $crate::layout::Sink<'_>,
            ) -> Result<(), $crate::layout::PutError> {
                $( $crate::layout::Field::put(&self.$field, sink)?; )*
                Ok(())
            }

            #[inline]
            fn take(
                source: &mut $crate::layout::Source<'a>,
            ) -> Result<Self, $crate::layout::BodyProblem> {
                Ok(Self { $( $field: source.field(stringify!($field))?, )* })
            }
        }

        impl<'a> $name $(<$lifetime>)? {
            /// What it is, in one sentence.
            #[must_use]
            pub fn summary() -> String {
                $crate::layout::doc_text(&[$( $summary ),*])
            }

            /// The byte table, field by field.
            #[must_use]
            pub fn fields() -> Vec<$crate::layout::FieldInfo> {
                let mut fields = Vec::new();
                let mut offset = Some(0);
                $(
                    fields.push($crate::layout::FieldInfo {
                        name: stringify!($field),
                        type_name: <$type as $crate::layout::Field<'a>>::type_name(),
                        offset,
                        text: $crate::layout::doc_text(&[$( $text ),*]),
                        structure: <$type as $crate::layout::Field<'a>>::structure(),
                    });
                    offset = offset
                        .zip(<$type as $crate::layout::Field<'a>>::SIZE)
                        .map(|(start, size): (usize, usize)| start + size);
                )*
                let _end = offset;
                fields
            }
        }
    )* };
}

/// Defines an enumeration of named values and the number that stands for each.
macro_rules! enumeration {
    ($(
        $(#[$meta:meta])*
        enum $name:ident : $number:ty {
            $( $(#[doc = $text:literal])* $value:ident = $code:literal ),* $(,)?
        }
    )*) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(rename_all = "snake_case")]
        #[repr($number)]
        pub enum $name {
            $( $(#[doc = $text])* $value = $code, )*
        }

        impl $name {
            /// Every value, in the order of its number.
            pub const ALL: &[Self] = &[$( Self::$value ),*];

            /// The number that stands for it.
            #[must_use]
            pub fn code(self) -> $number {
                self as $number
            }

            /// The value that a number stands for.
            #[must_use]
            pub fn from_code(code: $number) -> Option<Self> {
                match code {
                    $( $code => Some(Self::$value), )*
                    _ => None,
                }
            }
        }

        impl<'a> $crate::layout::Field<'a> for $name {
            const SIZE: Option<usize> = Some(size_of::<$number>());

            fn type_name() -> String {
                concat!(stringify!($number), " ", stringify!($name)).to_owned()
            }

            fn structure() -> $crate::layout::Structure {
                $crate::layout::Structure::Enumeration {
                    name: stringify!($name),
                    values: vec![$(
                        $crate::layout::ValueInfo {
                            code: $code,
                            name: $crate::layout::snake_case(stringify!($value)),
                            text: $crate::layout::doc_text(&[$( $text ),*]),
                        }
                    ),*],
                }
            }

            #[inline]
            fn put(
                &self,
                sink: &mut $crate::layout::Sink<'_>,
            ) -> Result<(), $crate::layout::PutError> {
                sink.array(self.code().to_le_bytes())
            }

            #[inline]
            fn take(
                source: &mut $crate::layout::Source<'a>,
            ) -> Result<Self, $crate::layout::BodyProblem> {
                let code = <$number>::from_le_bytes(source.array()?);
                Self::from_code(code).ok_or($crate::layout::BodyProblem::UnknownValue {
                    value: u16::from(code),
                })
            }
        }
    )* };
}

pub(crate) use {enumeration, layout};

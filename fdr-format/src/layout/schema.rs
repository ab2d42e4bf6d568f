//! The byte tables as data: what `docs/fdr-format.md` shows and what tests build bodies from.

/// One line of a byte table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldInfo {
    /// Name, as in the Rust struct and in JSON.
    pub name: &'static str,
    /// Type, as in `docs/fdr-format.md`.
    pub type_name: String,
    /// Byte at which it starts; `None` behind a field of variable length.
    pub offset: Option<usize>,
    /// What it means.
    pub text: String,
    /// What a value of the type is made of.
    pub structure: Structure,
}

/// What a value is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Structure {
    /// Itself.
    Plain,
    /// One of several named numbers.
    Enumeration {
        /// Name of the enumeration.
        name: &'static str,
        /// The values in the order of their numbers.
        values: Vec<ValueInfo>,
    },
    /// Fields of its own.
    Parts {
        /// Name of the structure.
        name: &'static str,
        /// Its byte table.
        fields: Vec<FieldInfo>,
    },
}

/// One value of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueInfo {
    /// The number that stands for it.
    pub code: u16,
    /// Name, as in JSON.
    pub name: String,
    /// What it means.
    pub text: String,
}

/// The lines of a doc comment as one text.
pub(crate) fn doc_text(lines: &[&str]) -> String {
    let trimmed: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    trimmed.join(" ")
}

/// `FcGpsLost` as `fc_gps_lost`, as JSON has it.
pub(crate) fn snake_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for (index, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

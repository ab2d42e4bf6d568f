//! CSV (RFC 4180): one record type, one line each, an absent value as nothing between two commas.

use std::io::Write;

use anyhow::Context;
use fdr_format::{RawRecord, RecordType};

use super::Format;
use super::clock::Clock;
use super::columns::{Cell, Columns};
use crate::output::{CHECK_ROOM, NewFile, told};

/// A table being written.
pub struct Csv {
    file: NewFile,
    columns: Columns,
    line: String,
}

impl Csv {
    /// Begins the table with its titles.
    pub fn new(mut file: NewFile, record_type: RecordType) -> anyhow::Result<Self> {
        let columns = Columns::of(record_type).with_context(|| {
            format!("--type {record_type}: this version does not know its fields")
        })?;
        let titles: Vec<&str> = columns.all.iter().map(|own| own.name.as_str()).collect();
        told(writeln!(file, "{}", titles.join(",")), "csv", CHECK_ROOM)?;
        Ok(Self {
            file,
            columns,
            line: String::new(),
        })
    }
}

impl Format for Csv {
    fn take(&mut self, record: &RawRecord<'_>, clock: Clock) -> anyhow::Result<bool> {
        let Some(cells) = self.columns.cells(record, clock) else {
            return Ok(false);
        };
        self.line.clear();
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                self.line.push(',');
            }
            push(&mut self.line, cell.as_ref());
        }
        self.line.push('\n');
        told(self.file.write_all(self.line.as_bytes()), "csv", CHECK_ROOM)?;
        Ok(true)
    }

    fn finish(self: Box<Self>) -> anyhow::Result<NewFile> {
        Ok(self.file)
    }
}

fn push(line: &mut String, cell: Option<&Cell>) {
    match cell {
        None => {}
        // The shortest text that reads back as the same number.
        Some(Cell::Float(own)) => line.push_str(&own.to_string()),
        Some(Cell::Integer(own)) => line.push_str(&own.to_string()),
        Some(Cell::Unsigned(own)) => line.push_str(&own.to_string()),
        Some(Cell::Bool(own)) => line.push_str(&own.to_string()),
        Some(Cell::Text(own)) if own.contains([',', '"', '\n', '\r']) => {
            line.push('"');
            line.push_str(&own.replace('"', "\"\""));
            line.push('"');
        }
        Some(Cell::Text(own)) => line.push_str(own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_quoted_when_it_could_be_taken_for_more_than_one_cell() {
        let quoted = |text: &str| {
            let mut line = String::new();
            push(&mut line, Some(&Cell::Text(text.to_owned())));
            line
        };
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a \"b\", c\n"), "\"a \"\"b\"\", c\n\"");
    }
}

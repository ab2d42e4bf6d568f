//! Tables for people, and the one way to print JSON.

use std::io::{self, Write};

use serde::Serialize;

/// Lines of a label and a value, the values under each other.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(String, String)>,
}

impl Table {
    /// Adds a line.
    pub fn row(&mut self, label: impl ToString, value: impl ToString) -> &mut Self {
        self.rows.push((label.to_string(), value.to_string()));
        self
    }

    /// Prints it to stdout.
    pub fn print(&self) -> io::Result<()> {
        let width = self
            .rows
            .iter()
            .map(|(label, _)| label.chars().count())
            .max()
            .unwrap_or(0);
        let mut out = io::stdout().lock();
        for (label, value) in &self.rows {
            let line = format!("{label:width$}  {value}");
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Prints one JSON document to stdout.
pub fn print_json(document: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, document)?;
    writeln!(out)
}

/// `1234567` as `1 234 567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Seconds as `1 h 02 min 03.4 s`, without the parts that are zero in front.
pub fn duration(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round() as u64;
    let (hours, minutes, rest) = (tenths / 36_000, tenths / 600 % 60, tenths % 600);
    let (whole, tenth) = (rest / 10, rest % 10);
    match (hours, minutes) {
        (0, 0) => format!("{whole}.{tenth} s"),
        (0, minutes) => format!("{minutes} min {whole:02}.{tenth} s"),
        (hours, minutes) => format!("{hours} h {minutes:02} min {whole:02}.{tenth} s"),
    }
}

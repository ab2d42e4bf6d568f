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

/// Columns under their titles, each as wide as its widest cell.
#[derive(Debug)]
pub struct Columns {
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Columns {
    /// Columns with these titles; those of a title that begins with `>` stand to the right.
    pub fn new(titles: &[&str]) -> Self {
        let names = titles
            .iter()
            .map(|title| title.trim_start_matches('>').to_owned());
        Self {
            right: titles.iter().map(|title| title.starts_with('>')).collect(),
            rows: vec![names.collect()],
        }
    }

    /// Adds a line, a cell for each column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Prints them to stdout.
    pub fn print(&self) -> io::Result<()> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.right.len()).map(width).collect();
        let mut out = io::stdout().lock();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).zip(&self.right);
            let line: Vec<String> = cells
                .map(|((cell, &width), &right)| match right {
                    true => format!("{cell:>width$}"),
                    false => format!("{cell:width$}"),
                })
                .collect();
            writeln!(out, "{}", line.join("  ").trim_end())?;
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

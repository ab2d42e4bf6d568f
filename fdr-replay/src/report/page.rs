//! HTML in small pieces: everything that comes from a recording goes through [`esc`].

use std::fmt::Write as _;

/// Text as HTML.
pub fn esc(text: impl AsRef<str>) -> String {
    let mut escaped = String::with_capacity(text.as_ref().len());
    for character in text.as_ref().chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Seconds from the start of the flight as `1:02:03.4`.
pub fn clock(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round().max(0.0) as u64;
    let (hours, minutes, rest) = (tenths / 36_000, tenths / 600 % 60, tenths % 600);
    match hours {
        0 => format!("{minutes}:{:02}.{}", rest / 10, rest % 10),
        _ => format!("{hours}:{minutes:02}:{:02}.{}", rest / 10, rest % 10),
    }
}

/// A link that sets the cursor.
pub fn moment(seconds: f64) -> String {
    format!("<a class=t href=\"#t={seconds:.1}\">{}</a>", clock(seconds))
}

/// Nanoseconds from the start of the flight as seconds.
pub fn seconds(time_ns: u64) -> f64 {
    time_ns as f64 * 1e-9
}

/// How good a thing is: also its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Warn,
    Bad,
    Off,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Off => "off",
        }
    }
}

/// A word in the colour of its tone.
pub fn pill(tone: Tone, text: &str) -> String {
    format!("<span class=\"pill {}\">{}</span>", tone.class(), esc(text))
}

/// A number with unit, in as many digits as it deserves.
pub fn figure(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}\u{202f}{unit}")
}

/// A share as percent.
pub fn percent(share: f64) -> String {
    let digits = if share < 0.01 && share > 0.0 { 3 } else { 1 };
    format!("{:.digits$}\u{202f}%", share * 100.0)
}

/// What a table column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Text that may break.
    Text,
    /// Text on one line.
    Line,
    /// Numbers, to the right.
    Number,
}

/// The document under construction.
#[derive(Debug, Default)]
pub struct Page {
    html: String,
}

impl Page {
    /// Adds HTML as it is.
    pub fn raw(&mut self, html: &str) {
        self.html.push_str(html);
    }

    /// Begins a section; `lede` says in a sentence what it shows.
    pub fn section(&mut self, id: &str, title: &str, lede: &str) {
        let _ = write!(
            self.html,
            "<section id={id} aria-labelledby={id}-title><h2 id={id}-title>{}</h2><p class=lede>{}</p>",
            esc(title),
            esc(lede)
        );
    }

    /// Ends it.
    pub fn end(&mut self) {
        self.raw("</section>\n");
    }

    /// A smaller heading.
    pub fn heading(&mut self, title: &str) {
        let _ = write!(self.html, "<h3>{}</h3>", esc(title));
    }

    /// Says honestly that there is nothing, and why.
    pub fn nothing(&mut self, why: &str) {
        let _ = write!(self.html, "<p class=none>{}</p>", esc(why));
    }

    /// A table; cells are HTML.
    pub fn table(&mut self, columns: &[(&str, Column)], rows: &[Vec<String>]) {
        let class = if columns.len() > 3 { " class=wide" } else { "" };
        let _ = write!(self.html, "<div class=scroll><table{class}><thead><tr>");
        for (title, column) in columns {
            let class = if *column == Column::Number {
                " class=n"
            } else {
                ""
            };
            let _ = write!(self.html, "<th{class} scope=col>{}</th>", esc(title));
        }
        self.raw("</tr></thead><tbody>");
        for row in rows {
            self.raw("<tr>");
            for (cell, (_, column)) in row.iter().zip(columns) {
                let class = match column {
                    Column::Text => "",
                    Column::Line => " class=l",
                    Column::Number => " class=n",
                };
                let _ = write!(self.html, "<td{class}>{cell}</td>");
            }
            self.raw("</tr>");
        }
        self.raw("</tbody></table></div>");
    }

    /// A figure of the summary; value and note are HTML.
    pub fn card(&mut self, label: &str, value: &str, note: &str) {
        let _ = write!(
            self.html,
            "<div class=card><span>{}</span><b>{value}</b><small>{note}</small></div>",
            esc(label)
        );
    }

    /// The document.
    pub fn into_html(self) -> String {
        self.html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_recording_says_is_text_and_never_markup() {
        assert_eq!(
            esc("<script>\"a\" & 'b'</script>"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;"
        );
    }

    #[test]
    fn times_are_shown_as_on_a_clock() {
        assert_eq!(clock(3.04), "0:03.0");
        assert_eq!(clock(3723.4), "1:02:03.4");
        assert_eq!(moment(61.0), "<a class=t href=\"#t=61.0\">1:01.0</a>");
    }
}

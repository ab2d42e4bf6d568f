//! Text inside XML.

/// The text with the five characters that mean something in XML written as entities; what XML 1.0 cannot hold
/// is left out.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for own in text.chars() {
        match own {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' | '\n' | '\r' => escaped.push(own),
            own if own < ' ' || matches!(own, '\u{fffe}' | '\u{ffff}') => {}
            own => escaped.push(own),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_means_something_is_written_as_an_entity() {
        assert_eq!(
            super::escape("a<b> & \"c\"\u{1}"),
            "a&lt;b&gt; &amp; &quot;c&quot;"
        );
    }
}

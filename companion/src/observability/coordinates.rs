//! No position of the aircraft in lines that may be read by anybody: how coordinates are recognised.
//!
//! A field counts by its name. Text counts when two numbers stand beside each other that can be latitude
//! and longitude, each with three decimals or more (about 100 m): an accuracy, a time or a size never
//! comes in such pairs.

const NAMES: [&str; 8] = [
    "lat",
    "latitude",
    "lon",
    "lng",
    "longitude",
    "coordinate",
    "coordinates",
    "position",
];
const DECIMALS_MIN: usize = 3;
/// Characters between the two numbers of a pair: `50.4501° N, 30.5234`.
const BETWEEN_MAX: usize = 6;

/// Whether a field of this name holds coordinates: `lat_rad`, `home.longitude`, `position`.
#[must_use]
pub fn names_coordinates(field: &str) -> bool {
    field
        .split(|character: char| !character.is_ascii_alphabetic())
        .any(|word| NAMES.iter().any(|name| word.eq_ignore_ascii_case(name)))
}

/// Whether coordinates stand in `text`.
#[must_use]
pub fn shows_coordinates(text: &str) -> bool {
    let numbers = precise_numbers(text);
    numbers.windows(2).any(|pair| {
        let [first, second] = pair else { return false };
        let between = second.begin.saturating_sub(first.end);
        let places = |a: f64, b: f64| a.abs() <= 90.0 && b.abs() <= 180.0;
        between <= BETWEEN_MAX
            && (places(first.value, second.value) || places(second.value, first.value))
            && only_separates(text.get(first.end..second.begin).unwrap_or_default())
    })
}

/// Another word between two numbers makes them two statements.
fn only_separates(between: &str) -> bool {
    between
        .chars()
        .all(|character| !character.is_alphanumeric() || matches!(character, 'N' | 'S' | 'E' | 'W'))
}

struct Number {
    begin: usize,
    end: usize,
    value: f64,
}

/// Numbers with enough decimals to name a place.
fn precise_numbers(text: &str) -> Vec<Number> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        if !is_part(&bytes[at]) {
            at += 1;
            continue;
        }
        let length = bytes[at..].iter().take_while(|byte| is_part(byte)).count();
        let end = at + length;
        let number = text.get(at..end).unwrap_or_default();
        let decimals = number.split_once('.').map_or(0, |(_, after)| after.len());
        if decimals >= DECIMALS_MIN
            && let Ok(value) = number.parse::<f64>()
        {
            let signed = at > 0 && matches!(bytes[at - 1], b'-' | b'+');
            let begin = at - usize::from(signed);
            found.push(Number { begin, end, value });
        }
        at = end;
    }
    found
}

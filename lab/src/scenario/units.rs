//! How are times and rates written?
//!
//! Durations as `"2s"`, `"150ms"`, `"40us"`; rates as decimals (`0.05` is five in
//! a hundred). Both are read digit by digit: no float takes part.

use quorumscope_core::types::{Span, Time};

/// Units with their microseconds, longest first.
const UNITS: [(&str, u64); 3] = [("s", 1_000_000), ("ms", 1_000), ("us", 1)];

/// Longest duration that is read: a year. Runs end long before it.
const MAX_SPAN: u64 = 366 * 24 * 3_600 * 1_000_000;

/// Reads a duration, as `1.5s`, `150ms`, `40us`.
///
/// # Errors
/// One line that says what is wrong with it.
pub fn read_span(text: &str) -> Result<Span, String> {
    let digits_end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    let unit = unit.trim();
    let Some((_, micros)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("\"{text}\" is not a duration; write it as \"2s\", \"150ms\" or \"40us\""));
    };
    match read_scaled(number, *micros) {
        Some(span) if span <= MAX_SPAN => Ok(Span(span)),
        Some(_) => Err(format!("\"{text}\" is longer than a year")),
        None => Err(format!("\"{text}\" is not a duration of whole microseconds")),
    }
}

/// Writes a duration in the longest unit that needs no decimals.
#[must_use]
pub fn print_span(span: Span) -> String {
    let (unit, micros) = UNITS
        .into_iter()
        .find(|(_, micros)| span.0 >= *micros && span.0.is_multiple_of(*micros))
        .unwrap_or(("ms", 1_000));
    format!("{}{unit}", span.0 / micros)
}

/// Writes an instant as every report does: in milliseconds, with what is left over, as `5082.469 ms`.
#[must_use]
pub fn print_instant(at: Time) -> String {
    let decimals = format!(".{:03}", at.0 % 1_000);
    format!("{}{} ms", at.0 / 1_000, decimals.trim_end_matches('0').trim_end_matches('.'))
}

/// Reads a rate in parts per million, as `0.05` or `1`.
///
/// # Errors
/// One line that says what is wrong with it.
pub fn read_ppm(text: &str) -> Result<u32, String> {
    read_scaled(text, 1_000_000)
        .and_then(|ppm| u32::try_from(ppm).ok())
        .ok_or_else(|| format!("{text} is not a rate; write it as 0.05, with at most six decimals"))
}

/// Writes a rate.
#[must_use]
pub fn print_ppm(ppm: u32) -> String {
    let decimals = format!("{:06}", ppm % 1_000_000);
    let decimals = decimals.trim_end_matches('0');
    format!("{}.{}", ppm / 1_000_000, if decimals.is_empty() { "0" } else { decimals })
}

/// Reads a decimal times `scale`, where the result is whole; `scale` is a power of ten.
fn read_scaled(text: &str, scale: u64) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let number = |digits: &str| match digits {
        "" => Some(0),
        digits if digits.bytes().all(|digit| digit.is_ascii_digit()) => digits.parse::<u64>().ok(),
        _ => None,
    };
    if whole.is_empty() {
        return None;
    }
    let decimals = decimals.trim_end_matches('0');
    let divisor = 10u64.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    if divisor > scale {
        return None;
    }
    number(whole)?.checked_mul(scale)?.checked_add(number(decimals)?.checked_mul(scale / divisor)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_in_milliseconds() {
        let written = [5_082_469, 186_310, 4_000_000, 7].map(|at| print_instant(Time(at)));
        assert_eq!(written, ["5082.469 ms", "186.31 ms", "4000 ms", "0.007 ms"]);
    }

    #[test]
    fn durations_are_read_in_each_unit_and_with_decimals() {
        assert_eq!(read_span("2s"), Ok(Span(2_000_000)));
        assert_eq!(read_span("1.5s"), Ok(Span(1_500_000)));
        assert_eq!(read_span("150ms"), Ok(Span(150_000)));
        assert_eq!(read_span("40us"), Ok(Span(40)));
        assert_eq!(read_span("0s"), Ok(Span(0)));
    }

    #[test]
    fn what_is_no_duration_is_refused_in_words() {
        for text in ["", "s", "2", "2 hours", "-1s", "1.2.3s", "1.5us", "99999999999999999999s", "1e3s", "é"] {
            assert!(read_span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_and_rates_survive_print_and_read() {
        for span in [0, 1, 999, 1_000, 1_001, 150_000, 1_000_000, 1_500_000, 60_000_000] {
            assert_eq!(read_span(&print_span(Span(span))), Ok(Span(span)));
        }
        for ppm in [0, 1, 20_000, 50_000, 999_999, 1_000_000, 1_000_200] {
            assert_eq!(read_ppm(&print_ppm(ppm)), Ok(ppm));
        }
        assert_eq!(print_ppm(50_000), "0.05");
        assert!(read_ppm("0.0000001").is_err());
        assert!(read_ppm("-0.5").is_err());
    }
}

//! Durations and instants as a filter writes them (section 5.2).

const SECOND: i128 = 1_000_000_000;

/// A duration in Go's syntax (`time.ParseDuration`), such as "2s", "1h30m" or "-1.5us", in
/// nanoseconds. None if it is none, or beyond 64 bits.
pub(super) fn duration(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: i128 = 0;
    loop {
        let whole = digits(&mut rest);
        let mut fraction = "";
        if let Some(after) = rest.strip_prefix('.') {
            rest = after;
            fraction = digits(&mut rest);
        }
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, after) = rest.split_at(end);
        let unit = nanos_of(unit)?;
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total += i128::from(whole) * unit + fraction_of(fraction, unit);
        // So the sum stays far below 128 bits however many parts there are.
        i64::try_from(sign * total).ok()?;
        rest = after;
        if rest.is_empty() {
            return Some(sign * total);
        }
    }
}

fn nanos_of(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        // With the micro sign, and with the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        _ => return None,
    })
}

/// The nanoseconds of a decimal fraction of a unit, cut.
fn fraction_of(digits: &str, unit: i128) -> i128 {
    // More digits are less than a nanosecond of an hour.
    let digits = &digits[..digits.len().min(18)];
    let number: i128 = digits.parse().unwrap_or(0);
    number * unit / 10_i128.pow(digits.len() as u32)
}

fn digits<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    digits
}

/// An instant in the form of RFC 3339, in nanoseconds since the Unix epoch. Digits beyond
/// nanoseconds are cut. None if it is none.
pub(super) fn instant(text: &str) -> Option<i128> {
    let mut rest = text;
    let year = number(&mut rest, 4)?;
    let month = after(&mut rest, "-", 2, 1..=12)?;
    let day = after(&mut rest, "-", 2, 1..=days_in(year, month))?;
    let hour = after(&mut rest, "T", 2, 0..=23)?;
    let minute = after(&mut rest, ":", 2, 0..=59)?;
    let second = after(&mut rest, ":", 2, 0..=59)?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction;
        let digits = digits(&mut rest);
        if digits.is_empty() {
            return None;
        }
        nanos = fraction_of(digits, SECOND);
    }
    let offset = match rest.as_bytes().first()? {
        b'Z' if rest.len() == 1 => 0,
        sign @ (b'+' | b'-') => {
            rest = &rest[1..];
            let hours = after(&mut rest, "", 2, 0..=23)?;
            let minutes = after(&mut rest, ":", 2, 0..=59)?;
            if !rest.is_empty() {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let minutes = (days_before(year, month, day) * 24 + hour) * 60 + minute - offset;
    Some(i128::from(minutes * 60 + second) * SECOND + nanos)
}

/// A number of as many digits.
fn number(rest: &mut &str, len: usize) -> Option<i64> {
    let (digits, after) = rest.split_at_checked(len)?;
    *rest = after;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// A number of as many digits behind `separator`.
fn after(
    rest: &mut &str,
    separator: &str,
    len: usize,
    range: std::ops::RangeInclusive<i64>,
) -> Option<i64> {
    *rest = rest.strip_prefix(separator)?;
    number(rest, len).filter(|number| range.contains(number))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1970 to a day of the Gregorian calendar. Years begin in March here, so that the
/// leap day is the last one, and months then repeat in fives with 153 days.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_go() {
        let cases = [
            ("2s", 2_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("50us", 50_000),
            ("50\u{b5}s", 50_000),
            ("50\u{3bc}s", 50_000),
            ("-1.5ms", -1_500_000),
            ("+.5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("0", 0),
            ("-0", 0),
            ("0s", 0),
            ("1.9ns", 1),
            ("0.3333333333333333333h", 1_199_999_999_999),
            ("9223372036854775807ns", i64::MAX.into()),
            ("-9223372036854775808ns", i64::MIN.into()),
        ];
        for (text, nanos) in cases {
            assert_eq!(duration(text), Some(nanos), "{text}");
        }
        let refused = [
            "",
            "-",
            "2",
            "s",
            ".s",
            "2 s",
            " 2s",
            "2S",
            "2s ",
            "1d",
            "-+1s",
            "1s-1s",
            "2e3s",
            "9223372036854775808ns",
            "99999999999999999999s",
            "3000000h",
            "é",
        ];
        for text in refused {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn instants_read_as_in_rfc_3339() {
        let day = 86_400 * SECOND;
        let cases = [
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59.999999999Z", -1),
            ("2000-02-29T00:00:00Z", 11_016 * day),
            ("2000-03-01T00:00:00+00:00", 11_017 * day),
            ("2026-08-16T18:56:20.123456789Z", 1_786_906_580_123_456_789),
            ("2026-08-16T20:26:20.123456789+01:30", 1_786_906_580_123_456_789),
            ("2026-08-16T13:56:20.1234567891-05:00", 1_786_906_580_123_456_789),
            ("0000-01-01T00:00:00Z", -719_528 * day),
            ("9999-12-31T23:59:59Z", 2_932_897 * day - SECOND),
        ];
        for (text, nanos) in cases {
            assert_eq!(instant(text), Some(nanos), "{text}");
        }
        let refused = [
            "",
            "1970-01-01",
            "1970-01-01T00:00:00",
            "1970-01-01 00:00:00Z",
            "1970-01-01t00:00:00z",
            "1970-1-01T00:00:00Z",
            "1970-13-01T00:00:00Z",
            "1970-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:60:00Z",
            "1970-01-01T00:00:60Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00+1:00",
            "1970-01-01T00:00:00+01",
            "1970-01-01T00:00:00Z ",
            "+970-01-01T00:00:00Z",
            "1970-01-01T00:00:00Zé",
            "é970-01-01T00:00:00Z",
        ];
        for text in refused {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}

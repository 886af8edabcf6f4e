//! How long a caller waits: the header `grpc-timeout`.

use std::time::Duration;

use http::HeaderMap;

/// What the [specification](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) calls
/// a timeout: at most eight digits and a unit.
pub(super) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 60 * 60),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &'static str) -> Option<Duration> {
        timeout(&HeaderMap::from_iter([("grpc-timeout".parse().unwrap(), value.parse().unwrap())]))
    }

    #[test]
    fn a_timeout_is_a_number_and_a_unit() {
        for (value, seconds) in [
            ("2H", 7_200.0),
            ("3M", 180.0),
            ("99999999S", 99_999_999.0),
            ("500m", 0.5),
            ("20000u", 0.02),
            ("0n", 0.0),
        ] {
            assert_eq!(read(value).unwrap().as_secs_f64(), seconds, "{value}");
        }
        assert_eq!(timeout(&HeaderMap::new()), None);
    }

    #[test]
    fn anything_else_is_none() {
        for value in ["", "S", "5", "5x", "+5S", "-5S", "1.5S", "100000000S", "5 S", "\u{e9}"] {
            assert_eq!(read(value), None, "{value}");
        }
    }
}

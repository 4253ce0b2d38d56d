//! `Retry-After` (RFC 9110 §10.2.3).

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// How long the server asks to wait: delay seconds, or the time until an HTTP date (any of the three
/// formats of RFC 9110 §5.6.7). A past date is zero. `None` if there is no such header or it says neither.
pub(crate) fn retry_after(headers: &HeaderMap, wall: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(wall).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn parse(value: &'static str, wall: u64) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
        retry_after(&headers, SystemTime::UNIX_EPOCH + Duration::from_secs(wall))
    }

    #[test]
    fn p06_delay_seconds() {
        assert_eq!(parse("120", 0), Some(Duration::from_secs(120)));
        assert_eq!(parse(" 0 ", 0), Some(Duration::ZERO));
        assert_eq!(
            parse("99999999999999999999999", 0),
            Some(Duration::from_secs(u64::MAX))
        );
    }

    #[test]
    fn p06_three_date_formats() {
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(
                parse(date, 784_111_777 - 90),
                Some(Duration::from_secs(90)),
                "{date}"
            );
        }
    }

    #[test]
    fn p06_a_past_date_is_zero() {
        let long_after = 784_111_777 + 1_000;
        assert_eq!(
            parse("Sun, 06 Nov 1994 08:49:37 GMT", long_after),
            Some(Duration::ZERO)
        );
    }

    #[test]
    fn p08_anything_else_is_ignored() {
        for garbage in [
            "",
            "soon",
            "-1",
            "1.5",
            "12 34",
            "Sun, 99 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(garbage, 0), None, "{garbage:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), SystemTime::UNIX_EPOCH), None);
    }
}

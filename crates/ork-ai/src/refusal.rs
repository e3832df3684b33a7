//! An answer that is none: what its status, its headers and its body say.

use std::time::Duration;

use ork_core::ai::AiError;
use ork_http::Streaming;
use serde_json::Value;

use crate::moment;

/// Bytes of such an answer that are read, and how long that may take.
const BODY_BYTES_MAX: usize = 64 << 10;
const BODY_TIME: Duration = Duration::from_secs(10);
/// The longest rest that anybody is granted: a day.
const RETRY_AFTER_MS_MAX: u64 = 24 * 3_600_000;
/// Time ran out on somebody who was at work, or a proxy has lost him: 408 and 504, 502, and 524 of a widely used proxy.
const NOBODY_KNOWS: [u16; 4] = [408, 502, 504, 524];
/// What does not help to try again: somebody has to pay first.
const SPENT: [&str; 3] = ["insufficient_quota", "billing_error", "enforced_spend_limit_reached"];

/// Why there is no answer.
pub async fn of(stream: &mut Streaming) -> AiError {
    let body = tokio::time::timeout(BODY_TIME, stream.rest(BODY_BYTES_MAX)).await.unwrap_or_default();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let status = stream.status;
    let message = message(status, &body);
    if NOBODY_KNOWS.contains(&status) {
        return AiError::Lost { message };
    }
    let is_spent = codes(&body).any(|code| SPENT.contains(&code));
    let is_retryable = matches!(status, 409 | 425 | 429 | 500..) && !is_spent;
    let retry_after_ms = if is_retryable { retry_after_ms(|name| stream.header(name)) } else { None };
    AiError::Refused { message, is_retryable, retry_after_ms }
}

/// Both providers say `error.type` and `error.message`; one has an `error.code` besides, the other `error.details.error_code`.
fn codes(body: &Value) -> impl Iterator<Item = &str> {
    let error = &body["error"];
    [&error["details"]["error_code"], &error["code"], &error["type"]].into_iter().filter_map(Value::as_str)
}

fn message(status: u16, body: &Value) -> String {
    if (300..400).contains(&status) {
        return format!("the provider answered {status}: it is elsewhere, and redirects are not followed");
    }
    let code = codes(body).next().map(|code| format!(" `{code}`")).unwrap_or_default();
    // Others who serve the same format put the words elsewhere.
    let places = [&body["error"]["message"], &body["error"], &body["message"], &body["detail"]];
    let words = places.into_iter().find_map(Value::as_str).unwrap_or("it does not say why");
    format!("the provider answered {status}{code}: {words}")
}

/// How long it wants to be left alone, in milliseconds. A date is counted from the moment of the answer itself, so no clock is asked.
fn retry_after_ms<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<u64> {
    let exact = header("retry-after-ms").and_then(|ms| milliseconds(ms, 1.0));
    let given = header("retry-after").unwrap_or_default().trim();
    let date = || {
        let until = moment::seconds(given)?;
        let now = moment::seconds(header("date")?.trim())?;
        Some(u64::try_from(until - now).unwrap_or(0).saturating_mul(1_000))
    };
    let ms = exact.or_else(|| milliseconds(given, 1_000.0)).or_else(date)?;
    Some(ms.min(RETRY_AFTER_MS_MAX))
}

/// Some give a fraction.
fn milliseconds(text: &str, unit: f64) -> Option<u64> {
    let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)?;
    Duration::try_from_secs_f64(number * unit / 1_000.0).ok().and_then(|ms| u64::try_from(ms.as_millis()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&str, &str)], expected: Option<u64>) {
        let found = retry_after_ms(|name| headers.iter().find(|(own, _)| *own == name).map(|(_, value)| *value));
        assert_eq!(found, expected, "{headers:?}");
    }

    #[test]
    fn a_provider_says_in_three_ways_when_to_come_again() {
        check(&[], None);
        check(&[("retry-after", "7")], Some(7_000));
        check(&[("retry-after", "0.25")], Some(250));
        check(&[("retry-after", "7"), ("retry-after-ms", "1500")], Some(1_500));
        check(&[("retry-after", "7"), ("retry-after-ms", "soon")], Some(7_000));
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        check(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), date], Some(30_000));
        check(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"), date], Some(0));
        check(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")], None);
        check(&[("retry-after", "Sun, 06 Nov 2094 08:50:07 GMT"), date], Some(RETRY_AFTER_MS_MAX));
        check(&[("retry-after", "1e300")], None);
        check(&[("retry-after", "-1")], None);
        check(&[("retry-after", "NaN")], None);
        check(&[("retry-after", "99999999")], Some(RETRY_AFTER_MS_MAX));
    }
}

//! How long a failed request rests before it is sent again.

use crate::cache::RequestKey;
use crate::settings::{Retry, seconds};
use std::time::{Duration, SystemTime};

/// The pause after try number `attempt`, from 1: twice as long each time up to the longest, of which a half is drawn by the request and the
/// try, so that requests that failed together do not come back together. What the server asks for comes on top. None if the server asks
/// for more than the longest pause.
pub(crate) fn pause(retry: &Retry, key: &RequestKey, attempt: u32, asked: Option<Duration>) -> Option<Duration> {
    let longest = retry.longest_pause_seconds;
    let doubled = retry.pause_seconds * 2f64.powi(attempt.saturating_sub(1).min(1_000) as i32);
    match asked {
        Some(asked) if asked > seconds(longest) => None,
        // A server that names a time needs no more than a spread.
        Some(asked) => Some(asked + seconds(retry.pause_seconds.min(longest) * 0.5 * share(key, attempt))),
        None => Some(seconds(doubled.min(longest) * (0.5 + 0.5 * share(key, attempt)))),
    }
}

/// A number in [0, 1) that is a function of request and try.
fn share(key: &RequestKey, attempt: u32) -> f64 {
    let mut hash = blake3::Hasher::new();
    hash.update(b"longlab-client pause").update(key.bytes()).update(&attempt.to_le_bytes());
    let bytes = hash.finalize();
    let number = bytes.as_bytes().iter().take(6).fold(0u64, |number, &byte| number << 8 | u64::from(byte));
    number as f64 / (1u64 << 48) as f64
}

/// What a `Retry-After` header asks for: seconds, or a date of HTTP.
pub(crate) fn asked(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(whole) = header.parse() {
        return Some(Duration::from_secs(whole));
    }
    let date = httpdate::parse_http_date(header).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(number: usize) -> RequestKey {
        RequestKey::of("server", &json!({ "number": number }))
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_differ_between_requests() {
        let retry = Retry { tries: 9, pause_seconds: 1.0, longest_pause_seconds: 10.0 };
        for (attempt, full) in [(1, 1.0), (2, 2.0), (4, 8.0), (5, 10.0), (u32::MAX, 10.0)] {
            let pause = pause(&retry, &key(0), attempt, None).unwrap().as_secs_f64();
            assert!((full * 0.5..full).contains(&pause), "{attempt}: {pause}");
        }
        assert_eq!(pause(&retry, &key(1), 1, None), pause(&retry, &key(1), 1, None));
        assert_ne!(pause(&retry, &key(1), 1, None), pause(&retry, &key(2), 1, None));
        let mean = (0..200).map(|number| share(&key(number), 1)).sum::<f64>() / 200.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }

    #[test]
    fn a_server_is_given_the_time_it_asks_for_or_is_left_alone() {
        let retry = Retry { tries: 9, pause_seconds: 1.0, longest_pause_seconds: 10.0 };
        let given = pause(&retry, &key(0), 3, Some(Duration::from_secs(10))).unwrap().as_secs_f64();
        assert!((10.0..10.5).contains(&given), "{given}");
        assert_eq!(pause(&retry, &key(0), 1, Some(Duration::from_secs(11))), None);
        assert_eq!(pause(&retry, &key(0), 1, Some(Duration::from_secs(u64::MAX))), None);
    }

    #[test]
    fn seconds_and_dates_are_read() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(asked(" 120 ", now), Some(Duration::from_secs(120)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:50:07 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(asked("Sunday, 06-Nov-94 08:50:07 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(Duration::ZERO));
        for nonsense in ["", "soon", "-1", "1.5", "99999999999999999999999"] {
            assert_eq!(asked(nonsense, now), None, "{nonsense}");
        }
    }
}

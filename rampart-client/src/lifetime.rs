//! How long a token lives: by what the server says of it, and by what the token says itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::value::RawValue;

const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);
/// Nothing that lives longer is a lifetime; clocks could not count it.
const LONGEST_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// What else there is to count by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    /// This machine's, when the request began.
    pub(crate) own: SystemTime,
    /// The server's, when it answered.
    pub(crate) servers: Option<SystemTime>,
}

/// `expires_in`, counted from the start of the request; the token's own `exp` shortens it and never lengthens it.
pub(crate) fn lifetime(expires_in: Option<&RawValue>, token: &str, clocks: Clocks) -> Duration {
    let told = match expires_in.and_then(number) {
        None => DEFAULT_LIFETIME,
        Some(seconds) => duration(seconds),
    };
    match left(token, clocks) {
        // Whole seconds and the time that an answer takes make a difference; it is within what no token is handed out for.
        Some(left) if left + Duration::from_secs(5).min(told / 20) < told => left,
        _ => told,
    }
}

/// A number, a fraction, or either as a string; what is no number counts as missing.
fn number(value: &RawValue) -> Option<f64> {
    let text = serde_json::from_str::<String>(value.get()).ok();
    let text = text.as_deref().unwrap_or(value.get());
    text.trim().parse::<f64>().ok().filter(|number| !number.is_nan())
}

fn duration(seconds: f64) -> Duration {
    if seconds <= 0.0 {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_LIFETIME).min(LONGEST_LIFETIME)
}

#[derive(Deserialize)]
struct Claims<'a> {
    #[serde(borrow)]
    exp: Option<&'a RawValue>,
    #[serde(borrow)]
    iat: Option<&'a RawValue>,
}

/// How long a JWT lives by its own `exp` (RFC 7519 section 4.1.4). It is not verified here: this is for the service called.
///
/// `exp` is a time of the server's clock, so it is compared with that one; with this machine's where the server does not tell
/// the time or tells one at which the token would be dead. Only where both say so is it dead. Whatever the clocks say, a token
/// lives no longer than from its `iat` to its `exp`.
fn left(token: &str, clocks: Clocks) -> Option<Duration> {
    let mut parts = token.split('.');
    let (Some(_), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let Claims { exp, iat } = serde_json::from_slice(&payload).ok()?;
    let exp = number(exp?)?;
    let until_exp = |time: SystemTime| exp - time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let times = [clocks.servers, Some(clocks.own)];
    let left = times.into_iter().flatten().map(until_exp).find(|left| *left > 0.0).unwrap_or(0.0);
    let whole = iat.and_then(number).map_or(f64::INFINITY, |iat| exp - iat);
    Some(duration(left.min(whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// The seconds that a token with this payload lives, of which the server says so many.
    fn seconds(payload: &str, told: &str, own: u64, servers: Option<u64>) -> f64 {
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload));
        let told = RawValue::from_string(told.into()).unwrap();
        let clocks = Clocks { own: at(own), servers: servers.map(at) };
        lifetime(Some(&told), &token, clocks).as_secs_f64()
    }

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-3
    }

    #[test]
    fn exp_of_the_token_shortens_what_the_server_says_and_never_lengthens_it() {
        let exp = |ahead: u64| format!(r#"{{"exp":{}}}"#, NOW + ahead);
        for (ahead, told, lives) in
            [(60, "3600", 60.0), (60, "60", 60.0), (60, "30", 30.0), (3600, "900", 900.0), (3600, "\"abc\"", 300.0)]
        {
            for servers in [None, Some(NOW)] {
                assert!(close(seconds(&exp(ahead), told, NOW, servers), lives), "{ahead} and {told}");
            }
        }
        // Less than what is kept back at the end is the rounding of one clock or the other.
        assert!(close(seconds(&exp(896), "900", NOW, None), 900.0));
        assert!(close(seconds(&exp(894), "900", NOW, None), 894.0));
        assert!(close(seconds(&exp(18), "20", NOW, None), 18.0));
        // A fraction, and a number as a string.
        assert!(close(seconds(&format!(r#"{{"exp":{NOW}.5}}"#), "3600", NOW - 60, None), 60.5));
        assert!(close(seconds(&format!(r#"{{"exp":"{NOW}"}}"#), "3600", NOW - 60, None), 60.0));
    }

    #[test]
    fn clocks_that_differ_cost_no_token_its_life() {
        let token = format!(r#"{{"iat":{NOW},"exp":{}}}"#, NOW + 900);
        let hours = 6 * 3600;
        // This machine's is ahead, or behind; the server says what its own shows, or does not.
        assert!(close(seconds(&token, "900", NOW + hours, Some(NOW)), 900.0));
        assert!(close(seconds(&token, "900", NOW - hours, Some(NOW)), 900.0));
        assert!(close(seconds(&token, "3600", NOW - hours, None), 900.0));
        // What a server says of the time is not always true.
        for date in [0, 253_402_300_799] {
            assert!(close(seconds(&token, "3600", NOW, Some(date)), 900.0), "{date}");
        }
        // A token that the server has kept for a while.
        assert!(close(seconds(&token, "900", NOW + 600, None), 300.0));
        assert!(close(seconds(&token, "900", NOW + hours, Some(NOW + 600)), 300.0));
        // And one that it has kept for too long.
        assert!(close(seconds(&token, "900", NOW + 901, Some(NOW + 900)), 0.0));
        assert!(close(seconds(&token, "900", NOW + 900, None), 0.0));
    }

    #[test]
    fn what_is_no_jwt_or_says_nothing_leaves_it_at_what_the_server_says() {
        let lives = |token: &str| {
            let told = RawValue::from_string("3600".into()).unwrap();
            lifetime(Some(&told), token, Clocks { own: at(NOW), servers: None }).as_secs()
        };
        let jwt = |payload: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload));
        let dead = jwt(r#"{"exp":1}"#);
        for token in
            ["opaque", "a.token", "a.b.c", "..", &format!("{dead}.a.b"), &format!("a{}", dead.replace('.', "!"))]
        {
            assert_eq!(lives(token), 3600, "{token}");
        }
        for payload in
            ["{}", "[1]", "1", r#"{"exp":null}"#, r#"{"exp":"soon"}"#, r#"{"exp":{}}"#, r#"{"exp":1,"exp":2}"#]
        {
            assert_eq!(lives(&jwt(payload)), 3600, "{payload}");
        }
        assert_eq!(lives(&dead), 0);
    }
}

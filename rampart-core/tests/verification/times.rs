//! V9: when a token is valid, to the second and below, on a clock that stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::common::{AUTH, Auth, Draft, NOW, at, builder, ready};
use rampart_core::AuthError;

const LATEST: u64 = 253_402_300_799;

fn with_tolerance(seconds: u64) -> Auth {
    Auth::new(move |builder| builder.clock_tolerance(Duration::from_secs(seconds)))
}

fn offset(seconds: i64) -> String {
    NOW.checked_add_signed(seconds).unwrap().to_string()
}

fn expires(json: &str) -> String {
    Draft::good().claim("exp", json).sign()
}

/// D07.
#[test]
fn token_expires_at_exactly_exp_plus_tolerance() {
    for tolerance in [0, 1, 5, 60, 600] {
        let auth = with_tolerance(tolerance);
        let edge = -i64::try_from(tolerance).unwrap();
        for seconds in [edge - 1000, edge - 1, edge] {
            let id = format!("D01 tolerance {tolerance}, exp at now {seconds:+}");
            auth.answers(&id, &expires(&offset(seconds)), &AuthError::TokenExpired, "V9");
        }
        for seconds in [edge + 1, edge + 2, edge + 1000] {
            auth.accepts(&format!("D01 tolerance {tolerance}, exp at now {seconds:+}"), &expires(&offset(seconds)));
        }
    }
    let minute = with_tolerance(60);
    for seconds in [-59, -1, 0, 1, 59] {
        minute.accepts(&format!("D01 tolerance 60, exp at now {seconds:+}"), &expires(&offset(seconds)));
    }
    AUTH.answers("D01 default, -5", &expires(&offset(-5)), &AuthError::TokenExpired, "V9");
    AUTH.accepts("D01 default, -4", &expires(&offset(-4)));
}

#[test]
fn token_is_not_valid_before_nbf_less_tolerance() {
    for tolerance in [0, 5, 60] {
        let auth = with_tolerance(tolerance);
        let edge = i64::try_from(tolerance).unwrap();
        for claim in ["nbf", "iat"] {
            let token = |seconds| Draft::good().claim(claim, &offset(seconds)).claim("exp", &offset(10_000)).sign();
            for seconds in [edge + 1, edge + 60, edge + 3600] {
                let id = format!("D02 D03 tolerance {tolerance}, {claim} at now {seconds:+}");
                auth.refuses(&id, &token(seconds), "V9");
            }
            for seconds in [edge, edge - 1, 0, -1, -1000] {
                auth.accepts(&format!("D02 D03 tolerance {tolerance}, {claim} at now {seconds:+}"), &token(seconds));
            }
        }
    }
    AUTH.accepts("D02 default, +5", &Draft::good().claim("nbf", &offset(5)).sign());
    AUTH.refuses("D02 default, +6", &Draft::good().claim("nbf", &offset(6)).sign(), "V9");
    AUTH.accepts("nbf absent", &Draft::good().sign());
}

#[test]
fn fractions_count() {
    let exact = with_tolerance(0);
    exact.answers("exp half a second ago", &expires("1799999999.5"), &AuthError::TokenExpired, "V9");
    exact.answers("exp now, as a fraction", &expires("1800000000.0"), &AuthError::TokenExpired, "V9");
    exact.accepts("D04 exp in half a second", &expires("1800000000.5"));
    exact.refuses("nbf in half a second", &Draft::good().claim("nbf", "1800000000.5").sign(), "V9");
    exact.accepts("D05 nbf half a second ago", &Draft::good().claim("nbf", "1799999999.5").sign());
    exact.refuses("iat in half a second", &Draft::good().claim("iat", "1800000000.25").sign(), "V9");
    exact.accepts("D03 iat as a fraction", &Draft::good().claim("iat", "1799999990.75").sign());
    let claims = exact.accepts(
        "cut off for the reader",
        &Draft::good().claim("iat", "1799999990.75").claim("exp", "1800000000.5").sign(),
    );
    assert_eq!((claims.iat, claims.exp), (Some(1_799_999_990), 1_800_000_000));

    // The clock has fractions too.
    let millis = |millis: u64| {
        Auth::new(move |builder| {
            builder.clock_tolerance(Duration::ZERO).clock(move || at(Duration::from_millis(millis)))
        })
    };
    millis(1_799_999_999_999).accepts("a millisecond before exp", &expires("1800000000"));
    millis(1_800_000_000_000).answers("at exp", &expires("1800000000"), &AuthError::TokenExpired, "V9");
    millis(1_800_000_000_499).accepts("a millisecond before a fraction", &expires("1800000000.5"));
    millis(1_800_000_000_500).answers("at a fraction", &expires("1800000000.5"), &AuthError::TokenExpired, "V9");
    let nanos = Auth::new(|builder| builder.clock_tolerance(Duration::from_nanos(1)));
    nanos.accepts("tolerance below a second", &expires("1800000000"));
}

#[test]
fn dates_are_json_numbers_up_to_the_year_9999() {
    let pass = [
        "1800000001",
        "4.1024448e9",
        "41024448e2",
        "1e10",
        "1E+10",
        "18000000010e-1",
        "253402300799",
        "253402300799.0",
    ];
    for json in pass {
        AUTH.accepts(&format!("D04 exp {json}"), &expires(json));
    }
    let expired = ["0", "-0", "0.0", "-0.0", "0e0", "1", "1e-400", "0.5", "1e-9", "1799999995"];
    for json in expired {
        AUTH.answers(&format!("D04 exp {json}"), &expires(json), &AuthError::TokenExpired, "V9");
    }
    let digits = "9".repeat(4000);
    let refused = [
        "true",
        "false",
        r#""4102444800""#,
        r#""1700000000""#,
        r#""99999999999""#,
        r#""never""#,
        r#""""#,
        "[1900000000]",
        "[]",
        "{}",
        r#"{"exp":1}"#,
        "-1",
        "-0.5",
        "-1e300",
        "-9223372036854775808",
        "253402300800",
        "253402300799.5",
        "4102444800000",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "1e30",
        "1e300",
        "1e308",
        "1e309",
        "1e999999",
        "-1e999999",
        &digits,
    ];
    for json in refused {
        for claim in ["exp", "iat", "nbf"] {
            let id: String = format!("D03 D04 D05 {claim} {json}").chars().take(60).collect();
            AUTH.refuses(&id, &Draft::good().claim(claim, json).sign(), "V9");
        }
    }
    for json in ["0", "-0", "0.0", "1", "1700000000.5", "1e-400"] {
        for claim in ["iat", "nbf"] {
            AUTH.accepts(&format!("D03 D05 {claim} {json}"), &Draft::good().claim(claim, json).sign());
        }
    }
    // Of nbf, which may be absent, null is of the wrong type.
    AUTH.refuses("D05 nbf null", &Draft::good().claim("nbf", "null").sign(), "V9");
    for claim in ["exp", "iat"] {
        let null = Draft::good().claim(claim, "null").sign();
        AUTH.answers(&format!("D04 {claim} null"), &null, &AuthError::missing_claim(claim), "V6b");
    }
    assert_eq!(AUTH.accepts("latest", &expires("253402300799")).exp, LATEST);
}

#[test]
fn dates_need_not_make_sense_together() {
    AUTH.accepts(
        "D06 nbf and iat ahead inside the tolerance",
        &Draft::good().claim("nbf", &offset(5)).claim("iat", &offset(5)).sign(),
    );
    AUTH.accepts(
        "D06 exp before iat inside the tolerance",
        &Draft::good().claim("iat", &offset(4)).claim("exp", &offset(-4)).sign(),
    );
    AUTH.accepts("D06 a hundred years", &expires(&offset(3_155_760_000)));
    AUTH.accepts("nbf before iat", &Draft::good().claim("nbf", &offset(-1000)).sign());
}

#[test]
fn expiry_is_told_apart_only_where_all_three_dates_can_be_read() {
    let expired = Draft::good().claim("exp", &offset(-100));
    AUTH.answers("expired alone", &expired.sign(), &AuthError::TokenExpired, "V9");
    AUTH.answers(
        "expired, and nbf ahead",
        &expired.clone().claim("nbf", &offset(100)).sign(),
        &AuthError::TokenExpired,
        "V9",
    );
    AUTH.answers(
        "expired, and iat ahead",
        &expired.clone().claim("iat", &offset(100)).sign(),
        &AuthError::TokenExpired,
        "V9",
    );
    AUTH.refuses("expired, and nbf a string", &expired.clone().claim("nbf", r#""1""#).sign(), "V9");
    AUTH.refuses("expired, and iat true", &expired.clone().claim("iat", "true").sign(), "V9");
    let missing = AuthError::missing_claim("iat");
    AUTH.answers("expired, and iat null", &expired.claim("iat", "null").sign(), &missing, "V6b");
}

#[test]
fn dates_at_the_ends_of_time_do_not_overflow() {
    let moments = [0, 1, 599, 600, LATEST - 1, LATEST, LATEST + 600, u64::from(u32::MAX), 1 << 40];
    for now in moments {
        for tolerance in [0, 600] {
            let auth = Auth::new(move |builder| {
                builder.clock(move || at(Duration::from_secs(now))).clock_tolerance(Duration::from_secs(tolerance))
            });
            for exp in [0, 1, now, LATEST] {
                let token = Draft::good().claim("iat", "0").claim("exp", &exp.to_string()).sign();
                let (outcome, _) = auth.ask(&format!("now {now}, exp {exp}"), &token);
                assert_eq!(
                    outcome.is_ok(),
                    exp <= LATEST && now < exp + tolerance,
                    "now {now}, exp {exp}: {outcome:?}"
                );
            }
        }
    }
}

/// A verifier on a clock that the test moves.
fn movable() -> (Arc<AtomicU64>, impl Fn() -> SystemTime + Send + Sync + 'static) {
    let now = Arc::new(AtomicU64::new(NOW));
    let clock = Arc::clone(&now);
    (now, move || at(Duration::from_secs(clock.load(Ordering::Relaxed))))
}

#[test]
fn cached_token_expires_like_any_other() {
    let (now, clock) = movable();
    let auth = builder().clock(clock).clock_tolerance(Duration::ZERO).build().unwrap();
    let token = Draft::good().claim("nbf", &offset(0)).claim("iat", &offset(0)).claim("exp", &offset(2)).sign();
    let verify = || ready(auth.verify(&token)).map(|claims| claims.exp);
    assert_eq!(verify(), Ok(NOW + 2));
    now.store(NOW + 1, Ordering::Relaxed);
    assert_eq!(verify(), Ok(NOW + 2), "T01 a second before");
    now.store(NOW + 2, Ordering::Relaxed);
    assert_eq!(verify(), Err(AuthError::TokenExpired), "T01 at exp");
    now.store(NOW + 3, Ordering::Relaxed);
    assert_eq!(verify(), Err(AuthError::TokenExpired), "T01 after");
    now.store(NOW - 1, Ordering::Relaxed);
    assert_eq!(verify(), Err(AuthError::InvalidToken), "T08 the clock was set back before nbf");
    now.store(NOW, Ordering::Relaxed);
    assert_eq!(verify(), Ok(NOW + 2), "valid again");
}

#[test]
fn clock_before_1970_decides_nothing() {
    for (id, time) in [
        ("a second", Duration::from_secs(1)),
        ("an hour", Duration::from_hours(1)),
        ("a nanosecond", Duration::from_nanos(1)),
    ] {
        let auth = Auth::new(move |builder| builder.clock(move || SystemTime::UNIX_EPOCH - time));
        let value = format!("Bearer {}", Draft::good().sign());
        for auth in [&auth.cached, &auth.uncached] {
            let error = ready(auth.authenticate([&*value])).unwrap_err();
            assert!(matches!(error, AuthError::KeysUnavailable { .. }), "D08 {id} before 1970: {error:?}");
            assert_eq!(error.status(), 503);
            assert_eq!(ready(auth.authenticate_optional([&*value])).unwrap_err(), error, "D08 {id}: never anonymous");
            let absent = ready(auth.authenticate(std::iter::empty::<&str>())).unwrap_err();
            assert_eq!(absent, AuthError::MissingToken, "D08 {id}: without a token there is nothing to decide");
        }
    }
    let epoch = Auth::new(|builder| builder.clock(|| SystemTime::UNIX_EPOCH));
    epoch.accepts("1970 itself", &Draft::good().claim("iat", "0").claim("exp", "1").sign());
}

#[test]
fn clock_that_falls_below_1970_stops_cached_tokens_too() {
    let token = Draft::good().sign();
    let (fallen, clock) = movable();
    let before = fallen.clone();
    let auth = builder()
        .clock(move || match before.load(Ordering::Relaxed) {
            0 => SystemTime::UNIX_EPOCH - Duration::from_secs(9),
            _ => clock(),
        })
        .build()
        .unwrap();
    assert!(ready(auth.verify(&token)).is_ok());
    fallen.store(0, Ordering::Relaxed);
    assert!(matches!(ready(auth.verify(&token)), Err(AuthError::KeysUnavailable { .. })), "D08 cached");
}

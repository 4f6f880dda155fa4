//! For how long a revocation is remembered.

use std::time::Duration;

use rampart_core::{AuthError, Revocation, RevokeError};

use crate::common::{ISSUER, NOW, log};
use crate::ground::{Ground, named};

const DAY: u64 = 24 * 60 * 60;

#[test]
fn rv07_revocation_of_what_has_expired_is_refused_as_useless() {
    let ground = Ground::new();
    for until in [0, NOW - 3600, NOW - 5] {
        let error = ground.try_to_revoke(Revocation::token(ISSUER, "token-1").until(until)).unwrap_err();
        assert_eq!((&error, error.is_refused()), (&RevokeError::Useless, true), "{until}");
    }
    assert_eq!(ground.kept(), 0);
    // Within the tolerance such a token passes.
    let last = named().claim("exp", &(NOW - 4).to_string());
    assert!(ground.passes(&last));
    ground.revoke(Revocation::token(ISSUER, "token-1").until(NOW - 4));
    assert!(!ground.passes(&last));
}

/// Dropped by whatever revokes or looks next, so that nothing has to wait here.
#[test]
fn rv07_revocation_lives_until_no_token_of_it_can_pass_and_a_minute() {
    let until = NOW + 600;
    for (revocation, end) in [
        (Revocation::token(ISSUER, "token-1").until(until), until + 5 + 60),
        (Revocation::token(ISSUER, "token-1"), NOW + DAY + 5 + 60),
    ] {
        let ground = Ground::new();
        ground.revoke(revocation);
        ground.clock.set(end - 1);
        assert_eq!(ground.kept(), 1, "{end}");
        ground.clock.set(end - 1 + 60);
        assert_eq!(ground.kept(), 0, "{end}");
    }
}

#[tokio::test(start_paused = true)]
async fn rv07_ended_revocations_are_gone_within_a_minute_although_nobody_looks() {
    let ground = Ground::new();
    let revoke = |jti: &str, exp| ground.revocations.revoke(Revocation::token(ISSUER, jti).until(exp));
    revoke("token-1", NOW + 100).await.unwrap();
    revoke("token-2", NOW + 1000).await.unwrap();
    let shown = || format!("{:?}", ground.revocations);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(shown().contains("entries: 2"), "{}", shown());
    ground.clock.set(NOW + 165);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(shown().contains("entries: 1"), "{}", shown());
    assert!(!ground.passes(&named().claim("jti", r#""token-2""#)));
    ground.clock.set(NOW + 1065);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(shown().contains("entries: 0"), "{}", shown());
}

#[test]
fn rv07_token_that_would_outlive_its_revocation_is_refused_with_a_hint() {
    let ground = Ground::new();
    for (exp, is_good) in
        [(NOW + DAY + 5, true), (NOW + DAY + 6, false), (NOW + 2 * DAY, false), (253_402_300_799, false)]
    {
        let token = named().claim("exp", &exp.to_string());
        log::clear();
        let said = ground.ask(&token);
        if is_good {
            assert!(said.is_ok(), "{exp}");
            continue;
        }
        assert_eq!(said, Err(AuthError::InvalidToken), "{exp}");
        let lines = log::take();
        assert!(!lines.is_empty());
        for line in lines {
            assert_eq!(line.rule.as_deref(), Some("V9"));
            assert!(line.text.contains("hint=with revocations no token may live longer"), "{}", line.text);
        }
    }
    let (object, issuer) = (2 * DAY, 3 * DAY);
    let longer = Ground::with(move |builder| builder.max_token_lifetime(Duration::from_secs(object)));
    assert!(longer.passes(&named().claim("exp", &(NOW + 2 * DAY).to_string())));
    // The shorter of what the object says and what the issuer says, as before.
    let shorter = Ground::with(move |builder| builder.max_token_lifetime(Duration::from_secs(issuer)));
    assert!(shorter.passes(&named().claim("exp", &(NOW + 3 * DAY).to_string())));
}

#[test]
fn rv07_longest_lifetime_of_all_who_share_a_list_counts_whenever_they_come() {
    let ground = Ground::new();
    ground.revoke(Revocation::token(ISSUER, "token-1"));
    // A list that is given to an object with longer-lived tokens remembers for longer what it has.
    let longer = Ground::of(ground.revocations.clone(), |builder| {
        builder.max_token_lifetime(Duration::from_secs(2 * DAY)).clock_tolerance(Duration::from_secs(600))
    });
    for clock in [&ground.clock, &longer.clock] {
        clock.set(NOW + 2 * DAY + 600 + 59);
    }
    assert_eq!(ground.kept(), 1);
    ground.clock.set(NOW + 2 * DAY + 600 + 120);
    assert_eq!(ground.kept(), 0);
}

/// Nothing of it was seen before, and no request of it made anybody remember it.
#[test]
fn rv28_token_that_is_first_shown_long_after_its_revocation_is_refused() {
    let ground = Ground::with(|builder| builder.clock_tolerance(Duration::from_secs(600)));
    let hidden = named().claim("exp", &(NOW - 60 + DAY).to_string());
    let short = named().claim("jti", r#""token-2""#).claim("exp", &(NOW + 600).to_string());
    ground.revoke(Revocation::subject(ISSUER, "user-1").issued_before(NOW));
    ground.revoke(Revocation::token("https://x.example", "nobody's"));
    ground.clock.set(NOW + 3600);
    assert!(!ground.passes(&hidden));
    let ground = Ground::with(|builder| builder.clock_tolerance(Duration::from_secs(600)));
    ground.revoke(Revocation::token(ISSUER, "token-2").until(NOW + 600));
    ground.clock.set(NOW + 900);
    assert_eq!(ground.kept(), 1);
    assert!(!ground.passes(&short) && ground.passes(&short.clone().claim("jti", r#""token-3""#)));
}

/// RV15: dates of tokens are compared with dates of tokens.
#[test]
fn rv15_clock_that_is_wrong_ends_no_revocation_before_its_tokens() {
    let until = NOW + 600;
    for offset in [-600_i64, 600] {
        let ground = Ground::new();
        let at = |time: u64| ground.clock.set(time.checked_add_signed(offset).unwrap());
        at(NOW);
        ground.revoke(Revocation::token(ISSUER, "token-1").until(until));
        // As long as this clock lets the token pass, it knows of the revocation.
        let last = until + 4;
        ground.clock.set(last);
        assert_eq!(ground.kept(), 1, "{offset}");
        assert!(!ground.passes(&named().claim("exp", &until.to_string())), "{offset}");
        ground.revoke(Revocation::subject(ISSUER, "user-2").issued_before(NOW - 60));
        let other = named().claim("sub", r#""user-2""#).claim("jti", r#""token-2""#);
        assert!(!ground.passes(&other), "{offset}");
        assert!(ground.passes(&other.claim("iat", &(NOW - 59).to_string())), "{offset}");
    }
}

#[test]
fn clock_before_1970_revokes_nothing_and_says_so() {
    let ground = Ground::new();
    ground.clock.set(u64::MAX);
    let error = ground.try_to_revoke(Revocation::token(ISSUER, "token-1")).unwrap_err();
    assert_eq!((&error, error.is_refused()), (&RevokeError::NoClock, false));
}

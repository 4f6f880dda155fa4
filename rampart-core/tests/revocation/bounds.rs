//! Which tokens of those that are named: by when they were issued.

use rampart_core::{Revocation, RevokeError};

use crate::common::{Draft, ISSUER, NOW};
use crate::ground::{Ground, named};

fn issued(text: &str) -> Draft {
    named().claim("iat", text)
}

#[test]
fn rv03_bound_reaches_the_second_itself_and_not_what_is_later() {
    let bound = NOW - 20;
    let revocations: [Revocation; 5] = [
        Revocation::subject(ISSUER, "user-1").issued_before(bound).into(),
        Revocation::session(ISSUER, "session-1").issued_before(bound).into(),
        Revocation::client(ISSUER, "spa").issued_before(bound).into(),
        Revocation::token(ISSUER, "token-1").issued_before(bound).into(),
        Revocation::issued_before(ISSUER, bound),
    ];
    for revocation in revocations {
        let ground = Ground::with(|builder| builder.issued_at_optional(true));
        ground.revoke(revocation.clone());
        for (iat, passes) in [
            (format!("{}", bound - 1), false),
            (format!("{bound}"), false),
            (format!("{bound}.0"), false),
            (format!("{bound}.5"), true),
            (format!("{}", bound + 1), true),
            (format!("{}", NOW + 4), true),
        ] {
            assert_eq!(ground.passes(&issued(&iat)), passes, "{revocation:?}: {iat}");
        }
        assert!(!ground.passes(&named().without("iat")), "{revocation:?}: whoever does not say may be from before");
    }
}

#[test]
fn rv03_new_login_waits_for_the_second_of_the_bound_alone() {
    let ground = Ground::new();
    ground.revoke(Revocation::subject(ISSUER, "user-1").issued_before(NOW));
    assert!(!ground.passes(&issued(&NOW.to_string())));
    ground.clock.set(NOW + 1);
    assert!(ground.passes(&issued(&(NOW + 1).to_string())));
}

#[test]
fn rv03_subject_and_client_are_revoked_up_to_now_and_the_tolerance() {
    for tolerance in [0, 5] {
        let revocations: [Revocation; 3] = [
            Revocation::subject(ISSUER, "user-1").into(),
            Revocation::subject_without_session(ISSUER, "user-1").into(),
            Revocation::client(ISSUER, "spa").into(),
        ];
        for revocation in revocations {
            let tolerance_is = std::time::Duration::from_secs(tolerance);
            let ground = Ground::with(move |builder| builder.clock_tolerance(tolerance_is));
            ground.revoke(revocation.clone());
            let token = |iat: u64| issued(&iat.to_string()).without("sid");
            assert!(!ground.passes(&token(NOW - 60)) && !ground.passes(&token(NOW + tolerance)), "{revocation:?}");
            ground.clock.set(NOW + tolerance + 1);
            assert!(!ground.passes(&token(NOW + tolerance)), "{revocation:?}");
            assert!(ground.passes(&token(NOW + tolerance + 1)), "{revocation:?}");
        }
    }
}

/// A session and a token end for good.
#[test]
fn rv03_session_and_token_are_revoked_whenever_they_were_issued() {
    for revocation in [Revocation::session(ISSUER, "session-1"), Revocation::token(ISSUER, "token-1")] {
        let ground = Ground::new();
        ground.revoke(revocation);
        ground.clock.set(NOW + 500);
        assert!(!ground.passes(&issued(&(NOW + 499).to_string())));
    }
}

#[test]
fn rv09_widest_bound_and_no_bound_win_whatever_the_order() {
    let bounds = [Some(NOW - 50), Some(NOW - 30), Some(NOW - 40)];
    let revocation = |bound: Option<u64>| {
        let session = Revocation::session(ISSUER, "session-1");
        bound.map_or(session.clone(), |bound| session.issued_before(bound))
    };
    let ground = Ground::new();
    for bound in bounds {
        ground.revoke(revocation(bound));
    }
    assert!(!ground.passes(&issued(&(NOW - 30).to_string())));
    assert!(ground.passes(&issued(&(NOW - 29).to_string())));
    for bound in [None, bounds[0]] {
        ground.revoke(revocation(bound));
        assert!(!ground.passes(&issued(&NOW.to_string())));
    }
    assert_eq!(ground.kept(), 1);
}

#[test]
fn rv16_bound_that_would_lock_everybody_out_is_refused() {
    let ground = Ground::new();
    for (time, is_good) in
        [(NOW + 300, true), (NOW + 305, true), (NOW + 306, false), (253_402_300_799, false), (u64::MAX, false)]
    {
        let revocations: [Revocation; 2] = [
            Revocation::session(ISSUER, "s").issued_before(time).into(),
            Revocation::issued_before("https://x.example", time),
        ];
        for revocation in revocations {
            let expected = if is_good { Ok(()) } else { Err(RevokeError::TooFarAhead) };
            assert_eq!(ground.try_to_revoke(revocation), expected, "{time}");
        }
    }
    assert_eq!(ground.kept(), 2);
    assert!(RevokeError::TooFarAhead.is_refused());
}

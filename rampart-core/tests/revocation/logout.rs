//! What a logout token ends, once it has been verified.

use rampart_core::RevokeError;

use crate::common::{Draft, ISSUER, NOW, ready};
use crate::ground::{Ground, named};

fn log_out(sub: Option<&str>, sid: Option<&str>, issued_at: u64) -> Ground {
    let ground = Ground::new();
    ready(ground.revocations.log_out(ISSUER, sub, sid, issued_at)).unwrap();
    ground
}

fn issued(draft: Draft, iat: u64) -> Draft {
    draft.claim("iat", &iat.to_string())
}

#[test]
fn session_ends_with_its_sid_and_with_sub_what_no_session_could_end() {
    let (other_session, other_user) = (named().claim("sid", r#""session-2""#), named().claim("sub", r#""user-2""#));
    let without = || named().without("sid");
    let passes = |ground: &Ground| {
        [named(), other_session.clone(), without(), other_user.clone(), other_user.clone().without("sid")]
            .map(|draft| ground.passes(&draft))
    };
    assert_eq!(passes(&log_out(None, Some("session-1"), NOW)), [false, true, true, false, true]);
    assert_eq!(passes(&log_out(Some("user-1"), Some("session-1"), NOW)), [false, true, false, false, true]);
    assert_eq!(passes(&log_out(Some("user-1"), None, NOW)), [false, false, false, true, true]);
    // Empty is absent.
    assert_eq!(passes(&log_out(Some("user-1"), Some(""), NOW)), [false, false, false, true, true]);
    assert_eq!(passes(&log_out(Some(""), Some("session-1"), NOW)), [false, true, true, false, true]);
}

/// RV31: by the clock of the issuer, which may be ahead of ours.
#[test]
fn bound_is_the_logout_tokens_own_time_and_the_tolerance() {
    for (sub, sid) in [(Some("user-1"), None), (None, Some("session-1"))] {
        let ground = log_out(sub, sid, NOW + 4);
        ground.clock.set(NOW + 10);
        assert!(!ground.passes(&issued(named(), NOW + 4)) && !ground.passes(&issued(named(), NOW + 9)));
        assert!(ground.passes(&issued(named(), NOW + 10)), "a new login");
    }
}

#[test]
fn logout_of_nobody_or_of_a_time_to_come_ends_nothing() {
    let ground = Ground::new();
    let log_out = |iss: &str, sub, sid, iat| ready(ground.revocations.log_out(iss, sub, sid, iat)).unwrap_err();
    assert_eq!(log_out(ISSUER, None, None, NOW), RevokeError::Nameless);
    assert_eq!(log_out(ISSUER, Some(""), Some(""), NOW), RevokeError::Nameless);
    assert_eq!(log_out("", Some("user-1"), None, NOW), RevokeError::Nameless);
    assert_eq!(log_out(ISSUER, Some("user-1"), None, NOW + 306), RevokeError::TooFarAhead);
    assert_eq!(log_out(ISSUER, Some("user-1"), None, u64::MAX), RevokeError::TooFarAhead);
    assert_eq!(ground.kept(), 0);
    assert!(ground.passes(&named()));
}

//! Whom a logout concerns.

use rampart_core::{AuthError, Grants, Issuer};
use rampart_issuer::LocalIssuer;

use crate::ground::{Ground, NOW};

const REVOKED: Result<(), AuthError> = Err(AuthError::TokenRevoked);

/// RV22
#[tokio::test]
async fn session_alone_concerns_its_tokens() {
    let ground = Ground::new().await;
    assert_eq!(ground.send(&ground.logout().without("sub")).await, 200);
    assert_eq!(ground.verify(&ground.access()).await, REVOKED);
    assert_eq!(ground.verify(&ground.access().sub("bob")).await, REVOKED);
    assert_eq!(ground.verify(&ground.access().sid("s-2")).await, Ok(()));
    assert_eq!(ground.verify(&ground.access().without("sid")).await, Ok(()));
}

/// RV22
#[tokio::test]
async fn subject_alone_concerns_all_sessions() {
    let ground = Ground::new().await;
    assert_eq!(ground.send(&ground.logout().without("sid")).await, 200);
    for token in [ground.access(), ground.access().sid("s-2"), ground.access().without("sid")] {
        assert_eq!(ground.verify(&token).await, REVOKED);
    }
    assert_eq!(ground.verify(&ground.access().sub("bob")).await, Ok(()));
}

/// RV22, RV29
#[tokio::test]
async fn both_concern_the_session_and_the_subjects_tokens_of_none() {
    let ground = Ground::new().await;
    assert_eq!(ground.send(&ground.logout()).await, 200);
    assert_eq!(ground.verify(&ground.access()).await, REVOKED);
    assert_eq!(ground.verify(&ground.access().without("sid")).await, REVOKED);
    assert_eq!(ground.verify(&ground.access().sid("s-2")).await, Ok(()), "another session of the same user");
    assert_eq!(ground.verify(&ground.access().sub("bob").without("sid")).await, Ok(()));
    ground.set(NOW + 6);
    let login = ground.issuer.token().at(NOW + 6).sub("ada");
    assert_eq!(ground.verify(&login).await, Ok(()), "a new login, later than the tolerance");
    assert_eq!(ground.verify(&ground.issuer.token().at(NOW + 5).sub("ada")).await, REVOKED);
}

/// RV31
#[tokio::test]
async fn bound_is_the_logout_tokens_own_time_and_the_tolerance() {
    let ground = Ground::new().await;
    let ahead = NOW + 4;
    assert_eq!(ground.send(&ground.logout().claim("iat", ahead)).await, 200);
    assert_eq!(ground.verify(&ground.access().issued_at(ahead)).await, REVOKED, "the issuer's clock is ahead");
    ground.set(NOW + 10);
    assert_eq!(ground.verify(&ground.access().issued_at(ahead + 6)).await, Ok(()));
}

/// RV31, where clocks may differ by as much as can be set.
#[tokio::test]
async fn issuer_whose_clock_is_far_ahead_is_understood_where_the_tolerance_allows_for_it() {
    let ground = Ground::with(|builder| builder.clock_tolerance(std::time::Duration::from_secs(600))).await;
    assert_eq!(ground.send(&ground.logout().claim("iat", NOW + 590)).await, 200);
    assert_eq!(ground.verify(&ground.access().issued_at(NOW + 590)).await, REVOKED);
}

/// RV22
#[tokio::test]
async fn session_of_another_issuer_is_another_session() {
    let other = LocalIssuer::start().await.unwrap();
    let second = Issuer::new(other.url(), other.audience()).grants(Grants::everything());
    let ground = Ground::with(|builder| builder.issuer(second)).await;
    let theirs = || other.token().at(NOW).sub("ada").sid("s-1");
    assert_eq!(ground.verify(&theirs()).await, Ok(()));
    assert_eq!(ground.send(&ground.logout()).await, 200);
    assert_eq!(ground.verify(&ground.access()).await, REVOKED);
    assert_eq!(ground.verify(&theirs()).await, Ok(()));
    let forged = ground.logout().issuer(other.url());
    assert_eq!(ground.send(&forged).await, 400, "by the key of another");
    assert_eq!(ground.verify(&theirs()).await, Ok(()));
    let logout = other.logout_token().at(NOW).sub("ada").sid("s-1");
    assert_eq!(ground.send(&logout).await, 200, "any issuer of the object");
    assert_eq!(ground.verify(&theirs()).await, REVOKED);
}

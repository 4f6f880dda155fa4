//! Whom a logout concerns.

use rampart_core::{AuthError, Grants, Issuer, RampartAuthBuilder};
use rampart_issuer::{LocalIssuer, TokenBuilder};

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

/// RV22
#[tokio::test]
async fn issuer_goes_by_each_of_its_names() {
    const ALIAS: &str = "https://old.example";
    for [logout_by_alias, token_by_alias] in [[true, false], [false, true], [true, true]] {
        let ground = Ground::with(|builder| builder.aliases([ALIAS])).await;
        let named = |token: TokenBuilder, by_alias| if by_alias { token.issuer(ALIAS) } else { token };
        let access = named(ground.access(), token_by_alias);
        assert_eq!(ground.verify(&access).await, Ok(()));
        assert_eq!(ground.send(&named(ground.logout(), logout_by_alias)).await, 200);
        assert_eq!(ground.verify(&access).await, REVOKED, "{logout_by_alias} {token_by_alias}");
    }
}

/// RV22: byte for byte, once JSON is read, however it was written.
#[tokio::test]
async fn names_are_compared_as_they_are() {
    for name in ["a\u{308}", "\u{1F600}", " ada ", "a\0b", "client:x", "\u{feff}", "a/b?c=d#e", "\"\\"] {
        let escaped = name.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();
        for claim in ["sub", "sid"] {
            let ground = Ground::new().await;
            let named = |name: &str| ground.access().claim(claim, name);
            let written = format!(r#""{claim}":"{escaped}""#);
            let logout = ground.logout().without("sub").without("sid").claim(claim, "HERE");
            let payload = String::from_utf8(logout.payload()).unwrap();
            let payload = payload.replace(&format!(r#""{claim}":"HERE""#), &written);
            assert!(payload.contains(&written));
            let nearly = [name.to_uppercase(), format!("{name} "), "\u{e4}".to_owned(), name.trim().to_owned()];
            let others = nearly.into_iter().filter(|other| other != name);
            assert_eq!(ground.verify(&named(name)).await, Ok(()));
            assert_eq!(ground.send(&logout.raw_payload(payload)).await, 200, "{claim} {name:?}");
            assert_eq!(ground.verify(&named(name)).await, REVOKED, "{claim} {name:?}");
            for other in others {
                assert_eq!(ground.verify(&named(&other)).await, Ok(()), "{claim} {name:?} {other:?}");
            }
        }
    }
}

/// RV22
#[tokio::test]
async fn client_that_stands_in_for_a_user_is_signed_out_with_its_session_alone() {
    let set_ups: [fn(RampartAuthBuilder) -> RampartAuthBuilder; 2] =
        [|builder| builder.subject_claim("/client_id"), |builder| builder.subject_claim_verbatim("/client_id")];
    for set_up in set_ups {
        let ground = Ground::with(set_up).await;
        let user = ground.access().without("sid").client_id("spa");
        let client = user.clone().without("sub");
        let in_session = client.clone().sid("s-7");
        assert_eq!(ground.send(&ground.logout().without("sid")).await, 200);
        assert_eq!(ground.verify(&user).await, REVOKED);
        assert_eq!(ground.verify(&client).await, Ok(()));
        assert_eq!(ground.verify(&in_session).await, Ok(()));
        assert_eq!(ground.send(&ground.logout().sid("s-7")).await, 200);
        assert_eq!(ground.verify(&in_session).await, REVOKED);
        assert_eq!(ground.verify(&client).await, Ok(()));
    }
}

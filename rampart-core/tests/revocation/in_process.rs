//! Which revocation reaches which token.

use rampart_core::adapter::{Authorization, Verification};
use rampart_core::{AnyUser, AuthError, Revocation, Revocations, RevokeError};

use crate::common::{Draft, EC, ISSUER, NOW, RSA, log, quoted, ready};
use crate::ground::{Ground, named};

const OTHER: &str = "https://other.example/";

#[test]
fn rv01_revoked_token_is_refused_from_the_next_request_on_and_told_nothing_of_it() {
    let ground = Ground::new();
    let token = named().sign();
    let head = Authorization::new([format!("Bearer {token}")]);
    let Verification::Ready(in_flight) = ground.cached.verification(&head) else { panic!("nothing to wait for") };
    assert!(ground.present(&token).is_ok());
    ground.revoke(Revocation::token(ISSUER, "token-1").until(NOW + 600));
    log::clear();
    assert_eq!(ground.present(&token), Err(AuthError::TokenRevoked));
    let lines = log::take();
    assert!(lines.iter().all(|line| line.rule.as_deref() == Some("R1")), "{lines:?}");
    assert!(lines.iter().all(|line| line.text.contains(ISSUER) && !line.text.contains("token-1")), "{lines:?}");

    let Verification::Ready(fresh) = ground.cached.verification(&head) else { panic!("nothing to wait for") };
    let rejection = fresh.outcome().required::<AnyUser>().unwrap_err();
    let invalid = ground.cached.rejection(AuthError::InvalidToken);
    assert_eq!((rejection.status(), rejection.body()), (401, invalid.body()));
    assert!(rejection.headers().eq(invalid.headers()));
    // Nor does such a token pass as nobody's.
    assert!(fresh.outcome().optional::<AnyUser>().is_err());
    assert_eq!(in_flight.outcome().required::<AnyUser>().map(|claims| claims.sub.clone()), Ok("user-1".to_owned()));
}

#[test]
fn rv02_each_revocation_reaches_the_tokens_that_it_names_and_no_others() {
    let without = |name: &str| named().without(name);
    let cases: [(&str, Revocation, Draft, Draft); 7] = [
        ("token", Revocation::token(ISSUER, "token-1").into(), named(), without("jti")),
        ("session", Revocation::session(ISSUER, "session-1").into(), named(), without("sid")),
        ("subject", Revocation::subject(ISSUER, "user-1").into(), named(), named().claim("sub", r#""user-2""#)),
        (
            "subject without a session",
            Revocation::subject_without_session(ISSUER, "user-1").into(),
            without("sid"),
            named(),
        ),
        ("client", Revocation::client(ISSUER, "spa").into(), named(), without("client_id")),
        (
            "issued before",
            Revocation::issued_before(ISSUER, NOW - 60),
            named(),
            named().claim("iat", &(NOW - 59).to_string()),
        ),
        ("issuer", Revocation::issuer(ISSUER), named(), Draft::good()),
    ];
    for (name, revocation, concerned, other) in cases {
        let (ground, is_of_all) = (Ground::new(), name == "issuer");
        assert!(ground.passes(&concerned) && ground.passes(&other), "{name}");
        ground.revoke(revocation);
        assert!(!ground.passes(&concerned), "{name}");
        assert_eq!(ground.passes(&other), !is_of_all, "{name}");
    }
}

#[test]
fn rv02_name_of_one_kind_is_none_of_another() {
    let of_x = Draft::good().claim("sub", r#""x""#).claim("jti", r#""x""#).claim("sid", r#""x""#);
    let x = of_x.claim("client_id", r#""x""#);
    let revocations: [Revocation; 4] = [
        Revocation::token(ISSUER, "x").into(),
        Revocation::session(ISSUER, "x").into(),
        Revocation::subject(ISSUER, "x").into(),
        Revocation::client(ISSUER, "x").into(),
    ];
    for (revocation, own) in revocations.into_iter().zip(["jti", "sid", "sub", "client_id"]) {
        let ground = Ground::new();
        ground.revoke(revocation);
        assert!(!ground.passes(&x), "{own}");
        assert!(ground.passes(&x.clone().claim(own, r#""y""#)), "{own}");
    }
}

#[test]
fn rv04_ids_that_are_no_text_or_empty_match_nothing() {
    let long = "i".repeat(10 * 1024 - 300);
    for id in ["1", r#"["token-1"]"#, r#"{"a":"token-1"}"#, "true", "null", r#""""#] {
        let ground = Ground::new();
        let odd = named().claim("jti", id).claim("sid", id).claim("client_id", id);
        for name in ["token-1", "1", r#"["token-1"]"#, "true", "null"] {
            ground.revoke(Revocation::token(ISSUER, name));
            ground.revoke(Revocation::session(ISSUER, name));
            ground.revoke(Revocation::client(ISSUER, name));
        }
        assert!(ground.passes(&odd), "{id}");
        assert!(!ground.passes(&named()), "{id}");
        // Without a session that could be named it has none.
        ground.revoke(Revocation::subject_without_session(ISSUER, "user-1"));
        assert!(!ground.passes(&odd), "{id}");
    }
    let ground = Ground::new();
    let large = named().claim("jti", &quoted(&long));
    assert!(ground.passes(&large));
    ground.revoke(Revocation::token(ISSUER, &*long));
    assert!(!ground.passes(&large));
}

#[test]
fn rv04_revocation_that_names_nobody_is_refused() {
    let ground = Ground::new();
    let nameless: [Revocation; 6] = [
        Revocation::token(ISSUER, "").into(),
        Revocation::session(ISSUER, "").into(),
        Revocation::subject(ISSUER, "").into(),
        Revocation::client(ISSUER, "").into(),
        Revocation::token("", "token-1").into(),
        Revocation::issuer(""),
    ];
    for revocation in nameless {
        let error = ground.try_to_revoke(revocation.clone()).unwrap_err();
        assert_eq!((&error, error.is_refused()), (&RevokeError::Nameless, true), "{revocation:?}");
    }
    assert_eq!(ready(ground.revocations.lift_issuer("")), Err(RevokeError::Nameless));
    assert_eq!(ground.kept(), 0);
    assert!(ground.passes(&named()));
}

#[test]
fn rv04_same_id_at_another_issuer_is_another_token() {
    let ground = Ground::new();
    for iss in [OTHER, "https://issuer.example", "https://ISSUER.example/", "https://issuer.example//"] {
        ground.revoke(Revocation::token(iss, "token-1"));
        ground.revoke(Revocation::subject(iss, "user-1"));
        ground.revoke(Revocation::issuer(iss));
    }
    assert!(ground.passes(&named()));
}

/// C04: the ids count, not the bytes.
#[test]
fn rv05_twin_of_a_revoked_token_is_revoked_too() {
    let ground = Ground::new();
    let twins =
        [named(), named().also("extra", "1"), Draft { key: RSA.clone(), algorithm: RSA.algorithm(), ..named() }];
    let twins = twins.map(|twin| {
        let key = twin.key.clone();
        twin.header("kid", &quoted(key.kid())).header("alg", &quoted(key.algorithm().as_str()))
    });
    // ECDSA signs anew each time.
    assert_ne!(Draft::by(&EC).sign(), Draft::by(&EC).sign());
    assert!(twins.iter().all(|twin| ground.passes(twin)));
    ground.revoke(Revocation::token(ISSUER, "token-1"));
    assert!(twins.iter().all(|twin| !ground.passes(twin)));
    assert!(twins.iter().all(|twin| !ground.passes(&twin.clone().header("typ", r#""JWT""#))));
}

#[test]
fn rv30_client_is_known_by_each_of_the_names_that_issuers_have_for_it() {
    let bare = || Draft::good();
    for claim in ["client_id", "azp", "cid", "appid"] {
        let ground = Ground::new();
        let token = bare().claim(claim, r#""spa""#);
        assert!(ground.passes(&token));
        ground.revoke(Revocation::client(ISSUER, "spa"));
        assert!(!ground.passes(&token), "{claim}");
        assert!(ground.passes(&bare().claim(claim, r#""other""#)));
        assert!(ground.passes(&bare().claim("client", r#""spa""#)));
    }
    // The first of them that there is.
    let ground = Ground::new();
    ground.revoke(Revocation::client(ISSUER, "spa"));
    let order = ["client_id", "azp", "cid", "appid"];
    for pair in order.windows(2) {
        let [first, second] = pair else { panic!("pairs") };
        assert!(ground.passes(&bare().claim(first, r#""other""#).claim(second, r#""spa""#)), "{first}");
        assert!(!ground.passes(&bare().claim(first, "1").claim(second, r#""spa""#)), "{first} is no text");
    }
}

/// CL06: who stands in for a subject is revoked by the name that the claims have.
#[test]
fn cl06_client_that_stands_in_is_no_user_of_its_name() {
    let ground = Ground::with(|builder| builder.subject_claim("/client_id"));
    let client = Draft::good().without("sub").claim("client_id", r#""alice""#);
    let user = Draft::good().claim("sub", r#""alice""#);
    assert_eq!(ground.ask(&client), Ok("client:alice".to_owned()));
    ground.revoke(Revocation::subject(ISSUER, "alice"));
    assert!(ground.passes(&client) && !ground.passes(&user));
    ground.revoke(Revocation::subject(ISSUER, "client:alice"));
    assert!(!ground.passes(&client));
}

#[test]
fn object_without_revocations_asks_nobody() {
    let (ground, other) = (Ground::new(), Ground::with(|builder| builder.revocations(Revocations::new())));
    ground.revoke(Revocation::issuer(ISSUER));
    assert!(!ground.passes(&named()) && other.passes(&named()));
}

/// One list for several objects, whichever of them came first.
#[test]
fn list_is_one_for_all_who_have_a_clone() {
    let first = Ground::new();
    first.revoke(Revocation::token(ISSUER, "token-1"));
    let second = Ground::of(first.revocations.clone(), |builder| builder);
    assert!(!second.passes(&named()));
    second.revoke(Revocation::token(ISSUER, "token-2"));
    assert!(!first.passes(&named().claim("jti", r#""token-2""#)));
}

#[test]
fn debug_names_nobody() {
    let ground = Ground::new();
    let revocation = Revocation::subject(ISSUER, "user-1").issued_before(7).until(9);
    let shown = format!("{revocation:?} {:?}", Revocation::from(revocation.clone()));
    ground.revoke(revocation.until(NOW));
    let shown = format!("{shown} {:?}", ground.revocations);
    assert!(!shown.contains("user-1") && shown.contains(ISSUER) && shown.contains("entries: 1"), "{shown}");
}

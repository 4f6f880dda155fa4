//! JWTs that are verified here, and asked about as well.

use rampart_core::AuthError::{InvalidToken, TokenExpired};
use rampart_core::{Introspection, RampartAuth};
use serde_json::json;

use crate::common::{
    AUDIENCE, Desk, INACTIVE, ISSUER, NOW, active, auth, builder, down, error, is_unavailable, jwt, seconds, with,
};

fn asking(desk: &Desk) -> RampartAuth {
    auth(Introspection::of(desk.clone()).every_token())
}

/// IN21
#[tokio::test(start_paused = true)]
async fn both_must_say_yes() {
    let (token, desk) = (jwt(json!({})), Desk::default());
    desk.say(&token, active());
    let auth = asking(&desk);
    assert_eq!(error(auth.verify(&jwt(json!({"exp": NOW - 10}))).await), Some(TokenExpired));
    assert_eq!(error(auth.verify(&format!("{token}x")).await), Some(InvalidToken));
    assert_eq!(desk.asked(), 0, "without a question");
    assert!(auth.verify(&token).await.is_ok());
    assert!(auth.verify(&token).await.is_ok());
    assert_eq!(desk.asked(), 1);
    desk.say(&token, INACTIVE);
    seconds(30).await;
    assert_eq!(error(auth.verify(&token).await), Some(InvalidToken));
    seconds(5).await;
    desk.say(&token, down());
    assert!(is_unavailable(&auth.verify(&token).await));
    seconds(6).await;
    desk.say(&token, active());
    assert!(auth.verify(&token).await.is_ok());
    desk.say("opaque", active());
    assert!(auth.verify("opaque").await.is_ok(), "opaque ones as well");
}

/// IN30
#[tokio::test(start_paused = true)]
async fn answer_only_takes_away() {
    let of = async |answer| {
        let (token, desk) = (jwt(json!({"jti": "id-1", "client_id": "web"})), Desk::default());
        desk.say(&token, answer);
        asking(&desk).verify(&token).await
    };
    let claims = of(json!({"active": true})).await.unwrap();
    assert_eq!((claims.scope.as_str(), claims.exp), ("tasks:read tasks:write", NOW + 3600));
    let claims = of(json!({"active": true, "scope": "tasks:read admin", "exp": NOW + 60, "email": "x@y.example"}))
        .await
        .unwrap();
    assert_eq!((claims.scope.as_str(), claims.exp), ("tasks:read", NOW + 60));
    assert_eq!(claims.email, None, "the claims are those of the token");
    assert_eq!(of(json!({"active": true, "scope": "", "exp": NOW + 9999})).await.unwrap().exp, NOW + 3600);
    assert_eq!(of(json!({"active": true, "scope": []})).await.unwrap().scope, "");
    assert_eq!(of(json!({"active": true, "scope": null})).await.unwrap().scope, "tasks:read tasks:write");
    assert_eq!(error(of(json!({"active": true, "exp": NOW - 5})).await), Some(TokenExpired));
    for (name, value) in [("aud", "other"), ("token_type", "refresh_token"), ("token_use", "id")] {
        let mut answer = json!({"active": true});
        answer[name] = json!(value);
        assert_eq!(error(of(answer).await), Some(InvalidToken), "{name}");
    }
    for (name, value) in [
        ("iss", json!("https://other.example")),
        ("sub", json!("user-2")),
        ("sub", json!(1)),
        ("jti", json!("id-2")),
        ("jti", json!(["id-1"])),
        ("client_id", json!("other")),
        ("cnf", json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"})),
        ("cnf", json!(1)),
        ("exp", json!("1")),
        ("token_type", json!("DPoP")),
    ] {
        let mut answer = json!({"active": true});
        answer[name] = value.clone();
        assert!(is_unavailable(&of(answer).await), "{name}: {value}");
    }
    let same = json!({"active": true, "sub": "user-1", "jti": "id-1", "client_id": "web", "iss": ISSUER, "aud": AUDIENCE, "token_type": "Bearer"});
    assert!(of(same).await.is_ok());
}

/// RFC 7662 section 2.2 has the scopes of a token in `scope`, wherever its issuer's JWTs have them.
#[tokio::test(start_paused = true)]
async fn answer_takes_scopes_away_wherever_the_token_has_them() {
    let of = async |claims: serde_json::Value, claim: &str, answer: serde_json::Value| {
        let (mut token, desk) = (claims.clone(), Desk::default());
        token["scope"] = claims.get("scope").cloned().unwrap_or_default();
        let token = jwt(token);
        desk.say(&token, answer);
        let introspection = Introspection::of(desk.clone()).every_token();
        let auth = builder().scope_claim(claim).introspection(introspection).build().unwrap();
        auth.verify(&token).await.map(|claims| claims.scope.clone())
    };
    let own = json!({"scp": ["tasks:read", "tasks:write"]});
    let ext = json!({"ext": {"scopes": "tasks:read tasks:write"}});
    for (claims, claim) in [(&own, "/scp"), (&ext, "/ext/scopes")] {
        let of = async |answer| of(claims.clone(), claim, answer).await;
        assert_eq!(of(json!({"active": true})).await.unwrap(), "tasks:read tasks:write", "{claim}");
        assert_eq!(of(json!({"active": true, "scope": "tasks:read x"})).await.unwrap(), "tasks:read", "{claim}");
        assert_eq!(of(json!({"active": true, "scp": ["tasks:write"]})).await.unwrap(), "tasks:write", "{claim}");
        let mut both = claims.clone();
        (both["active"], both["scope"]) = (json!(true), json!(""));
        assert_eq!(
            of(both).await.unwrap(),
            "tasks:read tasks:write",
            "the claim itself counts where it is there: {claim}"
        );
    }
    let mut beside = ext.clone();
    beside["scope"] = json!("openid");
    let answer = json!({"active": true, "scope": "openid"});
    assert_eq!(
        of(beside.clone(), "/ext/scopes", answer).await.unwrap(),
        "tasks:read tasks:write",
        "about another thing"
    );
    let answer = json!({"active": true, "scope": "openid", "ext": {"scopes": ["tasks:read"]}});
    assert_eq!(of(beside, "/ext/scopes", answer).await.unwrap(), "tasks:read");
}

#[tokio::test(start_paused = true)]
async fn earlier_end_is_held_from_what_is_remembered_too() {
    let (token, desk) = (jwt(json!({})), Desk::default());
    desk.say(&token, json!({"active": true, "exp": NOW + 10}));
    let auth = asking(&desk);
    assert!(auth.verify(&token).await.is_ok());
    seconds(15).await;
    assert_eq!(error(auth.verify(&token).await), Some(TokenExpired));
}

#[tokio::test(start_paused = true)]
async fn verified_token_is_never_called_invalid_because_others_come() {
    let desk = Desk::default();
    desk.take_time(std::time::Duration::from_secs(2));
    desk.say_otherwise(with("sub", "user-1"));
    let auth = asking(&desk);
    let many: Vec<_> = (0..200)
        .map(|n| {
            let (auth, token) = (auth.clone(), jwt(json!({"jti": n.to_string()})));
            tokio::spawn(async move { auth.verify(&token).await })
        })
        .collect();
    for outcome in many {
        let outcome = outcome.await.unwrap();
        assert!(outcome.is_ok() || is_unavailable(&outcome));
    }
}

//! What an answer must say.

use rampart_core::AuthError::{InvalidToken, TokenExpired};
use rampart_core::{Introspection, RampartAuth, RampartAuthBuilder};
use serde_json::json;

use crate::common::{
    AUDIENCE, Answer, CLIENT, Desk, ISSUER, NOW, Outcome, TOKEN, active, auth, builder, error, is_unavailable, outcome,
    with, without,
};

async fn outcome_of(set_up: impl FnOnce(Introspection) -> Introspection, answer: impl Into<Answer>) -> Outcome {
    auth(set_up(Introspection::of(Desk::saying(answer)))).verify(TOKEN).await
}

/// IN01
#[tokio::test(start_paused = true)]
async fn active_is_the_boolean_true_and_what_is_no_boolean_is_no_answer() {
    let claims = outcome(active()).await.unwrap();
    assert_eq!((claims.sub.as_str(), claims.iss.as_str()), ("user-1", ISSUER));
    assert!(claims.has_all_scopes(&["tasks:read", "tasks:write"]) && claims.aud.contains(AUDIENCE));
    assert_eq!(claims.exp, NOW + 3600);

    assert_eq!(error(outcome(with("active", false)).await), Some(InvalidToken));
    let malformed = [
        json!({}).to_string(),
        with("active", "true").to_string(),
        with("active", 1).to_string(),
        with("active", json!(null)).to_string(),
        with("active", json!([true])).to_string(),
        r#"{"active":true,"active":false}"#.into(),
        r#"{"active":false,"active":true}"#.into(),
        r#"{"Active":true,"sub":"user-1"}"#.into(),
        r#"[{"active":true}]"#.into(),
        "true".into(),
        String::new(),
    ];
    for answer in malformed {
        let desk = Desk::saying(answer.clone());
        let auth = auth(Introspection::of(desk.clone()));
        assert!(is_unavailable(&auth.verify(TOKEN).await), "{answer}");
        desk.say(TOKEN, active());
        crate::common::seconds(5).await;
        assert!(auth.verify(TOKEN).await.is_ok(), "nothing of it is kept: {answer}");
    }
}

/// IN02
#[tokio::test(start_paused = true)]
async fn clock_has_to_say_yes_as_well() {
    assert_eq!(error(outcome(with("exp", NOW - 5)).await), Some(TokenExpired));
    assert!(outcome(with("exp", NOW - 4)).await.is_ok());
    assert_eq!(error(outcome(with("nbf", NOW + 6)).await), Some(InvalidToken));
    assert!(outcome(with("nbf", NOW + 5)).await.is_ok());
    assert_eq!(error(outcome(with("iat", NOW + 6)).await), Some(InvalidToken));
    assert!(is_unavailable(&outcome(with("exp", "1800000060")).await));
    assert!(outcome(with("exp", 1_800_000_060.5)).await.is_ok());
    for name in ["exp", "iat", "nbf"] {
        assert!(outcome(with(name, json!(null))).await.is_ok(), "null counts as absent: {name}");
        for value in [json!(-1), json!("1"), json!(true), json!([]), json!({}), json!(1e300)] {
            assert!(is_unavailable(&outcome(with(name, value.clone())).await), "{name}: {value}");
        }
    }
    let claims = outcome(without(&["iat", "exp"])).await.unwrap();
    assert_eq!((claims.iat, claims.exp), (None, NOW + 30), "as long as it is believed");
}

/// IN03
#[tokio::test(start_paused = true)]
async fn answer_must_be_about_a_token_for_this_api() {
    let checked = Introspection::audience_is_checked_by_issuer;
    assert_eq!(error(outcome(without(&["aud"])).await), Some(InvalidToken));
    assert_eq!(error(outcome(with("aud", json!(null))).await), Some(InvalidToken));
    assert_eq!(error(outcome(with("aud", "https://other.example")).await), Some(InvalidToken));
    assert!(outcome(with("aud", json!(["https://other.example", AUDIENCE]))).await.is_ok());
    assert_eq!(error(outcome(with("aud", "")).await), Some(InvalidToken));
    assert_eq!(error(outcome(with("aud", json!([]))).await), Some(InvalidToken));
    assert!(is_unavailable(&outcome(with("aud", 1)).await));
    assert!(is_unavailable(&outcome(with("aud", json!([AUDIENCE, 1]))).await));
    assert_eq!(error(outcome(with("aud", CLIENT)).await), Some(InvalidToken));
    let auth = |desk| builder().audiences([CLIENT]).introspection(Introspection::of(desk)).build().unwrap();
    assert!(auth(Desk::saying(with("aud", CLIENT))).verify(TOKEN).await.is_ok());

    let claims = outcome_of(checked, without(&["aud"])).await.unwrap();
    assert_eq!(claims.aud.iter().count(), 0);
    for other in [json!("https://other.example"), json!(""), json!([])] {
        assert_eq!(error(outcome_of(checked, with("aud", other.clone())).await), Some(InvalidToken), "{other}");
    }
}

/// IN04
#[tokio::test(start_paused = true)]
async fn issuer_of_the_answer_is_the_one_that_was_asked() {
    assert_eq!(outcome(without(&["iss"])).await.unwrap().iss, ISSUER);
    assert_eq!(outcome(with("iss", json!(null))).await.unwrap().iss, ISSUER);
    assert_eq!(error(outcome(with("iss", "https://other.example/")).await), Some(InvalidToken));
    assert_eq!(error(outcome(with("iss", "")).await), Some(InvalidToken));
    for value in [json!([ISSUER]), json!(1), json!({})] {
        assert!(is_unavailable(&outcome(with("iss", value.clone())).await), "{value}");
    }
}

/// What is of another type than it must be is no answer, wherever the settings find it.
#[tokio::test(start_paused = true)]
async fn claims_of_another_type_are_the_issuers_fault() {
    let of = async |set_up: &dyn Fn(RampartAuthBuilder) -> RampartAuthBuilder, name: &str, value: serde_json::Value| {
        let introspection = Introspection::of(Desk::saying(with(name, value)));
        set_up(builder()).introspection(introspection).build().unwrap().verify(TOKEN).await
    };
    let usual = |builder: RampartAuthBuilder| builder;
    for value in [json!(1), json!({}), json!(true), json!(["a", 1])] {
        assert!(is_unavailable(&of(&usual, "roles", value.clone()).await), "{value}");
        let elsewhere = |builder: RampartAuthBuilder| builder.roles_claims(["/own/roles"]).scope_claim("/own/scope");
        assert!(of(&elsewhere, "roles", value.clone()).await.is_ok(), "no setting looks there: {value}");
        assert!(is_unavailable(&of(&elsewhere, "own", json!({"roles": value})).await), "{value}");
        assert!(is_unavailable(&of(&elsewhere, "own", json!({"scope": value})).await), "{value}");
        let permissions = |builder: RampartAuthBuilder| builder.permissions_claim("/permissions");
        assert!(is_unavailable(&of(&permissions, "permissions", value.clone()).await), "{value}");
    }
    let mut scp = without(&["scope"]);
    scp["scp"] = json!(1);
    assert!(is_unavailable(&outcome(scp).await));
    let answer = active().to_string().replacen('{', r#"{"own":{"roles":["a"],"roles":["b"]},"#, 1);
    let introspection = Introspection::of(Desk::saying(answer));
    let auth = builder().roles_claims(["/own/roles"]).introspection(introspection).build().unwrap();
    assert!(is_unavailable(&auth.verify(TOKEN).await), "a member twice on the way");
    for cnf in [json!(1), json!("a"), json!([]), json!({"jkt": 1}), json!({"jkt": []})] {
        assert!(is_unavailable(&outcome(with("cnf", cnf.clone())).await), "{cnf}");
    }
    for cnf in [json!({"jkt": "x"}), json!({"x5t#S256": "x"}), json!({})] {
        assert_eq!(
            error(outcome(with("cnf", cnf.clone())).await),
            Some(InvalidToken),
            "bound to what is not proven: {cnf}"
        );
    }
}

/// IN05
#[tokio::test(start_paused = true)]
async fn scopes_are_read_as_those_of_a_token() {
    let scope =
        async |answer| outcome(answer).await.map(|claims| claims.scopes().map(String::from).collect::<Vec<_>>());
    assert_eq!(scope(with("scope", "a b")).await, Ok(vec!["a".into(), "b".into()]));
    assert_eq!(scope(with("scope", json!(["a", "b"]))).await, Ok(vec!["a".into(), "b".into()]));
    for none in [json!(""), json!(null), json!([])] {
        assert_eq!(scope(with("scope", none.clone())).await, Ok(vec![]), "{none}");
    }
    for value in [json!(1), json!({}), json!(true), json!(["a", 1])] {
        assert!(is_unavailable(&outcome(with("scope", value.clone())).await), "{value}");
    }
    assert_eq!(scope(with("scope", "a  b")).await, Ok(vec!["a".into(), "b".into()]));
    assert_eq!(scope(with("scope", "a\tb")).await, Ok(vec!["a\tb".into()]), "one name, which no route asks for");
    let mut both = without(&["scope"]);
    both["scp"] = json!(["c"]);
    both["scopes"] = json!("d");
    assert_eq!(scope(both.clone()).await, Ok(vec!["c".into()]), "as V11");
    both["scope"] = json!("a");
    assert_eq!(scope(both).await, Ok(vec!["a".into()]), "never a union");
}

/// IN06
#[tokio::test(start_paused = true)]
async fn only_a_subject_is_one() {
    let mut answer = without(&["sub"]);
    answer["username"] = json!("ada");
    assert!(matches!(error(outcome(answer.clone()).await), Some(InvalidToken)));
    let by_client = |answer| async {
        let introspection = Introspection::of(Desk::saying(answer));
        let auth = builder().subject_claim("/client_id").introspection(introspection).build().unwrap();
        auth.verify(TOKEN).await
    };
    let claims = by_client(answer.clone()).await.unwrap();
    assert_eq!((claims.sub.as_str(), claims.is_client()), ("client:web", true));
    answer.as_object_mut().unwrap().remove("client_id");
    assert_eq!(error(by_client(answer).await), Some(InvalidToken));
    assert!(is_unavailable(&outcome(with("sub", 1)).await));
    assert_eq!(error(outcome(with("sub", "")).await), Some(InvalidToken));
}

/// IN07
#[tokio::test(start_paused = true)]
async fn token_type_must_be_that_of_an_access_token() {
    assert_eq!(error(outcome(with("token_type", "DPoP")).await), Some(InvalidToken), "bound to nothing");
    for good in [json!("Bearer"), json!("bearer"), json!(null)] {
        assert!(outcome(with("token_type", good.clone())).await.is_ok(), "{good}");
    }
    for bad in ["refresh_token", "N_A", "mac", "id_token", ""] {
        assert_eq!(error(outcome(with("token_type", bad)).await), Some(InvalidToken), "{bad}");
    }
    for value in [json!(1), json!(["Bearer"]), json!({})] {
        assert!(is_unavailable(&outcome(with("token_type", value.clone())).await), "{value}");
    }
    for (token_use, is_good) in
        [("id", false), ("id_token", false), ("refresh_token", false), ("access", true), ("access_token", true)]
    {
        assert_eq!(outcome(with("token_use", token_use)).await.is_ok(), is_good, "{token_use}");
    }
    let bound = with("cnf", json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}));
    assert_eq!(error(outcome(bound).await), Some(InvalidToken), "no proofs are accepted here");
    assert!(is_unavailable(&outcome(with("cnf", "x")).await));
}

/// IN28, IN29
#[tokio::test(start_paused = true)]
async fn answer_must_say_that_the_token_is_an_access_token() {
    let checked = Introspection::audience_is_checked_by_issuer;
    let bare = || without(&["aud", "token_type", "iss", "iat", "exp"]);
    let saying = |name: &str, value: &str| {
        let mut answer = bare();
        answer[name] = json!(value);
        answer
    };
    assert_eq!(error(outcome_of(checked, bare()).await), Some(InvalidToken));
    for (name, value) in
        [("token_type", "Bearer"), ("token_use", "access_token"), ("token_use", "access"), ("typ", "Bearer")]
    {
        assert!(outcome_of(checked, saying(name, value)).await.is_ok(), "{name}: {value}");
    }
    for (name, value) in [
        ("token_use", "refresh_token"),
        ("token_type", "refresh_token"),
        ("typ", "Refresh"),
        ("typ", "Offline"),
        ("typ", "ID"),
        ("typ", "Logout"),
        ("token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
    ] {
        assert_eq!(error(outcome_of(checked, saying(name, value)).await), Some(InvalidToken), "{name}: {value}");
        assert_eq!(error(outcome(with(name, value)).await), Some(InvalidToken), "with aud, {name}: {value}");
    }
    assert!(outcome(without(&["token_type"])).await.is_ok(), "who it is for says what it is");

    let any = |introspection: Introspection| introspection.audience_is_checked_by_issuer().insecure_any_kind();
    assert!(outcome_of(any, bare()).await.is_ok());
    assert!(outcome_of(any, saying("token_type", "N_A")).await.is_ok());
    assert_eq!(error(outcome_of(any, saying("typ", "Refresh")).await), Some(InvalidToken), "it says so itself");
}

/// IN28
#[tokio::test(start_paused = true)]
async fn who_has_asked_for_a_token_does_not_say_what_it_is() {
    let outcome = async |answer: serde_json::Value| {
        let introspection = Introspection::of(Desk::saying(answer));
        let auth = builder().audience_claim("/client_id").audiences(["web"]).introspection(introspection);
        auth.build().unwrap().verify(TOKEN).await
    };
    assert!(outcome(without(&["aud"])).await.is_ok());
    assert_eq!(error(outcome(without(&["aud", "token_type"])).await), Some(InvalidToken), "a refresh token has it too");
    assert!(outcome(without(&["token_type"])).await.is_ok(), "whom it is for does");
}

#[tokio::test(start_paused = true)]
async fn settings_of_the_issuer_hold_for_answers_too() {
    let judge = |auth: RampartAuth| async move { auth.verify(TOKEN).await };
    let asked = |answer| Introspection::of(Desk::saying(answer));
    let required = |answer| builder().required_claims(["email"]).introspection(asked(answer)).build().unwrap();
    assert!(judge(required(active())).await.is_err());
    assert!(judge(required(with("email", "ada@example.com"))).await.is_ok());
    let roles = with("realm_access", json!({"roles": ["admin"]}));
    let mapped = builder().roles_claims(["/realm_access/roles"]).introspection(asked(roles)).build().unwrap();
    assert!(judge(mapped).await.unwrap().has_role("admin"));
    let demanding =
        |answer| builder().require_claim("/client_id", ["web"]).introspection(asked(answer)).build().unwrap();
    assert!(judge(demanding(active())).await.is_ok());
    assert_eq!(error(judge(demanding(with("client_id", "other"))).await), Some(InvalidToken));
    let nonce = with("nonce", "n");
    assert!(outcome(nonce.clone()).await.is_ok(), "its kind is said");
    let mut unsaid = nonce;
    unsaid.as_object_mut().unwrap().remove("token_type");
    assert_eq!(error(outcome(unsaid).await), Some(InvalidToken));
    let claims = outcome(with("department", "sales")).await.unwrap();
    assert_eq!(claims.get::<String>("department").unwrap().as_deref(), Some("sales"));
}

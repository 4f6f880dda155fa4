//! Tokens that are not needed any more: what the client sends, what it makes of each answer, and that it hands them out no more.
#![cfg(test)]
#![allow(clippy::unchecked_time_subtraction, clippy::string_slice, reason = "a test fails by a panic")]

mod common;

use common::{
    LONGEST_WAIT, SECOND, TICK, Time, World, any, builder, form, is_transport, issuer, poll_once, same, seconds,
};
use rampart_client::{AccessToken, AnswerFormat, ClientError, Question, RampartClient, TokenIntrospector};
use rampart_issuer::{Endpoint, Fault, LocalIssuer};
use serde_json::json;

const ASKED_LATER: &str = "the token is not known to be revoked: ";

async fn is_active(client: &RampartClient, token: &str) -> bool {
    let answer = client.introspect(Question::new(token, AnswerFormat::Json)).await.unwrap();
    assert!(answer.contains(r#""active":"#), "{answer}");
    answer.contains(r#""active":true"#)
}

/// Status, error and the time to wait.
#[track_caller]
fn told(error: &ClientError) -> (Option<u16>, Option<&str>, Option<u64>) {
    let ClientError::NotRevoked { status, error: said, retry_after, .. } = error else { panic!("{error:?}") };
    for secret in ["service-secret", "hunter2", "c2VydmljZTpzZXJ2aWNlLXNlY3JldA"] {
        assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
    }
    (*status, said.as_deref(), retry_after.map(|after| after.as_secs()))
}

/// The metadata gives this revocation endpoint.
fn lead_to(issuer: &LocalIssuer, address: &str) {
    let metadata =
        json!({"issuer": issuer.url(), "token_endpoint": issuer.token_url(), "revocation_endpoint": address});
    issuer.set_discovery_body(Some(metadata.to_string()));
}

#[tokio::test]
async fn revoked_token_is_not_good_any_more_and_not_handed_out_again() {
    let issuer = issuer().await;
    let client = builder(&issuer).build().unwrap();
    let token = client.token(&any()).await.unwrap();
    let other = client.client_credentials_token(&["other"]).await.unwrap();
    assert!(is_active(&client, token.access_token.expose()).await);
    client.revoke(&token).await.unwrap();
    assert!(!is_active(&client, token.access_token.expose()).await);

    let request = issuer.recorded(Endpoint::Revocation).pop().unwrap();
    assert_eq!((&*request.method, &*request.path), ("POST", "/oauth/revoke"));
    let sent = [("token", token.access_token.expose()), ("token_type_hint", "access_token")];
    assert_eq!(form(&request), sent.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(request.header("authorization"), Some("Basic c2VydmljZTpzZXJ2aWNlLXNlY3JldA=="));

    assert!(!same(&client.token(&any()).await.unwrap(), &token));
    assert!(same(&client.client_credentials_token(&["other"]).await.unwrap(), &other));
    // It was known to nobody any more: that is as good.
    client.revoke(&token).await.unwrap();
    assert_eq!(issuer.requests(Endpoint::Token), 3);
}

#[tokio::test]
async fn token_that_came_from_elsewhere_is_revoked_by_its_text() {
    let issuer = issuer().await;
    let client = builder(&issuer).secret_in_body().build().unwrap();
    let found = issuer.opaque().issue();
    assert!(is_active(&client, &found).await);
    client.revoke_text(&found).await.unwrap();
    assert!(!is_active(&client, &found).await);
    let token = client.token(&any()).await.unwrap();
    client.revoke_text(token.access_token.expose()).await.unwrap();
    assert!(!same(&client.token(&any()).await.unwrap(), &token));
    let error = client.revoke_text("").await.unwrap_err();
    assert_eq!(error.to_string(), "token: is empty; give the token that is to be revoked");
    assert_eq!(issuer.requests(Endpoint::Revocation), 2);
}

#[tokio::test]
async fn token_is_handed_out_no_more_from_the_call_on_whatever_comes_of_it() {
    let world = World::new().await;
    let token = world.client.token(&any()).await.unwrap();
    world.issuer.inject_times(Endpoint::Revocation, &Fault::status(500), 1);
    let error = world.client.revoke(&token).await.unwrap_err();
    assert_eq!(told(&error), (Some(500), None, None));
    // Not even where there is no other, which `invalidate` would do.
    world.issuer.inject_times(Endpoint::Token, &Fault::status(500), 1);
    world.time.pass(SECOND + TICK).await;
    world.client.token(&any()).await.unwrap_err();
    world.time.pass(LONGEST_WAIT).await;
    let next = world.client.token(&any()).await.unwrap();
    assert!(!same(&next, &token));
    // One that a service has refused is put aside, not forgotten: revoked, it does not come back either.
    world.client.invalidate(&next);
    world.client.revoke(&next).await.unwrap();
    world.issuer.inject_times(Endpoint::Token, &Fault::status(500), 1);
    world.time.pass(SECOND + TICK).await;
    world.client.token(&any()).await.unwrap_err();
}

#[tokio::test]
async fn revoking_again_and_again_asks_for_tokens_once_a_second_at_most() {
    let world = World::new().await;
    let mut token = world.client.token(&any()).await.unwrap();
    for requests in 2..5 {
        world.client.revoke(&token).await.unwrap();
        let mut waiting = world.waiting(&any());
        world.time.pass(SECOND - 2 * TICK).await;
        waiting.still_waits();
        world.time.pass(3 * TICK).await;
        token = waiting.outcome().await.unwrap();
        world.requested(requests).await;
    }
}

#[tokio::test]
async fn word_of_the_server_is_what_it_says_and_its_silence_is_success() {
    let world = World::new().await;
    let token = world.client.token(&any()).await.unwrap();
    let answered = async |fault: Fault| {
        world.issuer.inject_times(Endpoint::Revocation, &fault, 1);
        world.client.revoke(&token).await
    };
    // RFC 7009 section 2.2: the status says everything.
    for fault in [
        Fault::status(200),
        Fault::status(204),
        Fault::body("<html>"),
        Fault::body("{}"),
        Fault::body(r#"{"error":""}"#),
        Fault::body(r#"{"error":"invalid_token","error_description":"Invalid token"}"#),
        Fault::body(r#"["invalid_client"]"#),
        Fault::ContentEncoding("gzip".into()),
        Fault::Garbage,
        Fault::Oversize(600 * 1024),
    ] {
        answered(fault).await.unwrap();
    }
    let repeats = format!("{} service-secret", token.access_token.expose());
    let denied = json!({"error": "unsupported_token_type", "error_description": repeats}).to_string();
    for (fault, expected) in [
        (Fault::retry_after(503, "7"), (Some(503), None, Some(7))),
        (Fault::retry_after(503, "86400"), (Some(503), None, Some(300))),
        (Fault::status(503), (Some(503), None, None)),
        (Fault::retry_after(429, "7"), (Some(429), None, Some(7))),
        (Fault::json(400, &*denied), (Some(400), Some("unsupported_token_type"), None)),
        (Fault::json(400, r#"{"error":"invalid_token"}"#), (Some(400), Some("invalid_token"), None)),
        (Fault::json(200, &*denied), (Some(200), Some("unsupported_token_type"), None)),
        (Fault::json(401, r#"{"error":"invalid_client"}"#), (Some(401), Some("invalid_client"), None)),
        (Fault::status(201), (Some(201), None, None)),
        (Fault::status(202), (Some(202), None, None)),
        (Fault::status(404), (Some(404), None, None)),
        (Fault::redirect(302, "/oauth/revoked?hunter2"), (Some(302), None, None)),
    ] {
        let error = answered(fault).await.unwrap_err();
        assert_eq!(told(&error), expected);
        assert!(!error.to_string().contains(token.access_token.expose()), "{error}");
    }
    let error = answered(Fault::json(400, &*denied)).await.unwrap_err().to_string();
    let url = world.issuer.revocation_url();
    let why = r#"status 400 and "unsupported_token_type": [redacted] [redacted]"#;
    assert_eq!(error, format!("{ASKED_LATER}{url} answered with {why}"));
    let error = answered(Fault::retry_after(503, "7")).await.unwrap_err().to_string();
    assert_eq!(error, format!("{ASKED_LATER}{url} answered with status 503; retry in 7 s"));
    let error = answered(Fault::redirect(307, "/revoked")).await.unwrap_err().to_string();
    assert!(error.contains("a redirect to") && error.contains("give it with revocation_url(..)"), "{error}");
    // None of these made a request for a token wait.
    world.client.token(&world.unused()).await.unwrap();
}

#[tokio::test]
async fn revocation_ends_in_time_and_fails_without_a_connection() {
    let issuer = issuer().await;
    let client = builder(&issuer).build().unwrap();
    let token = client.token(&any()).await.unwrap();
    client.revoke(&token).await.unwrap();
    issuer.inject_times(Endpoint::Revocation, &Fault::CloseEarly, 2);
    let error = client.revoke(&token).await.unwrap_err();
    assert_eq!(told(&error), (None, None, None));
    assert!(error.to_string().starts_with(&format!("{ASKED_LATER}the revocation endpoint: the connection failed")));
    // Once more at once where the connection failed.
    assert_eq!(issuer.requests(Endpoint::Revocation), 3);
    let time = Time::freeze();
    issuer.inject_times(Endpoint::Revocation, &Fault::Hang, 1);
    let (own, revoked) = (client.clone(), token.clone());
    let revoking = tokio::spawn(async move { own.revoke(&revoked).await });
    common::until("the request", || issuer.requests(Endpoint::Revocation) == 4).await;
    time.pass(common::TIMEOUT + TICK).await;
    let error = revoking.await.unwrap().unwrap_err();
    assert!(error.to_string().ends_with("no complete answer within 5 s"), "{error}");
}

#[tokio::test]
async fn in31_revocation_endpoint_is_on_the_origin_of_the_issuer_or_given_and_none_is_guessed() {
    let (issuer, other) = (issuer().await, issuer().await);
    let new = || builder(&issuer).discovery().build().unwrap();
    let revoked = async |client: RampartClient| client.revoke_text("a-token").await.map_err(|error| error.to_string());
    lead_to(&issuer, &format!("{}?hunter2", other.revocation_url()));
    let told = format!(
        "the issuer's metadata gives the revocation endpoint {}, on another origin than the issuer's, and the secret goes there; if that is right, give revocation_url(..)",
        other.revocation_url()
    );
    assert_eq!(revoked(new()).await, Err(told));
    assert_eq!(other.requests(Endpoint::Revocation), 0);
    revoked(builder(&issuer).revocation_url(other.revocation_url()).build().unwrap()).await.unwrap();
    assert_eq!(other.requests(Endpoint::Revocation), 1);

    issuer.set_discovery_body(Some(json!({"issuer": issuer.url()}).to_string()));
    let told = "the issuer's metadata cannot be used: it gives no revocation_endpoint; give revocation_url(..)";
    assert_eq!(revoked(new()).await, Err(told.to_owned()));
    issuer.set_discovery_body(None);
    issuer.inject_times(Endpoint::Discovery, &Fault::CloseEarly, 2);
    is_transport(&new().revoke_text("a-token").await.unwrap_err(), "the metadata of the issuer cannot be reached");
    issuer.inject_times(Endpoint::Discovery, &Fault::retry_after(503, "7"), 1);
    common::is_rate_limited(&new().revoke_text("a-token").await.unwrap_err(), 503, seconds(7));
    assert_eq!(issuer.requests(Endpoint::Revocation), 0);
    revoked(new()).await.unwrap();
    assert_eq!(issuer.requests(Endpoint::Revocation), 1);
}

#[test]
fn revocation_that_cannot_be_is_an_error_of_the_settings_or_of_the_runtime() {
    let new = || RampartClient::builder("https://auth.example.com", "service", "service-secret");
    let error = new().revocation_url("http://auth.example.com/revoke").build().unwrap_err().to_string();
    assert!(error.starts_with("revocation_url: is http to another machine"), "{error}");
    let named = RampartClient::builder("auth.example", "service", "service-secret");
    let client = named.token_url("https://auth.example.com/token").build().unwrap();
    let error = poll_once(client.revoke_text("a-token")).unwrap().unwrap_err().to_string();
    let told = "revocation_url: is missing, and the issuer has no metadata that could give it";
    assert!(error.starts_with(told), "{error}");
    let error = poll_once(new().build().unwrap().revoke_text("a-token")).unwrap().unwrap_err();
    is_transport(&error, "there is no tokio runtime");
}

#[tokio::test]
async fn token_of_one_client_is_no_matter_of_another() {
    let issuer = issuer().await;
    let (one, other) = (builder(&issuer).build().unwrap(), builder(&issuer).build().unwrap());
    let kept: AccessToken = other.token(&any()).await.unwrap();
    one.revoke(&kept).await.unwrap();
    // It has not heard of it: a service will tell it.
    assert!(same(&other.token(&any()).await.unwrap(), &kept));
}

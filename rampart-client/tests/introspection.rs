//! The client as the one who asks its issuer about tokens: what it sends, and what it makes of each answer.
#![cfg(test)]
#![allow(clippy::unchecked_time_subtraction, clippy::string_slice, reason = "a test fails by a panic")]

mod common;

use std::ops::Deref;
use std::time::Duration;

use common::keys::{ALGORITHMS, ClientKey};
use common::{ByHand, Held, TIMEOUT, Time, any, builder, is_oauth, issuer, poll_once, quiet, seconds};
use rampart_client::{
    AnswerFormat, IntrospectionError, Question, RampartClient, RampartClientBuilder, TokenIntrospector,
};
use rampart_issuer::{Endpoint, Fault, LocalIssuer};
use serde_json::json;
use tokio::task::JoinHandle;
use url::form_urlencoded;

type Outcome = Result<String, IntrospectionError>;

/// A b64token that no encoding leaves as it is.
const TOKEN: &str = "ory_at_z/t+Z9~VwF.Zq==";
const ENCODED: &str = "ory_at_z%2Ft%2BZ9%7EVwF.Zq%3D%3D";
const PATH: &str = "/introspect?key=hunter2";
const ACTIVE: &str = r#"{"active":true,"sub":"ada"}"#;
const INACTIVE: &str = r#"{"active":false}"#;
const SIGNED: &str = "application/token-introspection+jwt";

/// An introspection endpoint, and a client that asks there.
struct Asked {
    server: ByHand,
    client: RampartClient,
}

impl Asked {
    async fn start() -> Self {
        let server = ByHand::start().await;
        let client = asking(&server).build().unwrap();
        Self { server, client }
    }
}

impl Deref for Asked {
    type Target = ByHand;

    fn deref(&self) -> &ByHand {
        &self.server
    }
}

fn asking(server: &ByHand) -> RampartClientBuilder {
    RampartClient::builder(server.url(), "service", "service-secret")
        .introspection_url(format!("{}{PATH}", server.url()))
}

fn asks(client: &RampartClient, format: AnswerFormat) -> JoinHandle<Outcome> {
    let client = client.clone();
    tokio::spawn(async move { client.introspect(Question::new(TOKEN, format)).await })
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// What comes of this answer.
async fn answered(server: &Asked, format: AnswerFormat, answer: &str) -> Outcome {
    let asked = asks(&server.client, format);
    server.request().await.send(answer).await;
    let outcome = asked.await.unwrap();
    if let Err(error) = &outcome {
        holds_nothing_secret(&format!("{error} {error:?}"));
    }
    outcome
}

fn holds_nothing_secret(text: &str) {
    for secret in [TOKEN, ENCODED, "service-secret", "hunter2", "c2VydmljZTpzZXJ2aWNlLXNlY3JldA"] {
        assert!(!text.contains(secret), "{text}");
    }
}

fn form(held: &Held) -> Vec<(String, String)> {
    form_urlencoded::parse(held.body.as_bytes()).into_owned().collect()
}

#[track_caller]
fn is_unauthorized(outcome: &Outcome) {
    let Err(IntrospectionError::Unauthorized(why)) = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("check the client ID and its secret"), "{why}");
}

#[track_caller]
fn is_unusable(outcome: &Outcome, why: &str) {
    assert!(matches!(outcome, Err(IntrospectionError::Unusable(text)) if text.contains(why)), "{why:?}: {outcome:?}");
}

#[track_caller]
fn is_unavailable(outcome: &Outcome, told: &str, after: Option<Duration>) {
    let Err(IntrospectionError::Unavailable { why, retry_after, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(why.contains(told), "{told:?}: {why}");
    assert_eq!(*retry_after, after, "{why}");
}

#[track_caller]
fn is_misconfigured(outcome: &Outcome, told: &str) {
    assert_eq!(*outcome, Err(IntrospectionError::Misconfigured(told.into())));
}

#[tokio::test]
async fn in19_token_stands_in_the_body_of_a_post_and_nowhere_else() {
    let server = Asked::start().await;
    let client = asking(&server).build().unwrap();
    for (format, media_type) in [(AnswerFormat::Json, "application/json"), (AnswerFormat::Jwt, SIGNED)] {
        let asked = asks(&client, format);
        let held = server.request().await;
        let lines: Vec<_> = held.head.lines().collect();
        assert_eq!(lines[0], format!("POST {PATH} HTTP/1.1"));
        for line in [
            &format!("accept: {media_type}"),
            "accept-encoding: identity",
            "content-type: application/x-www-form-urlencoded",
            "authorization: Basic c2VydmljZTpzZXJ2aWNlLXNlY3JldA==",
        ] {
            assert_eq!(lines.iter().filter(|own| **own == line).count(), 1, "{line}: {}", held.head);
        }
        assert!(!held.head.contains("referer") && !held.head.contains("Zq"), "{}", held.head);
        assert_eq!(held.body, format!("token={ENCODED}&token_type_hint=access_token"));
        // What it holds is for others to read.
        let body = if format == AnswerFormat::Json { " nonsense\n" } else { "a.b.c" };
        held.send(&answer("200 OK", &format!("content-type: {media_type}\r\n"), body)).await;
        assert_eq!(asked.await.unwrap(), Ok(body.to_owned()));
    }
    holds_nothing_secret(&format!("{client:?} {:?}", Question::new(TOKEN, AnswerFormat::Json)));
}

#[tokio::test]
async fn in19_client_says_who_it_is_as_it_does_for_tokens() {
    let server = Asked::start().await;
    let key = ClientKey::generate(ALGORITHMS[1]);
    let credentials = |builder: RampartClientBuilder| {
        let client = builder.build().unwrap();
        assert_eq!(client.client_id(), "service");
        client
    };
    let ask = async |client: RampartClient| {
        let asked = asks(&client, AnswerFormat::Json);
        let held = server.request().await;
        let authorization = held.head.lines().find_map(|line| line.strip_prefix("authorization: ")).map(str::to_owned);
        let form = form(&held);
        held.send(&answer("200 OK", "content-type: application/json\r\n", ACTIVE)).await;
        assert_eq!(asked.await.unwrap(), Ok(ACTIVE.to_owned()));
        assert_eq!(
            form[..2],
            [("token", TOKEN), ("token_type_hint", "access_token")].map(|(n, v)| (n.into(), v.into()))
        );
        (authorization, form[2..].to_vec())
    };
    let new =
        || RampartClient::builder(server.url(), "service", "s+/t").introspection_url(format!("{}{PATH}", server.url()));
    // "service:s%2B%2Ft", "service:s+/t"
    assert_eq!(ask(credentials(new())).await, (Some("Basic c2VydmljZTpzJTJCJTJGdA==".into()), vec![]));
    assert_eq!(ask(credentials(new().basic_raw())).await, (Some("Basic c2VydmljZTpzKy90".into()), vec![]));
    let body = [("client_id", "service"), ("client_secret", "s+/t")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(ask(credentials(new().secret_in_body())).await, (None, body.to_vec()));
    let signing = || credentials(new().private_key_jwt(key.algorithm, key.pem.clone(), None));
    let (header, form) = ask(signing()).await;
    let names: Vec<_> = form.iter().map(|(name, _)| &**name).collect();
    assert_eq!((header, names), (None, vec!["client_id", "client_assertion_type", "client_assertion"]));
    let claims = common::keys::claims(&form[2].1);
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["aud"]),
        (&json!("service"), &json!("service"), &json!(format!("{}{PATH}", server.url())))
    );
}

#[tokio::test]
async fn in19_each_attempt_has_an_assertion_of_its_own() {
    let server = Asked::start().await;
    let key = ClientKey::generate(ALGORITHMS[1]);
    let client = asking(&server).private_key_jwt(key.algorithm, key.pem.clone(), None).build().unwrap();
    let asked = asks(&client, AnswerFormat::Json);
    // A connection that breaks is the one case of a second attempt.
    let first = server.request().await;
    let assertion = |held: &Held| form(held).into_iter().find(|(name, _)| name == "client_assertion").unwrap().1;
    let one = assertion(&first);
    drop(first);
    let second = server.request().await;
    assert_ne!(assertion(&second), one);
    drop(second);
    is_unavailable(&asked.await.unwrap(), "the connection failed", None);
    server.is_left_alone().await;
}

#[tokio::test]
async fn in16_refused_credentials_are_told_apart_from_a_refused_token() {
    let server = Asked::start().await;
    let json = "content-type: application/json\r\n";
    let invalid_client = r#"{"error":"invalid_client","error_description":"service-secret is wrong"}"#;
    for (status, headers, body) in [
        ("401 Unauthorized", "www-authenticate: Basic realm=\"service-secret\"\r\n", ""),
        ("401 Unauthorized", json, r#"{"error":"invalid_request"}"#),
        ("400 Bad Request", json, invalid_client),
        ("403 Forbidden", "", invalid_client),
        ("500 Internal Server Error", json, invalid_client),
        ("200 OK", json, invalid_client),
        ("200 OK", "content-type: text/html\r\n", invalid_client),
    ] {
        for format in [AnswerFormat::Json, AnswerFormat::Jwt] {
            is_unauthorized(&answered(&server, format, &answer(status, headers, body)).await);
        }
    }
    let claim = r#"{"active":true,"error":"invalid_client"}"#;
    assert_eq!(answered(&server, AnswerFormat::Json, &answer("200 OK", json, claim)).await, Ok(claim.to_owned()));
    for (status, headers, body) in [
        ("403 Forbidden", "content-type: text/html\r\n", "<h1>Blocked</h1>"),
        ("400 Bad Request", json, r#"{"error":"invalid_request"}"#),
        ("400 Bad Request", json, r#"["invalid_client"]"#),
        ("400 Bad Request", json, r#"{"error":"invalid_request","error_description":"invalid_client"}"#),
        ("413 Content Too Large", "", ""),
        ("414 URI Too Long", "", ""),
        ("404 Not Found", "", ""),
        ("500 Internal Server Error", "retry-after: 7\r\n", ""),
        ("501 Not Implemented", "", ""),
        ("201 Created", json, ACTIVE),
        ("202 Accepted", json, ACTIVE),
        ("203 Non-Authoritative Information", json, ACTIVE),
        ("206 Partial Content", json, ACTIVE),
        ("304 Not Modified", "", ""),
    ] {
        let outcome = answered(&server, AnswerFormat::Json, &answer(status, headers, body)).await;
        is_unusable(&outcome, &format!("/introspect answered with status {}", &status[..3]));
    }
    let no_content = "HTTP/1.1 204 No Content\r\ncontent-type: application/json\r\n\r\n";
    is_unusable(&answered(&server, AnswerFormat::Json, no_content).await, "answered with status 204");
}

#[tokio::test]
async fn in17_issuer_that_cannot_answer_now_is_unavailable_for_as_long_as_it_says() {
    let server = Asked::start().await;
    for status in ["429 Too Many Requests", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"] {
        for (header, after) in [
            ("", None),
            ("retry-after: 7\r\n", Some(seconds(7))),
            ("retry-after: 0\r\n", Some(Duration::ZERO)),
            ("retry-after: 86400\r\n", Some(seconds(300))),
            ("retry-after: soon\r\n", None),
        ] {
            let outcome = answered(&server, AnswerFormat::Json, &answer(status, header, "service-secret")).await;
            is_unavailable(&outcome, &format!("/introspect answered with status {}", &status[..3]), after);
        }
    }
}

#[tokio::test]
async fn in17_redirect_is_named_and_not_followed() {
    let (server, elsewhere) = (Asked::start().await, ByHand::start().await);
    for status in [300, 301, 302, 303, 307, 308] {
        let location = format!("{}/{TOKEN}?service-secret", elsewhere.url());
        let redirect = answer(&format!("{status} Moved"), &format!("location: {location}\r\n"), "");
        let outcome = answered(&server, AnswerFormat::Json, &redirect).await;
        let target = format!("status {status}, a redirect to {}/[redacted], and redirects are not", elsewhere.url());
        is_unusable(&outcome, &target);
        is_unusable(&outcome, "give it with introspection_url(..)");
    }
    elsewhere.is_left_alone().await;
}

#[tokio::test]
async fn in17_answers_are_bounded_and_plain_text() {
    let server = Asked::start().await;
    let json = "content-type: application/json\r\n";
    let longest = " ".repeat(512 * 1024);
    let outcome = answered(&server, AnswerFormat::Json, &answer("200 OK", json, &longest)).await;
    assert_eq!(outcome.unwrap().len(), 512 * 1024);
    let endless = format!("HTTP/1.1 200 OK\r\n{json}content-length: 10737418240\r\n\r\n");
    for long in [answer("200 OK", json, &format!("{longest} ")), endless] {
        is_unusable(&answered(&server, AnswerFormat::Json, &long).await, "longer than 524288 bytes");
    }
    for coding in ["gzip", "br", "deflate", "zstd", "identity, gzip"] {
        let headers = format!("{json}content-encoding: {coding}\r\n");
        let outcome = answered(&server, AnswerFormat::Json, &answer("200 OK", &headers, ACTIVE)).await;
        is_unusable(&outcome, "content encoding");
    }
    let plain = answer("200 OK", &format!("{json}content-encoding: identity\r\n"), ACTIVE);
    assert_eq!(answered(&server, AnswerFormat::Json, &plain).await, Ok(ACTIVE.to_owned()));
    let short = format!("HTTP/1.1 200 OK\r\n{json}content-length: 100\r\n\r\n{ACTIVE}");
    is_unavailable(&answered(&server, AnswerFormat::Json, &short).await, "the connection failed", None);
    let asked = asks(&asking(&server).build().unwrap(), AnswerFormat::Json);
    server
        .request()
        .await
        .send_bytes(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n\xff\xfe")
        .await;
    is_unusable(&asked.await.unwrap(), "not UTF-8");
}

#[tokio::test]
async fn in17_exchange_ends_in_time_whatever_the_issuer_does() {
    let server = Asked::start().await;
    let time = Time::freeze();
    let client = asking(&server).build().unwrap();
    // Never an answer; never a body; and the body of a refusal is no better.
    for begun in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 9\r\n\r\n",
    ] {
        let asked = asks(&client, AnswerFormat::Json);
        let held = server.request().await.begin(begun).await;
        quiet().await;
        time.pass(TIMEOUT - seconds(1)).await;
        quiet().await;
        assert!(!asked.is_finished());
        time.pass(seconds(1) + common::TICK).await;
        let outcome = asked.await.unwrap();
        if begun.contains("403") {
            is_unusable(&outcome, "status 403");
        } else {
            is_unavailable(&outcome, "no complete answer within 5 s", None);
        }
        drop(held);
    }
}

#[tokio::test]
async fn in17_issuer_that_is_not_there_or_not_itself_is_unavailable() {
    let server = Asked::start().await;
    let url = server.url();
    let tls = RampartClient::builder(&url, "service", "service-secret")
        .introspection_url(url.replace("http://", "https://"))
        .build()
        .unwrap();
    let asked = asks(&tls, AnswerFormat::Json);
    for _ in 0..2 {
        server.refuses_tls().await;
    }
    is_unavailable(&asked.await.unwrap(), "the connection failed", None);
    drop(server);
    let gone = RampartClient::builder(&url, "service", "service-secret").introspection_url(url + PATH).build().unwrap();
    let outcome = gone.introspect(Question::new(TOKEN, AnswerFormat::Json)).await;
    is_unavailable(&outcome, "/introspect: the connection failed: Connection refused", None);
    holds_nothing_secret(&format!("{outcome:?}"));
}

#[tokio::test]
async fn in23_answer_is_of_the_type_that_was_asked_for() {
    let server = Asked::start().await;
    for (format, good, other) in
        [(AnswerFormat::Json, "application/json", SIGNED), (AnswerFormat::Jwt, SIGNED, "application/json")]
    {
        let capitals = good.to_uppercase();
        for content_type in [
            good,
            &capitals,
            &format!("{good}; charset=utf-8"),
            &format!("{good};charset=UTF-8"),
            &format!("{good} ; charset=\"utf-8\""),
        ] {
            let headers = format!("content-type: {content_type}\r\n");
            let outcome = answered(&server, format, &answer("200 OK", &headers, ACTIVE)).await;
            assert_eq!(outcome, Ok(ACTIVE.to_owned()), "{content_type}");
        }
        for headers in [
            String::new(),
            "content-type: \r\n".into(),
            format!("content-type: {other}\r\n"),
            format!("content-type: {good}x\r\n"),
            format!("content-type: {good}, {good}\r\n"),
            format!("content-type: {good}\r\ncontent-type: {good}\r\n"),
            format!("content-type: {}\r\n", good.replace("application/", "")),
            "content-type: text/html; charset=utf-8\r\n".into(),
            "content-type: application/jwt\r\n".into(),
            "content-type: application/vnd.example+json\r\n".into(),
        ] {
            let outcome = answered(&server, format, &answer("200 OK", &headers, ACTIVE)).await;
            is_unusable(&outcome, &format!("another media type than {good}"));
        }
    }
}

#[tokio::test]
async fn in23_signed_answers_do_not_come_over_http_from_another_machine() {
    let told = "signed: needs an introspection endpoint on https: a signed answer does not say to which question it is one, so over http somebody on the way could give that to another token; use https, or do without signed answers";
    let builder = |issuer: &str| RampartClient::builder(issuer, "service", "service-secret").allow_http(true);
    for client in [
        builder("https://auth.example.com").introspection_url("http://auth.example.com/introspect"),
        builder("http://auth.example.com"),
    ] {
        let client = client.build().unwrap();
        client.check(AnswerFormat::Json).unwrap();
        assert_eq!(client.check(AnswerFormat::Jwt).unwrap_err().to_string(), told);
    }
    let client = builder("https://auth.example.com").introspection_url("http://192.0.2.1/").build().unwrap();
    is_misconfigured(&client.introspect(Question::new(TOKEN, AnswerFormat::Jwt)).await, told);
    for client in [
        builder("https://auth.example.com"),
        builder("http://127.0.0.1:1"),
        builder("https://auth.example.com").introspection_url("http://localhost:4445/introspect"),
    ] {
        client.build().unwrap().check(AnswerFormat::Jwt).unwrap();
    }
}

/// The metadata gives this introspection endpoint.
fn lead_to(issuer: &LocalIssuer, address: &str) {
    let metadata =
        json!({ "issuer": issuer.url(), "token_endpoint": issuer.token_url(), "introspection_endpoint": address });
    issuer.set_discovery_body(Some(metadata.to_string()));
}

/// Of a token that no issuer knows.
async fn asked(client: &RampartClient) -> Outcome {
    client.introspect(Question::new(TOKEN, AnswerFormat::Json)).await
}

#[tokio::test]
async fn issuer_answers_for_every_way_to_authenticate_and_in_both_formats() {
    let issuer = issuer().await;
    let key = ClientKey::generate(ALGORITHMS[1]);
    issuer.client_jwk("billing", key.jwk.clone());
    let signing = RampartClient::builder(issuer.url(), "billing", "");
    let signing = signing.private_key_jwt(key.algorithm, key.pem.clone(), None);
    let good = issuer.opaque().sub("ada").issue();
    for client in [builder(&issuer), builder(&issuer).secret_in_body(), builder(&issuer).basic_raw(), signing] {
        let client = client.build().unwrap();
        client.check(AnswerFormat::Jwt).unwrap();
        assert_eq!(asked(&client).await, Ok(INACTIVE.to_owned()));
        let answer = client.introspect(Question::new(&good, AnswerFormat::Json)).await.unwrap();
        assert!(answer.contains(r#""active":true"#) && answer.contains(r#""sub":"ada""#), "{answer}");
        let signed = client.introspect(Question::new(&good, AnswerFormat::Jwt)).await.unwrap();
        assert_eq!(common::keys::claims(&signed)["aud"], json!(client.client_id()), "{signed}");
        // One that signs nothing has no answer for who wants it signed.
        issuer.sign_answers(false);
        is_unusable(&client.introspect(Question::new(&good, AnswerFormat::Jwt)).await, "another media type");
        issuer.sign_answers(true);
    }
    let wrong = RampartClient::builder(issuer.url(), "service", "another-secret").build().unwrap();
    is_unauthorized(&asked(&wrong).await);
    assert_eq!(issuer.requests(Endpoint::Token), 0);
}

#[tokio::test]
async fn in31_introspection_endpoint_on_another_origin_is_named_and_sees_nothing() {
    let (issuer, other) = (issuer().await, issuer().await);
    let localhost = format!("http://localhost:{}/introspect", issuer.port());
    for url in [&other.introspection_url(), &localhost, "https://auth.example.com/introspect"] {
        lead_to(&issuer, &format!("{url}?key=hunter2"));
        // On the word of a document alone it goes nowhere, also where tokens do.
        for client in [builder(&issuer), builder(&issuer).discovery()] {
            let client = client.build().unwrap();
            client.check(AnswerFormat::Json).unwrap();
            is_misconfigured(
                &asked(&client).await,
                &format!(
                    "the issuer's metadata gives the introspection endpoint {url}, on another origin than the issuer's, and the secret goes there; if that is right, give introspection_url(..), or endpoint in a file"
                ),
            );
        }
    }
    assert_eq!((issuer.requests(Endpoint::Introspection), other.requests(Endpoint::Introspection)), (0, 0));
    let client = builder(&issuer).introspection_url(other.introspection_url()).build().unwrap();
    assert_eq!(asked(&client).await, Ok(INACTIVE.to_owned()));
    assert_eq!((issuer.requests(Endpoint::Introspection), other.requests(Endpoint::Introspection)), (0, 1));
}

#[tokio::test]
async fn endpoint_is_found_in_either_metadata_and_none_is_guessed() {
    let issuer = issuer().await;
    lead_to(&issuer, &issuer.introspection_url());
    assert_eq!(asked(&builder(&issuer).build().unwrap()).await, Ok(INACTIVE.to_owned()));
    issuer.inject_times(Endpoint::Discovery, &Fault::status(404), 1);
    let client = builder(&issuer).build().unwrap();
    assert_eq!(asked(&client).await, Ok(INACTIVE.to_owned()));
    assert_eq!((issuer.requests(Endpoint::OAuthMetadata), issuer.requests(Endpoint::Introspection)), (1, 2));
    // It is asked once.
    assert_eq!(asked(&client).await, Ok(INACTIVE.to_owned()));
    assert_eq!((issuer.requests(Endpoint::Discovery), issuer.requests(Endpoint::Introspection)), (2, 3));

    let new = || builder(&issuer).build().unwrap();
    for fault in [Fault::status(404), Fault::status(410)] {
        issuer.inject(Endpoint::Discovery, fault.clone());
        issuer.inject(Endpoint::OAuthMetadata, fault);
        let outcome = asked(&new()).await;
        assert!(
            matches!(&outcome, Err(IntrospectionError::Misconfigured(why)) if why.contains("the issuer has no metadata: status 4") && why.ends_with("; give introspection_url(..), or endpoint in a file")),
            "{outcome:?}"
        );
    }
    issuer.clear_faults();
    for (status, after, told) in [
        (500, None, "the issuer answered the request for its metadata with status 500"),
        (503, Some(7), "the issuer, asked for its metadata, limits the rate (status 503); retry in 7 s"),
    ] {
        let fault =
            after.map_or_else(|| Fault::status(status), |after: u64| Fault::retry_after(status, &after.to_string()));
        issuer.inject_times(Endpoint::Discovery, &fault, 1);
        is_unavailable(&asked(&new()).await, told, after.map(seconds));
    }
    issuer.inject_times(Endpoint::Discovery, &Fault::CloseEarly, 2);
    is_unavailable(&asked(&new()).await, "the metadata of the issuer cannot be reached: the connection failed", None);
    issuer.set_discovery_body(Some(json!({ "issuer": issuer.url() }).to_string()));
    is_misconfigured(
        &asked(&new()).await,
        "the issuer's metadata cannot be used: it gives no introspection_endpoint; give introspection_url(..), or endpoint in a file",
    );
    assert_eq!(issuer.requests(Endpoint::Introspection), 3);
}

#[tokio::test]
async fn endpoint_that_is_not_there_any_more_is_looked_for_again_twice_a_minute_at_most() {
    let issuer = issuer().await;
    lead_to(&issuer, &format!("{}/nothing", issuer.url()));
    let client = builder(&issuer).build().unwrap();
    let time = Time::freeze();
    for (round, passes) in [(1, 0), (2, 0), (2, 29), (2, 2), (3, 0), (3, 0)] {
        time.pass(seconds(passes)).await;
        is_unusable(&asked(&client).await, "/nothing answered with status 404");
        assert_eq!(issuer.requests(Endpoint::Discovery), round);
    }
    lead_to(&issuer, &issuer.introspection_url());
    time.pass(seconds(30)).await;
    is_unusable(&asked(&client).await, "/nothing answered with status 404");
    assert_eq!(asked(&client).await, Ok(INACTIVE.to_owned()));
    // What one token alone may bring about sends nobody to look.
    assert_eq!(asked(&client).await, Ok(INACTIVE.to_owned()));
    assert_eq!(issuer.requests(Endpoint::Discovery), 4);
}

/// A proxy before the issuer may answer a stranger's token with 404.
#[tokio::test]
async fn endpoint_is_known_still_where_the_metadata_cannot_be_asked() {
    let issuer = issuer().await;
    lead_to(&issuer, &issuer.introspection_url());
    let client = builder(&issuer).build().unwrap();
    assert_eq!(asked(&client).await, Ok(INACTIVE.to_owned()));
    let time = Time::freeze();
    for fault in [Fault::status(503), Fault::status(404), Fault::CloseEarly] {
        issuer.inject_times(Endpoint::Introspection, &Fault::status(404), 1);
        time.pass(seconds(30)).await;
        is_unusable(&asked(&client).await, "answered with status 404");
        issuer.inject(Endpoint::Discovery, fault.clone());
        issuer.inject(Endpoint::OAuthMetadata, fault.clone());
        let looked = issuer.requests(Endpoint::Discovery);
        for _ in 0..3 {
            assert_eq!(asked(&client).await, Ok(INACTIVE.to_owned()), "{fault:?}");
        }
        assert!(issuer.requests(Endpoint::Discovery) > looked, "the metadata is asked: {fault:?}");
        issuer.clear_faults();
    }
}

#[tokio::test]
async fn requests_for_tokens_and_questions_about_them_do_not_make_each_other_wait() {
    let issuer = issuer().await;
    let server = Asked::start().await;
    let client = builder(&issuer).introspection_url(server.url() + PATH).build().unwrap();
    let ask = async |said: &str| {
        let asked = asks(&client, AnswerFormat::Json);
        server.request().await.send(said).await;
        asked.await.unwrap()
    };
    is_unauthorized(&ask(&answer("401 Unauthorized", "", "")).await);
    is_unavailable(&ask(&answer("429 Too Many", "retry-after: 300\r\n", "")).await, "429", Some(seconds(300)));
    client.token(&any()).await.unwrap();
    issuer.inject_times(Endpoint::Token, &Fault::status(401), 1);
    let other = rampart_client::TokenRequest::new(["other"]);
    is_oauth(&client.token(&other).await.unwrap_err(), 401, "invalid_client", None);
    let good = answer("200 OK", "content-type: application/json\r\n", ACTIVE);
    assert_eq!(ask(&good).await, Ok(ACTIVE.to_owned()));
    // Nothing is kept.
    assert_eq!(ask(&good).await, Ok(ACTIVE.to_owned()));
}

#[test]
fn addresses_that_cannot_be_are_told_when_the_client_is_made_or_checked() {
    let builder = |issuer: &str| RampartClient::builder(issuer, "service", "service-secret");
    for (url, problem) in [
        ("", "is not an absolute URL"),
        ("/introspect", "is not an absolute URL"),
        ("http://auth.example.com/introspect", "is http to another machine"),
        ("https://service:service-secret@auth.example.com/introspect", "holds user information"),
        ("https://auth.example.com/introspect#hunter2", "holds a fragment"),
    ] {
        let error = builder("https://auth.example.com").introspection_url(url).build().unwrap_err().to_string();
        assert!(error.starts_with(&format!("introspection_url: {problem}")), "{error}");
        holds_nothing_secret(&error);
    }
    // A client for tokens alone works with an issuer that is a mere name.
    let named = || builder("auth.example").token_url("https://auth.example.com/token");
    let error = named().build().unwrap().check(AnswerFormat::Json).unwrap_err().to_string();
    assert!(error.starts_with("introspection_url: is missing, and the issuer has no metadata that could give it (issuer_url: is not an absolute URL"), "{error}");
    named()
        .introspection_url("https://auth.example.com/introspect")
        .build()
        .unwrap()
        .check(AnswerFormat::Json)
        .unwrap();
}

#[test]
fn settings_of_the_http_client_serve_addresses_of_one_kind() {
    let builder = || RampartClient::builder("https://auth.example.com", "service", "service-secret");
    let hydra = "http://127.0.0.1:4445/admin/oauth2/introspect";
    let told = "http_client: is set up once and cannot serve addresses on this machine and on another, or http and https; make a client for each";
    let error = builder().introspection_url(hydra).http_client(|http| http).build().unwrap_err();
    assert_eq!(error.to_string(), told);
    builder().introspection_url(hydra).build().unwrap().check(AnswerFormat::Json).unwrap();
    let other =
        builder().introspection_url("https://introspect.example.com").http_client(reqwest::ClientBuilder::no_proxy);
    other.build().unwrap().check(AnswerFormat::Json).unwrap();
    // What nobody has asked for is told to whoever does.
    let client = builder().token_url("http://127.0.0.1:8080/token").http_client(|http| http).build().unwrap();
    assert_eq!(client.check(AnswerFormat::Json).unwrap_err().to_string(), told);
}

#[test]
fn question_without_a_runtime_is_answered_with_an_error() {
    let client = RampartClient::builder("http://127.0.0.1:1", "service", "service-secret").build().unwrap();
    let outcome = poll_once(client.introspect(Question::new(TOKEN, AnswerFormat::Json))).unwrap();
    is_unavailable(&outcome, "there is no tokio runtime", None);
}

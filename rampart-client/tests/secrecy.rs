//! Nothing that can be printed or logged holds a secret: every public type and every error, in every format, and all that
//! any crate logs at TRACE while requests succeed and fail.
#![cfg(test)]
#![allow(clippy::unchecked_time_subtraction, clippy::string_slice, reason = "a test fails by a panic")]

mod common;

use std::error::Error;
use std::fmt::{Debug, Display, Write};
use std::sync::Once;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use common::keys::{ALGORITHMS, ClientKey};
use common::{ByHand, Waiting, World, any, carrying, is_oauth, issuer, member};
use parking_lot::Mutex;
use rampart_client::{
    AnswerFormat, ClientError, Question, RampartClient, RampartClientBuilder, RampartMiddleware, TokenIntrospector,
    TokenRequest,
};
use rampart_issuer::{Endpoint, Fault, LocalIssuer};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use url::form_urlencoded::byte_serialize;

const ID: &str = "the service";
/// Not one of its encodings is the same text.
const SECRET: &str = "z/tZ9VwFZ+ApmIQ ZH1:I5\"pLk=&uB%4ud";
const REFRESH_TOKEN: &str = "refresh-tGzv3JOkF0XG5Qx2TlKWIA";
const ID_TOKEN: &str = "eyJpZCI6MX0.eyJpZHQiOjF9.aWR0b2tlbg";

/// What every crate of this process has said since the test began.
static SAID: Mutex<String> = Mutex::new(String::new());

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line(format!("span {} {}", span.metadata().target(), span.metadata().name()));
        span.record(&mut line);
        line.note();
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line("span".into());
        values.record(&mut line);
        line.note();
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(format!("{} {}", event.metadata().level(), event.metadata().target()));
        event.record(&mut line);
        line.note();
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// reqwest and rustls log by the older crate.
impl log::Log for Listener {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        Line(format!("{} {} {}", record.level(), record.target(), record.args())).note();
    }

    fn flush(&self) {}
}

struct Line(String);

impl Line {
    fn note(mut self) {
        self.0.push('\n');
        SAID.lock().push_str(&self.0);
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

fn listen() {
    static START: Once = Once::new();
    START.call_once(|| {
        tracing::subscriber::set_global_default(Listener).unwrap();
        log::set_logger(&Listener).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
}

/// What must not be said, with a name for each.
struct Secrets(Vec<(String, String)>);

impl Secrets {
    fn new() -> Self {
        let mut secrets = Self(Vec::new());
        secrets.add("the secret", SECRET);
        let encoded: String = byte_serialize(SECRET.as_bytes()).collect();
        let encoded_id: String = byte_serialize(ID.as_bytes()).collect();
        secrets.add("Basic", &format!("{encoded_id}:{encoded}"));
        secrets.add("raw Basic", &format!("{ID}:{SECRET}"));
        secrets.add("the encoded secret", &encoded);
        secrets.add("the secret, all but encoded", &encoded.replace('+', "%20"));
        secrets
    }

    /// As it is, and as it looks in base64, in Debug and in JSON.
    fn add(&mut self, name: &str, text: &str) {
        let base64 = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].map(|engine| engine.encode(text));
        let debug = format!("{text:?}");
        let texts = [text, debug.trim_matches('"'), &*base64[0], &*base64[1], &*base64[2], &*base64[3]];
        self.0.extend(texts.iter().map(|text| (name.to_owned(), (*text).to_owned())));
    }

    fn check(&self, place: &str, said: &str) {
        for (name, secret) in &self.0 {
            if let Some(at) = said.find(secret) {
                let line = said[..at].rfind('\n').map_or(0, |line| line + 1);
                panic!("{name} stands in {place}: {}", said[line..].lines().next().unwrap_or_default());
            }
        }
    }
}

/// Every way to print it.
fn printed(value: &(impl Debug + ?Sized)) -> String {
    format!("{value:?}\n{value:#?}\n{value:02x?}\n")
}

fn shown(value: &(impl Display + Debug + ?Sized)) -> String {
    format!("{value}\n{value:#}\n{:>200}\n{}", value, printed(value))
}

fn with_sources(error: &ClientError) -> String {
    let mut text = shown(error);
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&shown(cause));
        source = cause.source();
    }
    text
}

async fn knowing() -> LocalIssuer {
    LocalIssuer::builder().client(ID, SECRET).algorithm(rampart_issuer::Algorithm::ES256).start().await.unwrap()
}

type Way = fn(RampartClientBuilder) -> RampartClientBuilder;

const WAYS: [Way; 3] = [|builder| builder, RampartClientBuilder::basic_raw, RampartClientBuilder::secret_in_body];

/// A client that would even have its connections logged.
fn talkative(issuer: &str, way: Way) -> RampartClient {
    way(RampartClient::builder(issuer, ID, SECRET)).http_client(|http| http.connection_verbose(true)).build().unwrap()
}

#[tokio::test]
async fn o12_o17_requests_that_succeed_say_nothing_that_is_secret() {
    listen();
    let (issuer, service) = (knowing().await, issuer().await);
    issuer.token_response(Some(json!({"refresh_token": REFRESH_TOKEN, "id_token": ID_TOKEN})));
    let mut secrets = Secrets::new();
    secrets.add("the refresh token", REFRESH_TOKEN);
    secrets.add("the ID token", ID_TOKEN);
    let mut said = String::new();
    for (number, way) in WAYS.into_iter().enumerate() {
        issuer.decode_basic(number != 1);
        let client = talkative(issuer.url(), way);
        let token = client.token(&any()).await.unwrap();
        secrets.add("the access token", token.access_token.expose());
        said += &(printed(&token) + &printed(&*token) + &shown(&token.access_token) + &printed(&client));

        let http = carrying();
        let request = client.bearer(http.get(service.jwks_url()), &["users:read"]).await.unwrap();
        said += &printed(&request);
        let request = request.build().unwrap();
        said += &printed(&request);
        http.execute(request).await.unwrap();

        let origins = [service.url()];
        let middleware = RampartMiddleware::new(client.clone(), any(), origins).unwrap();
        said += &printed(&middleware);
        let http = middleware.attach_to(http).unwrap();
        said += &printed(&http);
        service.inject_times(Endpoint::Jwks, &Fault::status(401), 1);
        http.get(service.jwks_url()).send().await.unwrap();
        secrets.add("the access token", client.token(&any()).await.unwrap().access_token.expose());

        let builder = way(RampartClient::builder(issuer.url(), ID, SECRET));
        said += &printed(&builder);
    }
    said += &printed(&TokenRequest::new(["a"]).parameter("audience", "b"));
    for algorithm in ALGORITHMS {
        let key = ClientKey::generate(algorithm);
        issuer.client_jwk("billing", key.jwk.clone());
        let builder =
            RampartClient::builder(issuer.url(), "billing", SECRET).private_key_jwt(algorithm, key.pem.clone(), None);
        said += &(printed(&builder) + &printed(&algorithm));
        for line in key.pem.lines().filter(|line| line.len() > 20 && !line.starts_with("---")) {
            secrets.add("the private key", line);
        }
        let client = builder.build().unwrap();
        issuer.reset_counts();
        secrets.add("the access token", client.token(&any()).await.unwrap().access_token.expose());
        let assertion = member(&issuer.recorded(Endpoint::Token)[0], "client_assertion").unwrap();
        secrets.add("the assertion", &assertion);
        said += &printed(&client);
    }
    secrets.check("what is printed", &said);
    assert!(said.contains("[redacted]"));
    let log = SAID.lock().clone();
    secrets.check("the log", &log);
    for heard in ["DEBUG rampart ", "reqwest::connect", "INFO rampart "] {
        assert!(log.contains(heard), "{heard} was not heard");
    }
}

#[tokio::test]
async fn in19_token_that_is_asked_about_or_revoked_is_said_nowhere() {
    listen();
    let opaque = "ory_at_z/t+Z9~VwF.Zq==";
    let encoded: String = byte_serialize(opaque.as_bytes()).collect();
    let mut secrets = Secrets::new();
    secrets.add("the token", opaque);
    secrets.add("the encoded token", &encoded);
    let mut said = String::new();
    for (number, way) in WAYS.into_iter().enumerate() {
        let issuer = knowing().await;
        issuer.decode_basic(number != 1);
        issuer.opaque().text(opaque).issue();
        let client = talkative(issuer.url(), way);
        for format in [AnswerFormat::Json, AnswerFormat::Jwt] {
            let question = Question::new(opaque, format);
            said += &printed(&question);
            client.introspect(question).await.unwrap();
        }
        client.revoke_text(opaque).await.unwrap();
        for echo in [opaque, &*encoded, SECRET] {
            let text = format!("what is {echo}? and again {echo}");
            for fault in [
                Fault::json(400, json!({"error": text, "error_description": text}).to_string()),
                Fault::json(401, json!({"error": "invalid_client", "error_description": text}).to_string()),
                Fault::json(503, text.clone()),
                Fault::status(500),
                Fault::redirect(307, &format!("https://a.example/{echo}?{echo}")),
                Fault::redirect(307, &format!("https://a.example/{encoded}")),
                Fault::ContentEncoding(encoded.clone()),
                Fault::Oversize(1 << 20),
                Fault::Garbage,
                Fault::CloseEarly,
                Fault::ShortBody,
            ] {
                issuer.inject(Endpoint::Introspection, fault.clone());
                let error = client.introspect(Question::new(opaque, AnswerFormat::Json)).await.unwrap_err();
                said += &shown(&error);
                issuer.inject(Endpoint::Revocation, fault);
                if let Err(error) = client.revoke_text(opaque).await {
                    said += &with_sources(&error);
                }
            }
            // The metadata may repeat it as well.
            for member in ["introspection_endpoint", "revocation_endpoint"] {
                let elsewhere = format!("https://auth.example.com/{echo}/{encoded}");
                issuer.set_discovery_body(Some(json!({"issuer": issuer.url(), member: elsewhere}).to_string()));
                let client = talkative(issuer.url(), way);
                said += &shown(&client.introspect(Question::new(opaque, AnswerFormat::Json)).await.unwrap_err());
                said += &with_sources(&client.revoke_text(opaque).await.unwrap_err());
            }
        }
        said += &printed(&client);
    }
    assert!(said.contains("[redacted]"));
    secrets.check("what is printed", &said);
    let log = SAID.lock().clone();
    assert!(log.contains("reqwest::connect"));
    secrets.check("the log", &log);
}

#[tokio::test]
async fn o17_requests_that_fail_say_nothing_that_is_secret() {
    listen();
    let secrets = Secrets::new();
    let encoded: String = byte_serialize(SECRET.as_bytes()).collect();
    let basic = STANDARD.encode(format!("{}:{encoded}", byte_serialize(ID.as_bytes()).collect::<String>()));
    let raw = STANDARD.encode(format!("{ID}:{SECRET}"));
    let mut said = String::new();
    for way in WAYS {
        let issuer = knowing().await;
        for echo in [SECRET, &*encoded, &basic, &raw] {
            // Only what this client has sent can it know again.
            let client = talkative(issuer.url(), way);
            issuer.reset_counts();
            issuer.inject(Endpoint::Token, Fault::status(500));
            drop(client.token(&TokenRequest::new(["probe"])).await.unwrap_err());
            let sent = issuer.recorded(Endpoint::Token)[0].clone();
            let authorization = sent.header("authorization").unwrap_or_default();
            if echo != SECRET && echo != encoded && !authorization.ends_with(echo) {
                continue;
            }
            let text = format!("what is {echo}? and again {echo}");
            let faults = [
                Fault::json(400, json!({"error": text, "error_description": text}).to_string()),
                Fault::json(401, json!({"error": "invalid_client", "error_description": text}).to_string()),
                Fault::json(200, json!({"access_token": "a", "token_type": text}).to_string()),
                Fault::json(200, json!({"access_token": text, "token_type": "Bearer"}).to_string()),
                Fault::json(200, json!({"access_token": [text], "token_type": "Bearer"}).to_string()),
                Fault::json(200, text.clone()),
                Fault::json(500, text.clone()),
                Fault::redirect(307, &format!("https://a.example/?{encoded}")),
                Fault::retry_after(429, &encoded),
                Fault::ContentEncoding(encoded.clone()),
                Fault::Oversize(1 << 20),
                Fault::Garbage,
                Fault::Reset,
                Fault::CloseEarly,
                Fault::ShortBody,
            ];
            for (number, fault) in faults.into_iter().enumerate() {
                issuer.inject(Endpoint::Token, fault);
                // A refusal of one may be the answer to all.
                let client = talkative(issuer.url(), way);
                let request = TokenRequest::new([format!("scope-{number}")]);
                said += &with_sources(&client.token(&request).await.unwrap_err());
            }
            issuer.clear_faults();
            said += &printed(&client);
        }
        issuer.stop();
        said += &with_sources(&talkative(issuer.url(), way).token(&any()).await.unwrap_err());
        // The metadata may repeat it as well.
        issuer.restart().unwrap();
        let discovering = way(RampartClient::builder(issuer.url(), ID, SECRET)).discovery().build().unwrap();
        issuer.set_discovery_body(Some(json!({"issuer": SECRET, "token_endpoint": SECRET}).to_string()));
        said += &with_sources(&discovering.token(&any()).await.unwrap_err());
        let elsewhere = format!("https://auth.example.com/{SECRET}/token");
        issuer.set_discovery_body(Some(json!({"issuer": issuer.url(), "token_endpoint": elsewhere}).to_string()));
        let error =
            way(RampartClient::builder(issuer.url(), ID, SECRET)).build().unwrap().token(&any()).await.unwrap_err();
        assert!(error.to_string().contains("on another origin"), "{error}");
        said += &with_sources(&error);
    }
    secrets.check("an error", &said);
    secrets.check("the log", &SAID.lock());
    assert!(said.contains("[redacted]"));
}

#[tokio::test]
async fn o17_credentials_are_known_again_however_their_base64_is_written() {
    let server = ByHand::start().await;
    for length in 0..3 {
        // Base64 with `+` and `/` in it, and with as many `=` at the end.
        let secret = format!("s~~>??>~~?{}", "x".repeat(length));
        let padded = STANDARD.encode(format!("billing:{secret}"));
        assert!(padded.contains('+') && padded.contains('/'), "{padded}");
        let bare = padded.trim_end_matches('=');
        let for_urls = padded.replace('+', "-").replace('/', "_");
        let escaped = padded.replace('+', "%2B").replace('/', "%2f").replace('=', "%3D");
        for spelling in [&*padded, bare, &*for_urls, for_urls.trim_end_matches('='), &*escaped] {
            let client = RampartClient::builder(server.url(), "billing", &*secret);
            let client = client.token_url(server.url()).basic_raw().build().unwrap();
            let waiting = Waiting::on(&client, &any());
            let body = json!({"error": "invalid_client", "error_description": format!("no {spelling} here")});
            server.request().await.answer("401 Unauthorized", &body.to_string()).await;
            let error = waiting.outcome().await.unwrap_err();
            is_oauth(&error, 401, "invalid_client", Some("no [redacted] here"));
        }
    }
}

#[tokio::test]
async fn o17_assertion_that_the_server_repeats_is_not_repeated_by_us() {
    listen();
    for algorithm in ALGORITHMS {
        let (server, key) = (ByHand::start().await, ClientKey::generate(algorithm));
        let client = RampartClient::builder(server.url(), "billing", "")
            .token_url(server.url())
            .private_key_jwt(algorithm, key.pem, None)
            .build()
            .unwrap();
        let caller = tokio::spawn(async move { client.token(&any()).await });
        let held = server.request().await;
        let assertion = held.body.rsplit_once("client_assertion=").unwrap().1.to_owned();
        assert!(assertion.len() > 100 && assertion.starts_with("eyJ"), "{assertion}");
        let text = format!("no {assertion} here");
        held.answer("400 Bad Request", &json!({"error": text, "error_description": text}).to_string()).await;
        let error = caller.await.unwrap().unwrap_err();
        assert!(matches!(&error, ClientError::OAuth { error, .. } if error == "no [redacted] here"), "{error:?}");
        let mut secrets = Secrets(Vec::new());
        secrets.add("the assertion", &assertion);
        secrets.check("an error", &with_sources(&error));
        secrets.check("the log", &SAID.lock());
    }
}

/// What an error says of a text that the server gives as its reason.
async fn reason(issuer: &LocalIssuer, request: &TokenRequest, text: &str) -> String {
    let client = RampartClient::builder(issuer.url(), ID, SECRET).build().unwrap();
    let body = json!({"error": "invalid_request", "error_description": text}).to_string();
    issuer.inject_times(Endpoint::Token, &Fault::json(400, body), 1);
    match client.token(request).await.unwrap_err() {
        ClientError::OAuth { description: Some(description), .. } => description,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn o17_secret_that_the_server_repeats_is_not_repeated_however_it_is_encoded() {
    listen();
    let issuer = knowing().await;
    let upper: String = byte_serialize(SECRET.as_bytes()).collect();
    let lower = "z%2ftZ9VwFZ%2bApmIQ+ZH1%3aI5%22pLk%3d%26uB%254ud".to_owned();
    assert_eq!(lower.to_uppercase(), upper.to_uppercase());
    let all: String = SECRET.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02x}"));
    let spaces = [upper.replace('+', "%20"), lower.replace('+', "%20")];
    for encoded in [SECRET.to_owned(), upper, lower, all].into_iter().chain(spaces) {
        let said = reason(&issuer, &any(), &format!("é{encoded}é, {encoded}{encoded}%2")).await;
        assert_eq!(said, "é[redacted]é, [redacted][redacted]%2", "{encoded}");
        // Where a text is cut, too.
        let said = reason(&issuer, &any(), &("x".repeat(395) + &encoded)).await;
        assert_eq!(said, "x".repeat(395) + "[reda...", "{encoded}");
    }
    let begun = &SECRET[..10];
    assert_eq!(reason(&issuer, &any(), begun).await, begun);
}

#[tokio::test]
async fn o17_values_of_parameters_that_the_server_repeats_are_not_repeated() {
    listen();
    let issuer = knowing().await;
    let value = "Rn5/TkPq 0vW";
    let request = any().parameter("ticket", value).parameter("mode", "strict");
    let encoded: String = byte_serialize(value.as_bytes()).collect();
    let said = reason(&issuer, &request, &format!("ticket {value} ({encoded}) is spent in mode strict")).await;
    assert_eq!(said, "ticket [redacted] ([redacted]) is spent in mode strict");
    let mut secrets = Secrets(Vec::new());
    secrets.add("the value", value);
    secrets.check("the log", &SAID.lock());
}

#[tokio::test]
async fn o17_access_token_in_place_of_its_type_is_not_repeated() {
    listen();
    let issuer = knowing().await;
    for token in ["2YotnFZFEjr1zCsicMWpAA", "a.token"] {
        let client = RampartClient::builder(issuer.url(), ID, SECRET).build().unwrap();
        let body = json!({"access_token": token, "token_type": format!("Bearer {token}")}).to_string();
        issuer.inject_times(Endpoint::Token, &Fault::body(body), 1);
        let error = client.token(&any()).await.unwrap_err();
        assert_eq!(error, ClientError::TokenType("Bearer [redacted]".into()));
    }
}

#[tokio::test]
async fn o17_every_error_has_a_sentence_and_no_secret() {
    listen();
    let secrets = Secrets::new();
    let elsewhere = |url: &str| RampartClient::builder(url, ID, SECRET).build().unwrap_err();
    let builder = || RampartClient::builder("https://auth.example.com", ID, SECRET);
    let client = builder().build().unwrap();
    let http = carrying();
    let world = World::new().await;
    let answered = async |fault: &Fault| world.answered(fault).await.unwrap_err();
    let errors = [
        elsewhere(&format!("https://user:{SECRET}@auth.example.com")),
        elsewhere(&format!("https://auth.example.com/#{SECRET}")),
        elsewhere(SECRET),
        builder().token_url(SECRET).build().unwrap_err(),
        builder().private_key_jwt(ALGORITHMS[0], SECRET, Some(SECRET)).build().unwrap_err(),
        RampartClient::builder("https://auth.example.com", "a:b", SECRET).basic_raw().build().unwrap_err(),
        client.token(&any().parameter("client_secret", SECRET)).await.unwrap_err(),
        client.bearer(http.get("http://users.example.com"), &[]).await.unwrap_err(),
        client.bearer(http.get(SECRET), &[]).await.unwrap_err(),
        RampartMiddleware::new(client.clone(), any(), [SECRET]).unwrap_err(),
        ClientError::TooManySets,
        ClientError::FollowsRedirects,
        ClientError::Metadata("the metadata".into()),
        ClientError::TokenType("mac".into()),
        ClientError::Transport("the connection failed".into()),
        answered(&Fault::body("{}")).await,
        answered(&Fault::json(400, r#"{"error":"invalid_scope"}"#)).await,
        answered(&Fault::retry_after(429, "1")).await,
    ];
    for error in errors {
        let text = error.to_string();
        assert!(text.len() > 10 && !text.ends_with('.') && !text.contains('\n'), "{text}");
        secrets.check("an error", &with_sources(&error));
    }
}

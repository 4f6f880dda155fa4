//! The program itself, asked as the front ends ask, with tokens in the shape of the Rampart server's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../config-file/tests/server/mod.rs"]
mod server;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use config_file::ConfigFile;
use rampart_core::Revocation;
use rampart_issuer::{LocalIssuer, TokenBuilder};
use reqwest::header::{DATE, HeaderMap, HeaderName, ORIGIN};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use server::{PATIENCE, Redis, revocations_of};

const ADA: &str = "0b8f7c5e-3c52-4a1f-9d7e-5f2a6c1b9e01";
const ORGANISATION: &str = "7d3c1a52-90b4-4f0e-8a66-2f1d0c9b7e10";

struct Backend {
    child: Child,
    url: String,
    /// What it prints later has somewhere to go.
    _printed: BufReader<ChildStdout>,
}

fn command(issuer: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rampart-sample-backend"));
    command.env("PORT", "0").env_remove("RAMPART_CONFIG").env("RAMPART_ISSUER", issuer).stderr(Stdio::null());
    command
}

impl Backend {
    fn start(issuer: &str) -> Self {
        Self::run(&mut command(issuer), issuer)
    }

    fn run(command: &mut Command, issuer: &str) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        printed.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("Sample back end: ").expect(&line);
        let url = url.strip_suffix(&format!(", for tokens of {issuer}")).expect(&line).to_owned();
        Self { child, url, _printed: printed }
    }

    fn request(&self, method: Method, path: &str, token: Option<&str>) -> RequestBuilder {
        let client = Client::builder().no_proxy().build().unwrap();
        let request = client.request(method, format!("{}{path}", self.url));
        token.into_iter().fold(request, RequestBuilder::bearer_auth)
    }

    /// The first answer of this status, which comes within a moment.
    async fn becomes(&self, expected: u16, path: &str, token: &str) -> String {
        let begun = Instant::now();
        loop {
            let (status, body) = self.get(path, Some(token)).await;
            if status == expected {
                return body;
            }
            assert!(begun.elapsed() < PATIENCE, "{status}: {body}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn get(&self, path: &str, token: Option<&str>) -> (u16, String) {
        let answer = self.request(Method::GET, path, token).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/json", "{path}");
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All of them, by name, but the time.
fn headers(answer: &Response) -> Vec<(&str, &str)> {
    let headers = answer.headers().iter().filter(|(name, _)| *name != DATE);
    let mut headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    headers.sort_unstable();
    headers
}

/// An issuer whose tokens are for the sample front ends.
async fn issuer() -> LocalIssuer {
    LocalIssuer::builder().audience("sample-react-app").start().await.unwrap()
}

#[tokio::test]
async fn every_route_answers_with_the_body_of_the_other_sample_back_ends() {
    let issuer = issuer().await;
    let backend = Backend::start(issuer.url());
    let token = issuer.token().roles(["editor", "manager"]);
    let payload: Value = serde_json::from_slice(&token.payload()).unwrap();
    let (exp, iat) = (&payload["exp"], &payload["iat"]);
    let expected = [
        ("/api/health", format!(r#"{{"status":"ok","issuer":"{}"}}"#, issuer.url())),
        (
            "/api/profile",
            format!(
                r#"{{"message":"Authenticated!","user":{{"id":"{ADA}","email":"ada@example.com","username":"ada","org_id":"{ORGANISATION}","email_verified":true,"given_name":"Ada","family_name":"Lovelace","roles":["editor","manager"]}}}}"#
            ),
        ),
        // Every claim of the token and no other, in the token's own order.
        (
            "/api/claims",
            format!(
                r#"{{"iss":"{}","sub":"{ADA}","aud":["sample-react-app"],"exp":{exp},"iat":{iat},"org_id":"{ORGANISATION}","preferred_username":"ada","email":"ada@example.com","email_verified":true,"given_name":"Ada","family_name":"Lovelace","roles":["editor","manager"]}}"#,
                issuer.url()
            ),
        ),
        (
            "/api/editor/dashboard",
            r#"{"message":"Welcome, Editor!","user":"ada","roles":["editor","manager"],"data":{"drafts":3,"published":12,"pending_review":2}}"#
                .to_owned(),
        ),
        (
            "/api/manager/reports",
            r#"{"message":"Manager Reports","user":"ada","roles":["editor","manager"],"reports":[{"name":"Q1 Revenue","status":"complete"},{"name":"User Growth","status":"in_progress"}]}"#
                .to_owned(),
        ),
    ];
    let token = token.sign().unwrap();
    for (path, body) in expected {
        let answer = backend.request(Method::GET, path, Some(&token)).send().await.unwrap();
        let expected = [
            ("access-control-expose-headers", "www-authenticate,retry-after"),
            ("content-length", &body.len().to_string()),
            ("content-type", "application/json"),
            ("vary", "origin"),
        ];
        assert_eq!((answer.status().as_u16(), headers(&answer)), (200, expected.into()), "{path}");
        assert_eq!(answer.bytes().await.unwrap(), body, "{path}");
    }
}

#[tokio::test]
async fn user_without_roles_or_names_has_a_profile_and_no_more() {
    let issuer = issuer().await;
    let backend = Backend::start(issuer.url());
    let token = ["given_name", "family_name", "org_id"].into_iter().fold(issuer.token(), TokenBuilder::without);
    let token = token.sign().unwrap();
    let profile = format!(
        r#"{{"message":"Authenticated!","user":{{"id":"{ADA}","email":"ada@example.com","username":"ada","org_id":null,"email_verified":true,"given_name":null,"family_name":null,"roles":[]}}}}"#
    );
    assert_eq!(backend.get("/api/profile", Some(&token)).await, (200, profile));
    for (path, role) in [("/api/editor/dashboard", "editor"), ("/api/manager/reports", "manager")] {
        let body = format!(
            r#"{{"error":"insufficient_role","error_description":"The access token lacks the role {role}","status":403}}"#
        );
        assert_eq!(backend.get(path, Some(&token)).await, (403, body));
    }
    let other = issuer.token().roles(["editor"]).sign().unwrap();
    assert_eq!(backend.get("/api/editor/dashboard", Some(&other)).await.0, 200);
    assert_eq!(backend.get("/api/manager/reports", Some(&other)).await.0, 403);
}

#[tokio::test]
async fn tokens_of_the_front_ends_and_of_direct_login_are_accepted_and_no_others() {
    let issuer = issuer().await;
    let backend = Backend::start(issuer.url());
    let good = issuer.token().sign().unwrap();
    assert_eq!(backend.get("/api/profile", Some(&good)).await.0, 200);
    let direct = issuer.token().direct_login().sign().unwrap();
    assert_eq!(backend.get("/api/profile", Some(&direct)).await.0, 200);
    for (what, token, error) in [
        ("another front end's", issuer.token().audience("another-app"), "invalid_token"),
        ("a challenge for a second factor", issuer.mfa_challenge(), "invalid_token"),
        ("an ID token", issuer.id_token(&good), "invalid_token"),
        ("expired", issuer.token().expires_in(-60), "token_expired"),
    ] {
        let (status, body) = backend.get("/api/claims", Some(&token.sign().unwrap())).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["error"], &body["status"]), (401, &json!(error), &json!(401)), "{what}");
    }
    for path in ["/api/profile", "/api/claims", "/api/editor/dashboard", "/api/manager/reports"] {
        let body = r#"{"error":"unauthorized","error_description":"This resource requires an access token: Authorization: Bearer <token>","status":401}"#;
        assert_eq!(backend.get(path, None).await, (401, body.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn pages_of_the_two_front_ends_may_ask_and_read_and_no_others() {
    let issuer = issuer().await;
    let backend = Backend::start(issuer.url());
    let allowed = |headers: &HeaderMap, name: &'static str| {
        headers.get(HeaderName::from_static(name)).map(|value| value.to_str().unwrap().to_lowercase())
    };
    for (origin, readable) in [
        ("http://localhost:3002", true),
        ("http://localhost:3000", true),
        ("http://localhost:3001", false),
        ("https://localhost:3002", false),
        ("https://evil.example", false),
        ("null", false),
    ] {
        let preflight = backend.request(Method::OPTIONS, "/api/profile", None).header(ORIGIN, origin);
        let preflight = preflight.header("access-control-request-method", "GET");
        let preflight = preflight.header("access-control-request-headers", "authorization").send().await.unwrap();
        assert_eq!(preflight.status(), 200);
        let refused = backend.request(Method::GET, "/api/profile", None).header(ORIGIN, origin).send().await.unwrap();
        assert_eq!(refused.status(), 401);
        for answer in [preflight.headers(), refused.headers()] {
            let granted = allowed(answer, "access-control-allow-origin");
            assert_eq!(granted.as_deref(), readable.then_some(origin), "{origin}");
        }
        let headers = allowed(preflight.headers(), "access-control-allow-headers").unwrap();
        assert!(headers.contains("authorization"), "{headers}");
        let exposed = allowed(refused.headers(), "access-control-expose-headers").unwrap();
        assert!(exposed.contains("www-authenticate"), "{exposed}");
    }
}

#[tokio::test]
async fn issuer_that_is_away_makes_a_503_and_nothing_has_to_be_restarted() {
    let issuer = issuer().await;
    issuer.stop();
    let backend = Backend::start(issuer.url());
    assert_eq!(backend.get("/api/health", None).await.0, 200);
    let (status, body) = backend.get("/api/profile", Some(&issuer.token().sign().unwrap())).await;
    assert_eq!(status, 503);
    assert!(body.starts_with(r#"{"error":"temporarily_unavailable","#), "{body}");
}

/// RV08, by a file with `[redis]`: what another replica has revoked is refused here, and others are not.
#[tokio::test]
async fn token_that_a_replica_of_the_file_has_revoked_is_refused() {
    let (redis, issuer) = (Redis::start(), issuer().await);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("backend-redis.toml");
    let auth = format!("[auth]\nissuer_url = '{}'\naudience = 'sample-react-app'\n", issuer.url());
    std::fs::write(&path, format!("{auth}{}", redis.section())).unwrap();
    let backend = Backend::run(command("").env_remove("RAMPART_ISSUER").env("RAMPART_CONFIG", &path), issuer.url());
    let [revoked, other] = ["s-1", "s-2"].map(|session| issuer.token().claim("sid", session).sign().unwrap());
    backend.becomes(200, "/api/profile", &revoked).await;

    let replica = revocations_of(&ConfigFile::read(&path).unwrap()).await;
    replica.revoke(Revocation::session(issuer.url(), "s-1")).await.unwrap();
    let body = backend.becomes(401, "/api/profile", &revoked).await;
    assert_eq!(body, r#"{"error":"invalid_token","error_description":"The access token is invalid","status":401}"#);
    assert_eq!(backend.get("/api/profile", Some(&other)).await.0, 200);
}

#[test]
fn settings_that_cannot_be_used_end_the_program_with_the_remedy() {
    let said = |set: &mut Command| {
        let Output { status, stderr, stdout } = set.stderr(Stdio::piped()).output().unwrap();
        assert_eq!((status.code(), stdout.as_slice()), (Some(1), b"".as_slice()));
        String::from_utf8(stderr).unwrap()
    };
    let issuer = "http://localhost:8080";
    for (text, set) in [
        ("RAMPART_ISSUER is set, but empty", &mut command("")),
        ("remove them (it is read from RAMPART_ISSUER)", &mut command("'http://localhost:8080'")),
        (
            "there are no arguments: the variables RAMPART_ISSUER, or RAMPART_CONFIG in its place, and PORT",
            command(issuer).arg("--help"),
        ),
        (
            "RAMPART_CONFIG: is set together with RAMPART_ISSUER, which",
            command(issuer).env("RAMPART_CONFIG", "rampart.toml"),
        ),
        ("use https, or allow_http(true)", &mut command("http://auth.example.com")),
        ("PORT is \"abc\", which is no port number", command(issuer).env("PORT", "abc")),
        ("PORT is \"65536\", which is no port number", command(issuer).env("PORT", "65536")),
        ("PORT is set, but empty", command(issuer).env("PORT", "")),
    ] {
        let said = said(set);
        assert!(said.contains(text), "{said}");
    }
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = said(command(issuer).env("PORT", &port));
    assert!(said.contains(&format!("port {port}: Address already in use")), "{said}");
}

//! The program itself, asked over a real socket: the page is there beside the local issuer, and never where `RAMPART_URL` is set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

const JSON: &str = "Content-Type: application/json\r\n";

struct Program {
    child: Child,
    address: String,
    /// What it prints later has somewhere to go.
    _printed: BufReader<ChildStdout>,
}

impl Program {
    /// On a free port; `issuer` is `RAMPART_URL`.
    fn start(issuer: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_task-api-axum"));
        command.env("PORT", "0").env("RUST_LOG", "off").env_remove("RAMPART_URL").env_remove("RAMPART_CLIENT_ID");
        command.envs(issuer.map(|url| ("RAMPART_URL", url)));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        printed.read_line(&mut first).unwrap();
        let address = first.trim().strip_prefix("Task API on axum: http://").expect(&first).to_owned();
        Self { child, address, _printed: printed }
    }

    fn ask(&self, line: &str, headers: &str, body: &str) -> Reply {
        self.ask_for(&self.address, line, headers, body)
    }

    /// Under another name than its address.
    fn ask_for(&self, host: &str, line: &str, headers: &str, body: &str) -> Reply {
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// The token that the page would get.
    fn token(&self, body: &str) -> String {
        let reply = self.ask("POST /local/token", JSON, body);
        assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")), "{}", reply.body);
        let (_, rest) = reply.body.split_once(r#""access_token":""#).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has noticed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

const FILES: [(&str, &str, &str); 4] = [
    ("/", "text/html; charset=utf-8", include_str!("../web/index.html")),
    ("/app.js", "text/javascript; charset=utf-8", include_str!("../web/app.js")),
    ("/app.css", "text/css; charset=utf-8", include_str!("../web/app.css")),
    ("/icon.svg", "image/svg+xml", include_str!("../web/icon.svg")),
];

#[test]
fn page_is_served_beside_the_local_issuer_with_its_types_and_a_strict_policy() {
    let program = Program::start(None);
    for (path, content_type, text) in FILES {
        let reply = program.ask(&format!("GET {path}"), "", "");
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("content-type"), Some(content_type), "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.body, text, "{path}");
        let policy = reply.header("content-security-policy").unwrap();
        for rule in ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.split("; ").any(|own| own == rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
    }
    assert_eq!(program.ask("GET /no/such/page", "", "").status, 404);
}

#[test]
fn page_and_its_tokens_are_not_there_where_another_issuer_is_given() {
    // Nobody listens at this issuer: the API starts all the same, and answers what needs no keys.
    let program = Program::start(Some("http://127.0.0.1:9"));
    assert_eq!(program.ask("GET /health", "", "").status, 200);
    for (path, ..) in FILES {
        assert_eq!(program.ask(&format!("GET {path}"), "", "").status, 404, "{path}");
    }
    for method in ["POST", "GET", "OPTIONS"] {
        let reply = program.ask(&format!("{method} /local/token"), JSON, r#"{"user":"admin"}"#);
        assert!(!reply.body.contains("access_token"), "{method}: {}", reply.body);
        assert_eq!(reply.status, if method == "OPTIONS" { 200 } else { 404 }, "{method}");
    }
}

#[test]
fn tokens_of_the_page_open_what_their_user_may_do_and_expire() {
    let program = Program::start(None);
    let ask = |line: &str, token: &str, body: &str| {
        let reply = program.ask(line, &format!("Authorization: Bearer {token}\r\n"), body);
        (reply.status, reply.header("www-authenticate").map(str::to_owned))
    };
    for (user, create, stats) in [("user", 403, 403), ("writer", 201, 403), ("admin", 403, 200)] {
        let token = program.token(&format!(r#"{{"user":"{user}"}}"#));
        assert_eq!(ask("GET /api/profile", &token, "").0, 200, "{user}");
        assert_eq!(ask("POST /api/tasks", &token, r#"{"title":"Mine"}"#).0, create, "{user}");
        assert_eq!(ask("GET /api/admin/stats", &token, "").0, stats, "{user}");
    }
    let (status, challenge) = ask("GET /api/profile", &program.token(r#"{"user":"admin","expires_in":-60}"#), "");
    assert_eq!(status, 401);
    let expired = r#"Bearer realm="default", error="invalid_token", error_description="The access token expired""#;
    assert_eq!(challenge.as_deref(), Some(expired));
}

#[test]
fn token_request_that_makes_no_sense_is_told_what_would() {
    let program = Program::start(None);
    for body in [
        "",
        "admin",
        "{}",
        r#"{"user":"root"}"#,
        r#"{"user":"user","expires_in":1e9}"#,
        r#"{"user":"user","expires_in":3601}"#,
    ] {
        let reply = program.ask("POST /local/token", JSON, body);
        assert_eq!(reply.status, 400, "{body}");
        assert!(reply.body.contains(r#""error":"invalid_request""#) && reply.body.contains("writer"), "{body}");
    }
}

#[test]
fn token_is_given_to_the_own_page_and_the_one_allowed_origin_only() {
    let program = Program::start(None);
    let port = program.address.rsplit(':').next().unwrap();
    let own = format!("http://{}", program.address);
    for (origin, allowed, readable) in [
        (own.as_str(), true, false),
        ("http://localhost:5173", true, true),
        (&format!("http://localhost:{port}"), false, false),
        (&format!("https://{}", program.address), false, false),
        (&format!("{own}0"), false, false),
        ("http://localhost:51730", false, false),
        ("http://127.0.0.1:5173", false, false),
        ("https://evil.example", false, false),
        ("null", false, false),
        ("", false, false),
        ("\u{e9}", false, false),
    ] {
        let reply = program.ask("POST /local/token", &format!("Origin: {origin}\r\n{JSON}"), r#"{"user":"admin"}"#);
        assert_eq!(reply.status, if allowed { 200 } else { 403 }, "{origin}");
        assert_eq!(reply.body.contains("access_token"), allowed, "{origin}: {}", reply.body);
        let remedy = r#""error":"origin_not_allowed","error_description":"The page must come from this server or from http://localhost:5173"#;
        assert_eq!(reply.body.contains(remedy), !allowed, "{origin}: {}", reply.body);
        let granted = reply.header("access-control-allow-origin") == Some(origin);
        assert_eq!(granted, readable, "{origin}");
    }
    let two = format!("Origin: {own}\r\nOrigin: https://evil.example\r\n{JSON}");
    assert_eq!(program.ask("POST /local/token", &two, r#"{"user":"admin"}"#).status, 403);
}

#[test]
fn name_that_resolves_to_this_machine_gets_neither_page_nor_token() {
    let program = Program::start(None);
    let port = program.address.rsplit(':').next().unwrap();
    let ask = |host: &str, line: &str| {
        let headers = format!("Origin: http://{host}\r\n{JSON}");
        program.ask_for(host, line, &headers, r#"{"user":"admin"}"#)
    };
    for host in ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"] {
        for host in [host.to_owned(), format!("{host}:{port}")] {
            assert_eq!(ask(&host, "GET /").status, 200, "{host}");
            let reply = ask(&host, "POST /local/token");
            assert!(reply.status == 200 && reply.body.contains("access_token"), "{host}: {}", reply.body);
        }
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.localhost",
        "evil.example:127.0.0.1",
        "localhost@evil.example",
        "127.0.0.1, evil.example",
        "0.0.0.0",
        "192.168.0.2",
        "",
        "\u{e9}",
    ] {
        for host in [host.to_owned(), format!("{host}:{port}")] {
            for (path, ..) in FILES {
                assert_eq!(ask(&host, &format!("GET {path}")).status, 403, "{host} {path}");
            }
            let reply = ask(&host, "POST /local/token");
            assert_eq!((reply.status, reply.header("cache-control")), (403, Some("no-store")), "{host}");
            assert_eq!(reply.header("content-type"), Some("application/json"), "{host}");
            let said =
                reply.body.contains(r#""error":"host_not_allowed""#) && reply.body.contains("ask for http://127.0.0.1");
            assert!(said && !reply.body.contains("access_token"), "{host}: {}", reply.body);
        }
    }
}

#[test]
fn request_that_needs_no_preflight_gets_no_token() {
    let program = Program::start(None);
    let ask = |headers: &str| program.ask("POST /local/token", headers, r#"{"user":"admin"}"#);
    for content_type in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: text/plain; application/json\r\n",
        "Content-Type: text/plain\r\nContent-Type: application/json\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: multipart/form-data; boundary=application/json\r\n",
        "Content-Type: application/jsonp\r\n",
    ] {
        for origin in ["", "Origin: http://localhost:5173\r\n"] {
            let reply = ask(&format!("{origin}{content_type}"));
            assert_eq!(reply.status, 415, "{content_type}");
            assert!(reply.body.contains("Content-Type: application/json") && !reply.body.contains("access_token"));
        }
    }
    for content_type in ["application/json", "Application/JSON ; charset=utf-8"] {
        assert_eq!(ask(&format!("Content-Type: {content_type}\r\n")).status, 200, "{content_type}");
    }
}

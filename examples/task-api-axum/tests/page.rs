//! The program itself, asked over a real socket: the page is there beside the local issuer, and never where `RAMPART_URL` is set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

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
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}",
            self.address
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
        let reply = self.ask("POST /local/token", "", body);
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
        let reply = program.ask(&format!("{method} /local/token"), "", r#"{"user":"admin"}"#);
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
        let reply = program.ask("POST /local/token", "", body);
        assert_eq!(reply.status, 400, "{body}");
        assert!(reply.body.contains(r#""error":"invalid_request""#) && reply.body.contains("writer"), "{body}");
    }
}

#[test]
fn token_is_readable_from_the_one_allowed_origin_only() {
    let program = Program::start(None);
    for (origin, allowed) in [("http://localhost:5173", true), ("https://evil.example", false), ("null", false)] {
        let headers = format!("Origin: {origin}\r\nContent-Type: text/plain\r\n");
        let reply = program.ask("POST /local/token", &headers, r#"{"user":"user"}"#);
        assert_eq!(reply.header("access-control-allow-origin") == Some(origin), allowed, "{origin}");
    }
}

//! Where an issuer's metadata is looked for, and which of its ways to an address stays the only one.
#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rampart_http::{Discovery, EndpointUrl, IssuerUrl, Location, Member, MetadataError, Settled, Timeouts, Way};
use reqwest::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const OIDC: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

#[derive(Clone, Default)]
struct Pages(Arc<Mutex<HashMap<String, (u16, String)>>>, Arc<Mutex<Vec<String>>>);

/// A server whose every path is 404 unless told otherwise.
struct Server {
    url: String,
    pages: Pages,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let pages = Pages::default();
        let served = pages.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                served.serve(stream).await;
            }
        });
        Self { url, pages }
    }

    fn answers(&self, path: &str, status: u16, body: &str) {
        self.pages.0.lock().insert(path.to_owned(), (status, body.to_owned()));
    }

    /// What was asked for since the last call.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.pages.1.lock())
    }

    fn issuer(&self, path: &str) -> IssuerUrl {
        IssuerUrl::parse(&format!("{}{path}", self.url), false).unwrap()
    }

    fn client(&self) -> Client {
        let first = EndpointUrl::parse("url", &self.url, false).unwrap();
        rampart_http::client(None, &first, Timeouts::Ours).unwrap()
    }
}

impl Pages {
    async fn serve(&self, mut stream: TcpStream) {
        let (mut head, mut chunk) = (Vec::new(), [0; 1024]);
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = stream.read(&mut chunk).await.unwrap();
            if read == 0 {
                return;
            }
            head.extend_from_slice(&chunk[..read]);
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let (status, body) = self.0.lock().get(&path).cloned().unwrap_or((404, String::new()));
        self.1.lock().push(path);
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} Answer\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

fn metadata(issuer: &IssuerUrl, address: &str) -> String {
    format!(r#"{{"issuer":"{}","jwks_uri":"{address}","token_endpoint":"{address}"}}"#, issuer.as_str())
}

#[tokio::test]
async fn metadata_is_openid_connects_and_that_of_rfc_8414_where_it_is_not_there() {
    let server = Server::start().await;
    let client = server.client();
    for (path, oidc, oauth) in [
        ("", OIDC.to_owned(), OAUTH.to_owned()),
        ("/", OIDC.to_owned(), OAUTH.to_owned()),
        ("/realms/a", format!("/realms/a{OIDC}"), format!("{OAUTH}/realms/a")),
        ("/realms/a/", format!("/realms/a{OIDC}"), format!("{OAUTH}/realms/a")),
    ] {
        let issuer = server.issuer(path);
        let (by_oidc, by_oauth) = (format!("{}/by-oidc", server.url), format!("{}/by-oauth", server.url));
        server.answers(&oidc, 200, &metadata(&issuer, &by_oidc));
        server.answers(&oauth, 200, &metadata(&issuer, &by_oauth));
        let discovery = Discovery::of(&issuer, Member::JwksUri);
        assert_eq!(discovery.resolve(&client).await.unwrap().as_str(), by_oidc);
        assert_eq!(server.asked(), [&*oidc]);
        for status in [404, 410] {
            server.answers(&oidc, status, "");
            discovery.forget();
            assert_eq!(discovery.resolve(&client).await.unwrap().as_str(), by_oauth);
            assert_eq!(server.asked(), [&*oidc, &*oauth]);
        }
    }
}

#[tokio::test]
async fn address_in_doubt_is_asked_for_once_and_stays_unless_another_is_found() {
    let server = Server::start().await;
    let (client, issuer) = (server.client(), server.issuer(""));
    let [old, new] = ["old", "new"].map(|path| format!("{}/{path}", server.url));
    server.answers(OIDC, 200, &metadata(&issuer, &old));
    let discovery = Discovery::of(&issuer, Member::TokenEndpoint);
    discovery.doubt();
    assert_eq!(discovery.resolve(&client).await.unwrap().as_str(), old);
    assert_eq!(server.asked(), [OIDC], "nothing was known yet");
    for (status, body) in [(404, ""), (503, ""), (200, "{}")] {
        server.answers(OIDC, status, body);
        discovery.doubt();
        assert_eq!(discovery.resolve(&client).await.unwrap().as_str(), old, "{status}");
        assert!(!server.asked().is_empty());
        assert_eq!(discovery.resolve(&client).await.unwrap().as_str(), old, "{status}");
        assert_eq!(server.asked(), Vec::<String>::new(), "once: {status}");
    }
    server.answers(OIDC, 200, &metadata(&issuer, &new));
    discovery.doubt();
    for _ in 0..2 {
        assert_eq!(discovery.resolve(&client).await.unwrap().as_str(), new);
    }
    assert_eq!(server.asked(), [OIDC]);
}

/// S32.
#[tokio::test]
async fn every_other_answer_than_404_and_410_ends_the_search() {
    let server = Server::start().await;
    let (client, issuer) = (server.client(), server.issuer(""));
    server.answers(OAUTH, 200, &metadata(&issuer, &format!("{}/keys", server.url)));
    let foreign = r#"{"issuer":"https://evil.example","jwks_uri":"https://evil.example/keys"}"#;
    let answers = [
        (200, foreign),
        (200, "{}"),
        (200, ""),
        (200, "<html>"),
        (204, ""),
        (301, ""),
        (302, ""),
        (400, ""),
        (401, ""),
        (403, ""),
        (405, ""),
        (406, ""),
        (408, ""),
        (429, ""),
        (500, ""),
        (502, ""),
        (503, ""),
    ];
    for (status, body) in answers {
        server.answers(OIDC, status, body);
        let discovery = Discovery::of(&issuer, Member::JwksUri);
        let error = discovery.resolve(&client).await.unwrap_err();
        assert!(!matches!(error, MetadataError::Absent { .. }), "{status} {body}: {error}");
        assert_eq!(error.to_string().contains("https://evil.example"), body == foreign, "{error}");
        assert_eq!(server.asked(), [OIDC]);
        assert_eq!(discovery.asked_at().as_str(), format!("{}{OIDC}", server.url));
    }
    // So does the second address.
    server.answers(OIDC, 404, "");
    server.answers(OAUTH, 500, "");
    let discovery = Discovery::of(&issuer, Member::JwksUri);
    let error = discovery.resolve(&client).await.unwrap_err();
    assert_eq!(error, MetadataError::Status { status: 500, retry_after: None });
    assert_eq!(discovery.asked_at().as_str(), format!("{}{OAUTH}", server.url));
}

#[tokio::test]
async fn issuer_without_metadata_is_said_to_have_none_with_where_it_was_looked_for() {
    let server = Server::start().await;
    let (client, issuer) = (server.client(), server.issuer("/a"));
    server.answers(&format!("/a{OIDC}"), 410, "");
    let url = &server.url;
    for (member, instead) in [
        (Member::JwksUri, "metadata_url(..) or jwks_url(..)"),
        (Member::TokenEndpoint, "token_url(..)"),
        (Member::IntrospectionEndpoint, "introspection_url(..), or endpoint in a file"),
        (Member::RevocationEndpoint, "revocation_url(..)"),
    ] {
        let error = Discovery::of(&issuer, member).resolve(&client).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the issuer has no metadata: status 410 at {url}/a{OIDC}, status 404 at {url}{OAUTH}/a; give {instead}"
            )
        );
    }
}

/// F65.
#[tokio::test]
async fn address_that_is_named_is_the_only_one_and_its_metadata_is_the_issuers_all_the_same() {
    let server = Server::start().await;
    let client = server.client();
    let at = EndpointUrl::parse("metadata_url", &format!("{}/internal?key=hunter2", server.url), false).unwrap();
    for name in ["https://auth.example.com", "accounts.example"] {
        let discovery = || Discovery::at(at.clone(), name, Member::JwksUri, false);
        let document = |issuer: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"{}/keys"}}"#, server.url);
        server.answers("/internal?key=hunter2", 200, &document(name));
        assert_eq!(discovery().resolve(&client).await.unwrap().as_str(), format!("{}/keys", server.url));
        server.answers("/internal?key=hunter2", 200, &document(&format!("{name}/")));
        let error = discovery().resolve(&client).await.unwrap_err();
        assert_eq!(error, MetadataError::AnotherIssuer(format!("{name}/")));
        server.answers("/internal?key=hunter2", 404, "");
        let error = discovery().resolve(&client).await.unwrap_err().to_string();
        assert!(
            error.contains(&format!("status 404 at {}/internal;", server.url)) && !error.contains("hunter2"),
            "{error}"
        );
    }
    assert_eq!(server.asked().len(), 6);
}

#[tokio::test]
async fn other_origin_is_told_apart_and_refused_where_it_must_be_the_issuers() {
    let server = Server::start().await;
    let (client, issuer) = (server.client(), server.issuer("/a"));
    let port = issuer.as_str().rsplit([':', '/']).nth(1).unwrap().to_owned();
    for (address, is_elsewhere) in [
        (format!("{}/b/token?key=hunter2", server.url), false),
        (format!("http://localhost:{port}/a/token?key=hunter2"), true),
        (format!("https://127.0.0.1:{port}/a/token?key=hunter2"), true),
        ("http://127.0.0.1:9/a/token?key=hunter2".to_owned(), true),
        ("https://auth.example.com/token?key=hunter2".to_owned(), true),
    ] {
        server.answers(&format!("/a{OIDC}"), 200, &metadata(&issuer, &address));
        let anywhere = Discovery::of(&issuer, Member::TokenEndpoint);
        let url = anywhere.resolve(&client).await.unwrap();
        assert_eq!((url.as_str(), anywhere.is_elsewhere(&url)), (&*address, is_elsewhere));
        let found = Discovery::of(&issuer, Member::TokenEndpoint).staying_at_home().resolve(&client).await;
        if is_elsewhere {
            let (member, url) = (Member::TokenEndpoint, url.without_query());
            let told = format!(
                "the issuer's metadata gives the token endpoint {url}, on another origin than the issuer's, and the secret goes there; if that is right, give it with token_url(..), or use discovery()"
            );
            assert_eq!(found, Err(MetadataError::AnotherOrigin { member, url }));
            assert_eq!(found.unwrap_err().to_string(), told);
        } else {
            assert_eq!(found, Ok(url));
        }
    }
}

#[tokio::test]
async fn place_that_has_worked_first_is_the_only_one_until_it_is_looked_for_anew() {
    let server = Server::start().await;
    let (client, issuer) = (server.client(), server.issuer(""));
    let default = issuer.below("/oauth/token");
    let location = || Location::open(default.clone(), Discovery::of(&issuer, Member::TokenEndpoint).staying_at_home());
    let token = EndpointUrl::parse("url", &format!("{}/token", server.url), false).unwrap();
    let found = metadata(&issuer, token.as_str());

    // Without metadata it is the default address, and once that has worked it stays.
    let open = location();
    assert_eq!(open.resolve(&client).await.unwrap(), (default.clone(), Settled::Default));
    server.answers(OIDC, 200, &found);
    assert_eq!(open.resolve(&client).await.unwrap(), (token.clone(), Settled::InMetadata), "nothing has worked yet");
    server.answers(OIDC, 404, "");
    open.forget();
    open.settle(open.resolve(&client).await.unwrap().1, false);
    server.answers(OIDC, 200, &found);
    server.asked();
    open.forget();
    open.settle(Settled::InMetadata, false);
    assert_eq!(open.resolve(&client).await.unwrap(), (default.clone(), Settled::Default));
    assert_eq!(server.asked(), Vec::<String>::new());
    assert!(matches!(open.way(true), Way::Open { .. }) && matches!(open.way(false), Way::Default(_)));
    open.settle(Settled::InMetadata, true);
    assert!(matches!(open.way(false), Way::InMetadata(_)));

    // Where the metadata has worked, its absence later leads nowhere.
    let open = location();
    open.settle(open.resolve(&client).await.unwrap().1, false);
    server.answers(OIDC, 404, "");
    open.forget();
    let error = open.resolve(&client).await.unwrap_err();
    assert!(matches!(error, MetadataError::Absent { .. }), "{error}");
    // And another failure never does.
    for (status, body) in [(500, ""), (200, "{}")] {
        server.answers(OIDC, status, body);
        location().resolve(&client).await.unwrap_err();
    }
}

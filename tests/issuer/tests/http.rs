//! What the issuer serves over HTTP, and what it remembers of the requests.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::collections::HashSet;
use std::io::ErrorKind;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rampart_issuer::{Algorithm, Endpoint, Fault, LocalIssuer, SigningKey};
use reqwest::Method;
use serde_json::{Value, json};
use support::{client, discovery_url, get, issuer, within};
use tokio::net::TcpStream;

async fn published(issuer: &LocalIssuer) -> Value {
    get(&issuer.jwks_url()).await.json().await.unwrap()
}

async fn assert_refused(port: u16) {
    let error = within(TcpStream::connect(("127.0.0.1", port))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn the_key_set_holds_the_public_half_of_the_one_key_or_a_text_instead() {
    let issuer = LocalIssuer::start().await.unwrap();
    let answer = get(&issuer.jwks_url()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert!(!answer.headers().contains_key("cache-control"));
    let keys = answer.text().await.unwrap();
    assert_eq!(keys, issuer.jwks_json());
    let set: Value = serde_json::from_str(&keys).unwrap();
    assert_eq!(set, json!({"keys": [issuer.public_jwk("rs256-1").unwrap()]}));
    let members: Vec<_> = set["keys"][0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["kty", "n", "e", "use", "alg", "kid"]);

    issuer.set_jwks_body(Some("{\"keys\":[]}".into()));
    assert_eq!((issuer.jwks_json(), published(&issuer).await), ("{\"keys\":[]}".into(), json!({"keys": []})));
    issuer.set_jwks_body(None);
    assert_eq!((issuer.jwks_json(), published(&issuer).await), (keys, set));
}

#[tokio::test]
async fn the_metadata_names_the_issuer_and_its_endpoints() {
    let issuer = issuer().await;
    let url = discovery_url(&issuer);
    let answer = get(&url).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let metadata: Value = answer.json().await.unwrap();
    assert_eq!(issuer.url(), format!("http://127.0.0.1:{}", issuer.port()));
    assert_eq!(metadata["issuer"], issuer.url());
    assert_eq!(metadata["jwks_uri"], issuer.jwks_url());
    assert_eq!(metadata["token_endpoint"], issuer.token_url());
    let ways = json!(["client_secret_basic", "client_secret_post", "private_key_jwt"]);
    assert_eq!(metadata["token_endpoint_auth_methods_supported"], ways);
    assert!(metadata["token_endpoint_auth_signing_alg_values_supported"].is_array(), "RFC 8414 section 2");
    // RFC 8414 section 2, and RFC 9701 section 7.
    for (name, url) in [("introspection", issuer.introspection_url()), ("revocation", issuer.revocation_url())] {
        assert_eq!(metadata[format!("{name}_endpoint")], url);
        assert_eq!(metadata[format!("{name}_endpoint_auth_methods_supported")], ways);
        assert!(metadata[format!("{name}_endpoint_auth_signing_alg_values_supported")].is_array());
    }
    assert_eq!(metadata["introspection_signing_alg_values_supported"], json!(["ES256"]));

    issuer.set_discovery_body(Some("no metadata".into()));
    assert_eq!(get(&url).await.text().await.unwrap(), "no metadata");
    issuer.set_discovery_body(None);
    assert_eq!(get(&url).await.json::<Value>().await.unwrap(), metadata);
}

#[tokio::test]
async fn both_standards_find_the_metadata_and_each_can_be_made_to_miss_it() {
    let issuer = issuer().await;
    let places = [
        (Endpoint::Discovery, discovery_url(&issuer)),
        (Endpoint::OAuthMetadata, format!("{}/.well-known/oauth-authorization-server", issuer.url())),
    ];
    let told = get(&places[0].1).await.json::<Value>().await.unwrap();
    for (endpoint, url) in &places {
        assert_eq!(get(url).await.json::<Value>().await.unwrap(), told);
        issuer.inject(*endpoint, Fault::status(404));
        for (other, url) in &places {
            assert_eq!(get(url).await.status(), if other == endpoint { 404 } else { 200 }, "{endpoint:?}, {url}");
        }
        issuer.clear_faults();
    }
    assert_eq!(places.map(|(endpoint, _)| issuer.requests(endpoint)), [4, 3]);
}

#[tokio::test]
async fn other_paths_are_404_and_other_methods_405() {
    let issuer = issuer().await;
    for path in ["/", "/.well-known/jwks.json/", "/.well-known/JWKS.json", "/oauth/tokens"] {
        let answer = get(&format!("{}{path}", issuer.url())).await;
        assert_eq!(answer.status(), 404, "{path}");
        let description = "The requested resource was not found.";
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        let expected = json!({"error": "not_found", "error_description": description, "status": 404, "request_id": id});
        assert_eq!(answer.json::<Value>().await.unwrap(), expected);
    }
    let metadata = discovery_url(&issuer);
    let (keys, token) = (issuer.jwks_url(), issuer.token_url());
    for (method, url, allowed) in
        [(Method::POST, keys, "GET"), (Method::DELETE, metadata, "GET"), (Method::GET, token, "POST")]
    {
        let answer = client().request(method, &url).send().await.unwrap();
        assert_eq!(answer.status(), 405, "{url}");
        assert_eq!(answer.headers()["allow"], allowed);
        assert_eq!(answer.text().await.unwrap(), "", "as the real server's");
    }
}

#[tokio::test]
async fn every_answer_has_an_id_which_its_refusal_repeats() {
    let issuer = issuer().await;
    let urls = [issuer.jwks_url(), discovery_url(&issuer), issuer.token_url(), issuer.url().to_owned()];
    let mut ids = HashSet::new();
    for url in &urls {
        let id = get(url).await.headers()["x-request-id"].to_str().unwrap().to_owned();
        let parts: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!((parts, id.as_bytes()[14]), (vec![8, 4, 4, 4, 12], b'4'), "{id}: a random UUID");
        assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{id}");
        assert!(ids.insert(id), "no two are alike");
    }
    for url in &urls {
        let answer = client().post(url).header("x-request-id", "mine").send().await.unwrap();
        assert_eq!(answer.headers()["x-request-id"], "mine");
        let body = answer.text().await.unwrap();
        let refusal = serde_json::from_str::<Value>(&body).ok();
        assert!(refusal.is_none_or(|refusal| refusal["request_id"] == "mine"), "{body}");
    }
    let empty = client().post(&urls[3]).header("x-request-id", "").send().await.unwrap();
    assert_eq!(empty.headers()["x-request-id"].len(), 36);
}

#[tokio::test]
async fn an_etag_gives_304_until_the_keys_change() {
    let issuer = issuer().await;
    let url = issuer.jwks_url();
    let ask = async |etag: &str| client().get(&url).header("if-none-match", etag).send().await.unwrap();
    let etag = get(&url).await.headers()["etag"].to_str().unwrap().to_owned();
    issuer.cache_control(Some("max-age=120"));
    let same = ask(&etag).await;
    assert_eq!(same.status(), 304);
    assert_eq!([&same.headers()["etag"], &same.headers()["cache-control"]], [&*etag, "max-age=120"]);
    assert_eq!(same.text().await.unwrap(), "");

    issuer.rotate().unwrap();
    let changed = ask(&etag).await;
    assert_eq!(changed.status(), 200);
    assert_eq!(changed.headers()["cache-control"], "max-age=120");
    let etag = changed.headers()["etag"].to_str().unwrap();
    assert_eq!(ask(etag).await.status(), 304);

    issuer.use_etags(false);
    issuer.cache_control(None);
    let plain = ask(etag).await;
    assert_eq!(plain.status(), 200);
    assert!(!plain.headers().contains_key("etag") && !plain.headers().contains_key("cache-control"));
}

#[tokio::test]
async fn keys_come_and_go() {
    let issuer = issuer().await;
    // The published keys, and the one that signs.
    let state = || {
        let header = jsonwebtoken::decode_header(issuer.token().sign().unwrap()).unwrap();
        assert_eq!(header.kid.as_deref(), Some(issuer.key().kid()));
        format!("{} {}", issuer.kids().join(","), issuer.key().kid())
    };
    assert_eq!(state(), "es256-1 es256-1");
    let added = issuer.add_key(Algorithm::EdDSA).unwrap();
    assert_eq!(state(), "es256-1,eddsa-2 es256-1");
    issuer.use_key(&added);
    assert_eq!(state(), "es256-1,eddsa-2 eddsa-2");
    let hidden = issuer.add_unpublished_key(Algorithm::ES384).unwrap();
    assert_eq!((hidden.kid(), issuer.kids().len(), issuer.public_jwk("es384-3")), ("es384-3", 2, None));
    issuer.publish(hidden.clone());
    assert_eq!(issuer.public_jwk("es384-3"), Some(hidden.public_jwk()));
    issuer.remove_key("eddsa-2");
    assert_eq!(state(), "es256-1,es384-3 eddsa-2", "an unpublished key signs on");
    issuer.rotate_keeping_old().unwrap();
    assert_eq!(state(), "es256-1,es384-3,eddsa-4 eddsa-4");
    let alone = issuer.rotate().unwrap();
    assert_eq!((&*state(), alone.algorithm()), ("eddsa-5 eddsa-5", Algorithm::EdDSA));
    assert_eq!(published(&issuer).await, json!({"keys": [alone.public_jwk()]}));
}

#[tokio::test]
async fn requests_are_counted_and_kept() {
    let issuer = issuer().await;
    let waiting = tokio::spawn({
        let issuer = issuer.clone();
        async move {
            issuer.received(Endpoint::Token, 1).await;
            issuer.recorded(Endpoint::Token)
        }
    });
    let asking = client().post(format!("{}?q=1", issuer.token_url())).header("X-Two", "a").header("x-two", "b");
    asking.body("a=%C3%A9").send().await.unwrap();
    for url in [&*issuer.jwks_url(), &*issuer.jwks_url(), issuer.url()] {
        get(url).await;
    }
    let counts = || [Endpoint::Jwks, Endpoint::Discovery, Endpoint::Token].map(|endpoint| issuer.requests(endpoint));
    assert_eq!(counts(), [2, 0, 1]);
    let [request] = &within(waiting).await.unwrap()[..] else { panic!("one request") };
    assert_eq!((&*request.method, &*request.path, &*request.body), ("POST", "/oauth/token?q=1", "a=%C3%A9"));
    assert_eq!((request.header("X-TWO"), request.header("x-three")), (Some("a"), None));
    assert_eq!(request.headers.iter().filter(|(name, _)| name == "x-two").count(), 2);

    let long = client().post(issuer.token_url()).body(vec![b'a'; 64 * 1024 + 1]).send().await.unwrap();
    assert_eq!(long.status(), 413);
    assert_eq!((issuer.requests(Endpoint::Token), &*issuer.recorded(Endpoint::Token)[1].body), (2, ""));
    issuer.reset_counts();
    assert_eq!((counts(), issuer.recorded(Endpoint::Jwks)), ([0, 0, 0], vec![]));
}

#[tokio::test]
async fn it_stops_and_comes_back_on_the_same_port_with_the_same_keys() {
    let issuer = issuer().await;
    let (before, port) = (published(&issuer).await, issuer.port());
    let taken = LocalIssuer::builder().port(port).start().await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    let open = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    published(&issuer).await;
    issuer.stop();
    within(open.readable()).await.unwrap();
    assert_eq!(open.try_read(&mut [0]).unwrap(), 0, "open connections end");
    assert_refused(port).await;
    issuer.stop();
    assert!(issuer.token().sign().is_ok(), "it signs on");

    issuer.restart().unwrap();
    assert_eq!((published(&issuer).await, issuer.port()), (before.clone(), port));
    issuer.restart().unwrap();
    assert_eq!((published(&issuer).await, issuer.requests(Endpoint::Jwks)), (before.clone(), 4));

    let twin = issuer.clone();
    drop(issuer);
    assert_eq!(published(&twin).await, before);
    drop(twin);
    assert_refused(port).await;
}

#[tokio::test]
async fn first_key_may_be_given_and_is_then_the_only_one() {
    let key = SigningKey::generate(Algorithm::ES256, "mine").unwrap();
    let issuer = LocalIssuer::builder().key(&key).start().await.unwrap();
    assert_eq!(published(&issuer).await, json!({"keys": [key.public_jwk()]}));
    assert_eq!(issuer.key().public_jwk(), key.public_jwk());
    assert_eq!(issuer.rotate().unwrap().kid(), "es256-2");
}

#[tokio::test]
async fn issuer_of_another_name_says_it_in_tokens_and_metadata_and_stays_where_it_is() {
    const NAME: &str = "https://login.example/tenant";
    let issuer = issuer().await;
    let before = issuer.token().sign().unwrap();
    issuer.issues_as(NAME);
    let claims = |token: &str| -> Value {
        let payload = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
    };
    assert_eq!(claims(&before)["iss"], issuer.url());
    let tokens = [issuer.token(), issuer.mfa_challenge(), issuer.id_token(&issuer.token().sign().unwrap())];
    for token in tokens {
        assert_eq!(claims(&token.sign().unwrap())["iss"], NAME);
    }
    for address in [discovery_url(&issuer), format!("{}/.well-known/oauth-authorization-server", issuer.url())] {
        let metadata: Value = get(&address).await.json().await.unwrap();
        assert_eq!((&metadata["issuer"], &metadata["jwks_uri"]), (&json!(NAME), &json!(issuer.jwks_url())));
    }
}

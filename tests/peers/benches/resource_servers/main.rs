//! Rampart beside other libraries that make an API a resource server: an access token, one with a DPoP proof, an axum route.
//! `cargo bench --bench resource_servers`, or one part: `-- verification`, `-- dpop`, `-- http`; a number is that of the rounds of `http`.
#![allow(missing_docs, reason = "a program that measures: what goes wrong ends it")]

#[path = "../../../../rampart-core/benches/common/mod.rs"]
mod common;
mod dpop;
mod http;
#[path = "../../../figures/benches/table/load.rs"]
#[allow(dead_code, reason = "other benchmarks need the rest")]
mod load;
mod peers;
mod servers;
#[path = "../verifying/mod.rs"]
mod verifying;

use std::hint::black_box;

use ::http::{HeaderMap, Method, Uri};
use common::rounds::Contender;
use common::subject::{Ground, Subject};
use rampart_issuer::{Algorithm, SigningKey, TokenBuilder};
use verifying::at_once;

fn main() {
    servers::serve_if_asked();
    if common::wants("verification") {
        verifying::run("Verification beside other resource servers", rfc9068, &[huskarl, oauth_resource_server]);
    }
    if common::wants("dpop") {
        dpop::run();
    }
    if common::wants("http") {
        http::run();
    }
}

/// What the strictest settings of all of them ask of an access token (RFC 9068 section 2), and an `nbf`.
fn rfc9068(token: TokenBuilder) -> TokenBuilder {
    token
        .header("typ", "at+jwt")
        .client_id("web-app")
        .jti("0c1f5bd5-9d3b-4c26-9c2f-6a3f7c5d8e10")
        .claim("nbf", 1_700_000_000)
}

/// Asked as an adapter would: with the headers of a request.
fn huskarl<'a>(ground: &'a Ground, subject: &'a Subject, _: &SigningKey) -> Option<Contender<'a>> {
    if subject.algorithm == Algorithm::ES512 {
        return None;
    }
    let validator = ground.runtime.block_on(peers::huskarl(ground.issuer.url(), ground.issuer.audience(), None));
    let headers =
        HeaderMap::from_iter([(::http::header::AUTHORIZATION, format!("Bearer {}", subject.token).parse().unwrap())]);
    let uri = Uri::from_static("https://api.example.com/task");
    Some(Contender::new("huskarl-resource-server", move || {
        let result = at_once(validator.validate_request(black_box(&headers), &Method::GET, &uri, None));
        black_box(result.outcome.unwrap().unwrap());
    }))
}

/// The validator that its layer asks.
fn oauth_resource_server<'a>(ground: &'a Ground, subject: &'a Subject, _: &SigningKey) -> Option<Contender<'a>> {
    if subject.algorithm == Algorithm::ES512 {
        return None;
    }
    let (url, audience) = (ground.issuer.url(), ground.issuer.audience());
    let validator = ground.runtime.block_on(peers::oauth_resource_server(url, audience));
    Some(Contender::new("oauth-resource-server", move || {
        black_box(at_once(validator.validate(black_box(&subject.token))).unwrap());
    }))
}

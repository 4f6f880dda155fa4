//! The middleware: which requests get a token, and what becomes of a 401. The services called are issuers too: they record
//! what arrives, and fail on demand.
#![cfg(test)]

mod common;

use std::net::SocketAddr;

use async_trait::async_trait;
use common::{any, builder, carrying, issuer};
use http::Extensions;
use http_body_util::Full;
use rampart_client::{ClientError, RampartClient, RampartMiddleware, redirects_within_origin};
use rampart_issuer::{Endpoint, Fault, LocalIssuer, RecordedRequest};
use reqwest::header::AUTHORIZATION;
use reqwest::{Body, Client, Request, Response, StatusCode};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next};

const PATH: &str = "/.well-known/jwks.json";

struct Setting {
    issuer: LocalIssuer,
    service: LocalIssuer,
    client: RampartClient,
}

impl Setting {
    async fn new() -> Self {
        let (issuer, service) = (issuer().await, issuer().await);
        let client = builder(&issuer).build().unwrap();
        Self { issuer, service, client }
    }

    fn url(&self) -> String {
        self.service.jwks_url()
    }

    fn tokens(&self, origins: &[&str]) -> RampartMiddleware {
        RampartMiddleware::new(self.client.clone(), any(), origins).unwrap()
    }

    /// An HTTP client that attaches tokens for the service.
    fn http(&self) -> ClientWithMiddleware {
        self.http_for(&[self.service.url()])
    }

    fn http_for(&self, origins: &[&str]) -> ClientWithMiddleware {
        self.tokens(origins).attach_to(carrying()).unwrap()
    }

    fn requests(&self) -> usize {
        self.issuer.requests(Endpoint::Token)
    }

    async fn bearer(&self) -> String {
        format!("Bearer {}", self.client.token(&any()).await.unwrap().access_token.expose())
    }
}

fn arrived(service: &LocalIssuer) -> Vec<RecordedRequest> {
    service.recorded(Endpoint::Jwks)
}

fn authorizations(service: &LocalIssuer) -> Vec<Option<String>> {
    arrived(service).iter().map(|request| request.header("authorization").map(str::to_owned)).collect()
}

#[tokio::test]
async fn token_is_attached_to_requests_for_the_origins_given() {
    let setting = Setting::new().await;
    let http = setting.http();
    for _ in 0..3 {
        assert_eq!(http.get(setting.url()).send().await.unwrap().status(), 200);
    }
    assert_eq!(http.post(setting.url()).body("a body").send().await.unwrap().status(), 405);
    let bearer = setting.bearer().await;
    assert_eq!(authorizations(&setting.service), vec![Some(bearer); 4]);
    assert_eq!(arrived(&setting.service)[3].body, "a body");
    assert_eq!(setting.requests(), 1);
}

#[tokio::test]
async fn no_other_origin_gets_it() {
    let setting = Setting::new().await;
    let other = issuer().await;
    let origin = setting.service.url();
    // Another port, another name of the same machine, and what only looks alike.
    let localhost = other.url().replace("127.0.0.1", "localhost");
    let user = format!("{}@127.0.0.1:{}", origin, other.port());
    for url in [other.url(), &*localhost, &*user] {
        let url = format!("{url}{PATH}");
        assert_eq!(setting.http().get(&url).send().await.unwrap().status(), 200, "{url}");
    }
    assert_eq!(arrived(&other).len(), 3);
    for request in arrived(&other) {
        let value = request.header("authorization").unwrap_or_default();
        assert!(!value.starts_with("Bearer"), "{value}");
    }
    assert_eq!(setting.requests(), 0, "a token was asked for in vain");
}

#[tokio::test]
async fn http_to_another_machine_never_gets_it() {
    let setting = Setting::new().await;
    let service = SocketAddr::from(([127, 0, 0, 1], setting.service.port()));
    let http = Client::builder().no_proxy().redirect(redirects_within_origin()).resolve("users.test", service);
    let tokens = setting.tokens(&["https://users.test", &format!("https://users.test:{}", setting.service.port())]);
    let http = tokens.attach_to(http.build().unwrap()).unwrap();
    let url = format!("http://users.test:{}{PATH}", setting.service.port());
    assert_eq!(http.get(url).send().await.unwrap().status(), 200);
    assert_eq!(authorizations(&setting.service), [None]);
    assert_eq!(setting.requests(), 0);
}

#[tokio::test]
async fn origins_must_be_such_that_a_token_may_go_there() {
    let setting = Setting::new().await;
    let refused = |origins: &[&str]| {
        let error = RampartMiddleware::new(setting.client.clone(), any(), origins).unwrap_err();
        assert!(matches!(&error, ClientError::Config(error) if error.field() == "origins"), "{origins:?}: {error:?}");
        error.to_string()
    };
    let shown = refused(&["http://users.example.com"]);
    assert!(shown.contains("https") && !shown.contains("allow_http"), "{shown}");
    refused(&[]);
    refused(&["https://a.example", "http://b.example"]);
    for origin in ["", "users.example.com", "*", "ftp://a.example", "https://user:pass@a.example", "data:text/plain,a"]
    {
        refused(&[origin]);
    }
    let fine = ["https://a.example/path?query", "https://A.example:443", "http://127.0.0.1:1", "http://localhost"];
    RampartMiddleware::new(setting.client.clone(), any(), fine).unwrap();
}

#[tokio::test]
async fn authorization_of_the_request_itself_is_left_alone() {
    let setting = Setting::new().await;
    setting.service.inject_times(Endpoint::Jwks, &Fault::status(401), 1);
    let request = setting.http().get(setting.url()).header(AUTHORIZATION, "Basic bWluZQ==");
    // Nor is a 401 to it any business of ours.
    assert_eq!(request.send().await.unwrap().status(), 401);
    assert_eq!(authorizations(&setting.service), [Some("Basic bWluZQ==".to_owned())]);
    assert_eq!(setting.requests(), 0);
}

#[tokio::test]
async fn o22_refused_token_is_replaced_and_the_request_sent_once_more() {
    let setting = Setting::new().await;
    let (http, old) = (setting.http(), setting.bearer().await);
    setting.service.inject_times(Endpoint::Jwks, &Fault::status(401), 1);
    let response = http.put(setting.url()).header("x-mine", "1").body("the body").send().await.unwrap();
    assert_eq!(response.status(), 405, "the answer is that of the second request");
    let new = setting.bearer().await;
    assert_ne!(new, old);
    assert_eq!(authorizations(&setting.service), [Some(old), Some(new)]);
    for request in arrived(&setting.service) {
        assert_eq!((&*request.method, &*request.body, request.header("x-mine")), ("PUT", "the body", Some("1")));
    }
    assert_eq!(setting.requests(), 2);
}

#[tokio::test]
async fn o22_service_that_refuses_every_token_is_asked_twice_and_then_once_per_request() {
    let setting = Setting::new().await;
    let http = setting.http();
    setting.service.inject(Endpoint::Jwks, Fault::status(401));
    assert_eq!(http.get(setting.url()).send().await.unwrap().status(), 401);
    assert_eq!((arrived(&setting.service).len(), setting.requests()), (2, 2));
    // Within ten seconds there is no newer token to try.
    for more in 1..5 {
        assert_eq!(http.get(setting.url()).send().await.unwrap().status(), 401);
        assert_eq!((arrived(&setting.service).len(), setting.requests()), (2 + more, 2));
    }
}

#[tokio::test]
async fn o22_other_answers_than_401_are_no_reason_for_a_new_token() {
    let setting = Setting::new().await;
    for status in [400, 403, 407, 429, 500, 503] {
        setting.service.inject_times(Endpoint::Jwks, &Fault::status(status), 1);
        assert_eq!(setting.http().get(setting.url()).send().await.unwrap().status(), status);
    }
    assert_eq!((arrived(&setting.service).len(), setting.requests()), (6, 1));
}

#[tokio::test]
async fn body_that_cannot_be_sent_again_is_sent_once() {
    let setting = Setting::new().await;
    let (http, old) = (setting.http(), setting.bearer().await);
    setting.service.inject_times(Endpoint::Jwks, &Fault::status(401), 1);
    let body = Body::wrap(Full::new(&b"a stream"[..]));
    assert!(body.as_bytes().is_none());
    assert_eq!(http.post(setting.url()).body(body).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(arrived(&setting.service)[0].body, "a stream");
    assert_eq!(arrived(&setting.service).len(), 1);
    // The next request has the new token all the same.
    assert_ne!(setting.bearer().await, old);
    assert_eq!(setting.requests(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn o22_hundred_requests_that_are_refused_together_make_one_new_token() {
    let setting = Setting::new().await;
    let (http, old) = (setting.http(), setting.bearer().await);
    setting.service.inject_times(Endpoint::Jwks, &Fault::status(401), 100);
    let send = |_| {
        let request = http.get(setting.url());
        tokio::spawn(async move { request.send().await.unwrap().status() })
    };
    for request in (0..100).map(send).collect::<Vec<_>>() {
        request.await.unwrap();
    }
    assert_eq!(setting.requests(), 2);
    assert_ne!(setting.bearer().await, old);
}

#[tokio::test]
async fn failure_to_get_a_token_is_an_error_and_nothing_is_sent() {
    let setting = Setting::new().await;
    setting.issuer.inject(Endpoint::Token, Fault::json(400, r#"{"error":"invalid_scope"}"#));
    match setting.http().get(setting.url()).send().await {
        Err(Error::Middleware(error)) => {
            let error = error.downcast_ref::<ClientError>().unwrap();
            assert!(matches!(error, ClientError::OAuth { error, .. } if error == "invalid_scope"), "{error:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(arrived(&setting.service).is_empty());
}

/// Sends every request for one address to another one.
struct Rerouted(&'static str, String);

#[async_trait]
impl Middleware for Rerouted {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        assert!(!request.headers().contains_key(AUTHORIZATION), "another middleware sees the token");
        let url = request.url().as_str().replace(self.0, &self.1);
        *request.url_mut() = url.parse().unwrap();
        next.run(request, extensions).await
    }
}

#[tokio::test]
async fn token_is_for_where_a_request_really_goes_whatever_other_middleware_makes_of_it() {
    let setting = Setting::new().await;
    let other = issuer().await;
    let tokens = setting.tokens(&["https://users.test", setting.service.url()]);
    for (to, authorization) in [(&other, None), (&setting.service, Some(setting.bearer().await))] {
        let reroute = Rerouted("https://users.test", to.url().to_owned());
        let http = ClientBuilder::new(carrying()).with(reroute).build();
        let http = tokens.clone().attach_to(http).unwrap();
        assert_eq!(http.get(format!("https://users.test{PATH}")).send().await.unwrap().status(), 200);
        assert_eq!(authorizations(to), [authorization]);
    }
}

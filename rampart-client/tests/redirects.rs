//! Services that redirect a request with a token: to themselves, to another server, and back. Each is an issuer, which records what
//! arrives and redirects on demand, from two of its addresses.
#![cfg(test)]

mod common;

use common::{any, builder, carrying, issuer};
use rampart_client::{ClientError, RampartClient, RampartMiddleware};
use rampart_issuer::{Endpoint, Fault, LocalIssuer};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use reqwest_middleware::ClientWithMiddleware;

struct Setting {
    client: RampartClient,
    issuer: LocalIssuer,
    service: LocalIssuer,
    other: LocalIssuer,
}

/// The other address of a service.
fn second_url(service: &LocalIssuer) -> String {
    format!("{}/.well-known/openid-configuration", service.url())
}

/// Whether a token came with each of the requests so far.
fn had_tokens(service: &LocalIssuer, endpoint: Endpoint) -> Vec<bool> {
    service.recorded(endpoint).iter().map(|request| request.header("authorization").is_some()).collect()
}

/// The two ways in which a request gets a token.
#[derive(Clone, Copy, Debug)]
enum Way {
    Bearer,
    Middleware,
}

const WAYS: [Way; 2] = [Way::Bearer, Way::Middleware];

impl Setting {
    async fn new() -> Self {
        let (issuer, service, other) = (issuer().await, issuer().await, issuer().await);
        Self { client: builder(&issuer).build().unwrap(), issuer, service, other }
    }

    fn attached(&self, http: Client) -> Result<ClientWithMiddleware, ClientError> {
        RampartMiddleware::new(self.client.clone(), any(), [self.service.url()]).unwrap().attach_to(http)
    }

    /// A request for the first address of the service.
    async fn get(&self, way: Way, http: Client) -> Result<Response, ClientError> {
        let url = self.service.jwks_url();
        Ok(match way {
            Way::Bearer => self.client.bearer(http.get(url), &["users:read"]).await?.send().await.unwrap(),
            Way::Middleware => self.attached(http)?.get(url).send().await.unwrap(),
        })
    }
}

#[tokio::test]
async fn o23_redirects_take_no_token_to_another_origin_however_many_there_are() {
    for way in WAYS {
        let setting = Setting::new().await;
        setting.service.inject(Endpoint::Jwks, Fault::redirect(307, &setting.other.jwks_url()));
        setting.other.inject(Endpoint::Jwks, Fault::redirect(307, &second_url(&setting.other)));
        let response = setting.get(way, carrying()).await.unwrap();
        // What the service itself has said.
        assert_eq!(response.status(), 307, "{way:?}");
        assert_eq!(response.headers()["location"], setting.other.jwks_url());
        assert_eq!(response.url().as_str(), setting.service.jwks_url());
        assert_eq!(had_tokens(&setting.service, Endpoint::Jwks), [true]);
        for endpoint in [Endpoint::Jwks, Endpoint::Discovery] {
            assert_eq!(setting.other.requests(endpoint), 0, "{way:?} went to {endpoint:?}");
        }
    }
}

#[tokio::test]
async fn o23_client_that_may_take_a_token_to_another_origin_gets_none() {
    let setting = Setting::new().await;
    setting.service.inject(Endpoint::Jwks, Fault::redirect(307, &setting.other.jwks_url()));
    setting.other.inject(Endpoint::Jwks, Fault::redirect(307, &second_url(&setting.other)));
    for way in WAYS {
        for policy in [None, Some(1), Some(5), Some(10)] {
            let http = Client::builder().redirect(policy.map_or_else(Policy::default, Policy::limited));
            let refused = setting.get(way, http.build().unwrap()).await.unwrap_err();
            assert_eq!(refused, ClientError::FollowsRedirects, "{way:?} {policy:?}");
            assert!(refused.to_string().contains("redirects_within_origin()"), "{refused}");
        }
    }
    assert_eq!(setting.service.requests(Endpoint::Jwks), 0, "a request was sent");
    assert_eq!(setting.issuer.requests(Endpoint::Token), 0, "a token was asked for in vain");
}

#[tokio::test]
async fn o23_redirects_within_the_origin_are_followed_with_the_token() {
    for way in WAYS {
        let setting = Setting::new().await;
        setting.service.inject(Endpoint::Jwks, Fault::redirect(307, &second_url(&setting.service)));
        assert_eq!(setting.get(way, carrying()).await.unwrap().status(), 200, "{way:?}");
        assert_eq!(had_tokens(&setting.service, Endpoint::Jwks), [true]);
        assert_eq!(had_tokens(&setting.service, Endpoint::Discovery), [true]);
        // Another name of the same machine is another origin, as is another port.
        let elsewhere = second_url(&setting.service).replace("127.0.0.1", "localhost");
        setting.service.inject(Endpoint::Jwks, Fault::redirect(307, &elsewhere));
        assert_eq!(setting.get(way, carrying()).await.unwrap().status(), 307, "{way:?}");
        assert_eq!(setting.service.requests(Endpoint::Discovery), 1);
    }
}

#[tokio::test]
async fn redirects_that_do_not_end_are_an_error() {
    let setting = Setting::new().await;
    setting.service.inject(Endpoint::Jwks, Fault::redirect(307, &setting.service.jwks_url()));
    let request = setting.client.bearer(carrying().get(setting.service.jwks_url()), &["users:read"]).await.unwrap();
    assert!(request.send().await.unwrap_err().is_redirect());
    assert_eq!(setting.service.requests(Endpoint::Jwks), 11);
}

#[tokio::test]
async fn client_that_follows_none_and_one_with_a_policy_of_its_own_get_tokens() {
    for way in WAYS {
        let setting = Setting::new().await;
        setting.service.inject(Endpoint::Jwks, Fault::redirect(307, &second_url(&setting.service)));
        for policy in [Policy::none(), Policy::custom(|attempt| Policy::none().redirect(attempt))] {
            let http = Client::builder().redirect(policy).build().unwrap();
            assert_eq!(setting.get(way, http).await.unwrap().status(), 307, "{way:?}");
        }
        assert_eq!(had_tokens(&setting.service, Endpoint::Jwks), [true, true]);
        assert_eq!(setting.service.requests(Endpoint::Discovery), 0);
    }
}

#[tokio::test]
async fn o22_way_by_another_origin_and_back_invalidates_no_token() {
    let setting = Setting::new().await;
    setting.service.inject(Endpoint::Jwks, Fault::redirect(307, &setting.other.jwks_url()));
    setting.other.inject(Endpoint::Jwks, Fault::redirect(307, &second_url(&setting.service)));
    // There it would arrive without a token, and be refused for that.
    setting.service.inject(Endpoint::Discovery, Fault::status(401));
    for _ in 0..2 {
        assert_eq!(setting.get(Way::Middleware, carrying()).await.unwrap().status(), 307);
    }
    assert_eq!(setting.service.requests(Endpoint::Discovery), 0);
    assert_eq!(setting.issuer.requests(Endpoint::Token), 1, "a good token was thrown away");
}

#[tokio::test]
async fn o22_status_401_after_a_redirect_within_the_origin_is_that_of_the_service() {
    let setting = Setting::new().await;
    setting.service.inject_times(Endpoint::Jwks, &Fault::redirect(307, &second_url(&setting.service)), 1);
    setting.service.inject_times(Endpoint::Discovery, &Fault::status(401), 1);
    assert_eq!(setting.get(Way::Middleware, carrying()).await.unwrap().status(), 200);
    assert_eq!(had_tokens(&setting.service, Endpoint::Jwks), [true, true]);
    assert_eq!(had_tokens(&setting.service, Endpoint::Discovery), [true]);
    assert_eq!(setting.issuer.requests(Endpoint::Token), 2);
}

/// Only a policy of the user's own leads there.
#[tokio::test]
async fn o22_status_401_of_an_origin_that_was_reached_by_a_redirect_says_nothing_of_the_token() {
    let setting = Setting::new().await;
    setting.service.inject(Endpoint::Jwks, Fault::redirect(307, &setting.other.jwks_url()));
    setting.other.inject(Endpoint::Jwks, Fault::status(401));
    for asked in 1..3 {
        let http =
            Client::builder().redirect(Policy::custom(|attempt| Policy::default().redirect(attempt))).build().unwrap();
        assert_eq!(setting.get(Way::Middleware, http).await.unwrap().status(), 401);
        assert_eq!(setting.issuer.requests(Endpoint::Token), 1, "a good token was thrown away");
        assert_eq!(had_tokens(&setting.other, Endpoint::Jwks), vec![false; asked]);
    }
}

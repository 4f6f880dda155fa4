//! Tokens for services on this machine, which go over http: no proxy may see them.
#![cfg(test)]

mod common;

use common::{any, builder, in_environment, is_child, issuer};
use rampart_client::{ClientError, RampartClient, RampartMiddleware, redirects_within_origin};
use rampart_issuer::{Endpoint, LocalIssuer};
use reqwest::{Client, ClientBuilder, Proxy};
use reqwest_middleware::Error;

type SetUp = fn(ClientBuilder) -> ClientBuilder;

/// How a request with a token for a service on this machine goes.
async fn called(client: &RampartClient, service: &LocalIssuer, set_up: SetUp) -> Result<u16, ClientError> {
    let http = set_up(Client::builder().redirect(redirects_within_origin())).build().unwrap();
    let request = client.bearer(http.get(service.jwks_url()), &["users:read"]).await?;
    Ok(request.send().await.unwrap().status().as_u16())
}

/// As [`called`], with the middleware.
async fn attached(client: &RampartClient, service: &LocalIssuer, set_up: SetUp) -> Result<u16, ClientError> {
    let http = set_up(Client::builder().redirect(redirects_within_origin())).build().unwrap();
    let tokens = RampartMiddleware::new(client.clone(), any(), [service.url()]).unwrap();
    match tokens.attach_to(http).unwrap().get(service.jwks_url()).send().await {
        Ok(response) => Ok(response.status().as_u16()),
        Err(Error::Middleware(error)) => Err(error.downcast::<ClientError>().unwrap()),
        Err(other) => panic!("{other:?}"),
    }
}

fn proxied(builder: ClientBuilder) -> ClientBuilder {
    builder.proxy(Proxy::all("http://127.0.0.1:1").unwrap())
}

#[tokio::test]
async fn token_for_this_machine_is_refused_where_the_client_has_a_proxy_of_its_own() {
    const NAME: &str = "token_for_this_machine_is_refused_where_the_client_has_a_proxy_of_its_own";
    if !is_child() {
        return in_environment(NAME, &[]);
    }
    let (issuer, service) = (issuer().await, issuer().await);
    let client = builder(&issuer).build().unwrap();
    let bypassing: [SetUp; 4] = [
        |builder| builder,
        ClientBuilder::no_proxy,
        |builder| proxied(builder).no_proxy(),
        |builder| builder.no_proxy().user_agent("proxies: [Matcher]"),
    ];
    for set_up in bypassing {
        assert_eq!(called(&client, &service, set_up).await, Ok(200));
        assert_eq!(attached(&client, &service, set_up).await, Ok(200));
    }
    assert!(service.recorded(Endpoint::Jwks).iter().all(|request| request.header("authorization").is_some()));
    let asked = service.requests(Endpoint::Jwks);
    let proxying: [SetUp; 4] = [
        proxied,
        |builder| builder.proxy(Proxy::http("http://127.0.0.1:1").unwrap()),
        |builder| builder.proxy(Proxy::custom(|_| Some("http://127.0.0.1:1"))),
        |builder| proxied(builder).user_agent("proxies: [Matcher]"),
    ];
    for set_up in proxying {
        assert_eq!(called(&client, &service, set_up).await, Err(ClientError::InsecureUrl));
        assert_eq!(attached(&client, &service, set_up).await, Err(ClientError::InsecureUrl));
    }
    assert_eq!(service.requests(Endpoint::Jwks), asked);
    // Over https a proxy sees nothing.
    let http = proxied(Client::builder().redirect(redirects_within_origin())).build().unwrap();
    drop(client.bearer(http.get("https://127.0.0.1"), &["users:read"]).await.unwrap());
}

/// What the environment says, and whether a client without settings of its own then sends a request for this machine by way of
/// a proxy. `PROXY` stands for its address.
const ENVIRONMENTS: [(&[(&str, &str)], bool); 9] = [
    (&[], false),
    (&[("HTTP_PROXY", "PROXY")], true),
    (&[("http_proxy", "PROXY")], true),
    (&[("ALL_PROXY", "PROXY")], true),
    (&[("HTTPS_PROXY", "PROXY")], false),
    (&[("HTTP_PROXY", "PROXY"), ("NO_PROXY", "localhost,127.0.0.1")], false),
    (&[("HTTP_PROXY", "PROXY"), ("NO_PROXY", "127.0.0.0/8")], false),
    // To reqwest, every name, and no address.
    (&[("HTTP_PROXY", "PROXY"), ("NO_PROXY", "*")], true),
    (&[("HTTP_PROXY", "PROXY"), ("NO_PROXY", "localhost,10.0.0.1")], true),
];

/// Runs the calling test once in each of the environments, beside a proxy that must be left alone.
async fn in_each_environment(name: &str) {
    let proxy = issuer().await;
    for (variables, proxied) in ENVIRONMENTS {
        let value = |value: &&'static str| if *value == "PROXY" { proxy.url().to_owned() } else { (*value).to_owned() };
        let mut variables: Vec<_> = variables.iter().map(|(name, text)| (*name, value(text))).collect();
        variables.push(("PROXIED", proxied.to_string()));
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        in_environment(name, &variables);
        assert_eq!(proxy.requests(Endpoint::Jwks), 0, "the proxy was asked: {variables:?}");
    }
}

/// In one of them: what becomes of a request by a client that has no settings of its own.
fn expected() -> Result<u16, ClientError> {
    if std::env::var("PROXIED").unwrap() == "true" { Err(ClientError::InsecureUrl) } else { Ok(200) }
}

#[tokio::test]
async fn bearer_to_this_machine_is_refused_where_the_environment_has_a_proxy_for_it() {
    if !is_child() {
        return in_each_environment("bearer_to_this_machine_is_refused_where_the_environment_has_a_proxy_for_it").await;
    }
    let (issuer, service) = (issuer().await, issuer().await);
    let client = builder(&issuer).build().unwrap();
    assert_eq!(called(&client, &service, |builder| builder).await, expected());
    // One that uses none is not concerned.
    assert_eq!(called(&client, &service, ClientBuilder::no_proxy).await, Ok(200));
    assert_eq!(called(&client, &service, proxied).await, Err(ClientError::InsecureUrl));
}

#[tokio::test]
async fn middleware_sends_nothing_to_this_machine_where_the_environment_has_a_proxy_for_it() {
    const NAME: &str = "middleware_sends_nothing_to_this_machine_where_the_environment_has_a_proxy_for_it";
    if !is_child() {
        return in_each_environment(NAME).await;
    }
    let (issuer, service) = (issuer().await, issuer().await);
    let client = builder(&issuer).build().unwrap();
    assert_eq!(attached(&client, &service, |builder| builder).await, expected());
    assert_eq!(attached(&client, &service, ClientBuilder::no_proxy).await, Ok(200));
    assert_eq!(attached(&client, &service, proxied).await, Err(ClientError::InsecureUrl));
}

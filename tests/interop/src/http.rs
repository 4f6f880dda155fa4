//! Requests to a server.

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder};
use reqwest::redirect::Policy;
use serde_json::Value;

/// A client that follows nothing and waits for nothing long.
pub static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(60)).no_proxy().build().unwrap()
});

/// Sends a request that must succeed, and gives the body.
pub fn succeed(request: RequestBuilder) -> String {
    let response = request.send().unwrap();
    let (status, url) = (response.status(), response.url().clone());
    let body = response.text().unwrap();
    assert!(status.is_success(), "{url}: {status}: {body}");
    body
}

/// Sends a request that must succeed, and gives the JSON.
pub fn json(request: RequestBuilder) -> Value {
    serde_json::from_str(&succeed(request)).unwrap()
}

/// What a token endpoint gives.
#[derive(Debug)]
pub struct Tokens(Value);

impl Tokens {
    /// Asks for tokens at this address, with a client's own credentials in the form that most servers take.
    pub fn by(url: &str, client: &str, secret: &str, form: &[(&str, &str)]) -> Self {
        Self(json(CLIENT.post(url).basic_auth(client, Some(secret)).form(form)))
    }

    fn of(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("no {name} came"))
    }

    /// The access token.
    pub fn access(&self) -> &str {
        self.of("access_token")
    }

    /// The ID token.
    pub fn id(&self) -> &str {
        self.of("id_token")
    }

    /// The refresh token.
    pub fn refresh(&self) -> &str {
        self.of("refresh_token")
    }
}

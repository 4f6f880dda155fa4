//! Requests to a server.

use std::sync::LazyLock;
use std::time::Duration;

use rampart_client::{ClientError, RampartClient};
use rampart_issuer::DpopKey;
use reqwest::blocking::{self, RequestBuilder, Response};
use reqwest::redirect::Policy;
use serde_json::Value;

/// A client that follows nothing, waits for nothing long, and keeps no connection to what may be stopped.
pub static CLIENT: LazyLock<blocking::Client> = LazyLock::new(|| {
    let client = blocking::Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(60)).no_proxy();
    client.pool_max_idle_per_host(0).build().unwrap()
});

/// The secret of every client and the password of every user, where they are ours to choose.
pub const SECRET: &str = "of-somebody";

/// A client's ID and its secret.
pub type Client<'c> = (&'c str, &'c str);

/// Sends a request that must succeed, and gives the body.
pub fn succeed(request: RequestBuilder) -> String {
    success(request.send().unwrap())
}

fn success(response: Response) -> String {
    let (status, url) = (response.status(), response.url().clone());
    let body = response.text().unwrap();
    assert!(status.is_success(), "{url}: {status}: {body}");
    body
}

/// Sends a request that must succeed, and gives the JSON.
pub fn json(request: RequestBuilder) -> Value {
    serde_json::from_str(&succeed(request)).unwrap()
}

fn request(url: &str, client: Client<'_>, form: &[(&str, &str)]) -> RequestBuilder {
    CLIENT.post(url).basic_auth(client.0, Some(client.1)).form(form)
}

/// Revokes a token (RFC 7009), an access token or a refresh token with all that has come of it, as a service would: by `rampart-client`, which finds
/// the address in the issuer's metadata.
///
/// # Panics
/// Where the issuer does not say that the token is no longer good.
pub fn revoke(issuer: &str, client: Client<'_>, token: &str) {
    revocation(issuer, client, token).unwrap();
}

/// What becomes of it.
pub fn revocation(issuer: &str, client: Client<'_>, token: &str) -> Result<(), ClientError> {
    let client = RampartClient::builder(issuer, client.0, client.1).build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(client.revoke_text(token))
}

/// What a token endpoint gives.
#[derive(Debug)]
pub struct Tokens(Value);

impl Tokens {
    /// Asks for tokens at this address, with a client's own credentials in the form that most servers take.
    pub fn by(url: &str, client: Client<'_>, form: &[(&str, &str)]) -> Self {
        Self(json(request(url, client, form)))
    }

    /// Asks for tokens that are bound to this key (RFC 9449 section 5). Where the server wants a nonce of its own in the proof, it says
    /// so and which, and is asked once more (section 8).
    pub fn bound(url: &str, client: Client<'_>, form: &[(&str, &str)], key: &DpopKey) -> Self {
        Self::bound_by(url, client, form, |nonce| {
            let proof = key.proof("POST", url);
            nonce.map_or_else(|| proof.clone(), |nonce| proof.clone().nonce(nonce)).sign().unwrap()
        })
    }

    /// The same by proofs that somebody else makes, with a nonce or without.
    pub fn bound_by(
        url: &str,
        client: Client<'_>,
        form: &[(&str, &str)],
        mut proof: impl FnMut(Option<&str>) -> String,
    ) -> Self {
        let ask = |proof: String| request(url, client, form).header("DPoP", proof).send().unwrap();
        let mut response = ask(proof(None));
        if response.status() == 400
            && let Some(nonce) = response.headers().get("dpop-nonce")
        {
            let proof = proof(Some(nonce.to_str().unwrap()));
            assert_eq!(response.json::<Value>().unwrap()["error"], "use_dpop_nonce");
            response = ask(proof);
        }
        Self(serde_json::from_str(&success(response)).unwrap())
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

    /// What the server says that the access token is: `Bearer`, or `DPoP` where it is bound to a key.
    pub fn token_type(&self) -> &str {
        self.of("token_type")
    }

    /// The refresh token.
    pub fn refresh(&self) -> &str {
        self.of("refresh_token")
    }
}

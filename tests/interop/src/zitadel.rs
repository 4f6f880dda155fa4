//! The example server of zitadel/oidc, from the Go module proxy.
//!
//! It makes its key anew at each start. And it listens on all addresses of the machine, as nothing else here does: of its address it can
//! be told the port alone, and in a network of its own (`unshare --net`), which needs rights besides, the APIs could not reach it. Who
//! finds it while these tests run finds the users of the example and no more.

use std::process::Command;

use serde_json::{Map, Value, json};

use crate::browser::{CALLBACK, redeem, sign_in};
use crate::http::{self, Tokens, revoke};
use crate::process::{Service, free_port, installed, own_folder};
use crate::server::{Asked, Issuer, Server};

/// The client whose ID tokens have this audience.
pub const CLIENT: &str = "web";
const SECRET: &str = "secret";
/// The only user.
pub const USER: &str = "id1";

/// The server.
#[derive(Debug)]
pub struct Zitadel {
    issuer: String,
    service: Service,
}

impl Issuer for Zitadel {
    fn settings(&self) -> Value {
        json!({"issuer_url": self.issuer, "audience": CLIENT})
    }
}

impl Asked for Zitadel {
    fn name(&self) -> String {
        self.issuer.clone()
    }

    /// The client that the tokens are for: it is told of no others.
    fn asker(&self) -> http::Client<'static> {
        (CLIENT, SECRET)
    }

    /// Its answers have neither `aud` nor anything that says of which kind the token is. It makes sure of both: it answers to whom a token is
    /// for, and finds no refresh token there.
    fn habits(&self) -> Map<String, Value> {
        let habits = ["audience_is_checked_by_issuer", "insecure_any_kind"];
        habits.into_iter().map(|name| (name.to_owned(), json!(true))).collect()
    }
}

impl Server for Zitadel {
    fn service(&mut self) -> &mut Service {
        &mut self.service
    }
}

impl Zitadel {
    /// Installs it where it is not there yet, and starts it.
    pub fn start() -> Self {
        let port = free_port();
        let mut command = Command::new(installed("zitadel").join("server"));
        command.env("PORT", port.to_string()).env("REDIRECT_URI", CALLBACK).env_remove("USERS_FILE");
        // With the slash at its end.
        let issuer = format!("http://localhost:{port}/");
        let url = format!("{issuer}.well-known/openid-configuration");
        Self { service: Service::start(command, own_folder("zitadel").join("zitadel.log"), url), issuer }
    }

    /// The issuer of its tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    fn token_endpoint(&self) -> String {
        format!("{}oauth/token", self.issuer)
    }

    /// Tokens of a client for itself.
    pub fn client_tokens(&self) -> Tokens {
        let form = [("grant_type", "client_credentials"), ("scope", "openid")];
        Tokens::by(&self.token_endpoint(), ("sid1", "verysecret"), &form)
    }

    /// Tokens of the user, who has signed in on the server's own page.
    pub fn user_tokens(&self) -> Tokens {
        let start = format!(
            "{}auth?response_type=code&client_id={CLIENT}&redirect_uri={CALLBACK}&scope=openid%20offline_access&nonce=once",
            self.issuer
        );
        let code = sign_in(&start, &[("username", "test-user@localhost"), ("password", "verysecure")]);
        redeem(&code, &self.token_endpoint(), (CLIENT, SECRET), &[])
    }

    /// Revokes a token (RFC 7009) of the client.
    pub fn revoke(&self, token: &str) {
        revoke(&self.issuer, (CLIENT, SECRET), token);
    }
}

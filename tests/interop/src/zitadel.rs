//! The example server of zitadel/oidc, from the Go module proxy.
//!
//! It makes its key anew at each start, and listens on all addresses of the machine: it can be told the port alone.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::browser;
use crate::http::Tokens;
use crate::process::{Process, free_port, installed, own_folder};

/// The client whose ID tokens have this audience.
pub const CLIENT: &str = "web";
/// The only user.
pub const USER: &str = "id1";

const CALLBACK: &str = "http://127.0.0.1:1/callback";

/// What an API that accepts its tokens has in its configuration.
pub fn settings(issuer: &str) -> Value {
    json!({"issuer_url": issuer, "audience": CLIENT, "discovery": true})
}

/// The server.
#[derive(Debug)]
pub struct Zitadel {
    command: Command,
    log: PathBuf,
    issuer: String,
    running: Option<Process>,
}

impl Zitadel {
    /// Installs it where it is not there yet, and starts it.
    pub fn start() -> Self {
        let port = free_port();
        let mut command = Command::new(installed("zitadel").join("server"));
        command.env("PORT", port.to_string()).env("REDIRECT_URI", CALLBACK).env_remove("USERS_FILE");
        let log = own_folder("zitadel").join("log");
        let mut server = Self { command, log, issuer: format!("http://localhost:{port}/"), running: None };
        server.start_again();
        server
    }

    /// The issuer of its tokens, with the slash at its end.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Starts it after a stop: at the same address, with another key.
    pub fn start_again(&mut self) {
        let url = format!("{}.well-known/openid-configuration", self.issuer);
        self.running = Some(Process::start(&self.command, &self.log, &url));
    }

    fn tokens(&self, client: &str, secret: &str, form: &[(&str, &str)]) -> Tokens {
        Tokens::by(&format!("{}oauth/token", self.issuer), client, secret, form)
    }

    /// Tokens of a client for itself.
    pub fn client_tokens(&self) -> Tokens {
        self.tokens("sid1", "verysecret", &[("grant_type", "client_credentials"), ("scope", "openid")])
    }

    /// Tokens of the user, who has signed in on the server's own page.
    pub fn user_tokens(&self) -> Tokens {
        let start = format!(
            "{}auth?response_type=code&client_id={CLIENT}&redirect_uri={CALLBACK}&scope=openid%20offline_access&nonce=once",
            self.issuer
        );
        let user = [("username", "test-user@localhost"), ("password", "verysecure")];
        let code = browser::sign_in(&start, CALLBACK, &user);
        let form = [("grant_type", "authorization_code"), ("redirect_uri", CALLBACK), ("code", &code)];
        self.tokens(CLIENT, "secret", &form)
    }
}

//! An authorization server made with `oidc-provider`, from the npm registry: `servers/oidc-provider/server.js`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::browser;
use crate::http::Tokens;
use crate::keys;
use crate::process::{Process, free_port, installed, own_folder};

/// The audience of the API, for which a client asks by naming the resource `urn:task-api`.
pub const AUDIENCE: &str = "task-api";
/// The resource whose audience that is.
pub const RESOURCE: &str = "urn:task-api";

const SECRET: &str = "of-a-client";
const CALLBACK: &str = "http://127.0.0.1:1/callback";

/// What an API that accepts its tokens has in its configuration.
pub fn settings(issuer: &str) -> Value {
    json!({"issuer_url": issuer, "audience": AUDIENCE, "discovery": true})
}

/// The server: the clients `web`, `signs-ES256` and `signs-EdDSA`, and any user; `root` has the role `admin`, all others `user`.
#[derive(Debug)]
pub struct OidcProvider {
    keys: PathBuf,
    command: Command,
    issuer: String,
    running: Option<Process>,
}

impl OidcProvider {
    /// Installs it where it is not there yet, and starts it with new keys.
    pub fn start() -> Self {
        let keys = own_folder("oidc-provider").join("keys");
        let port = free_port();
        let mut command = Command::new("node");
        command.arg(installed("oidc-provider").join("server.js")).arg(port.to_string()).arg(&keys);
        let mut server = Self { keys, command, issuer: format!("http://127.0.0.1:{port}"), running: None };
        server.renew_keys(false);
        server.start_again();
        server
    }

    /// The issuer of its tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Starts it after a stop: at the same address.
    pub fn start_again(&mut self) {
        let log = self.keys.with_extension("log");
        let url = format!("{}/.well-known/openid-configuration", self.issuer);
        self.running = Some(Process::start(&self.command, &log, &url));
    }

    /// From its next start on it signs with new keys; those of before are still published, or are not.
    pub fn renew_keys(&self, keep: bool) {
        let mut keys = keys::new();
        if keep {
            keys.extend(serde_json::from_slice::<Vec<Value>>(&fs::read(&self.keys).unwrap()).unwrap());
        }
        fs::write(&self.keys, Value::from(keys).to_string()).unwrap();
    }

    fn tokens(&self, client: &str, form: &[(&str, &str)]) -> Tokens {
        Tokens::by(&format!("{}/token", self.issuer), client, SECRET, form)
    }

    /// Tokens of a client for itself; without a resource they are opaque.
    pub fn client_tokens(&self, client: &str, resource: Option<&str>) -> Tokens {
        let mut form = vec![("grant_type", "client_credentials")];
        if let Some(resource) = resource {
            form.extend([("resource", resource), ("scope", "tasks:write")]);
        }
        self.tokens(client, &form)
    }

    /// Tokens of a user who has signed in on the server's own pages and agreed.
    pub fn user_tokens(&self, client: &str, user: &str, resource: &str) -> Tokens {
        let start = format!(
            "{}/auth?response_type=code&client_id={client}&redirect_uri={CALLBACK}&scope=openid%20email:send&nonce=once\
             &code_challenge={CHALLENGE}&code_challenge_method=S256&resource={resource}",
            self.issuer
        );
        let code = browser::sign_in(&start, CALLBACK, &[("login", user), ("password", "any")]);
        let form = [
            ("grant_type", "authorization_code"),
            ("redirect_uri", CALLBACK),
            ("code", &code),
            ("code_verifier", VERIFIER),
            ("resource", resource),
        ];
        self.tokens(client, &form)
    }
}

/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

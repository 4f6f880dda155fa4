//! An authorization server made with `oidc-provider`, from the npm registry: `servers/oidc-provider/server.js`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rampart_issuer::DpopKey;
use serde_json::{Value, json};

use crate::browser::{Browser, CALLBACK, redeem};
use crate::http::{Client, SECRET, Tokens, revoke};
use crate::keys;
use crate::process::{Service, free_port, installed, own_folder};
use crate::server::{Asked, Issuer, Server};

/// The audience of the API, for which a client asks by naming the resource `urn:task-api`.
pub const AUDIENCE: &str = "task-api";
/// The resource whose audience that is.
pub const RESOURCE: &str = "urn:task-api";
/// Another resource of the same audience, whose tokens are opaque.
pub const OPAQUE: &str = "urn:opaque";
/// And one of another audience, whose tokens are opaque too.
pub const ANOTHER_OPAQUE: &str = "urn:another-opaque-api";

/// The server: the clients `web`, `signs-ES256` and `signs-EdDSA`, the clients `bound` and `bound-with-nonce`, whose tokens are bound to a
/// key of theirs, and any user; `root` has the role `admin`, all others `user`.
#[derive(Debug)]
pub struct OidcProvider {
    keys: PathBuf,
    issuer: String,
    service: Service,
}

impl Issuer for OidcProvider {
    fn settings(&self) -> Value {
        json!({"issuer_url": self.issuer, "audience": AUDIENCE})
    }
}

impl Server for OidcProvider {
    fn service(&mut self) -> &mut Service {
        &mut self.service
    }
}

impl Asked for OidcProvider {
    fn name(&self) -> String {
        self.issuer.clone()
    }

    fn asker(&self) -> Client<'static> {
        (AUDIENCE, SECRET)
    }
}

impl OidcProvider {
    /// Installs it where it is not there yet, and starts it with new keys.
    pub fn start() -> Self {
        Self::start_telling(&[])
    }

    /// The same, with a client `told-0`, `told-1`, .. for each address, which is told there when a session of its ends.
    pub fn start_telling(addresses: &[String]) -> Self {
        let (own, port) = (own_folder("oidc-provider"), free_port());
        let (issuer, keys) = (format!("http://127.0.0.1:{port}"), own.join("keys"));
        write(&keys, keys::new());
        let mut command = Command::new("node");
        command
            .arg(installed("oidc-provider").join("server.js"))
            .args([&port.to_string(), SECRET])
            .arg(&keys)
            .args(addresses);
        let url = format!("{issuer}/.well-known/openid-configuration");
        let service = Service::start(command, own.join("oidc-provider.log"), url);
        Self { keys, issuer, service }
    }

    /// From its next start on it signs with new keys; those of before are still published, or are not.
    pub fn renew_keys(&self, keep: bool) {
        let mut keys = keys::new();
        if keep {
            keys.extend(serde_json::from_slice::<Vec<Value>>(&fs::read(&self.keys).unwrap()).unwrap());
        }
        write(&self.keys, keys);
    }

    fn token_endpoint(&self) -> String {
        format!("{}/token", self.issuer)
    }

    /// Tokens of a client for itself; without a resource they are opaque.
    pub fn client_tokens(&self, client: &str, resource: Option<&str>) -> Tokens {
        Tokens::by(&self.token_endpoint(), (client, SECRET), &of_a_client(resource))
    }

    /// The same, bound to this key.
    pub fn bound_client_tokens(&self, client: &str, resource: &str, key: &DpopKey) -> Tokens {
        Tokens::bound(&self.token_endpoint(), (client, SECRET), &of_a_client(Some(resource)), key)
    }

    /// Revokes an opaque access token, or a refresh token with all that has come of it (RFC 7009). It revokes no JWT.
    pub fn revoke(&self, client: &str, token: &str) {
        revoke(&self.issuer, (client, SECRET), token);
    }

    /// The same by a client in JavaScript, whose proofs are made by a library of its own.
    pub fn tokens_of_a_script(&self, client: &str, script: &mut Script) -> Tokens {
        let url = self.token_endpoint();
        let form = of_a_client(Some(RESOURCE));
        Tokens::bound_by(&url, (client, SECRET), &form, |nonce| script.proof("POST", &url, None, nonce))
    }

    /// Tokens of a user who has signed in on the server's own pages and agreed.
    pub fn user_tokens(&self, client: &str, user: &str, resource: &str) -> Tokens {
        self.tokens_in(&mut Browser::default(), client, user, resource)
    }

    /// The same in this browser, where the user may be signed in already.
    pub fn tokens_in(&self, browser: &mut Browser, client: &str, user: &str, resource: &str) -> Tokens {
        let start = format!(
            "{}/auth?response_type=code&client_id={client}&redirect_uri={CALLBACK}&scope=openid%20email:send&nonce=once\
             &code_challenge={CHALLENGE}&code_challenge_method=S256&resource={resource}",
            self.issuer
        );
        let code = browser.sign_in(&start, &[("login", user), ("password", "any")]);
        let more = [("code_verifier", VERIFIER), ("resource", resource)];
        redeem(&code, &self.token_endpoint(), (client, SECRET), &more)
    }

    /// The user of this browser signs out.
    pub fn sign_out_in(&self, browser: &mut Browser) {
        browser.sign_out(&format!("{}/session/end", self.issuer));
    }
}

/// A client in JavaScript, with a key of its own: `servers/oidc-provider/proof.js`.
#[derive(Debug)]
pub struct Script {
    algorithm: &'static str,
    key: Value,
}

impl Script {
    /// Which makes its key with its first proof.
    pub const fn new(algorithm: &'static str) -> Self {
        Self { algorithm, key: Value::Null }
    }

    /// A new proof.
    pub fn proof(&mut self, method: &str, url: &str, token: Option<&str>, nonce: Option<&str>) -> String {
        let mut input = json!({"alg": self.algorithm, "method": method, "url": url});
        let known = [("key", self.key.clone()), ("token", json!(token)), ("nonce", json!(nonce))];
        for (name, value) in known.into_iter().filter(|(_, value)| !value.is_null()) {
            input[name] = value;
        }
        let mut command = Command::new("node");
        command.arg(installed("oidc-provider").join("proof.js"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "proof.js has failed");
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        self.key = made["key"].clone();
        made["proof"].as_str().unwrap().to_owned()
    }
}

fn of_a_client(resource: Option<&str>) -> Vec<(&'static str, &str)> {
    let mut form = vec![("grant_type", "client_credentials")];
    if let Some(resource) = resource {
        form.extend([("resource", resource), ("scope", "tasks:write")]);
    }
    form
}

fn write(file: &Path, keys: Vec<Value>) {
    fs::write(file, Value::from(keys).to_string()).unwrap();
}

/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

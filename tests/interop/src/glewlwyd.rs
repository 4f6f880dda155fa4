//! Glewlwyd, from Debian's packages.

use std::fs;
use std::process::Command;

use reqwest::blocking::RequestBuilder;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use serde_json::{Value, json};
use url::Url;

use crate::browser::{CALLBACK, code_of, redeem};
use crate::http::{CLIENT, SECRET, Tokens, succeed};
use crate::keys;
use crate::process::{Service, free_port, installed, own_folder};
use crate::server::{Issuer, Server};

/// The audience of the API, for which a client asks by naming it as the resource; without one, `aud` is the list of scopes.
pub const AUDIENCE: &str = "https://task-api.example";
/// The issuer of tokens that live for a second.
pub const BRIEF: &str = "brief";

/// The server: the issuers `oidc`, `other` and `brief`, the clients `web`, `signs-ES256` and `signs-EdDSA`, and the user `ada`.
#[derive(Debug)]
pub struct Glewlwyd {
    service: Service,
    url: String,
}

/// One of its issuers.
#[derive(Debug)]
pub struct IssuerOf(String);

impl Issuer for IssuerOf {
    fn settings(&self) -> Value {
        json!({"issuer_url": self.0, "audience": AUDIENCE})
    }
}

/// The issuer `oidc`.
impl Issuer for Glewlwyd {
    fn settings(&self) -> Value {
        self.issuer("oidc").settings()
    }
}

impl Server for Glewlwyd {
    fn service(&mut self) -> &mut Service {
        &mut self.service
    }
}

impl Glewlwyd {
    /// Installs it where it is not there yet, and starts it with all that it needs.
    pub fn start() -> Self {
        let (installed, own) = (installed("glewlwyd"), own_folder("glewlwyd"));
        fs::copy(installed.join("empty.db"), own.join("db")).unwrap();
        let (port, root, modules) = (free_port(), installed.join("root"), installed.join("root/usr/lib/glewlwyd"));
        fs::create_dir(own.join("none")).unwrap();
        let [database, none, modules] =
            [own.join("db"), own.join("none"), modules].map(|path| path.display().to_string());
        let configuration = format!(
            r#"
            port = {port}
            bind_address = "127.0.0.1"
            external_url = "http://localhost:{port}"
            api_prefix = "api"
            log_mode = "console"
            log_level = "WARNING"
            cookie_domain = "localhost"
            cookie_secure = 0
            session_key = "SESSION"
            session_expiration = 3600
            login_url = "login.html"
            admin_scope = "g_admin"
            profile_scope = "g_profile"
            user_module_path = "{modules}/user"
            user_middleware_module_path = "{none}"
            client_module_path = "{modules}/client"
            user_auth_scheme_module_path = "{modules}/scheme"
            plugin_module_path = "{modules}/plugin"
            hash_algorithm = "SHA512"
            database = {{ type = "sqlite3"; path = "{database}"; }};
            "#
        );
        fs::write(own.join("configuration"), configuration).unwrap();
        let mut command = Command::new(root.join("usr/bin/glewlwyd"));
        command.arg(format!("--config-file={}", own.join("configuration").display()));
        command.env("LD_LIBRARY_PATH", installed.join("lib"));
        let service = Service::start(command, own.join("glewlwyd.log"), format!("http://localhost:{port}/config"));
        let server = Self { service, url: format!("http://localhost:{port}/api") };
        server.set_up();
        server
    }

    fn set_up(&self) {
        let admin = self.session("admin", "password");
        for scope in ["tasks:write", "email:send"] {
            admin.post("/scope/", &json!({"name": scope, "display_name": scope, "password_required": false}));
        }
        let keys = keys::new();
        for (issuer, seconds) in [("oidc", 3600), ("other", 3600), (BRIEF, 1)] {
            admin.post("/mod/plugin/", &self.plugin(issuer, seconds, &keys));
        }
        for (client, kid) in [("web", &keys[0]), ("signs-ES256", &keys[1]), ("signs-EdDSA", &keys[2])] {
            let mut client = json!({
                "client_id": client,
                "name": client,
                "password": SECRET,
                "confidential": true,
                "enabled": true,
                "authorization_type": ["code", "client_credentials", "refresh_token"],
                "redirect_uri": [CALLBACK],
                "scope": ["tasks:write"],
                "token_endpoint_auth_method": ["client_secret_basic"],
            });
            if client["client_id"] != "web" {
                client["alg_kid"] = kid["kid"].clone();
            }
            admin.post("/client/", &client);
        }
        let scopes = json!(["openid", "tasks:write", "email:send"]);
        let user = json!({"username": "ada", "password": SECRET, "name": "Ada", "enabled": true, "scope": scopes});
        admin.post("/user/", &user);
    }

    /// An issuer with these keys, of which the first one signs where the client says nothing else.
    fn plugin(&self, name: &str, seconds: u32, keys: &[Value]) -> Value {
        let of_scope = json!([AUDIENCE, "https://another-api.example"]);
        let parameters = json!({
            "iss": self.issuer(name).0,
            "jwks-private": json!({ "keys": keys }).to_string(),
            "jwks-show": true,
            "client-sign_kid-parameter": "alg_kid",
            "subject-type": "public",
            "jwt-type": "rsa",
            "jwt-key-size": "256",
            "access-token-duration": seconds,
            "refresh-token-duration": 3600,
            "code-duration": 600,
            "allow-non-oidc": true,
            "auth-type-code-enabled": true,
            "auth-type-client-enabled": true,
            "auth-type-refresh-enabled": true,
            "resource-allowed": true,
            "resource-scope": {"openid": of_scope.clone(), "tasks:write": of_scope},
            "resource-scope-and-client-property": false,
        });
        json!({"module": "oidc", "name": name, "display_name": name, "parameters": parameters, "enabled": true})
    }

    /// The issuer of this name.
    pub fn issuer(&self, name: &str) -> IssuerOf {
        IssuerOf(format!("{}/{name}", self.url))
    }

    fn token_endpoint(&self, issuer: &str) -> String {
        format!("{}/{issuer}/token", self.url)
    }

    fn session(&self, user: &str, password: &str) -> Session {
        let request = CLIENT.post(format!("{}/auth/", self.url));
        let response = request.json(&json!({"username": user, "password": password})).send().unwrap();
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        Session { url: self.url.clone(), cookie }
    }

    /// Replaces the keys of the issuer `oidc`; it signs with the new ones at once, and no longer publishes those of before.
    pub fn replace_keys(&self) {
        let admin = self.session("admin", "password");
        admin.put("/mod/plugin/oidc", &self.plugin("oidc", 3600, &keys::new()));
        admin.put("/mod/plugin/oidc/reset", &Value::Null);
    }

    /// Tokens of a client for itself, and for this resource, if any.
    pub fn client_tokens(&self, issuer: &str, client: &str, resource: Option<&str>) -> Tokens {
        let mut form = vec![("grant_type", "client_credentials"), ("scope", "tasks:write")];
        form.extend(resource.map(|resource| ("resource", resource)));
        Tokens::by(&self.token_endpoint(issuer), (client, SECRET), &form)
    }

    /// Tokens of the user `ada` for this resource, after signing in, agreeing and being sent back with a code, as the server's pages do it.
    pub fn user_tokens(&self, client: &str, resource: &str) -> Tokens {
        let ada = self.session("ada", SECRET);
        ada.put(&format!("/auth/grant/{client}"), &json!({"scope": "openid tasks:write"}));
        let query = [
            ("g_continue", ""),
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", CALLBACK),
            ("scope", "openid tasks:write"),
            ("nonce", "once"),
            ("resource", resource),
        ];
        let url = Url::parse_with_params(&format!("{}/oidc/auth", self.url), query).unwrap();
        let answer = CLIENT.get(url).header(COOKIE, &ada.cookie).send().unwrap();
        let code = code_of(&Url::parse(answer.headers()[LOCATION].to_str().unwrap()).unwrap());
        redeem(&code, &self.token_endpoint("oidc"), (client, SECRET), &[("resource", resource)])
    }
}

/// Somebody who has signed in.
struct Session {
    url: String,
    cookie: String,
}

impl Session {
    fn send(&self, request: RequestBuilder, body: &Value) {
        succeed(request.header(COOKIE, &self.cookie).json(body));
    }

    fn post(&self, path: &str, body: &Value) {
        self.send(CLIENT.post(format!("{}{path}", self.url)), body);
    }

    fn put(&self, path: &str, body: &Value) {
        self.send(CLIENT.put(format!("{}{path}", self.url)), body);
    }
}

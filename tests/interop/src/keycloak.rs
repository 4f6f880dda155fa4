//! Keycloak, from Maven Central.
//!
//! Each test has a realm of its own on the one server, with the same users and clients.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use rampart_issuer::DpopKey;
use serde_json::{Value, json};

use crate::browser::{Browser, CALLBACK, redeem};
use crate::http::{CLIENT, Client, SECRET, Tokens, json, revoke, succeed};
use crate::keys;
use crate::process::{Service, free_port, installed, own_folder};
use crate::server::{Asked, Issuer, Server};

/// The audience of the API.
pub const AUDIENCE: &str = "task-api";
/// Where the roles of the realm stand, and those of the client that is the API.
pub const REALM_ROLES: &str = "/realm_access/roles";
/// See [`REALM_ROLES`].
pub const CLIENT_ROLES: &str = "/resource_access/task-api/roles";

/// What a realm's first key is called.
pub const SIGNING_KEY: &str = "first";

const KEY_PROVIDER: &str = "org.keycloak.keys.KeyProvider";

/// The server.
#[derive(Debug)]
pub struct Keycloak {
    service: Service,
    url: String,
}

impl Server for Keycloak {
    fn service(&mut self) -> &mut Service {
        &mut self.service
    }
}

impl Keycloak {
    /// Installs it where it is not there yet, and starts it without a realm.
    pub fn start() -> Self {
        let (installed, home) = (installed("keycloak"), own_folder("keycloak"));
        // Its data is in its home, which it finds by where its script is.
        fs::create_dir(home.join("bin")).unwrap();
        for script in ["kc.sh", "kcadm.sh"] {
            fs::copy(installed.join("bin").join(script), home.join("bin").join(script)).unwrap();
        }
        for folder in ["conf", "lib", "providers", "themes"] {
            symlink(installed.join(folder), home.join(folder)).unwrap();
        }
        let port = free_port();
        let mut command = Command::new(home.join("bin/kc.sh"));
        command.args(["start", "--optimized", "--cache=local", "--http-enabled=true", "--hostname-strict=false"]);
        command.args(["--http-host=127.0.0.1", &format!("--http-port={port}")]);
        command.env("KC_BOOTSTRAP_ADMIN_USERNAME", "admin").env("KC_BOOTSTRAP_ADMIN_PASSWORD", SECRET);
        // It lives too short for the second compiler.
        command.env("JAVA_OPTS_APPEND", "-XX:TieredStopAtLevel=1").env_remove("JAVA_OPTS");
        let url = format!("http://127.0.0.1:{port}");
        Self { service: Service::start(command, home.join("keycloak.log"), format!("{url}/realms/master")), url }
    }

    /// A new realm of this name.
    pub fn realm(&self, name: &str) -> Realm {
        let realm = Realm { server: self.url.clone(), name: name.to_owned() };
        // Nobody steals these passwords, so their hashes may be quick to make.
        let policy = "hashAlgorithm(pbkdf2-sha256) and hashIterations(1)";
        // Of its own keys, making those for RSA takes it most of the time that a realm costs.
        let keys = json!([
            {"name": SIGNING_KEY, "providerId": "rsa", "config": {"priority": ["100"], "privateKey": [keys::pem()]}},
            {"name": "hmac", "providerId": "hmac-generated", "config": {"priority": ["100"], "algorithm": ["HS512"]}},
            {"name": "aes", "providerId": "aes-generated", "config": {"priority": ["100"]}},
        ]);
        let components = json!({KEY_PROVIDER: keys});
        self.admin()
            .add("", &json!({"realm": name, "enabled": true, "passwordPolicy": policy, "components": components}));
        let admin = realm.admin();
        for scope in ["tasks:write", "email:send"] {
            let shown = json!({"include.in.token.scope": "true"});
            admin.add("/client-scopes", &json!({"name": scope, "protocol": "openid-connect", "attributes": shown}));
        }
        admin.add("/clients", &json!({"clientId": AUDIENCE, "secret": SECRET, "bearerOnly": true}));
        let user = |name: &str, email: &str| {
            let password = json!([{"type": "password", "value": SECRET}]);
            json!({"username": name, "email": email, "emailVerified": true, "firstName": name, "lastName": "Example",
                   "enabled": true, "credentials": password})
        };
        let mut users =
            [user("ada", "ada@example.com"), user("root", "root@example.com"), user("grace", "grace@example.com")];
        users[0]["realmRoles"] = json!(["user"]);
        users[1]["realmRoles"] = json!(["admin", "user"]);
        users[2]["realmRoles"] = json!(["user"]);
        users[2]["clientRoles"] = json!({AUDIENCE: ["admin"]});
        let roles = json!({"realm": [{"name": "user"}, {"name": "admin"}], "client": {AUDIENCE: [{"name": "admin"}]}});
        let import = json!({"ifResourceExists": "FAIL", "users": users, "roles": roles});
        admin.add("/partialImport", &import);
        realm.add_client("web", |_| {});
        realm
    }

    fn admin(&self) -> Admin {
        Admin::of(&self.url, "")
    }
}

/// The administrator of a realm.
struct Admin {
    url: String,
    token: String,
}

impl Admin {
    fn of(server: &str, realm: &str) -> Self {
        // Its tokens live for a minute: each use gets its own.
        let form =
            [("grant_type", "password"), ("client_id", "admin-cli"), ("username", "admin"), ("password", SECRET)];
        let url = format!("{server}/realms/master/protocol/openid-connect/token");
        let token = json(CLIENT.post(url).form(&form))["access_token"].as_str().unwrap().to_owned();
        Self { url: format!("{server}/admin/realms{realm}"), token }
    }

    fn get(&self, path: &str) -> Value {
        json(CLIENT.get(format!("{}{path}", self.url)).bearer_auth(&self.token))
    }

    fn add(&self, path: &str, what: &Value) {
        succeed(CLIENT.post(format!("{}{path}", self.url)).bearer_auth(&self.token).json(what));
    }

    fn change(&self, path: &str, what: &Value) {
        succeed(CLIENT.put(format!("{}{path}", self.url)).bearer_auth(&self.token).json(what));
    }
}

/// A realm: the users `ada`, `root` (realm role `admin`) and `grace` (role `admin` of the client `task-api`), who all
/// have the realm role `user`, and the client `web`.
#[derive(Debug)]
pub struct Realm {
    server: String,
    name: String,
}

impl Issuer for Realm {
    /// The preset; the roles are then those of the realm, and those of the client that is called like the audience.
    fn settings(&self) -> Value {
        json!({"preset": "keycloak", "base_url": self.server, "keycloak_realm": self.name, "audience": AUDIENCE})
    }
}

impl Asked for Realm {
    fn name(&self) -> String {
        self.issuer()
    }

    /// It is told only of tokens whose audience it is.
    fn asker(&self) -> Client<'static> {
        (AUDIENCE, SECRET)
    }
}

impl Realm {
    /// The issuer of its tokens.
    pub fn issuer(&self) -> String {
        format!("{}/realms/{}", self.server, self.name)
    }

    fn admin(&self) -> Admin {
        Admin::of(&self.server, &format!("/{}", self.name))
    }

    fn token_endpoint(&self) -> String {
        format!("{}/protocol/openid-connect/token", self.issuer())
    }

    /// Adds a client, of which `change` may change what it likes. Its tokens have the audience of the API and its own ID, and on request
    /// the scopes `tasks:write` and `email:send`.
    pub fn add_client(&self, id: &str, change: impl FnOnce(&mut Value)) {
        let mut client = json!({
            "clientId": id,
            "secret": SECRET,
            "serviceAccountsEnabled": true,
            "directAccessGrantsEnabled": true,
            "redirectUris": [CALLBACK],
            "attributes": {},
            "protocolMappers": [audience(AUDIENCE), audience(id)],
            "defaultClientScopes": ["basic", "roles", "profile", "email", "acr"],
            "optionalClientScopes": ["tasks:write", "email:send"],
        });
        change(&mut client);
        self.admin().add("/clients", &client);
    }

    /// Adds a client that gets no token that is not bound to a key of its own (RFC 9449).
    pub fn add_bound_client(&self, id: &str) {
        self.add_client(id, |client| client["attributes"]["dpop.bound.access.tokens"] = json!("true"));
    }

    /// Tokens of a client for itself.
    pub fn client_tokens(&self, client: &str, scope: &str) -> Tokens {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        Tokens::by(&self.token_endpoint(), (client, SECRET), &form)
    }

    /// The same, bound to this key.
    pub fn bound_client_tokens(&self, client: &str, scope: &str, key: &DpopKey) -> Tokens {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        Tokens::bound(&self.token_endpoint(), (client, SECRET), &form, key)
    }

    /// Tokens of a user, by the password.
    pub fn user_tokens(&self, client: &str, user: &str, scope: &str) -> Tokens {
        let form = [("grant_type", "password"), ("username", user), ("password", SECRET), ("scope", scope)];
        Tokens::by(&self.token_endpoint(), (client, SECRET), &form)
    }

    /// Tokens of a user who has signed in on the server's own page, with a nonce.
    pub fn browser_tokens(&self, client: &str, user: &str) -> Tokens {
        self.tokens_in(&mut Browser::default(), client, user)
    }

    /// The same in this browser, where the user may be signed in already.
    pub fn tokens_in(&self, browser: &mut Browser, client: &str, user: &str) -> Tokens {
        let start = format!(
            "{}/protocol/openid-connect/auth?response_type=code&client_id={client}&redirect_uri={CALLBACK}&scope=openid&nonce=once",
            self.issuer()
        );
        let code = browser.sign_in(&start, &[("username", user), ("password", SECRET)]);
        redeem(&code, &self.token_endpoint(), (client, SECRET), &[])
    }

    /// The user signs out in this browser, having come from where this ID token is from.
    pub fn sign_out_in(&self, browser: &mut Browser, id_token: &str) {
        browser.sign_out(&format!("{}/protocol/openid-connect/logout?id_token_hint={id_token}", self.issuer()));
    }

    /// Adds a client that wants to be told at this address when a session of its ends.
    pub fn add_told_client(&self, id: &str, url: &str) {
        self.add_client(id, |client| {
            client["attributes"]["backchannel.logout.url"] = json!(url);
            client["attributes"]["backchannel.logout.session.required"] = json!("true");
        });
    }

    /// Revokes an access or refresh token (RFC 7009) of this client.
    pub fn revoke(&self, client: &str, token: &str) {
        revoke(&self.issuer(), (client, SECRET), token);
    }

    /// What it says of a token to the API (RFC 7662).
    pub fn introspect(&self, token: &str) -> Value {
        let url = format!("{}/protocol/openid-connect/token/introspect", self.issuer());
        json(CLIENT.post(url).basic_auth(AUDIENCE, Some(SECRET)).form(&[("token", token)]))
    }

    /// Signs a user out of all sessions.
    pub fn log_out(&self, user: &str) {
        self.admin().add(&format!("/users/{user}/logout"), &json!({}));
    }

    /// Adds a key, with which it signs from now on.
    pub fn add_key(&self, name: &str, priority: u32) {
        let config = json!({"priority": [priority.to_string()], "enabled": ["true"], "active": ["true"]});
        let key = json!({"name": name, "providerId": "rsa-generated", "providerType": KEY_PROVIDER, "config": config});
        self.admin().add("/components", &key);
    }

    /// Withdraws a key: it neither signs with it nor publishes it any more.
    pub fn disable_key(&self, name: &str) {
        let admin = self.admin();
        let mut keys = admin.get(&format!("/components?type={KEY_PROVIDER}&name={name}"));
        let key = &mut keys[0];
        key["config"]["enabled"] = json!(["false"]);
        key["config"]["active"] = json!(["false"]);
        admin.change(&format!("/components/{}", key["id"].as_str().unwrap()), key);
    }
}

/// What puts an audience into access tokens, light-weight ones included: without it, `aud` is `account`.
pub fn audience(audience: &str) -> Value {
    let config =
        json!({"included.custom.audience": audience, "access.token.claim": "true", "lightweight.claim": "true"});
    json!({"name": format!("audience {audience}"), "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper", "config": config})
}

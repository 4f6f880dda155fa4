//! What the Task APIs are told before they start: a file for the three of them, and an address for each.

use std::array;
use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::apis::{PUBLIC_URL, TaskApis};
use crate::http::Client;
use crate::process::{free_port, own_folder};
use crate::server::{Asked, Issuer};

/// The sections of a file, and the ports.
#[derive(Clone, Debug)]
pub struct Setup {
    auth: Value,
    introspection: Option<Value>,
    secret: Option<String>,
    ports: [u16; 3],
}

impl Setup {
    /// For the tokens of this issuer; at free ports.
    pub fn of(issuer: &impl Issuer) -> Self {
        Self::with(issuer.settings())
    }

    /// The section `[auth]` has these settings.
    pub fn with(auth: Value) -> Self {
        Self { auth, introspection: None, secret: None, ports: array::from_fn(|_| free_port()) }
    }

    /// One more setting of `[auth]`, or another one.
    #[must_use]
    pub fn setting(mut self, name: &str, value: Value) -> Self {
        self.auth[name] = value;
        self
    }

    /// Takes tokens that are bound to a key too (`[auth.dpop]`, with this `mode`); the proofs are for [`PUBLIC_URL`].
    #[must_use]
    pub fn proofs(self, mode: &str, nonces: bool) -> Self {
        let dpop = json!({"mode": mode, "public_url": PUBLIC_URL, "nonces": nonces, "insecure_trust_start": true});
        self.setting("dpop", dpop)
    }

    /// Asks the issuer about tokens (`[introspection]`), as the client that the issuer has for the API.
    #[must_use]
    pub fn asking(self, issuer: &impl Asked) -> Self {
        self.asking_as(issuer, issuer.asker())
    }

    /// The same as another client, or with another secret.
    #[must_use]
    pub fn asking_as(mut self, issuer: &impl Asked, client: Client<'_>) -> Self {
        let mut section = json!({"issuer_url": issuer.name(), "client_id": client.0});
        members(&mut section).extend(issuer.habits());
        self.introspection = Some(section);
        self.secret = Some(client.1.to_owned());
        self
    }

    /// One more setting of `[introspection]`, or another one.
    ///
    /// # Panics
    /// Where nobody is asked.
    #[must_use]
    pub fn asking_with(mut self, name: &str, value: Value) -> Self {
        let section = self.introspection.as_mut().expect("nobody is asked");
        section[name] = value;
        self
    }

    /// Asks about each token, JWTs too, and believes an answer for a second.
    #[must_use]
    pub fn every_token(self) -> Self {
        self.asking_with("mode", json!("every_token")).asking_with("cache_for_seconds", json!(1))
    }

    /// Where the APIs will be: their addresses with this path.
    pub fn addresses(&self, path: &str) -> [String; 3] {
        self.ports.map(|port| format!("http://127.0.0.1:{port}{path}"))
    }

    /// The same file where that one would be.
    #[must_use]
    pub fn at(self, places: &Self) -> Self {
        Self { ports: places.ports, ..self }
    }

    /// The same file at free ports of its own.
    #[must_use]
    pub fn elsewhere(&self) -> Self {
        Self { ports: array::from_fn(|_| free_port()), ..self.clone() }
    }

    /// Starts the APIs.
    pub fn start(&self) -> TaskApis {
        let folder = own_folder("settings");
        let mut sections = json!({"auth": self.auth});
        if let (Some(introspection), Some(secret)) = (&self.introspection, &self.secret) {
            let file = folder.join("secret");
            fs::write(&file, secret).unwrap();
            sections["introspection"] = introspection.clone();
            sections["introspection"]["client_secret_file"] = json!(file);
        }
        let file: PathBuf = folder.join("rampart.toml");
        fs::write(&file, toml::to_string(&sections).unwrap()).unwrap();
        TaskApis::at(self.ports, &file)
    }
}

fn members(section: &mut Value) -> &mut Map<String, Value> {
    section.as_object_mut().unwrap()
}

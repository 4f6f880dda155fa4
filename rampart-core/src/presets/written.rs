//! A preset as a file names it: `preset = "keycloak"`, and its arguments by their names.

use std::collections::BTreeMap;

use serde::de::{Error, Expected, Unexpected};

use crate::issuer::Issuer;

/// The arguments of a preset that stand in a file.
#[derive(Default)]
pub(crate) struct Arguments(BTreeMap<&'static str, Argument>);

pub(crate) enum Argument {
    Text(String),
    List(Vec<String>),
}

impl From<String> for Argument {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<String>> for Argument {
    fn from(list: Vec<String>) -> Self {
        Self::List(list)
    }
}

/// A name that is missing.
type Missing = &'static str;

impl Arguments {
    pub(crate) fn give(&mut self, name: &'static str, argument: Option<impl Into<Argument>>) {
        if let Some(argument) = argument {
            self.0.insert(name, argument.into());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn text(&mut self, name: &'static str) -> Result<String, Missing> {
        match self.0.remove(name) {
            Some(Argument::Text(text)) => Ok(text),
            _ => Err(name),
        }
    }

    fn list(&mut self, name: &'static str) -> Result<Vec<String>, Missing> {
        match self.0.remove(name) {
            Some(Argument::List(list)) => Ok(list),
            _ => Err(name),
        }
    }
}

struct Preset {
    name: &'static str,
    arguments: &'static [&'static str],
    issuer: fn(&mut Arguments) -> Result<Issuer, Missing>,
}

const PRESETS: &[Preset] = &[
    Preset {
        name: "rampart",
        arguments: &["url", "client_ids"],
        issuer: |given| Ok(Issuer::rampart(given.text("url")?, given.list("client_ids")?)),
    },
    Preset {
        name: "keycloak",
        arguments: &["base_url", "keycloak_realm", "audience"],
        issuer: |given| {
            Ok(Issuer::keycloak(given.text("base_url")?, given.text("keycloak_realm")?, given.text("audience")?))
        },
    },
    Preset {
        name: "auth0",
        arguments: &["domain", "audience"],
        issuer: |given| Ok(Issuer::auth0(given.text("domain")?, given.text("audience")?)),
    },
    Preset {
        name: "okta",
        arguments: &["domain", "authorization_server", "audience"],
        issuer: |given| {
            Ok(Issuer::okta(given.text("domain")?, given.text("authorization_server")?, given.text("audience")?))
        },
    },
    Preset {
        name: "cognito",
        arguments: &["region", "pool_id", "client_ids"],
        issuer: |given| Ok(Issuer::cognito(given.text("region")?, given.text("pool_id")?, given.list("client_ids")?)),
    },
    Preset {
        name: "clerk",
        arguments: &["domain", "authorized_party"],
        issuer: |given| Ok(Issuer::clerk(given.text("domain")?, given.text("authorized_party")?)),
    },
    Preset {
        name: "cloudflare_access",
        arguments: &["team", "audience"],
        issuer: |given| Ok(Issuer::cloudflare_access(given.text("team")?, given.text("audience")?)),
    },
    Preset { name: "firebase", arguments: &["project"], issuer: |given| Ok(Issuer::firebase(given.text("project")?)) },
    Preset {
        name: "supabase",
        arguments: &["project_url"],
        issuer: |given| Ok(Issuer::supabase(given.text("project_url")?)),
    },
    Preset {
        name: "kubernetes",
        arguments: &["api_server", "audience"],
        issuer: |given| Ok(Issuer::kubernetes(given.text("api_server")?, given.text("audience")?)),
    },
    Preset {
        name: "entra",
        arguments: &["tenant_id", "audience"],
        issuer: |given| Ok(Issuer::entra(given.text("tenant_id")?, given.text("audience")?)),
    },
    Preset {
        name: "zitadel",
        arguments: &["url", "project_id", "organization_ids"],
        issuer: |given| {
            Ok(Issuer::zitadel(given.text("url")?, given.text("project_id")?, given.list("organization_ids")?))
        },
    },
    Preset {
        name: "authentik",
        arguments: &["url", "application", "audience"],
        issuer: |given| Ok(Issuer::authentik(given.text("url")?, given.text("application")?, given.text("audience")?)),
    },
    Preset {
        name: "dex",
        arguments: &["url", "audience"],
        issuer: |given| Ok(Issuer::dex(given.text("url")?, given.text("audience")?)),
    },
    Preset {
        name: "google",
        arguments: &["client_ids"],
        issuer: |given| Ok(Issuer::google(given.list("client_ids")?)),
    },
    Preset {
        name: "github_actions",
        arguments: &["audience", "repository_owner_ids"],
        issuer: |given| Ok(Issuer::github_actions(given.text("audience")?, given.list("repository_owner_ids")?)),
    },
    Preset {
        name: "gitlab",
        arguments: &["url", "audience", "namespace_ids"],
        issuer: |given| Ok(Issuer::gitlab(given.text("url")?, given.text("audience")?, given.list("namespace_ids")?)),
    },
];

/// For the errors of whatever reads a file.
struct OneOf;

impl Expected for OneOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
        write!(f, "one of {}", names.join(", "))
    }
}

/// The issuer that a preset makes of all of these arguments.
pub(crate) fn issuer<E: Error>(name: &str, mut given: Arguments) -> Result<Issuer, E> {
    let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) else {
        return Err(E::invalid_value(Unexpected::Other("another preset"), &OneOf));
    };
    let issuer = (preset.issuer)(&mut given).map_err(E::missing_field)?;
    match given.0.keys().next() {
        Some(name) => Err(E::unknown_field(name, preset.arguments)),
        None => Ok(issuer),
    }
}

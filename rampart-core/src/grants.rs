//! What the tokens of an issuer may grant.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// What the tokens of one issuer may grant: for [`Issuer::grants`](crate::Issuer::grants). An issuer decides who is who; which roles and
/// scopes of yours it may hand out is for you to say, or a partner's server that writes `admin` into its tokens would make admins.
///
/// What a token says beyond it counts for nothing; the token itself is good all the same.
///
/// ```
/// use rampart_core::Grants;
///
/// let auditors = Grants::roles(["auditor"]).scopes(["reports:read"]);
/// let partners = Grants::nothing().role_prefix("partner:"); // their `admin` is your `partner:admin`
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    roles: Granted,
    scopes: Granted,
    role_prefix: Option<String>,
    organization: Organization,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Granted {
    Everything,
    These(BTreeSet<String>),
    /// None, as long as nothing else is said.
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Organization {
    AsTheTokenSays,
    Fixed(Option<String>),
}

impl Grants {
    /// Whatever its tokens say: for issuers that are your own.
    pub const fn everything() -> Self {
        Self {
            roles: Granted::Everything,
            scopes: Granted::Everything,
            role_prefix: None,
            organization: Organization::AsTheTokenSays,
        }
    }

    /// No role, no scope, no organisation: its users are known, and no more.
    pub const fn nothing() -> Self {
        Self {
            roles: Granted::Nothing,
            scopes: Granted::Nothing,
            role_prefix: None,
            organization: Organization::Fixed(None),
        }
    }

    /// These roles, and nothing else.
    pub fn roles<S: Into<String>>(roles: impl IntoIterator<Item = S>) -> Self {
        Self { roles: Granted::these(roles), ..Self::nothing() }
    }

    /// These scopes, in place of those said before.
    #[must_use]
    pub fn scopes<S: Into<String>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        Self { scopes: Granted::these(scopes), ..self }
    }

    /// Roles under a name of yours: this and the role. Where no roles were named, every role of the issuer.
    #[must_use]
    pub fn role_prefix(mut self, prefix: impl Into<String>) -> Self {
        if self.roles == Granted::Nothing {
            self.roles = Granted::Everything;
        }
        self.role_prefix = Some(prefix.into());
        self
    }

    /// The organisation of all of its users, whatever its tokens say of one.
    #[must_use]
    pub fn org_id(self, organization: impl Into<String>) -> Self {
        Self { organization: Organization::Fixed(Some(organization.into())), ..self }
    }

    /// Of the roles that a token has, those that count.
    pub(crate) fn roles_of(&self, mut roles: Vec<String>) -> Vec<String> {
        match &self.roles {
            Granted::Everything => {}
            Granted::These(granted) => roles.retain(|role| granted.contains(role)),
            Granted::Nothing => roles.clear(),
        }
        if let Some(prefix) = &self.role_prefix {
            for role in &mut roles {
                role.insert_str(0, prefix);
            }
        }
        roles
    }

    /// Of the scopes that a token has, separated by spaces, those that count.
    pub(crate) fn scope_of(&self, scope: String) -> String {
        match &self.scopes {
            Granted::Everything => scope,
            Granted::These(granted) => {
                scope.split(' ').filter(|name| granted.contains(*name)).collect::<Vec<_>>().join(" ")
            }
            Granted::Nothing => String::new(),
        }
    }

    /// The organisation of a user whose token names this one.
    pub(crate) fn organization_of(&self, named: Option<String>) -> Option<String> {
        match &self.organization {
            Organization::AsTheTokenSays => named,
            Organization::Fixed(organization) => organization.clone(),
        }
    }
}

impl Granted {
    fn these<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self::These(names.into_iter().map(Into::into).collect())
    }
}

/// As in a file: `"everything"`, `"nothing"`, or what it grants by name.
impl<'de> Deserialize<'de> for Grants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Grants;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"everything\", \"nothing\", or roles, scopes, role_prefix and org_id by name")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Grants, E> {
        match word {
            "everything" => Ok(Grants::everything()),
            "nothing" => Ok(Grants::nothing()),
            _ => Err(E::invalid_value(Unexpected::Other("another word"), &self)),
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Grants, M::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Names {
            roles: Option<BTreeSet<String>>,
            scopes: Option<BTreeSet<String>>,
            role_prefix: Option<String>,
            org_id: Option<String>,
        }
        let Names { roles, scopes, role_prefix, org_id } = Names::deserialize(MapAccessDeserializer::new(map))?;
        let grants = roles.map_or_else(Grants::nothing, Grants::roles);
        let grants = if let Some(scopes) = scopes { grants.scopes(scopes) } else { grants };
        let grants = if let Some(prefix) = role_prefix { grants.role_prefix(prefix) } else { grants };
        Ok(if let Some(organization) = org_id { grants.org_id(organization) } else { grants })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(grants: &Grants) -> (Vec<String>, String, Option<String>) {
        let roles = grants.roles_of(vec!["admin".into(), "auditor".into()]);
        (roles, grants.scope_of("a  b c".into()), grants.organization_of(Some("acme".into())))
    }

    fn expected(roles: &[&str], scope: &str, organization: Option<&str>) -> (Vec<String>, String, Option<String>) {
        (roles.iter().map(ToString::to_string).collect(), scope.into(), organization.map(Into::into))
    }

    #[test]
    fn token_grants_what_its_issuer_may_and_no_more() {
        let cases = [
            (Grants::everything(), expected(&["admin", "auditor"], "a  b c", Some("acme")), r#""everything""#),
            (Grants::nothing(), expected(&[], "", None), r#""nothing""#),
            (Grants::roles(["auditor", "other"]), expected(&["auditor"], "", None), r#"{"roles":["auditor","other"]}"#),
            (Grants::roles([""; 0]).role_prefix("a"), expected(&[], "", None), r#"{"roles":[],"role_prefix":"a"}"#),
            (Grants::nothing().scopes(["c", "a"]), expected(&[], "a c", None), r#"{"scopes":["a","c"]}"#),
            (
                Grants::nothing().role_prefix("partner:"),
                expected(&["partner:admin", "partner:auditor"], "", None),
                r#"{"role_prefix":"partner:"}"#,
            ),
            (
                Grants::roles(["auditor"]).role_prefix("partner:").org_id("partner"),
                expected(&["partner:auditor"], "", Some("partner")),
                r#"{"roles":["auditor"],"role_prefix":"partner:","org_id":"partner"}"#,
            ),
        ];
        for (grants, expected, written) in cases {
            assert_eq!(granted(&grants), expected, "{written}");
            assert_eq!(serde_json::from_str::<Grants>(written).unwrap(), grants, "{written}");
        }
        for wrong in [r#""all""#, "{\"role\":[\"a\"]}", "[]", "true", "null"] {
            assert!(serde_json::from_str::<Grants>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_without_what_stands_there() {
        let said = |text| serde_json::from_str::<Grants>(text).unwrap_err().to_string();
        let expected = "expected \"everything\", \"nothing\", or roles, scopes, role_prefix and org_id by name";
        assert!(said(r#""hunter2""#).starts_with(&format!("invalid value: another word, {expected}")));
        assert!(said("true").contains(expected));
        assert!(said(r#"{"rolse":["a"]}"#).starts_with("unknown field `rolse`, expected one of `roles`, `scopes`,"));
    }
}

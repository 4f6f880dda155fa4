//! Settings of an issuer that name a claim and say something of it.

use std::fmt;
use std::marker::PhantomData;

#[cfg(doc)]
use crate::issuer::Issuer;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A claim, and what must stand there: for [`Issuer::require_claim`]. In a file `{ pointer = "/azp", values = ["web"] }`, or several of
/// those.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RequireClaim {
    /// Where it stands, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// The values of which it must have one.
    pub values: Vec<String>,
}

impl RequireClaim {
    /// One of these whole strings must stand there.
    pub fn new<S: Into<String>>(pointer: impl Into<String>, values: impl IntoIterator<Item = S>) -> Self {
        Self { pointer: pointer.into(), values: values.into_iter().map(Into::into).collect() }
    }
}

/// Roles that are the names of an object's members: for [`Issuer::roles_from_names`]. In a file `{ pointer = "/..", granted_by = [..] }`.
///
/// ```
/// use rampart_core::RolesFromNames;
///
/// let roles = RolesFromNames::at("/urn:zitadel:iam:org:project:roles").granted_by(["275314159265358979"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "give it to an issuer"]
pub struct RolesFromNames {
    pub(crate) pointer: String,
    pub(crate) granted_by: Option<Vec<String>>,
}

impl RolesFromNames {
    /// The object that a JSON pointer (RFC 6901) leads to.
    pub fn at(pointer: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), granted_by: None }
    }

    /// Only the roles that one of these organizations has granted, by their IDs: those whose value is an object with a member of that
    /// name. An organization that was given a project assigns the project's roles by itself. Called again, it adds to them.
    pub fn granted_by<S: Into<String>>(mut self, organization_ids: impl IntoIterator<Item = S>) -> Self {
        self.granted_by.get_or_insert_default().extend(organization_ids.into_iter().map(Into::into));
        self
    }
}

impl From<&str> for RolesFromNames {
    fn from(pointer: &str) -> Self {
        Self::at(pointer)
    }
}

impl From<String> for RolesFromNames {
    fn from(pointer: String) -> Self {
        Self::at(pointer)
    }
}

/// A mark of an ID token that an issuer writes into its access tokens too: for [`Issuer::insecure_ignore_mark`]. In a file `"nonce"`,
/// `"at_hash"` or `"c_hash"`. No other mark can be ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mark {
    /// `nonce` (`OpenID` Connect Core 1.0 section 2).
    Nonce,
    /// `at_hash` (`OpenID` Connect Core 1.0 section 3.1.3.6).
    AtHash,
    /// `c_hash` (`OpenID` Connect Core 1.0 section 3.3.2.11).
    CHash,
}

impl<'de> Deserialize<'de> for Mark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match &*String::deserialize(deserializer)? {
            "nonce" => Ok(Self::Nonce),
            "at_hash" => Ok(Self::AtHash),
            "c_hash" => Ok(Self::CHash),
            _ => Err(D::Error::invalid_value(
                Unexpected::Other("another mark"),
                &"one of nonce, at_hash and c_hash: no other mark can be ignored",
            )),
        }
    }
}

/// One table, or a list of them.
pub(crate) fn one_or_several<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(OneOrSeveral(PhantomData))
}

struct OneOrSeveral<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrSeveral<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table, or a list of tables")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(seq))
    }
}

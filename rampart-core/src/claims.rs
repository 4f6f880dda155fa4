//! The verified claims of an access token.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::times::Times;

/// The claims of a verified access token (RFC 7519 section 4, RFC 9068 section 2.2).
///
/// A `Claims` can only come out of a verification: there is no public constructor, and it cannot be cloned into
/// something that is then changed.
///
/// ```compile_fail,E0639
/// # use rampart_core::Claims;
/// fn forge(genuine: Claims) -> Claims {
///     Claims { sub: "admin".into(), ..genuine } // cannot create non-exhaustive struct
/// }
/// ```
///
/// The fields are what the rules have checked; any other claim is read with [`get`](Self::get), the whole payload
/// with [`deserialize`](Self::deserialize). Nothing of the token is lost, and what nobody asks for costs nothing.
///
/// ```
/// # fn handler(claims: &rampart_core::Claims) -> Result<(), rampart_core::ClaimError> {
/// if claims.has_role("admin") && claims.has_all_scopes(&["tasks:read", "tasks:write"]) {
///     println!("{} may write", claims.sub);
/// }
/// let username: Option<String> = claims.get("preferred_username")?;
/// # Ok(()) }
/// ```
#[non_exhaustive]
pub struct Claims {
    /// The subject: who the token speaks for. Never empty.
    pub sub: String,
    /// The user's e-mail address. Whether it is verified is another claim.
    pub email: Option<String>,
    /// The user's display name.
    pub name: Option<String>,
    /// The user's roles, as the token lists them.
    pub roles: Vec<String>,
    /// The scopes as the token writes them, separated by spaces (RFC 8693 section 4.2); empty where the token has none.
    pub scope: String,
    /// The organisation of the user.
    pub org_id: Option<String>,
    /// The issuer: equal to the configured one.
    pub iss: String,
    /// The audiences: one of them is an accepted one.
    pub aud: Audience,
    /// Expiry, in seconds since 1970 (a fraction is cut off here, not in the check).
    pub exp: u64,
    /// Time of issue, in seconds since 1970.
    pub iat: u64,
    pub(crate) times: Times,
    pub(crate) payload: Box<str>,
}

/// The audiences of a token: the claim may be one string or several (RFC 7519 section 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience(pub(crate) Vec<String>);

impl Audience {
    /// Whether `audience` is one of them, as a whole string.
    pub fn contains(&self, audience: &str) -> bool {
        self.0.iter().any(|own| own == audience)
    }

    /// All audiences, in the order of the token.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// A claim is there, but not of the type that was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{claim} cannot be read as the type asked for: {problem}")]
pub struct ClaimError {
    claim: String,
    problem: &'static str,
}

impl ClaimError {
    fn new(claim: &str, error: &serde_json::Error) -> Self {
        // The parser's own message can quote the value, so only its kind is told.
        let problem = match error.classify() {
            serde_json::error::Category::Data => "it has another type or shape",
            _ => "the payload cannot be read again",
        };
        Self { claim: claim.to_owned(), problem }
    }
}

impl Claims {
    /// Whether the token has this role: whole string, case-sensitive (`admin` is neither `Admin` nor `admin2`).
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }

    /// Whether the token has at least one of these roles; `false` for an empty list.
    pub fn has_any_role<S: AsRef<str>>(&self, roles: &[S]) -> bool {
        roles.iter().any(|role| self.has_role(role.as_ref()))
    }

    /// Whether the token has all of these roles; `false` for an empty list, which never means "no requirement".
    pub fn has_all_roles<S: AsRef<str>>(&self, roles: &[S]) -> bool {
        !roles.is_empty() && roles.iter().all(|role| self.has_role(role.as_ref()))
    }

    /// Whether the token has this scope: whole string, case-sensitive.
    pub fn has_scope(&self, scope: &str) -> bool {
        !scope.is_empty() && self.scopes().any(|own| own == scope)
    }

    /// Whether the token has at least one of these scopes; `false` for an empty list.
    pub fn has_any_scope<S: AsRef<str>>(&self, scopes: &[S]) -> bool {
        scopes.iter().any(|scope| self.has_scope(scope.as_ref()))
    }

    /// Whether the token has all of these scopes; `false` for an empty list, which never means "no requirement".
    pub fn has_all_scopes<S: AsRef<str>>(&self, scopes: &[S]) -> bool {
        !scopes.is_empty() && scopes.iter().all(|scope| self.has_scope(scope.as_ref()))
    }

    /// The scopes one by one: separated by U+0020 and nothing else (RFC 6749 section 3.3).
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.split(' ').filter(|scope| !scope.is_empty())
    }

    /// Any top-level claim by its name; `None` where it is absent or `null`. It is read from the payload at each call.
    ///
    /// ```
    /// # fn example(claims: &rampart_core::Claims) -> Result<(), rampart_core::ClaimError> {
    /// let verified: Option<bool> = claims.get("email_verified")?;
    /// let groups = claims.get::<Vec<String>>("groups")?.unwrap_or_default();
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Where the claim is there but is not a `T`. The message names the claim and says nothing of its value.
    pub fn get<T: DeserializeOwned>(&self, claim: &str) -> Result<Option<T>, ClaimError> {
        let mut deserializer = serde_json::Deserializer::from_str(&self.payload);
        let find = Find { claim, found: std::marker::PhantomData };
        deserializer.deserialize_map(find).map_err(|error| ClaimError::new(claim, &error))
    }

    /// The whole payload as a type of yours, which may borrow from the claims.
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Mine<'a> {
    ///     sub: &'a str,
    ///     department: Option<String>,
    /// }
    ///
    /// # fn example(claims: &rampart_core::Claims) -> Result<(), rampart_core::ClaimError> {
    /// let mine: Mine<'_> = claims.deserialize()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Where the payload is not a `T`.
    pub fn deserialize<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ClaimError> {
        serde_json::from_str(&self.payload).map_err(|error| ClaimError::new("the payload", &error))
    }

    /// Heap bytes this value keeps, in round figures: for the bound of the token cache.
    pub(crate) fn heap_bytes(&self) -> usize {
        const STRING: usize = size_of::<String>();
        let of = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
        let list = |list: &Vec<String>| list.capacity() * STRING + list.iter().map(String::capacity).sum::<usize>();
        self.payload.len()
            + self.sub.capacity()
            + self.scope.capacity()
            + self.iss.capacity()
            + of(&self.email)
            + of(&self.name)
            + of(&self.org_id)
            + list(&self.roles)
            + list(&self.aud.0)
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("sub", &self.sub)
            .field("roles", &self.roles)
            .field("scope", &self.scope)
            .field("org_id", &self.org_id)
            .field("iss", &self.iss)
            .field("aud", &self.aud.0)
            .field("exp", &self.exp)
            .field("iat", &self.iat)
            .finish_non_exhaustive()
    }
}

/// Finds one member of an object and skips the others.
struct Find<'n, T> {
    claim: &'n str,
    found: std::marker::PhantomData<T>,
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Find<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(NameIs(self.claim))? {
            if is_it {
                found = map.next_value::<Option<T>>()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct NameIs<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for NameIs<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameIs<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

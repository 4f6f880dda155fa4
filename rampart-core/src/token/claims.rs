//! The verified claims of an access token.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::revocation::ids::Revocable;
use crate::token::confirmation::Confirmation;
use crate::token::scope;
use crate::token::times::Times;

/// The claims of a verified access token (RFC 7519 section 4, RFC 9068 section 2.2).
///
/// The fields are those of [`ClaimFields`]: `claims.sub`, `claims.roles`, `claims.email`. They are what the rules have
/// checked; any other claim is read with [`get`](Self::get), the whole payload with [`deserialize`](Self::deserialize) or
/// [`to_json`](Self::to_json). Nothing of the token is lost, and what nobody asks for costs nothing.
///
/// ```
/// # fn handler(claims: &rampart_core::Claims) -> Result<(), rampart_core::ClaimError> {
/// if claims.has_role("admin") && claims.has_all_scopes(&["tasks:read", "tasks:write"]) {
///     println!("{} may write", claims.sub);
/// }
/// let department: Option<String> = claims.get("department")?;
/// # Ok(()) }
/// ```
///
/// Whoever holds a `Claims` holds what a verification has found, to the letter. It can only come out of one: there is no
/// public constructor and no `Clone`. And it cannot be altered, not even by its only owner, such as one who takes it out of
/// its `Arc`: fields can be read, neither written nor moved out.
///
/// ```compile_fail,E0594
/// fn promote(mut claims: rampart_core::Claims) {
///     claims.sub = "admin".into(); // trait `DerefMut` is required to modify through a dereference
/// }
/// ```
/// ```compile_fail,E0596
/// fn promote(mut claims: rampart_core::Claims) {
///     claims.roles.push("admin".into());
/// }
/// ```
/// ```compile_fail,E0507
/// fn take_apart(claims: rampart_core::Claims) -> Vec<String> {
///     claims.roles // clone it
/// }
/// ```
/// ```compile_fail,E0639
/// # use rampart_core::ClaimFields;
/// fn forge() -> ClaimFields {
///     ClaimFields { sub: "admin".into(), roles: vec!["admin".into()] } // cannot create non-exhaustive struct
/// }
/// ```
pub struct Claims(Held);

/// What claims are, and for whom they are counted.
#[expect(clippy::large_enum_variant, reason = "a box would cost every full verification an allocation")]
enum Held {
    Here {
        content: Content,
        /// The stands of the token cache that may have a copy, a bit for each; and [`LET_GO`].
        stands: AtomicU64,
    },
    /// The same as these.
    As(Arc<Claims>),
}

/// The cache has let the claims go: nobody there copies them any more.
const LET_GO: u64 = 1 << 63;

/// What a verification has found.
///
/// An [`Arc`] counts in front of what it holds. What few requests read stands first, so that the line of the processor's cache in
/// which a thread counts these claims is none that all others read for each request.
#[repr(C)]
pub(crate) struct Content {
    pub(crate) payload: Box<str>,
    /// What the settings say that the roles and scopes include.
    pub(crate) implied_roles: Box<[String]>,
    pub(crate) implied_scopes: Box<[String]>,
    pub(crate) fields: ClaimFields,
    /// The subject is what stands in for one.
    pub(crate) is_client: bool,
    pub(crate) confirmation: Confirmation,
    pub(crate) times: Times,
    /// What they can be revoked by, where anything is.
    pub(crate) revocable: Option<Box<Revocable>>,
}

impl Deref for Claims {
    type Target = ClaimFields;

    fn deref(&self) -> &ClaimFields {
        &self.content().fields
    }
}

impl From<Content> for Claims {
    fn from(content: Content) -> Self {
        Self(Held::Here { content, stands: AtomicU64::new(0) })
    }
}

/// The payload, as [`Claims::to_json`] gives it.
impl Serialize for Claims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

/// The claims that the rules know: the fields of [`Claims`], which derefs to this. It cannot be had otherwise.
///
/// ```
/// use rampart_core::ClaimFields;
///
/// fn greeting(claims: &rampart_core::Claims) -> String {
///     let ClaimFields { given_name, preferred_username, .. } = &**claims;
///     format!("Hello, {}", given_name.as_ref().or(preferred_username.as_ref()).unwrap_or(&claims.sub))
/// }
/// ```
#[non_exhaustive]
pub struct ClaimFields {
    /// The subject: who the token speaks for. Never empty. Where it has none and [`subject_claim`](crate::Issuer::subject_claim) names
    /// what stands in, `client:` and that.
    pub sub: String,
    /// The user's e-mail address; whether it is the user's is what [`email_verified`](Self::email_verified) says.
    pub email: Option<String>,
    /// Whether the issuer has made sure that the address is the user's (OpenID Connect Core section 5.1): `Some(true)`, or
    /// not. A text such as `"true"` counts as absent.
    pub email_verified: Option<bool>,
    /// The user's display name. A Rampart server puts none into access tokens.
    pub name: Option<String>,
    /// The name that the user goes by at the issuer. It may change, and pass to somebody else: [`sub`](Self::sub) does neither.
    pub preferred_username: Option<String>,
    /// The user's given name or names.
    pub given_name: Option<String>,
    /// The user's family name or names.
    pub family_name: Option<String>,
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
    /// Time of issue, in seconds since 1970. `None` only where [`issued_at_optional`](crate::Issuer::issued_at_optional) lets the token
    /// be without.
    pub iat: Option<u64>,
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
    pub(crate) fn content(&self) -> &Content {
        match &self.0 {
            Held::Here { content, .. } => content,
            Held::As(claims) => claims.content(),
        }
    }

    /// Claims that are the same and counted by themselves, so that whoever takes and drops them writes nothing that those who have
    /// the others read.
    pub(crate) fn counted_apart(this: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self(Held::As(Arc::clone(this))))
    }

    /// Notes that this stand of the token cache has them; `false` where the cache has let them go.
    pub(crate) fn may_stand_in(&self, stand: usize) -> bool {
        match &self.0 {
            Held::Here { stands, .. } => stands.fetch_or(1 << stand, Ordering::Relaxed) & LET_GO == 0,
            Held::As(_) => false,
        }
    }

    /// Notes that the cache lets them go: the stands that may have them, a bit for each.
    pub(crate) fn let_go(&self) -> u64 {
        match &self.0 {
            Held::Here { stands, .. } => stands.fetch_or(LET_GO, Ordering::Relaxed) & !LET_GO,
            Held::As(_) => 0,
        }
    }

    /// The same, less what the issuer takes away.
    pub(crate) fn narrowed(&self, exp: Duration, scope: String, implied_scopes: Box<[String]>) -> Self {
        let own = self.content();
        let ClaimFields { sub, email, name, preferred_username, given_name, family_name, .. } = &own.fields;
        let ClaimFields { email_verified, roles, org_id, iss, aud, iat, .. } = &own.fields;
        Self::from(Content {
            fields: ClaimFields {
                sub: sub.clone(),
                email: email.clone(),
                email_verified: *email_verified,
                name: name.clone(),
                preferred_username: preferred_username.clone(),
                given_name: given_name.clone(),
                family_name: family_name.clone(),
                roles: roles.clone(),
                scope,
                org_id: org_id.clone(),
                iss: iss.clone(),
                aud: aud.clone(),
                exp: exp.as_secs(),
                iat: *iat,
            },
            is_client: own.is_client,
            confirmation: own.confirmation,
            implied_roles: own.implied_roles.clone(),
            implied_scopes,
            times: Times { exp, ..own.times },
            payload: own.payload.clone(),
            revocable: own.revocable.as_deref().map(|token| Box::new(token.unchecked())),
        })
    }

    /// Whether the token has this role: whole string, case-sensitive (`admin` is neither `Admin` nor `admin2`). Nobody has the role
    /// without a name, not even where the token lists one.
    pub fn has_role(&self, role: &str) -> bool {
        !role.is_empty() && self.roles.iter().chain(&*self.content().implied_roles).any(|own| own == role)
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
    ///
    /// Behind them those that the settings say they include: see
    /// [`scope_implies`](crate::RampartAuthBuilder::scope_implies).
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        scope::names(&self.scope).chain(self.content().implied_scopes.iter().map(String::as_str))
    }

    /// Who the user is: the issuer and the subject, which are a name only together (OpenID Connect Core section 2). The same `sub` of two
    /// issuers is two people.
    pub fn user(&self) -> (&str, &str) {
        (&self.iss, &self.sub)
    }

    /// Whether the token speaks for no user but for a client: it has no subject of its own, and [`sub`](ClaimFields::sub) is what
    /// [`subject_claim`](crate::Issuer::subject_claim) names. Always `false` without that setting, for many issuers write the client into
    /// `sub` themselves.
    pub fn is_client(&self) -> bool {
        self.content().is_client
    }

    /// Any top-level claim by its name; `None` where it is absent or `null`. It is read from the payload at each call, as it stands there:
    /// `scope` too, which for guards is what [`has_scope`](Self::has_scope) says, by the settings and, where the issuer is asked
    /// about JWTs as well, without what its answer takes away.
    ///
    /// ```
    /// # fn example(claims: &rampart_core::Claims) -> Result<(), rampart_core::ClaimError> {
    /// let department: Option<String> = claims.get("department")?;
    /// let groups = claims.get::<Vec<String>>("groups")?.unwrap_or_default();
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Where the claim is there but is not a `T`. The message names the claim and says nothing of its value.
    pub fn get<T: DeserializeOwned>(&self, claim: &str) -> Result<Option<T>, ClaimError> {
        let mut deserializer = serde_json::Deserializer::from_str(&self.content().payload);
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
        serde_json::from_str(&self.content().payload).map_err(|error| ClaimError::new("the payload", &error))
    }

    /// The whole payload as a JSON value, with every claim of the token, also those that no field holds: for templates, or
    /// to answer "who am I". The order of its members is that of `serde_json`, the one of the alphabet unless its feature
    /// `preserve_order` is on.
    ///
    /// It holds whatever the issuer knows of the user: think before you log it or hand it on.
    ///
    /// ```
    /// # fn example(claims: &rampart_core::Claims) {
    /// let json = claims.to_json();
    /// println!("{}", json["address"]["city"]);
    /// # }
    /// ```
    pub fn to_json(&self) -> serde_json::Value {
        // It has been read as JSON before, with tighter limits than these: it cannot fail.
        serde_json::from_str(&self.content().payload).unwrap_or_default()
    }

    /// What this value keeps on the heap, as the allocator counts it: for the bound of the token cache.
    pub(crate) fn heap_bytes(&self) -> usize {
        let Content {
            fields,
            implied_roles,
            implied_scopes,
            payload,
            revocable,
            is_client: _,
            confirmation: _,
            times: _,
        } = self.content();
        let string = |text: &String| block(text.capacity());
        let of = |text: &Option<String>| text.as_ref().map_or(0, string);
        let list =
            |list: &Vec<String>| block(list.capacity() * size_of::<String>()) + list.iter().map(string).sum::<usize>();
        let boxed = |names: &[String]| block(size_of_val(names)) + names.iter().map(string).sum::<usize>();
        let texts = [
            &fields.email,
            &fields.name,
            &fields.preferred_username,
            &fields.given_name,
            &fields.family_name,
            &fields.org_id,
        ];
        block(payload.len())
            + block(revocable.as_deref().map_or(0, size_of_val))
            + block(revocable.as_deref().map_or(0, Revocable::others_size))
            + [&fields.sub, &fields.scope, &fields.iss].into_iter().map(string).sum::<usize>()
            + texts.into_iter().map(of).sum::<usize>()
            + list(&fields.roles)
            + list(&fields.aud.0)
            + [implied_roles, implied_scopes].into_iter().map(|names| boxed(names)).sum::<usize>()
    }
}

/// What an allocator takes for a block: in glibc 8 bytes more, in steps of 16, and 32 at least; others come near.
const fn block(bytes: usize) -> usize {
    const SMALLEST: usize = 32;
    let taken = (bytes + 8).next_multiple_of(16);
    match bytes {
        0 => 0,
        _ if taken < SMALLEST => SMALLEST,
        _ => taken,
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.content().fields.debug(f, "Claims")
    }
}

impl fmt::Debug for ClaimFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.debug(f, "ClaimFields")
    }
}

impl ClaimFields {
    /// Without what is personal: names and the address.
    fn debug(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        f.debug_struct(name)
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

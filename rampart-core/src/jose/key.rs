//! From a JSON Web Key (RFC 7517) to a prepared public key: parsed once, used for every signature after that.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::signature::ParsedPublicKey;
use serde::de::MapAccess;

use super::algorithm::{Algorithm, Algorithms, Kind};
use super::material::Material;
use super::owner::Owner;
use rampart_http::json::{self, Value};

/// Why an entry of a key set is not used: a constant sentence, which holds no text of the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// Something is wrong with it, and the issuer should mend it.
    Wrong(&'static str),
    /// Nothing is: it has another purpose, or belongs to an algorithm that nobody here speaks.
    NotForUs(&'static str),
}

impl From<&'static str> for Unusable {
    fn from(why: &'static str) -> Self {
        Self::Wrong(why)
    }
}

/// Everything that makes a published key that key and no other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) kid: Option<String>,
    kind: Kind,
    alg: Option<Algorithm>,
    /// `use`, which can only be `sig` here.
    has_use: bool,
    key_ops: Option<Vec<String>>,
    /// `issuer`, where it is one.
    owner: Option<Owner>,
    material: Vec<u8>,
}

/// A public key of the issuer, ready to verify.
#[derive(Debug)]
pub(crate) struct VerifyingKey {
    /// Unique in this process and never used again: the identity that cached tokens remember.
    pub(crate) serial: u64,
    pub(crate) identity: Identity,
    signature_bytes: usize,
    prepared: Vec<(Algorithm, ParsedPublicKey)>,
}

impl VerifyingKey {
    /// Whether any accepted algorithm could ever use the key.
    pub(crate) fn is_of_use(&self) -> bool {
        !self.prepared.is_empty()
    }

    /// Whether the key belongs to `algorithm`, by its kind and by its own `alg` (V4).
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        self.prepared(algorithm).is_some()
    }

    /// Whether the key signs tokens of one of these issuers (V4): of any, unless it says of whom.
    pub(crate) fn is_of<'i>(&self, mut issuers: impl Iterator<Item = &'i str>) -> bool {
        self.identity.owner.as_ref().is_none_or(|owner| issuers.any(|issuer| owner.is(issuer)))
    }

    /// V5. The length is exact: no scheme has a second form, and ECDSA is raw r‖s (RFC 7518 section 3.4).
    pub(crate) fn verify(&self, algorithm: Algorithm, signing_input: &[u8], signature: &[u8]) -> bool {
        signature.len() == self.signature_bytes
            && self.prepared(algorithm).is_some_and(|key| key.verify_sig(signing_input, signature).is_ok())
    }

    /// Of the signatures that it makes; of an RSA key those of its modulus.
    pub(crate) const fn signature_bytes(&self) -> usize {
        self.signature_bytes
    }

    fn prepared(&self, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        self.prepared.iter().find(|(own, _)| *own == algorithm).map(|(_, key)| key)
    }

    /// Reads one entry of a key set.
    ///
    /// # Errors
    /// Where no key can be made of it that could verify anything.
    pub(crate) fn from_jwk(jwk: &str, wanted: Algorithms) -> Result<Self, Unusable> {
        let members = json::read_object(jwk, JwkMembers::default())
            .map_err(|_| "it is not a JSON object, or has duplicate members, a reserved name or too much nesting")?
            .without_nulls();
        if members.private.contains(&Some(true)) {
            return Err(Unusable::Wrong(
                "it is shown with private or symmetric members, so that it is compromised: whoever made it should replace it",
            ));
        }
        let kid = match members.kid {
            None => None,
            Some(Value::Str(kid)) if kid.len() <= 1024 => Some(kid.into_owned()),
            Some(_) => return Err(Unusable::Wrong("its kid is not a string of at most 1024 bytes")),
        };
        let has_use = match &members.r#use {
            None => false,
            Some(Value::Str(r#use)) if r#use == "sig" => true,
            Some(Value::Str(r#use)) if !r#use.eq_ignore_ascii_case("sig") => {
                return Err(Unusable::NotForUs("its use is not sig"));
            }
            Some(_) => return Err(Unusable::Wrong("its use is neither sig nor another string")),
        };
        let key_ops = match members.key_ops {
            None => None,
            Some(Value::List(ops)) if ops.iter().any(|op| op == "verify") => {
                Some(ops.into_iter().map(Cow::into_owned).collect())
            }
            Some(Value::List(ops)) if ops.iter().any(|op| ENCRYPTION.contains(&&**op)) => {
                return Err(Unusable::NotForUs("its key_ops are for encryption"));
            }
            Some(_) => return Err(Unusable::Wrong("its key_ops do not have verify")),
        };
        let alg = match &members.alg {
            None => None,
            Some(Value::Str(name)) => Some(name.parse::<Algorithm>().map_err(|_| unsupported_alg(name))?),
            Some(_) => return Err(Unusable::Wrong("its alg is not a string")),
        };
        let kind = Kind::read(members.kty, members.crv)?;
        if alg.is_some_and(|alg| alg.row().kind != kind) {
            return Err(Unusable::Wrong("its alg belongs to another kind of key"));
        }

        let of_kind = || Algorithm::ALL.iter().copied().filter(|algorithm| algorithm.row().kind == kind);
        let algorithms = of_kind()
            .filter(|algorithm| wanted.contains(*algorithm) && alg.is_none_or(|alg| alg.names_same_scheme(*algorithm)));
        let material = match kind {
            Kind::Rsa => Material::rsa(members.n, members.e, members.x5c == Some(true))?,
            _ => Material::curve(kind, members.x, members.y, members.x5c == Some(true))?,
        };
        let prepared = algorithms
            .map(|algorithm| material.parse(algorithm).map(|key| (algorithm, key)))
            .collect::<Result<Vec<_>, _>>()?;
        if prepared.is_empty() {
            // Parsed even where no wanted algorithm fits, so that only keys that could verify count as keys.
            of_kind().take(1).try_for_each(|any| material.parse(any).map(drop))?;
        }
        Ok(Self {
            serial: next_serial(),
            signature_bytes: material.signature_bytes(kind),
            identity: Identity {
                kid,
                kind,
                alg,
                has_use,
                key_ops,
                owner: Owner::read(members.issuer),
                material: material.into_bytes(),
            },
            prepared,
        })
    }
}

fn next_serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Operations of keys that are not for signatures (RFC 7517 section 4.3).
const ENCRYPTION: [&str; 6] = ["encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey", "deriveBits"];

/// An algorithm for encryption, or one for signatures that is not known here, is nobody's fault; a misspelt one is, and so is
/// one that no published key can have.
fn unsupported_alg(name: &str) -> Unusable {
    let is_misspelt = Algorithm::ALL.iter().any(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name));
    if is_misspelt || name.eq_ignore_ascii_case("none") || name.starts_with("HS") {
        Unusable::Wrong("its alg is not one of a public key for signatures, or not in its exact case")
    } else {
        Unusable::NotForUs("its alg is not a supported one")
    }
}

#[derive(Default)]
struct JwkMembers<'a> {
    kty: Option<Value<'a>>,
    crv: Option<Value<'a>>,
    kid: Option<Value<'a>>,
    alg: Option<Value<'a>>,
    r#use: Option<Value<'a>>,
    key_ops: Option<Value<'a>>,
    n: Option<Value<'a>>,
    e: Option<Value<'a>>,
    x: Option<Value<'a>>,
    y: Option<Value<'a>>,
    issuer: Option<Value<'a>>,
    /// A certificate, which is not read.
    x5c: Option<bool>,
    /// Whether those of [`PRIVATE`] are there.
    private: [Option<bool>; PRIVATE.len()],
}

/// Members that no published key may have (RFC 7518 sections 6.2.2, 6.3.2 and 6.4): noted, never read.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

impl JwkMembers<'_> {
    /// Serializers that write every member of their model write `null` where it has none.
    fn without_nulls(mut self) -> Self {
        let Self { kty, crv, kid, alg, r#use, key_ops, n, e, x, y, .. } = &mut self;
        for member in [kty, crv, kid, alg, r#use, key_ops, n, e, x, y] {
            member.take_if(|value| *value == Value::Null);
        }
        self
    }
}

impl<'de> json::Members<'de> for JwkMembers<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let slot = match name {
            "kty" => &mut self.kty,
            "crv" => &mut self.crv,
            "kid" => &mut self.kid,
            "alg" => &mut self.alg,
            "use" => &mut self.r#use,
            "key_ops" => &mut self.key_ops,
            "n" => &mut self.n,
            "e" => &mut self.e,
            "x" => &mut self.x,
            "y" => &mut self.y,
            "issuer" => &mut self.issuer,
            "x5c" => return json::fill_presence(&mut self.x5c, map),
            _ => {
                let private = PRIVATE.iter().zip(&mut self.private).find(|(own, _)| **own == name);
                return private.map_or(Ok(false), |(_, slot)| json::fill_presence(slot, map));
            }
        };
        json::fill(slot, map)
    }
}

impl Kind {
    fn read(kty: Option<Value<'_>>, crv: Option<Value<'_>>) -> Result<Self, Unusable> {
        let kty = kty.and_then(Value::into_str).ok_or("its kty is missing or not a string")?;
        let crv = crv.map(|crv| crv.into_str().ok_or("its crv is not a string")).transpose()?;
        match (&*kty, crv.as_deref()) {
            ("RSA", _) => Ok(Kind::Rsa),
            ("EC", Some("P-256")) => Ok(Kind::P256),
            ("EC", Some("P-384")) => Ok(Kind::P384),
            ("EC", Some("P-521")) => Ok(Kind::P521),
            ("OKP", Some("Ed25519")) => Ok(Kind::Ed25519),
            ("EC" | "OKP", None) => Err(Unusable::Wrong("its crv is missing")),
            ("EC" | "OKP", Some(crv)) if is_one_of(&["P-256", "P-384", "P-521", "Ed25519"], crv) => {
                Err(Unusable::Wrong("its crv belongs to another kty, or is not in its exact case"))
            }
            ("EC" | "OKP", Some(_)) => Err(Unusable::NotForUs("its crv is not a supported one")),
            (kty, _) if is_one_of(&["RSA", "EC", "OKP", "oct"], kty) => {
                Err(Unusable::Wrong("its kty is that of a symmetric key, or not in its exact case"))
            }
            _ => Err(Unusable::NotForUs("its kty is not a supported one")),
        }
    }
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

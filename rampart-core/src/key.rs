//! From a JSON Web Key (RFC 7517) to a prepared public key: parsed once, used for every signature after that.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use base64_simd::URL_SAFE_NO_PAD;
use serde::de::MapAccess;

use crate::algorithm::{Algorithm, Algorithms};
use crate::json::{self, Value};

const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Enough for 8192 bits with some leading zero octets; longer texts are not even decoded.
const MAX_COORDINATE_CHARS: usize = 1400;

/// Kind of key: `kty` with its curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

impl Kind {
    /// The one correspondence of RFC 7518 sections 3.3 to 3.5 and RFC 8037: each algorithm belongs to one kind of key.
    const fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512 => Self::Rsa,
            Algorithm::ES256 => Self::P256,
            Algorithm::ES384 => Self::P384,
            Algorithm::ES512 => Self::P521,
            Algorithm::EdDSA | Algorithm::Ed25519 => Self::Ed25519,
        }
    }

    /// Bytes of one coordinate (RFC 7518 section 6.2.1.2, RFC 8037 section 2).
    const fn coordinate_bytes(self) -> usize {
        match self {
            Self::Rsa => 0,
            Self::P256 | Self::Ed25519 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
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

    /// V5. The length is exact: no scheme has a second form, and ECDSA is raw r‖s (RFC 7518 section 3.4).
    pub(crate) fn verify(&self, algorithm: Algorithm, signing_input: &[u8], signature: &[u8]) -> bool {
        signature.len() == self.signature_bytes
            && self.prepared(algorithm).is_some_and(|key| key.verify_sig(signing_input, signature).is_ok())
    }

    fn prepared(&self, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        self.prepared.iter().find(|(own, _)| *own == algorithm).map(|(_, key)| key)
    }

    /// Reads one entry of a key set.
    ///
    /// # Errors
    /// A constant sentence that says why the key cannot be used; it holds no text of the entry.
    pub(crate) fn from_jwk(jwk: &str, wanted: Algorithms) -> Result<Self, &'static str> {
        let members = json::read_object(jwk, JwkMembers::default())
            .map_err(|_| "it is not a JSON object, or has duplicate members or too much nesting")?;
        if members.has_private_members {
            return Err(
                "it is published with its private or symmetric members: replace it at the issuer, it is compromised",
            );
        }
        let kid = match members.kid {
            None => None,
            Some(Value::Str(kid)) if kid.len() <= 1024 => Some(kid.into_owned()),
            Some(_) => return Err("its kid is not a string of at most 1024 bytes"),
        };
        let has_use = match members.r#use {
            None => false,
            Some(Value::Str(r#use)) if r#use == "sig" => true,
            Some(_) => return Err("its use is not sig"),
        };
        let key_ops = match members.key_ops {
            None => None,
            Some(Value::List(ops)) if ops.iter().any(|op| op == "verify") => {
                Some(ops.into_iter().map(std::borrow::Cow::into_owned).collect())
            }
            Some(_) => return Err("its key_ops do not have verify"),
        };
        let alg = match members.alg {
            None => None,
            Some(Value::Str(name)) => Some(name.parse::<Algorithm>().map_err(|_| "its alg is not a supported one")?),
            Some(_) => return Err("its alg is not a string"),
        };
        let kind = Kind::read(members.kty, members.crv)?;
        if alg.is_some_and(|alg| Kind::of(alg) != kind) {
            return Err("its alg belongs to another kind of key");
        }

        let algorithms = Algorithm::ALL.into_iter().filter(|algorithm| {
            Kind::of(*algorithm) == kind
                && wanted.contains(*algorithm)
                && alg.is_none_or(|alg| alg.names_same_scheme(*algorithm))
        });
        let material = match kind {
            Kind::Rsa => Material::rsa(members.n, members.e)?,
            _ => Material::curve(kind, members.x, members.y)?,
        };
        // Parsed once even where no wanted algorithm fits, so that only keys that could verify count as keys.
        material.parse(Self::reference_algorithm(kind))?;
        let prepared = algorithms
            .map(|algorithm| material.parse(algorithm).map(|key| (algorithm, key)))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            serial: next_serial(),
            signature_bytes: material.signature_bytes(kind),
            identity: Identity { kid, kind, alg, has_use, key_ops, material: material.into_bytes() },
            prepared,
        })
    }

    const fn reference_algorithm(kind: Kind) -> Algorithm {
        match kind {
            Kind::Rsa => Algorithm::RS256,
            Kind::P256 => Algorithm::ES256,
            Kind::P384 => Algorithm::ES384,
            Kind::P521 => Algorithm::ES512,
            Kind::Ed25519 => Algorithm::EdDSA,
        }
    }
}

fn next_serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
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
    has_private_members: bool,
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
            "d" | "p" | "q" | "dp" | "dq" | "qi" | "oth" | "k" => {
                // Noted, never read: the value goes nowhere.
                self.has_private_members = true;
                return Ok(false);
            }
            _ => return Ok(false),
        };
        json::fill(slot, map)
    }
}

impl Kind {
    fn read(kty: Option<Value<'_>>, crv: Option<Value<'_>>) -> Result<Self, &'static str> {
        let kty = kty.and_then(Value::into_str).ok_or("its kty is missing or not a string")?;
        let crv = crv.map(|crv| crv.into_str().ok_or("its crv is not a string")).transpose()?;
        match (&*kty, crv.as_deref()) {
            ("RSA", _) => Ok(Kind::Rsa),
            ("EC", Some("P-256")) => Ok(Kind::P256),
            ("EC", Some("P-384")) => Ok(Kind::P384),
            ("EC", Some("P-521")) => Ok(Kind::P521),
            ("OKP", Some("Ed25519")) => Ok(Kind::Ed25519),
            ("EC" | "OKP", _) => Err("its crv is missing or not a supported one"),
            _ => Err("its kty is not a supported one"),
        }
    }
}

/// Public key material in the form the cryptographic library takes.
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point, or the 32 bytes of an Ed25519 key.
    Point(Vec<u8>),
}

impl Material {
    fn rsa(n: Option<Value<'_>>, e: Option<Value<'_>>) -> Result<Self, &'static str> {
        let n = without_leading_zeros(bytes(n, "its n is not strict base64url")?);
        let e = without_leading_zeros(bytes(e, "its e is not strict base64url")?);
        let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) {
            return Err("its modulus does not have 2048 to 8192 bits");
        }
        let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
        if !is_odd(&n) || !is_odd(&e) || e.len() > 4 || e == [1] {
            return Err("its modulus is even, or its exponent is not an odd number from 3 to 32 bits");
        }
        Ok(Self::Rsa { n, e })
    }

    fn curve(kind: Kind, x: Option<Value<'_>>, y: Option<Value<'_>>) -> Result<Self, &'static str> {
        let length = kind.coordinate_bytes();
        let x = bytes(x, "its x is not strict base64url")?;
        if kind == Kind::Ed25519 {
            if x.len() != length || is_small_order(&x) {
                return Err("its x is not a full-length point of large order");
            }
            return Ok(Self::Point(x));
        }
        let y = bytes(y, "its y is not strict base64url")?;
        if x.len() != length || y.len() != length {
            return Err("its coordinates do not have the full length of the curve");
        }
        Ok(Self::Point([&[4], x.as_slice(), y.as_slice()].concat()))
    }

    fn parse(&self, algorithm: Algorithm) -> Result<ParsedPublicKey, &'static str> {
        let parsed = match self {
            Self::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(rsa_parameters(algorithm)).map_err(drop)
            }
            Self::Point(point) => ParsedPublicKey::new(curve_algorithm(algorithm), point).map_err(drop),
        };
        parsed.map_err(|()| "it is not a valid public key")
    }

    const fn signature_bytes(&self, kind: Kind) -> usize {
        match self {
            Self::Rsa { n, .. } => n.len(),
            Self::Point(_) => 2 * kind.coordinate_bytes(),
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        match self {
            // `e` has at most four bytes, so a fixed four of them keep the two numbers apart.
            Self::Rsa { mut n, e } => {
                n.extend(std::iter::repeat_n(0, 4 - e.len()).chain(e));
                n
            }
            Self::Point(point) => point,
        }
    }
}

fn bytes(value: Option<Value<'_>>, problem: &'static str) -> Result<Vec<u8>, &'static str> {
    let text = value.and_then(Value::into_str).filter(|text| text.len() <= MAX_COORDINATE_CHARS).ok_or(problem)?;
    URL_SAFE_NO_PAD.decode_to_vec(text.as_bytes()).map_err(|_| problem)
}

/// RFC 7518 section 6.3.1.1 forbids them, real issuers send them, and they change nothing.
fn without_leading_zeros(mut number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.drain(..zeros);
    number
}

/// Points of order 1, 2, 4 and 8 in every encoding (RFC 7748 section 7 lists the orders): anybody can sign for them.
fn is_small_order(x: &[u8]) -> bool {
    /// Their y coordinates, little-endian, without the sign bit.
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let mut y = [0_u8; 32];
    y.copy_from_slice(x.get(..32).unwrap_or(&[0; 32]));
    y[31] &= 0x7f;
    // 0 and 1, and p - 1, p, p + 1 with p = 2^255 - 19: the low byte differs, the rest is all zeros or all ones.
    let small = y[0] <= 1 && y[1..].iter().all(|byte| *byte == 0);
    let near_p = (0xec..=0xee).contains(&y[0]) && y[1..31].iter().all(|byte| *byte == 0xff) && y[31] == 0x7f;
    small || near_p || ORDER_8.contains(&y)
}

const fn rsa_parameters(algorithm: Algorithm) -> &'static RsaParameters {
    match algorithm {
        Algorithm::RS384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &RSA_PSS_2048_8192_SHA512,
        _ => &RSA_PKCS1_2048_8192_SHA256,
    }
}

fn curve_algorithm(algorithm: Algorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        Algorithm::ES384 => &ECDSA_P384_SHA384_FIXED,
        Algorithm::ES512 => &ECDSA_P521_SHA512_FIXED,
        Algorithm::EdDSA | Algorithm::Ed25519 => &ED25519,
        _ => &ECDSA_P256_SHA256_FIXED,
    }
}

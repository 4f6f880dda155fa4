//! V2 to V5: the compact serialization, the JOSE header, the choice of the key, the signature (RFC 7515).

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::MapAccess;

use crate::algorithm::{Algorithm, Algorithms};
use crate::error::Refusal;
use crate::json::{self, Value};
use crate::jwks::set::{KeySet, MAX_CANDIDATES, Selection};
use crate::key::VerifyingKey;

/// The longest signature of any accepted algorithm: RSA with 8192 bits.
const MAX_SIGNATURE_BYTES: usize = 1024;
/// Headers of real tokens have some hundred bytes; longer ones are read too, from the heap.
const HEADER_ON_STACK: usize = 768;
const MAX_KID_BYTES: usize = 1024;

/// Which header `typ` is accepted: rules differ between the signature layer and access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypRule {
    /// The signature layer by itself: any compact JWS.
    Any,
    /// Absent, `JWT` or `at+jwt`.
    AccessToken,
    /// `at+jwt` (RFC 9068 section 2.1).
    AtJwtOnly,
}

/// A token whose signature holds.
pub(crate) struct Signed<'s> {
    pub(crate) payload: Vec<u8>,
    pub(crate) key: &'s VerifyingKey,
    pub(crate) algorithm: Algorithm,
    pub(crate) is_at_jwt: bool,
    pub(crate) kid: Option<String>,
}

/// A token that names a key which the set does not hold, and what is known of it. Nothing of it is verified.
pub(crate) struct UnknownKid {
    pub(crate) kid: String,
    pub(crate) unverified_payload: Vec<u8>,
}

pub(crate) enum Failure {
    /// Refused; with the `kid`, if the header was read so far, for the log.
    Refused(Refusal, Option<String>),
    UnknownKid(UnknownKid),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal, None)
    }
}

/// Rules V2 to V5 in their order.
pub(crate) fn verify<'s>(
    token: &str,
    set: &'s KeySet,
    allowed: Algorithms,
    typ_rule: TypRule,
) -> Result<Signed<'s>, Failure> {
    let parts = Parts::split(token)?;
    let mut header_on_stack = [0; HEADER_ON_STACK];
    let mut header_on_heap = Vec::new();
    let room = base64::decoded_len_estimate(parts.header.len());
    let header_buffer = if let Some(buffer) = header_on_stack.get_mut(..room) {
        buffer
    } else {
        header_on_heap.resize(room, 0);
        header_on_heap.as_mut_slice()
    };
    let header = decode_into(parts.header, header_buffer)?;
    let payload = URL_SAFE_NO_PAD.decode(parts.payload).map_err(|_| not_base64url())?;
    let mut signature_buffer = [0; MAX_SIGNATURE_BYTES + 2];
    let signature = decode_into(parts.signature, &mut signature_buffer)?;

    let header = Header::read(header, allowed, typ_rule)?;
    let algorithm = header.algorithm;
    let kid = header.kid.map(Cow::into_owned);
    let refused = |rule, why, kid: &Option<String>| Failure::Refused(Refusal::invalid(rule, why), kid.clone());

    let candidates = match set.select(kid.as_deref(), algorithm) {
        Selection::Candidates(candidates) => candidates,
        Selection::UnknownKid => {
            let kid = kid.unwrap_or_default();
            return Err(Failure::UnknownKid(UnknownKid { kid, unverified_payload: payload }));
        }
        Selection::NoneFits => return Err(refused("V4", "no key of the set fits the token's alg and kid", &kid)),
        Selection::TooMany => {
            tracing::warn!(
                target: "rampart", rule = "V4", limit = MAX_CANDIDATES, %algorithm, kid = ?kid.as_deref().map(shorten),
                "too many keys of the set fit one token; the issuer should publish distinct key IDs and tokens should carry them"
            );
            return Err(refused("V4", "more keys fit the token than are tried", &kid));
        }
    };
    match candidates.into_iter().flatten().find(|key| key.verify(algorithm, parts.signing_input, signature)) {
        Some(key) => Ok(Signed { payload, key, algorithm, is_at_jwt: header.is_at_jwt, kid }),
        None => Err(refused("V5", "the signature does not hold", &kid)),
    }
}

/// Beginning of a key ID for the log; `Debug` escapes what is left.
pub(crate) fn shorten(kid: &str) -> &str {
    kid.char_indices().nth(64).map_or(kid, |(end, _)| kid.get(..end).unwrap_or_default())
}

struct Parts<'t> {
    header: &'t [u8],
    payload: &'t [u8],
    signature: &'t [u8],
    /// Header and payload as received, with the dot between them: what was signed.
    signing_input: &'t [u8],
}

impl<'t> Parts<'t> {
    fn split(token: &'t str) -> Result<Self, Refusal> {
        let malformed = || Refusal::invalid("V2", "the token does not have exactly three non-empty parts");
        let (signing_input, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or_else(malformed)?;
        if header.is_empty() || payload.is_empty() || signature.is_empty() || payload.contains('.') {
            return Err(malformed());
        }
        Ok(Self {
            header: header.as_bytes(),
            payload: payload.as_bytes(),
            signature: signature.as_bytes(),
            signing_input: signing_input.as_bytes(),
        })
    }
}

fn not_base64url() -> Refusal {
    Refusal::invalid("V2", "a part of the token is not strict base64url, or the signature is longer than any can be")
}

fn decode_into<'b>(text: &[u8], buffer: &'b mut [u8]) -> Result<&'b [u8], Refusal> {
    let length = URL_SAFE_NO_PAD.decode_slice(text, buffer).map_err(|_| not_base64url())?;
    buffer.get(..length).ok_or_else(not_base64url)
}

/// V3: what the rules need of the JOSE header. `jku`, `x5u`, `jwk` and `x5c` are not even read.
struct Header<'a> {
    algorithm: Algorithm,
    kid: Option<Cow<'a, str>>,
    is_at_jwt: bool,
}

#[derive(Default)]
struct HeaderMembers<'a> {
    alg: Option<Value<'a>>,
    kid: Option<Value<'a>>,
    typ: Option<Value<'a>>,
    cty: Option<Value<'a>>,
    b64: Option<Value<'a>>,
    crit: bool,
    enc: bool,
    zip: bool,
}

impl<'de> json::Members<'de> for HeaderMembers<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "alg" => json::fill(&mut self.alg, map),
            "kid" => json::fill(&mut self.kid, map),
            "typ" => json::fill(&mut self.typ, map),
            "cty" => json::fill(&mut self.cty, map),
            "b64" => json::fill(&mut self.b64, map),
            "crit" => json::mark(&mut self.crit, map),
            "enc" => json::mark(&mut self.enc, map),
            "zip" => json::mark(&mut self.zip, map),
            _ => Ok(false),
        }
    }
}

impl<'a> Header<'a> {
    fn read(bytes: &'a [u8], allowed: Algorithms, typ_rule: TypRule) -> Result<Self, Refusal> {
        let refuse = |why| Err(Refusal::invalid("V3", why));
        let members =
            std::str::from_utf8(bytes).ok().and_then(|text| json::read_object(text, HeaderMembers::default()).ok());
        let Some(members) = members else {
            return refuse("the header is not a JSON object, or has duplicate members or too much nesting");
        };
        let algorithm = match members.alg {
            Some(Value::Str(name)) => name.parse::<Algorithm>().ok(),
            _ => None,
        };
        let Some(algorithm) = algorithm else {
            return refuse("alg is none of the supported algorithms, which none and HMAC never are");
        };
        if !allowed.contains(algorithm) {
            return refuse(
                "alg is not one of the accepted algorithms: where the issuer signs with it, name it in algorithms",
            );
        }
        if members.crit {
            return refuse("crit is present, and no extension is supported");
        }
        if members.enc || members.zip {
            return refuse("enc or zip is present: encrypted and compressed tokens are not supported");
        }
        match members.cty {
            None => {}
            Some(Value::Str(cty)) if !without_application(&cty).eq_ignore_ascii_case("JWT") => {}
            Some(_) => return refuse("cty says that another token is nested in this one, or is not a string"),
        }
        if !matches!(members.b64, None | Some(Value::Bool(true))) {
            return refuse("b64 is not true");
        }
        let kid = match members.kid {
            None => None,
            Some(Value::Str(kid)) if (1..=MAX_KID_BYTES).contains(&kid.len()) => Some(kid),
            Some(_) => return refuse("kid is not a string of 1 to 1024 bytes"),
        };
        let typ = match &members.typ {
            None => Typ::Absent,
            Some(Value::Str(typ)) => match without_application(typ) {
                typ if typ.eq_ignore_ascii_case("JWT") => Typ::Jwt,
                typ if typ.eq_ignore_ascii_case("at+jwt") => Typ::AtJwt,
                _ => Typ::Another,
            },
            Some(_) => Typ::Another,
        };
        match (typ_rule, &typ) {
            (TypRule::Any, _) | (_, Typ::AtJwt) | (TypRule::AccessToken, Typ::Absent | Typ::Jwt) => {}
            (TypRule::AccessToken, Typ::Another) => {
                return refuse("typ is neither JWT nor at+jwt: another kind of token");
            }
            (TypRule::AtJwtOnly, _) => return refuse("typ is not at+jwt, and require_at_jwt is set"),
        }
        Ok(Self { algorithm, kid, is_at_jwt: matches!(typ, Typ::AtJwt) })
    }
}

enum Typ {
    Absent,
    Jwt,
    AtJwt,
    Another,
}

/// The prefix that a media type may leave out (RFC 7515 section 4.1.9), once.
fn without_application(media_type: &str) -> &str {
    const PREFIX: &str = "application/";
    match media_type.get(..PREFIX.len()) {
        Some(start) if start.eq_ignore_ascii_case(PREFIX) => media_type.get(PREFIX.len()..).unwrap_or_default(),
        _ => media_type,
    }
}

//! V2 to V5: the compact serialization, the JOSE header, the choice of the key, the signature (RFC 7515).

use std::borrow::Cow;

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use rampart_http::json::{self, Value};
use serde::de::MapAccess;

use crate::algorithm::{Algorithm, Algorithms};
use crate::error::Refusal;
use crate::jwks::set::{KeySet, MAX_CANDIDATES, Selection};
use crate::key::VerifyingKey;

/// The longest signature of any accepted algorithm, RSA with 8192 bits: 1024 bytes in base64url.
const MAX_SIGNATURE_CHARS: usize = 1366;
/// Room for the header and the signature of usual tokens, up to RSA with 2048 bits; longer ones are decoded on the heap.
const ON_STACK: usize = 512;
const MAX_KID_BYTES: usize = 1024;
/// A header is read before anybody knows who wrote it: within these limits that never costs more than the check of a signature.
const MAX_HEADER_BYTES: usize = 4096;
const MAX_HEADER_MEMBERS: usize = 64;

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

impl TypRule {
    /// A signature may stand over nothing at all (RFC 7515 section 5.1), but no claims are in it then.
    const fn takes_empty_payload(self) -> bool {
        matches!(self, Self::Any)
    }
}

/// A token whose signature holds.
pub(crate) struct Signed<'h> {
    pub(crate) payload: Vec<u8>,
    pub(crate) key: &'h VerifyingKey,
    pub(crate) algorithm: Algorithm,
    pub(crate) is_at_jwt: bool,
    pub(crate) kid: Option<&'h str>,
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

/// Rules V2 to V5 in their order, and then what `accept` asks of the token besides.
pub(crate) fn verify<T>(
    token: &[u8],
    set: &KeySet,
    allowed: Algorithms,
    typ_rule: TypRule,
    accept: impl FnOnce(Signed<'_>) -> Result<T, Refusal>,
) -> Result<T, Failure> {
    let parts = Parts::split(token, typ_rule)?;
    if parts.signature.len() > MAX_SIGNATURE_CHARS {
        return Err(Refusal::invalid("V2", "the signature is longer than any can be").into());
    }
    let (mut on_stack, mut on_heap) = ([0; ON_STACK], Vec::new());
    let header_room = room(parts.header);
    let needed = header_room + room(parts.signature);
    let buffer = if let Some(buffer) = on_stack.get_mut(..needed) {
        buffer
    } else {
        on_heap.resize(needed, 0);
        on_heap.as_mut_slice()
    };
    let not_base64url = || malformed(token, "a part of the token is not strict base64url");
    let (header, signature) = buffer.split_at_mut_checked(header_room).ok_or_else(not_base64url)?;
    let header = decode_into(parts.header, header).ok_or_else(not_base64url)?;
    let payload = URL_SAFE_NO_PAD.decode_to_vec(parts.payload).map_err(|_| not_base64url())?;
    let signature = decode_into(parts.signature, signature).ok_or_else(not_base64url)?;

    let Header { algorithm, kid, is_at_jwt } = Header::read(header, allowed, typ_rule)?;
    let kid = kid.as_deref();
    let refuse = |refusal| Failure::Refused(refusal, kid.map(str::to_owned));

    let candidates = match set.select(kid, algorithm) {
        Selection::Candidates(candidates) => candidates,
        Selection::UnknownKid => {
            let kid = kid.unwrap_or_default().to_owned();
            return Err(Failure::UnknownKid(UnknownKid { kid, unverified_payload: payload }));
        }
        Selection::NoneFits => {
            return Err(refuse(Refusal::invalid("V4", "no key of the set fits the token's alg and kid")));
        }
        Selection::TooMany => {
            if set.may_complain() {
                tracing::warn!(
                    target: "rampart", rule = "V4", limit = MAX_CANDIDATES, %algorithm, kid = kid.map(shorten).map(tracing::field::debug),
                    "too many keys of the set fit one token; the issuer should publish distinct key IDs and tokens should carry them"
                );
            }
            return Err(refuse(Refusal::invalid("V4", "more keys fit the token than are tried")));
        }
    };
    match candidates.into_iter().flatten().find(|key| key.verify(algorithm, parts.signing_input, signature)) {
        Some(key) => accept(Signed { payload, key, algorithm, is_at_jwt, kid }).map_err(refuse),
        None => Err(refuse(Refusal::invalid("V5", "the signature does not hold"))),
    }
}

/// V2 and V3, which need no key, and what the token then says of itself: its `kid`, if any, and its payload.
pub(crate) fn read_unverified(
    token: &[u8],
    allowed: Algorithms,
    typ_rule: TypRule,
) -> Result<(Option<String>, Vec<u8>), Failure> {
    match verify(token, &KeySet::default(), allowed, typ_rule, |_| Ok(())) {
        Err(Failure::UnknownKid(UnknownKid { kid, unverified_payload })) => Ok((Some(kid), unverified_payload)),
        // Without a kid, every key of the empty set has been looked at.
        Err(Failure::Refused(refusal, kid)) if refusal.rule == "V4" => {
            let payload = Parts::split(token, typ_rule)?.payload;
            Ok((kid, URL_SAFE_NO_PAD.decode_to_vec(payload).unwrap_or_default()))
        }
        Err(failure) => Err(failure),
        Ok(()) => Ok((None, Vec::new())),
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
    fn split(token: &'t [u8], typ_rule: TypRule) -> Result<Self, Refusal> {
        let split = |dot: Option<usize>, text: &'t [u8]| {
            let (before, after) = text.split_at_checked(dot?)?;
            Some((before, after.get(1..)?))
        };
        let signed = split(memchr::memrchr(b'.', token), token);
        let parts = signed.and_then(|(signing_input, signature)| {
            let (header, payload) = split(memchr::memchr(b'.', signing_input), signing_input)?;
            // A further dot would stand in the payload, where it is no base64url.
            let has_payload = !payload.is_empty() || typ_rule.takes_empty_payload();
            let is_whole = !header.is_empty() && has_payload && !signature.is_empty();
            is_whole.then_some(Self { header, payload, signature, signing_input })
        });
        parts.ok_or_else(|| malformed(token, "a part of the token is empty"))
    }
}

/// V2, with the likely reason; `of_three` is the one for a token that has its three parts.
fn malformed(token: &[u8], of_three: &'static str) -> Refusal {
    let why = match memchr::memchr_iter(b'.', token).take(5).count() {
        2 => of_three,
        // RFC 7516 section 3.1.
        4 => {
            "the token is encrypted (five parts): ask the issuer for a signed one; with Auth0, request the audience of this API"
        }
        _ => "the token does not have exactly three parts",
    };
    Refusal::invalid("V2", why)
}

/// Bytes that a part takes when it is decoded, at most.
const fn room(part: &[u8]) -> usize {
    part.len() / 4 * 3 + 2
}

fn decode_into<'b>(part: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    URL_SAFE_NO_PAD.decode(part, buffer.as_out()).map(|decoded| &*decoded).ok()
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
            "alg" => json::fill_scalar(&mut self.alg, map),
            "kid" => json::fill_scalar(&mut self.kid, map),
            "typ" => json::fill_scalar(&mut self.typ, map),
            "cty" => json::fill_scalar(&mut self.cty, map),
            "b64" => json::fill_scalar(&mut self.b64, map),
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
        if bytes.len() > MAX_HEADER_BYTES {
            return refuse("the header is longer than 4 KiB");
        }
        let members = std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| json::read_object_within(text, HeaderMembers::default(), MAX_HEADER_MEMBERS).ok());
        let Some(members) = members else {
            return refuse(
                "the header is not a JSON object, or has duplicate members, more than 64 of them or too much nesting",
            );
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

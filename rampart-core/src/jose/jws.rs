//! V2 and V3: the compact serialization and the JOSE header (RFC 7515).

use std::borrow::Cow;

use serde::de::MapAccess;

use super::algorithm::{Algorithm, Algorithms};
use super::base64url::{decode, decode_into, room};
use crate::rule::{Refusal, Rule};
use rampart_http::json::{self, Value};

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
    /// `dpop+jwt`: no token, but a proof (RFC 9449 section 4.2).
    Proof,
    /// `token-introspection+jwt`: no token, but what the issuer says of one (RFC 9701 section 5).
    Introspection,
    /// Absent, `JWT` or `logout+jwt`: OpenID Connect Back-Channel Logout 1.0 asks for none (section 2.4).
    Logout,
}

impl TypRule {
    /// A signature may stand over nothing at all (RFC 7515 section 5.1), but no claims are in it then.
    const fn takes_empty_payload(self) -> bool {
        matches!(self, Self::Any)
    }
}

/// Room for the parts of one token while it is looked at.
pub(crate) struct Scratch {
    on_stack: [u8; ON_STACK],
    on_heap: Vec<u8>,
}

impl Scratch {
    pub(crate) const fn new() -> Self {
        Self { on_stack: [0; ON_STACK], on_heap: Vec::new() }
    }

    /// What stands in a part.
    pub(crate) fn decode(&mut self, part: &[u8]) -> Option<&[u8]> {
        decode_into(part, self.of(room(part)))
    }

    fn of(&mut self, bytes: usize) -> &mut [u8] {
        if bytes > ON_STACK {
            self.on_heap.resize(bytes, 0);
            return &mut self.on_heap;
        }
        self.on_stack.get_mut(..bytes).unwrap_or_default()
    }
}

/// A token as far as it can be read without a key: V2 and V3 hold. Nothing that it says is verified.
pub(crate) struct Unverified<'t> {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<Cow<'t, str>>,
    pub(crate) is_at_jwt: bool,
    /// The JSON of the header.
    pub(crate) header: &'t str,
    pub(crate) payload: Vec<u8>,
    pub(crate) signing_input: &'t [u8],
    pub(crate) signature: &'t [u8],
}

impl<'t> Unverified<'t> {
    /// V2, then V3.
    pub(crate) fn read(
        token: &'t [u8],
        scratch: &'t mut Scratch,
        allowed: Algorithms,
        typ_rule: TypRule,
    ) -> Result<Self, Refusal> {
        let parts = Parts::split(token, typ_rule)?;
        if parts.signature.len() > MAX_SIGNATURE_CHARS {
            return Err(Refusal::invalid(Rule::V2, "the signature is longer than any can be"));
        }
        let not_base64url = || malformed(token, "a part of the token is not strict base64url", typ_rule);
        let header_room = room(parts.header);
        let buffer = scratch.of(header_room + room(parts.signature));
        let (header, signature) = buffer.split_at_mut_checked(header_room).ok_or_else(not_base64url)?;
        let header = decode_into(parts.header, header).ok_or_else(not_base64url)?;
        let payload = decode(parts.payload).ok_or_else(not_base64url)?;
        let signature = decode_into(parts.signature, signature).ok_or_else(not_base64url)?;
        let header: &'t [u8] = header;
        let Header { algorithm, kid, is_at_jwt, text } = Header::read(header, allowed, typ_rule)?;
        Ok(Self { algorithm, kid, is_at_jwt, header: text, payload, signing_input: parts.signing_input, signature })
    }
}

/// The payload of what may be an access token, read before anybody knows whose: to find that out.
pub(crate) fn unverified_payload(token: &[u8]) -> Result<Vec<u8>, Refusal> {
    let parts = Parts::split(token, TypRule::AccessToken)?;
    let why = "a part of the token is not strict base64url";
    decode(parts.payload).ok_or_else(|| malformed(token, why, TypRule::AccessToken))
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
        parts.ok_or_else(|| malformed(token, "a part of the token is empty", typ_rule))
    }
}

/// V2, with the likely reason; `of_three` is the one for a token that has its three parts.
fn malformed(token: &[u8], of_three: &'static str, typ_rule: TypRule) -> Refusal {
    let why = match memchr::memchr_iter(b'.', token).take(5).count() {
        2 => of_three,
        // No issuer has to do with what a sender makes; two proofs in a list have five parts as well.
        4 if typ_rule == TypRule::Proof => "the proof is encrypted, or one of a list (five parts)",
        // RFC 7516 section 3.1.
        4 => {
            "the token is encrypted (five parts): ask the issuer for a signed one; with Auth0, request the audience of this API"
        }
        _ => "the token does not have exactly three parts",
    };
    Refusal::invalid(Rule::V2, why)
}

/// V3: what the rules need of the JOSE header. `jku`, `x5u`, `jwk` and `x5c` are not even read.
struct Header<'a> {
    algorithm: Algorithm,
    kid: Option<Cow<'a, str>>,
    is_at_jwt: bool,
    text: &'a str,
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
        let refuse = |why| Err(Refusal::invalid(Rule::V3, why));
        if bytes.len() > MAX_HEADER_BYTES {
            return refuse("the header is longer than 4 KiB");
        }
        let members = std::str::from_utf8(bytes).ok().and_then(|text| {
            let members = json::read_object_within(text, HeaderMembers::default(), MAX_HEADER_MEMBERS);
            Some((members.ok()?, text))
        });
        let Some((members, text)) = members else {
            return refuse(
                "the header is not a JSON object, or has duplicate members, more than 64 of them, a reserved name or too much nesting",
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
            return refuse(if typ_rule == TypRule::Proof {
                "alg is not one of those of proofs: where clients sign them with it, name it in the algorithms of dpop"
            } else {
                "alg is not one of the accepted algorithms: where the issuer signs with it, name it in algorithms"
            });
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
                typ if typ.eq_ignore_ascii_case("dpop+jwt") => Typ::Proof,
                typ if typ.eq_ignore_ascii_case("token-introspection+jwt") => Typ::Introspection,
                typ if typ.eq_ignore_ascii_case("logout+jwt") => Typ::Logout,
                _ => Typ::Another,
            },
            Some(_) => Typ::Another,
        };
        match (typ_rule, &typ) {
            (TypRule::Any, _)
            | (TypRule::AccessToken, Typ::Absent | Typ::Jwt | Typ::AtJwt)
            | (TypRule::AtJwtOnly, Typ::AtJwt)
            | (TypRule::Proof, Typ::Proof)
            | (TypRule::Introspection, Typ::Introspection)
            | (TypRule::Logout, Typ::Absent | Typ::Jwt | Typ::Logout) => {}
            (TypRule::AccessToken, Typ::Proof | Typ::Introspection | Typ::Logout | Typ::Another) => {
                return refuse("typ is neither JWT nor at+jwt: another kind of token");
            }
            (TypRule::AtJwtOnly, _) => return refuse("typ is not at+jwt, and require_at_jwt is set"),
            (TypRule::Proof, _) => return refuse("typ is not dpop+jwt"),
            (TypRule::Logout, _) => return refuse("typ is neither JWT nor logout+jwt: another kind of token"),
            (TypRule::Introspection, _) => return refuse("its typ is not token-introspection+jwt"),
        }
        Ok(Self { algorithm, kid, is_at_jwt: matches!(typ, Typ::AtJwt), text })
    }
}

enum Typ {
    Absent,
    Jwt,
    AtJwt,
    Proof,
    Introspection,
    Logout,
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

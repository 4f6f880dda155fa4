//! The second form of an ECDSA signature: (r, n - s) holds wherever (r, s) does, and JWS does not forbid it
//! (RFC 7518 section 3.4 has no rule of a low s).

use rampart_issuer::Algorithm;

use crate::common::forge;

/// The same token with the other form of its signature; `None` for algorithms that have one form.
pub(crate) fn twin(algorithm: Algorithm, token: &str) -> Option<String> {
    // SEC 2, sections 2.4.2, 2.5.1 and 2.6.1: the orders of the curves.
    let order = match algorithm {
        Algorithm::ES256 => "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        Algorithm::ES384 => {
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"
        }
        Algorithm::ES512 => {
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"
        }
        _ => return None,
    };
    let signature = forge::signature(token);
    let (r, s) = signature.split_at(signature.len() / 2);
    Some(forge::with(token, [r, &forge::minus(&forge::hex(order), s)].concat()))
}

//! P1 to P8: the lines of the input are the `DPoP` values of a request whose token is good. Nobody has the keys any more, so what passes
//! is one of the proofs that were signed with them, and says what that says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rampart_core_fuzz::bound::{AUTH, BOUND, PATH};
use rampart_core_fuzz::dpop::Request;

fn signed_part(proof: &[u8]) -> Option<&[u8]> {
    Some(&proof[..proof.iter().rposition(|byte| *byte == b'.')?])
}

fuzz_target!(|data: &[u8]| {
    let values: Vec<_> = data.split(|byte| *byte == b'\n').collect();
    for own in &BOUND {
        let passes = Request::new(own.token, PATH, &values).ask(&AUTH).is_ok();
        let [value] = values.as_slice() else {
            assert!(!passes, "more than one");
            continue;
        };
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
        let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
        let value = &value[start..end];
        // Of the signature alone another form could hold: of an ECDSA signature with its other s.
        assert!(!passes || signed_part(value) == signed_part(own.proof));
        assert!(passes || value != own.proof, "the good one");
        // It is for this path, and with this token.
        assert!(!passes || Request::new(own.token, "/orders/2", &[value]).ask(&AUTH).is_err());
        let others = BOUND.iter().filter(|other| other.token != own.token);
        for other in others {
            assert!(!passes || Request::new(other.token, PATH, &[value]).ask(&AUTH).is_err());
        }
    }
});

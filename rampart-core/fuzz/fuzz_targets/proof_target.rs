//! P4: the first line of the input is `htu` of a proof that is good in all else, the rest the path of its request.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rampart_core::AuthError;
use rampart_core_fuzz::NOW;
use rampart_core_fuzz::dpop::{AUTH, CLIENT, METHOD, Request, TOKEN, names};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (htu, path) = text.split_once('\n').unwrap_or((text, "/"));
    let proof = CLIENT.proof(METHOD, "").claim("htu", htu).access_token(&TOKEN).jti("1").at(NOW);
    let proof = proof.sign().expect("the key can sign");
    let outcome = Request::new(&TOKEN, path, &[proof.as_bytes()]).ask(&AUTH);
    // Both ways: what names another path does not pass, and what names this one does, however it is spelt.
    let expected = names(htu, path) && proof.len() <= 8 * 1024;
    assert_eq!(outcome.is_ok(), expected, "{htu:?} {path:?}");
    assert!(outcome.err().is_none_or(|(error, _)| matches!(error, AuthError::InvalidProof { .. })));
});

//! What adapters are told to do with a request.

use std::sync::Arc;

use crate::common::{AUTH, Draft};
use rampart_core::adapter::{Carry, Verified};
use rampart_core::{Claims, RampartAuth};

fn verified(auth: &RampartAuth, value: Option<&str>) -> Verified {
    auth.verification(value).now().expect("a fixed key set needs no waiting")
}

/// Whom the request carries afterwards.
fn carried(verified: &Verified, passed: bool, held: Option<&Arc<Claims>>) -> (&'static str, Option<Arc<Claims>>) {
    match verified.carry(passed, held) {
        Carry::Unchanged => ("unchanged", held.cloned()),
        Carry::Insert(claims) => ("insert", Some(claims)),
        Carry::Remove => ("remove", None),
    }
}

#[test]
fn request_carries_whoever_is_signed_in_and_nobody_else() {
    let bearer = |sub: &str| format!("Bearer {}", Draft::good().claim("sub", &format!("{sub:?}")).sign());
    let (ada, eve) = (bearer("ada"), bearer("eve"));
    let expired = format!("Bearer {}", Draft::good().claim("exp", "1").sign());
    // Without the cache of verified tokens, the claims of one token are not the same twice.
    let (ada, eve) = (verified(&AUTH.uncached, Some(&ada)), verified(&AUTH.uncached, Some(&eve)));
    let claims = |verified: &Verified| verified.required::<rampart_core::AnyUser>().unwrap();
    let cases = [
        ("a good token, first", &ada, true, None, ("insert", Some("ada"))),
        ("a good token, again", &ada, true, Some(&ada), ("unchanged", Some("ada"))),
        ("a good token of another", &ada, true, Some(&eve), ("insert", Some("ada"))),
        ("lacking a right, first", &ada, false, None, ("unchanged", None)),
        ("lacking a right, later", &ada, false, Some(&ada), ("unchanged", Some("ada"))),
        ("no token, first", &verified(&AUTH.cached, None), true, None, ("unchanged", None)),
        ("no token, later, where it is optional", &verified(&AUTH.cached, None), true, Some(&eve), ("remove", None)),
        ("no token, later, where it is required", &verified(&AUTH.cached, None), false, Some(&eve), ("remove", None)),
        ("a bad token, first", &verified(&AUTH.cached, Some(&expired)), false, None, ("unchanged", None)),
        ("a bad token, later", &verified(&AUTH.cached, Some(&expired)), false, Some(&eve), ("remove", None)),
    ];
    for (id, verified, passed, held, (what, sub)) in cases {
        let held = held.map(claims);
        let (done, after) = carried(verified, passed, held.as_ref());
        assert_eq!((done, after.as_ref().map(|claims| &*claims.sub)), (what, sub), "{id}");
        if let ("insert", Some(after)) = (done, after) {
            assert!(Arc::ptr_eq(&after, &claims(verified)), "{id}: a pointer, not a copy");
        }
    }
}

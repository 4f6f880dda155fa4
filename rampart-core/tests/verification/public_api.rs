//! What the public types do not let anybody do (X05, X06).

use std::sync::Arc;

use rampart_core::{Algorithm, ClaimFields, Claims, KeySet, RampartAuth, UnknownAlgorithm};

use crate::common::{AUTH, Draft, EVERY, ready, wrong_algs};

/// Fails to compile where the type has the trait: then both implementations could be meant.
macro_rules! has_not {
    ($type:ty: $($bound:tt)+) => {{
        trait Ambiguous<A> {
            fn check() {}
        }
        struct HasIt;
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + $($bound)+> Ambiguous<HasIt> for T {}
        <$type as Ambiguous<_>>::check();
    }};
}

#[test]
fn x05_claims_come_out_of_a_verification_and_nothing_else() {
    has_not!(Claims: serde::de::DeserializeOwned);
    has_not!(Claims: Default);
    has_not!(Claims: Clone);
    has_not!(Claims: std::str::FromStr);
    has_not!(Claims: From<String>);
    has_not!(Claims: for<'a> TryFrom<&'a str>);
    // The same of its fields, which are all that can be reached of it.
    has_not!(ClaimFields: serde::de::DeserializeOwned);
    has_not!(ClaimFields: Default);
    has_not!(ClaimFields: Clone);
}

/// What the documentation of `Claims` shows by examples that do not compile: the only owner cannot alter it either.
#[test]
fn x05_claims_are_never_altered() {
    has_not!(Claims: std::ops::DerefMut);
    has_not!(Claims: AsMut<ClaimFields>);
    has_not!(Claims: std::borrow::BorrowMut<ClaimFields>);
    has_not!(Claims: Into<ClaimFields>);
    has_not!(ClaimFields: std::ops::DerefMut);
    let token = Draft::good().claim("roles", r#"["user"]"#).sign();
    let claims = Arc::into_inner(ready(AUTH.uncached.verify(&token)).unwrap()).expect("nobody else holds them");
    assert_eq!((&*claims.sub, claims.roles.as_slice()), ("user-1", ["user".to_owned()].as_slice()));
}

#[test]
fn x06_verifier_has_no_default_and_keys_are_read_from_json_alone() {
    has_not!(RampartAuth: Default);
    has_not!(RampartAuth: serde::de::DeserializeOwned);
    has_not!(KeySet: From<String>);
}

#[test]
fn x06_algorithm_is_one_of_eleven_and_none_of_them_is_symmetric() {
    let names = EVERY.map(|algorithm| algorithm.to_string());
    assert_eq!(
        names,
        ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA", "Ed25519"]
    );
    for (algorithm, name) in EVERY.into_iter().zip(&names) {
        assert_eq!(name.parse(), Ok(algorithm));
    }
    let mut refused = 0;
    for json in wrong_algs() {
        let Ok(name) = serde_json::from_str::<String>(&json) else { continue };
        if !names.contains(&name) {
            assert_eq!(name.parse::<Algorithm>(), Err(UnknownAlgorithm), "{name:?}");
            refused += 1;
        }
        assert_eq!(serde_json::from_str::<Algorithm>(&json).is_ok(), names.contains(&name), "{name:?}");
    }
    assert!(refused > 35, "only {refused} names");
}

//! For which request, connection and object the outcome of a verification counts.

use std::time::Duration;

use crate::common::{AUDIENCE, AUTH, Draft, ISSUER, NOW, at, builder, fresh, quoted};
use rampart_core::adapter::{Authorization, ClientCertificate, Connection, Pending, RequestHead, Verification};
use rampart_core::{AnyUser, RampartAuth};

/// Whatever stands between two guards may change the request: what was found counts for what was asked, and for nothing else.
#[test]
fn outcome_counts_only_while_the_request_says_what_it_was_made_from() {
    let good = |sub: &str| Draft::good().claim("sub", &format!("{sub:?}")).sign();
    let (ada, eve) = (good("ada"), good("eve"));
    let (bearer, other) = (format!("Bearer {ada}"), format!("Bearer {eve}"));
    let (spaced, split) = (format!("Bearer  {ada}"), bearer.split_at(20));
    let [lower, before, after, far] =
        ["bearer {}", " Bearer {}", "Bearer {} ", "Bearer      {}"].map(|form| form.replace("{}", &ada));
    let (other_scheme, expired) =
        (format!("DPoP   {ada}"), |exp: &str| format!("Bearer {}", Draft::good().claim("exp", exp).sign()));
    let (expired, long_expired) = (expired("1000000001"), expired("1000000002"));
    for same_length in [&other, &lower, &other_scheme] {
        assert_eq!(bearer.len(), same_length.len(), "or the length alone would tell them apart");
    }
    assert_eq!((before.len(), expired.len()), (after.len(), long_expired.len()));
    let requests: [(&str, Vec<&str>); 17] = [
        ("a token", vec![&bearer]),
        ("another token of the same length", vec![&other]),
        ("the token in another scheme, of the same length", vec![&other_scheme]),
        ("the token in the same scheme, written otherwise", vec![&lower]),
        ("the token after white space", vec![&before]),
        ("the token before white space", vec![&after]),
        ("the token after more spaces", vec![&spaced]),
        ("the token after many spaces", vec![&far]),
        ("an expired token", vec![&expired]),
        ("another expired token of the same length", vec![&long_expired]),
        ("the token twice", vec![&bearer, &bearer]),
        ("the value cut in two", vec![split.0, split.1]),
        ("the value cut elsewhere", vec![&bearer[..21], &bearer[21..]]),
        ("a malformed token", vec!["Bearer x"]),
        ("another scheme", vec!["Basic eA=="]),
        ("an empty value", vec![""]),
        ("no value", vec![]),
    ];
    for auth in [&AUTH.cached, &AUTH.uncached] {
        for (made_from, values) in &requests {
            let kept = fresh(auth, values).into_verified();
            for (asked_for, values) in &requests {
                let counts = kept.by(auth, &Authorization::new(values)).is_some();
                assert_eq!(counts, made_from == asked_for, "made from {made_from}, asked for {asked_for}");
            }
        }
    }
}

/// Longer than what is told apart without a cryptographic hash.
#[test]
fn outcome_of_a_long_token_counts_for_that_token_alone() {
    let auth = builder().max_token_bytes(64 * 1024).build().unwrap();
    let long = |sub: &str| {
        let filler = quoted(&"x".repeat(20 * 1024));
        format!("Bearer {}", Draft::good().claim("sub", &quoted(sub)).claim("filler", &filler).sign())
    };
    let (ada, eve) = (long("ada"), long("eve"));
    assert_eq!(ada.len(), eve.len());
    let kept = fresh(&auth, Some(&ada)).into_verified();
    let by = |value: &str| {
        kept.by(&auth, &Authorization::new([value])).map(|outcome| outcome.required::<AnyUser>().unwrap())
    };
    assert_eq!(by(&ada).unwrap().sub, "ada");
    assert!(by(&eve).is_none());
}

fn without_keys() -> RampartAuth {
    RampartAuth::builder(ISSUER, AUDIENCE).clock(|| at(Duration::from_secs(NOW))).build().unwrap()
}

fn pending(auth: &RampartAuth, head: &impl RequestHead) -> Pending {
    match auth.verification(head) {
        Verification::Pending(pending) => pending,
        Verification::Ready(fresh) => panic!("there are no keys: {fresh:?}"),
    }
}

/// Who asks while keys are fetched may wait for what another has begun, if it is the same question.
#[test]
fn verification_under_way_is_of_one_object_and_one_request() {
    let bearer = |sub: &str| format!("Bearer {}", Draft::good().claim("sub", &quoted(sub)).sign());
    let (ada, eve) = (bearer("ada"), bearer("eve"));
    assert_eq!(ada.len(), eve.len());
    let auth = without_keys();
    let under_way = pending(&auth, &Authorization::new([&ada]));
    let requests: [(&str, &[&str]); 5] = [
        ("the same", &[&ada]),
        ("another token", &[&eve]),
        ("twice", &[&ada, &ada]),
        ("bad", &["Bearer x"]),
        ("none", &[]),
    ];
    for (id, values) in requests {
        let head = Authorization::new(values);
        assert_eq!(under_way.is_of(&auth, &head), id == "the same", "{id}");
        assert_eq!(under_way.is_of(&auth.clone(), &head), id == "the same", "{id}");
        assert!(!under_way.is_of(&without_keys(), &head), "{id}: another object of the same settings");
    }
}

/// A head on a connection of which more or less is known.
struct On<'r>(&'r str, Connection);

impl RequestHead for On<'_> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        (name == "authorization").then_some(self.0.as_bytes()).into_iter()
    }

    fn method(&self) -> &'static str {
        "GET"
    }

    fn path(&self) -> &'static str {
        "/"
    }

    fn connection(&self) -> Connection {
        self.1
    }
}

#[test]
fn outcome_counts_only_for_the_connection_that_it_was_made_on() {
    let bearer = format!("Bearer {}", Draft::good().sign());
    let certificate = |der: &[u8]| Connection::Certificate(ClientCertificate::from_der(der));
    let connections = [Connection::Unknown, Connection::NoCertificate, certificate(b"one"), certificate(b"two")];
    for made_on in connections {
        let auth = &AUTH.cached;
        let Verification::Ready(fresh) = auth.verification(&On(&bearer, made_on)) else { panic!("waits") };
        let kept = fresh.into_verified();
        for asked_on in connections {
            let counts = kept.by(auth, &On(&bearer, asked_on)).is_some();
            assert_eq!(counts, made_on == asked_on, "{made_on:?} {asked_on:?}");
        }
    }
}

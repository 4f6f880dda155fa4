//! For which request, connection and object the outcome of a verification counts.

use crate::common::{AUTH, Draft, fresh};
use rampart_core::adapter::{Authorization, ClientCertificate, Connection, RequestHead, Verification};

/// Whatever stands between two guards may change the request: what was found counts for what was asked, and for nothing else.
#[test]
fn outcome_counts_only_while_the_request_says_what_it_was_made_from() {
    let good = |sub: &str| Draft::good().claim("sub", &format!("{sub:?}")).sign();
    let (ada, eve) = (good("ada"), good("eve"));
    let (bearer, other) = (format!("Bearer {ada}"), format!("Bearer {eve}"));
    let (spaced, split) = (format!("Bearer  {ada}"), bearer.split_at(20));
    assert_eq!(bearer.len(), other.len(), "or the length alone would tell them apart");
    let requests: [(&str, Vec<&str>); 10] = [
        ("a token", vec![&bearer]),
        ("another token of the same length", vec![&other]),
        ("the token after more spaces", vec![&spaced]),
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

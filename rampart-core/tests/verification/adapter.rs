//! What adapters are told to do with a request.

use std::sync::Arc;

use crate::common::{AUTH, Draft, builder, fresh, quoted};
use rampart_core::adapter::{Carry, Fresh, Gate, Outcome};
use rampart_core::{AnyOf, AnyUser, AuthError, Claims, Policy, Rejection, Requirement, roles, scopes};

roles!(Admin = "admin");
scopes! {
    Read = "tasks:read";
    Write = "tasks:write";
    Mailer = "email:send", "email:read";
}

/// By hand, with scopes.
enum Spoken {}

impl Requirement for Spoken {
    fn check(claims: &Claims) -> Result<(), AuthError> {
        if claims.has_scope("acme:a") { Ok(()) } else { Err(AuthError::insufficient_scope(Self::scopes())) }
    }

    fn scopes() -> Vec<&'static str> {
        vec!["acme:a", "acme:b"]
    }
}

/// By hand, as one could write it before there were scopes to say.
enum Silent {}

impl Requirement for Silent {
    fn check(_: &Claims) -> Result<(), AuthError> {
        Err(AuthError::insufficient_scope(["silent"]))
    }
}

/// Whom the request carries afterwards.
fn carried(verified: &Fresh<'_>, passed: bool, held: Option<&Arc<Claims>>) -> (&'static str, Option<Arc<Claims>>) {
    match verified.outcome().carry(passed, held) {
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
    let (ada, eve) = (fresh(&AUTH.uncached, Some(&ada)), fresh(&AUTH.uncached, Some(&eve)));
    let claims = |verified: &Fresh<'_>| verified.outcome().required::<AnyUser>().unwrap();
    let cases = [
        ("a good token, first", &ada, true, None, ("insert", Some("ada"))),
        ("a good token, again", &ada, true, Some(&ada), ("unchanged", Some("ada"))),
        ("a good token of another", &ada, true, Some(&eve), ("insert", Some("ada"))),
        ("lacking a right, first", &ada, false, None, ("unchanged", None)),
        ("lacking a right, later", &ada, false, Some(&ada), ("unchanged", Some("ada"))),
        ("lacking a right, where the token was another's before", &ada, false, Some(&eve), ("remove", None)),
        ("no token, first", &fresh(&AUTH.cached, None::<&str>), true, None, ("unchanged", None)),
        (
            "no token, later, where it is optional",
            &fresh(&AUTH.cached, None::<&str>),
            true,
            Some(&eve),
            ("remove", None),
        ),
        (
            "no token, later, where it is required",
            &fresh(&AUTH.cached, None::<&str>),
            false,
            Some(&eve),
            ("remove", None),
        ),
        ("a bad token, first", &fresh(&AUTH.cached, Some(&expired)), false, None, ("unchanged", None)),
        ("a bad token, later", &fresh(&AUTH.cached, Some(&expired)), false, Some(&eve), ("remove", None)),
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

/// By hand, with names that are no scopes (RFC 6749 section 3.3) beside one that is.
enum Odd {}

impl Requirement for Odd {
    fn check(_: &Claims) -> Result<(), AuthError> {
        Err(AuthError::insufficient_scope(Self::scopes()))
    }

    fn scopes() -> Vec<&'static str> {
        vec!["two words", "", "a\"b", "tasks:read", "grüß"]
    }
}

/// A guard, by its type.
type Guard = fn(&Outcome<'_>) -> Result<Arc<Claims>, Rejection>;

fn read() -> Policy {
    Policy::scopes(["tasks:read"])
}

fn write() -> Policy {
    Policy::scopes(["tasks:write"])
}

fn mailer() -> Policy {
    Policy::scopes(["email:send", "email:read"])
}

fn admin() -> Policy {
    Policy::roles(["admin"])
}

/// F15: RFC 6750 section 3.
#[test]
fn request_without_a_token_is_told_the_scopes_of_the_route() {
    type Case = (&'static str, Guard, Option<Policy>, &'static str);
    let cases: [Case; 17] = [
        ("any user", |outcome| outcome.required::<AnyUser>(), None, ""),
        ("a role", |outcome| outcome.required::<Admin>(), Some(admin()), ""),
        ("a scope", |outcome| outcome.required::<Read>(), Some(read()), "tasks:read"),
        ("two scopes", |outcome| outcome.required::<Mailer>(), Some(mailer()), "email:send email:read"),
        ("a role and a scope", |outcome| outcome.required::<(Admin, Read)>(), Some(admin().and(read())), "tasks:read"),
        (
            "each scope once",
            |outcome| outcome.required::<(Write, Mailer, Write, Read)>(),
            Some(write().and(mailer()).and(write()).and(read())),
            "tasks:write email:send email:read tasks:read",
        ),
        ("a tuple of one", |outcome| outcome.required::<(Read,)>(), None, "tasks:read"),
        (
            "alternatives: the first that has some",
            |outcome| outcome.required::<AnyOf<(Admin, Write, Read)>>(),
            Some(admin().or(write()).or(read())),
            "tasks:write",
        ),
        (
            "alternatives without any",
            |outcome| outcome.required::<AnyOf<(Admin, Admin)>>(),
            Some(admin().or(admin())),
            "",
        ),
        (
            "an alternative of several",
            |outcome| outcome.required::<AnyOf<((Admin, Read, Write), Mailer)>>(),
            Some(admin().and(read()).and(write()).or(mailer())),
            "tasks:read tasks:write",
        ),
        (
            "alternatives within",
            |outcome| outcome.required::<(Read, AnyOf<(Admin, Write, Mailer)>)>(),
            Some(read().and(admin().or(write()).or(mailer()))),
            "tasks:read tasks:write",
        ),
        ("by hand", |outcome| outcome.required::<Spoken>(), None, "acme:a acme:b"),
        ("by hand, among others", |outcome| outcome.required::<(Read, Spoken)>(), None, "tasks:read acme:a acme:b"),
        ("by hand, silent", |outcome| outcome.required::<Silent>(), None, ""),
        ("by hand, silent, among others", |outcome| outcome.required::<(Silent, Read)>(), None, "tasks:read"),
        ("by hand, with names that are none", |outcome| outcome.required::<Odd>(), None, "tasks:read"),
        ("nobody", |outcome| outcome.required::<(AnyUser, Silent)>(), Some(Policy::scopes([""; 0])), ""),
    ];
    let metadata = "https://api.example.com/.well-known/oauth-protected-resource";
    let with_metadata = builder().resource_metadata(metadata).build().unwrap();
    for (id, guard, policy, scope) in cases {
        let scope = if scope.is_empty() { String::new() } else { format!(", scope={}", quoted(scope)) };
        let bare = format!(r#"Bearer realm="default"{scope}"#);
        for (auth, challenge) in
            [(&AUTH.cached, bare.clone()), (&with_metadata, format!("{bare}, resource_metadata={}", quoted(metadata)))]
        {
            let fresh = fresh(auth, None::<&str>);
            let outcome = fresh.outcome();
            let by_type = guard(&outcome).unwrap_err();
            assert_eq!(by_type.status(), 401, "{id}");
            assert!(by_type.challenges().eq([&*challenge]), "{id}: {challenge}");
            assert_eq!(by_type.body(), auth.rejection(AuthError::MissingToken).body(), "{id}");
            if let Some(policy) = policy.clone() {
                assert_eq!(outcome.pass(&Gate::policy(policy)).unwrap_err(), by_type, "{id}: as a policy");
            }
        }
    }
    let plain = fresh(&AUTH.cached, None::<&str>).outcome().pass(&Gate::required()).unwrap_err();
    assert!(plain.challenges().eq([r#"Bearer realm="default""#]), "a layer that asks for nothing more");
    // Only where there is no token: what is wrong with one is not a matter of scopes.
    let bad = fresh(&AUTH.cached, Some("Bearer bad")).outcome().required::<Read>().unwrap_err();
    assert_eq!(bad, AUTH.cached.rejection(AuthError::InvalidToken));
    let basic = fresh(&AUTH.cached, Some("Basic x")).outcome().required::<Read>().unwrap_err();
    assert!(basic.challenges().eq([r#"Bearer realm="default", scope="tasks:read""#]));
}

/// F15: a client that asks for a new token needs all that the route asks for, not what this one happened to lack first.
#[test]
fn token_that_lacks_a_scope_is_told_every_scope_of_the_requirement() {
    type Case = (&'static str, Guard, Option<Policy>, &'static str, Vec<&'static str>);
    let both = || read().and(write());
    let cases: [Case; 13] = [
        ("one", |outcome| outcome.required::<Read>(), Some(read()), "", vec!["tasks:read"]),
        (
            "the first of two",
            |outcome| outcome.required::<(Read, Write)>(),
            Some(both()),
            "tasks:write",
            vec!["tasks:read", "tasks:write"],
        ),
        (
            "the last of two",
            |outcome| outcome.required::<(Read, Write)>(),
            Some(both()),
            "tasks:read",
            vec!["tasks:read", "tasks:write"],
        ),
        (
            "each once",
            |outcome| outcome.required::<(Read, Write, Read, Mailer)>(),
            Some(both().and(read()).and(mailer())),
            "tasks:read",
            vec!["tasks:read", "tasks:write", "email:send", "email:read"],
        ),
        (
            "beside a role that it has",
            |outcome| outcome.required::<(Admin, Read, Write)>(),
            Some(admin().and(read()).and(write())),
            "tasks:read",
            vec!["tasks:read", "tasks:write"],
        ),
        (
            "of alternatives, the one whose error it is",
            |outcome| outcome.required::<AnyOf<(Read, Mailer)>>(),
            Some(read().or(mailer())),
            "",
            vec!["email:send", "email:read"],
        ),
        (
            "an alternative of several",
            |outcome| outcome.required::<AnyOf<(Mailer, (Read, Write))>>(),
            Some(mailer().or(both())),
            "tasks:read",
            vec!["tasks:read", "tasks:write"],
        ),
        (
            "alternatives within that are at fault",
            |outcome| outcome.required::<(Read, AnyOf<(Write, Mailer)>)>(),
            Some(read().and(write().or(mailer()))),
            "tasks:read",
            vec!["tasks:read", "email:send", "email:read"],
        ),
        (
            "alternatives within that are not",
            |outcome| outcome.required::<(AnyOf<(Write, Mailer)>, Read)>(),
            Some(write().or(mailer()).and(read())),
            "tasks:write",
            vec!["tasks:write", "tasks:read"],
        ),
        (
            "nested",
            |outcome| outcome.required::<((Read, Write), (Mailer, Read))>(),
            Some(both().and(mailer().and(read()))),
            "tasks:read tasks:write",
            vec!["tasks:read", "tasks:write", "email:send", "email:read"],
        ),
        (
            "by hand",
            |outcome| outcome.required::<(Read, Spoken)>(),
            None,
            "tasks:read",
            vec!["tasks:read", "acme:a", "acme:b"],
        ),
        ("by hand, silent", |outcome| outcome.required::<(Silent, Read)>(), None, "", vec!["silent", "tasks:read"]),
        (
            "nobody",
            |outcome| outcome.required::<(Read, Nobody)>(),
            Some(read().and(Policy::scopes([""; 0]))),
            "tasks:read",
            vec![],
        ),
    ];
    for (id, guard, policy, scope, expected) in cases {
        let token = Draft::good().claim("scope", &quoted(scope)).claim("roles", r#"["admin"]"#).sign();
        let fresh = fresh(&AUTH.cached, Some(&format!("Bearer {token}")));
        let outcome = fresh.outcome();
        let by_type = guard(&outcome).unwrap_err();
        assert_eq!(by_type, AUTH.cached.rejection(AuthError::insufficient_scope(expected)), "{id}");
        if let Some(policy) = policy {
            assert_eq!(outcome.pass(&Gate::policy(policy)).unwrap_err(), by_type, "{id}: as a policy");
        }
    }
    let token = format!("Bearer {}", Draft::good().claim("scope", r#""tasks:write""#).sign());
    let lacks_role = fresh(&AUTH.cached, Some(&token)).outcome().required::<(Admin, Read, Write)>().unwrap_err();
    assert_eq!(
        lacks_role,
        AUTH.cached.rejection(AuthError::insufficient_role(["admin"])),
        "a role is no scope to ask for"
    );
}

/// Denies everyone, and names nothing to ask for.
enum Nobody {}

impl Requirement for Nobody {
    fn check(_: &Claims) -> Result<(), AuthError> {
        Err(AuthError::insufficient_scope([""; 0]))
    }
}

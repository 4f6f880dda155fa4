//! What guards before have asked for in the same request: a new token needs it as well.

use crate::common::{AUTH, Draft, builder, fresh, quoted};
use rampart_core::adapter::{Authorization, Fresh, Gate, Outcome, Verified};
use rampart_core::{AnyOf, AuthError, Claims, Policy, Rejection, Requirement, roles, scopes};

roles! { Admin = "admin"; Auditor = "auditor"; }
scopes! {
    Read = "tasks:read";
    Write = "tasks:write";
    Mailer = "email:send", "email:read";
}

fn bearer(roles: &str, scope: &str) -> String {
    format!("Bearer {}", Draft::good().claim("roles", roles).claim("scope", &quoted(scope)).sign())
}

fn with_scope(scope: &str) -> Fresh<'static> {
    fresh(&AUTH.cached, Some(&bearer("[]", scope)))
}

/// The scopes that a refusal names.
fn named(refused: &Rejection) -> Option<String> {
    let challenge = refused.challenges().next().unwrap();
    let (_, scope) = challenge.split_once(", scope=\"")?;
    Some(scope.split_once('"').unwrap().0.to_owned())
}

fn write(outcome: &Outcome<'_>) -> Option<String> {
    named(&outcome.required::<Write>().unwrap_err())
}

#[test]
fn what_has_passed_is_kept_with_the_request() {
    let value = bearer("[]", "tasks:read email:send email:read");
    let head = Authorization::new([&value]);
    let first = fresh(&AUTH.cached, Some(&value));
    assert_eq!(write(&first.outcome()).unwrap(), "tasks:write");
    first.outcome().required::<Read>().unwrap();
    assert_eq!(write(&first.outcome()).unwrap(), "tasks:read tasks:write");
    let kept = first.into_verified();
    let found = |kept: &Verified| write(&kept.by(&AUTH.cached, &head).unwrap()).unwrap();
    assert_eq!(found(&kept), "tasks:read tasks:write");
    let copy = kept.clone();
    kept.by(&AUTH.cached, &head).unwrap().optional::<(Mailer, Read)>().unwrap();
    assert_eq!(found(&kept), "tasks:read email:send email:read tasks:write", "each once, in the order of the guards");
    assert_eq!(found(&copy), "tasks:read tasks:write", "a copy goes with another request");
    // The error and the body are about what was asked for at last.
    let refused = kept.by(&AUTH.cached, &head).unwrap().required::<Write>().unwrap_err();
    assert_eq!(*refused.error(), AuthError::insufficient_scope(["tasks:write"]));
    assert!(refused.body().contains(r#""The access token lacks the scope tasks:write""#), "{}", refused.body());
}

/// Several guards of one request may have waited for one verification.
#[test]
fn what_one_who_waited_has_asked_for_is_known_to_the_others() {
    let first = with_scope("tasks:read email:send email:read");
    first.outcome().required::<Read>().unwrap();
    let second = first.clone();
    assert_eq!(write(&second.outcome()).unwrap(), "tasks:read tasks:write");
    second.outcome().required::<Mailer>().unwrap();
    for fresh in [&first, &second, &second.clone()] {
        assert_eq!(write(&fresh.outcome()).unwrap(), "tasks:read email:send email:read tasks:write");
    }
}

#[test]
fn what_has_not_passed_is_not_asked_for_again() {
    let verified = with_scope("email:send email:read");
    let outcome = verified.outcome();
    assert!(outcome.required::<Read>().is_err());
    assert!(outcome.optional::<(Mailer, Read)>().is_err());
    assert!(outcome.pass(&Gate::policy(Policy::scopes(["tasks:read"]))).is_err());
    assert_eq!(write(&outcome).unwrap(), "tasks:write");
    // Nobody has shown any scope yet.
    let anonymous = fresh(&AUTH.cached, None::<&str>);
    assert!(anonymous.outcome().optional::<Read>().unwrap().is_none());
    assert_eq!(write(&anonymous.outcome()).unwrap(), "tasks:write", "of a request without a token");
}

#[test]
fn refusal_that_no_scope_would_mend_names_none() {
    let verified = with_scope("tasks:read");
    let outcome = verified.outcome();
    outcome.required::<Read>().unwrap();
    assert_eq!(named(&outcome.required::<Admin>().unwrap_err()), None);
    assert_eq!(named(&outcome.pass(&Gate::policy(Policy::scopes([""; 0]))).unwrap_err()), None);
    assert_eq!(named(&outcome.required::<Unspeakable>().unwrap_err()), None, "what it takes cannot be named");
    assert_eq!(write(&outcome).unwrap(), "tasks:read tasks:write");
}

/// Refuses for a name that is no scope.
enum Unspeakable {}

impl Requirement for Unspeakable {
    fn check(_: &Claims) -> Result<(), AuthError> {
        Err(AuthError::insufficient_scope(["two words"]))
    }
}

/// Passes everybody, and says of itself more than can be asked for.
enum Odd {}

impl Requirement for Odd {
    fn check(_: &Claims) -> Result<(), AuthError> {
        Ok(())
    }

    fn scopes() -> Vec<&'static str> {
        vec!["two words", "", "a\"b", "odd", "grüß"]
    }
}

#[test]
fn names_that_are_no_scopes_are_left_out() {
    let verified = with_scope("");
    verified.outcome().required::<Odd>().unwrap();
    assert_eq!(write(&verified.outcome()).unwrap(), "odd tasks:write");
}

/// By hand: a scope of the user's own organisation.
enum OwnScope {}

impl Requirement for OwnScope {
    fn check(claims: &Claims) -> Result<(), AuthError> {
        if claims.has_any_scope(&["acme:a", "acme:b"]) {
            Ok(())
        } else {
            Err(AuthError::insufficient_scope(["acme:a"]))
        }
    }

    fn scopes() -> Vec<&'static str> {
        vec!["acme:a"]
    }

    fn scopes_for(claims: &Claims) -> Vec<&'static str> {
        if claims.has_scope("acme:b") { vec!["acme:b"] } else { Self::scopes() }
    }
}

/// What a guard of this requirement, or a layer of this policy, asks for of a token that it lets pass.
#[test]
fn of_alternatives_the_one_counts_that_was_met() {
    type Guard = fn(&Outcome<'_>) -> bool;
    type Case = (&'static str, Guard, Option<Policy>, (&'static str, &'static str), &'static str);
    let (admin, auditor) = (|| Policy::roles(["admin"]), || Policy::roles(["auditor"]));
    let (read, mailer) = (|| Policy::scopes(["tasks:read"]), || Policy::scopes(["email:send", "email:read"]));
    let either = || read().or(mailer());
    let cases: [Case; 12] = [
        ("a role", |outcome| outcome.required::<Admin>().is_ok(), Some(admin()), (r#"["admin"]"#, ""), ""),
        (
            "a role or a scope, by the role",
            |outcome| outcome.required::<AnyOf<(Admin, Read)>>().is_ok(),
            Some(admin().or(read())),
            (r#"["admin"]"#, ""),
            "",
        ),
        (
            "a role or a scope, by the scope",
            |outcome| outcome.required::<AnyOf<(Admin, Read)>>().is_ok(),
            Some(admin().or(read())),
            ("[]", "tasks:read"),
            "tasks:read ",
        ),
        (
            "a role or a scope, by both",
            |outcome| outcome.required::<AnyOf<(Read, Admin)>>().is_ok(),
            Some(read().or(admin())),
            (r#"["admin"]"#, "tasks:read"),
            "tasks:read ",
        ),
        (
            "scopes or others, by the last",
            |outcome| outcome.required::<AnyOf<(Read, Mailer)>>().is_ok(),
            Some(either()),
            ("[]", "email:read email:send"),
            "email:send email:read ",
        ),
        (
            "alternatives within",
            |outcome| outcome.required::<(Admin, AnyOf<(Read, Mailer)>)>().is_ok(),
            Some(admin().and(either())),
            (r#"["admin"]"#, "email:read email:send"),
            "email:send email:read ",
        ),
        (
            "alternatives within alternatives",
            |outcome| outcome.required::<AnyOf<((Auditor, Read), (Admin, AnyOf<(Read, Mailer)>))>>().is_ok(),
            Some(auditor().and(read()).or(admin().and(either()))),
            (r#"["admin"]"#, "email:read email:send"),
            "email:send email:read ",
        ),
        (
            "each once",
            |outcome| outcome.required::<(Read, Mailer, Read)>().is_ok(),
            Some(read().and(mailer()).and(read())),
            ("[]", "tasks:read email:read email:send"),
            "tasks:read email:send email:read ",
        ),
        (
            "an alternative that nobody can meet",
            |outcome| outcome.required::<AnyOf<(Unspeakable, Mailer)>>().is_ok(),
            Some(Policy::scopes([""; 0]).or(mailer())),
            ("[]", "email:read email:send"),
            "email:send email:read ",
        ),
        ("by hand", |outcome| outcome.required::<OwnScope>().is_ok(), None, ("[]", "acme:b"), "acme:b "),
        ("by hand, the usual", |outcome| outcome.required::<OwnScope>().is_ok(), None, ("[]", "acme:a"), "acme:a "),
        (
            "by hand, among others",
            |outcome| outcome.required::<AnyOf<(Read, (OwnScope, Admin))>>().is_ok(),
            None,
            (r#"["admin"]"#, "acme:b"),
            "acme:b ",
        ),
    ];
    for (id, guard, policy, (roles, scope), before) in cases {
        let value = bearer(roles, scope);
        let by_type = fresh(&AUTH.cached, Some(&value));
        assert!(guard(&by_type.outcome()), "{id}");
        assert_eq!(write(&by_type.outcome()).unwrap(), format!("{before}tasks:write"), "{id}");
        if let Some(policy) = policy {
            let by_policy = fresh(&AUTH.cached, Some(&value));
            assert!(by_policy.outcome().pass(&Gate::policy(policy)).is_ok(), "{id}: as a policy");
            assert_eq!(write(&by_policy.outcome()).unwrap(), format!("{before}tasks:write"), "{id}: as a policy");
        }
    }
}

/// Within one requirement just as from guard to guard.
#[test]
fn part_that_was_met_is_named_by_the_alternative_that_met_it() {
    let mailer = || Policy::scopes(["email:send", "email:read"]);
    let alternatives = || Policy::roles(["admin"]).and(Policy::scopes(["tasks:read"])).or(mailer());
    let verified = with_scope("email:send email:read");
    let outcome = verified.outcome();
    let by_type = outcome.required::<(AnyOf<((Admin, Read), Mailer)>, Write)>().unwrap_err();
    assert_eq!(named(&by_type).unwrap(), "email:send email:read tasks:write");
    let policy = alternatives().and(Policy::scopes(["tasks:write"]));
    assert_eq!(outcome.pass(&Gate::policy(policy)).unwrap_err(), by_type);
}

#[test]
fn what_an_outcome_of_another_object_was_asked_for_is_not_forgotten() {
    let other = builder().realm("other").build().unwrap();
    let value = bearer("[]", "tasks:read");
    let head = Authorization::new([&value]);
    let outer = fresh(&AUTH.cached, Some(&value));
    outer.outcome().required::<Read>().unwrap();
    let kept = outer.into_verified();
    assert!(kept.by(&other, &head).is_none());
    let inner = fresh(&other, Some(&value)).after(Some(&kept));
    assert_eq!(write(&inner.outcome()).unwrap(), "tasks:read tasks:write");
    assert_eq!(write(&fresh(&other, Some(&value)).after(None).outcome()).unwrap(), "tasks:write");
    // What was asked of another token says nothing of this one.
    let replaced = bearer(r#"["auditor"]"#, "tasks:read");
    assert_eq!(write(&fresh(&other, Some(&replaced)).after(Some(&kept)).outcome()).unwrap(), "tasks:write");
}

//! What a handler asks of a request that a guard has let in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::common::{AUTH, Draft, NOW, builder, fresh, quoted};
use rampart_core::adapter::{Authorization, Gate, Inquiry, Outcome};
use rampart_core::{AnyUser, AuthError, Claims, Policy, RampartAuth, Rejection, roles, scopes};

roles!(Admin = "admin");
scopes! {
    Read = "tasks:read";
    Write = "tasks:write";
}

fn bearer(roles: &str, scope: &str) -> String {
    format!("Bearer {}", Draft::good().claim("roles", roles).claim("scope", &quoted(scope)).sign())
}

fn guard(outcome: &Outcome<'_>) -> (Arc<Claims>, Inquiry) {
    (outcome.required::<AnyUser>().unwrap(), outcome.inquiry())
}

fn ask(auth: &RampartAuth, value: &str, policy: &Policy) -> Result<(), Rejection> {
    let verified = fresh(auth, Some(value));
    let (claims, inquiry) = guard(&verified.outcome());
    let found = inquiry.require(Some(&claims), policy)?;
    assert!(Arc::ptr_eq(found, &claims));
    Ok(())
}

#[test]
fn refusal_in_a_handler_is_that_of_a_guard() {
    let auth = builder().realm("tasks").build().unwrap();
    let value = bearer(r#"["user"]"#, "tasks:read");
    let both = || Policy::scopes(["tasks:read"]).and(Policy::scopes(["tasks:write"]));
    let cases = [
        (Policy::roles(["admin"]), 403),
        (Policy::scopes(["tasks:write"]), 403),
        (both(), 403),
        (Policy::roles(["admin"]).or(both()), 403),
        (Policy::roles([""; 0]), 403),
    ];
    for (policy, status) in cases {
        let by_guard = fresh(&auth, Some(&value)).outcome().pass(&Gate::policy(policy.clone())).unwrap_err();
        let in_handler = ask(&auth, &value, &policy).unwrap_err();
        assert_eq!(in_handler, by_guard, "{policy:?}");
        assert_eq!(in_handler.status(), status);
        assert!(in_handler.challenges().all(|challenge| challenge.starts_with(r#"Bearer realm="tasks", "#)));
    }
    for policy in
        [Policy::roles(["user"]), Policy::scopes(["tasks:read"]), Policy::roles(["admin"]).or(Policy::roles(["user"]))]
    {
        assert_eq!(ask(&auth, &value, &policy), Ok(()));
    }
}

#[test]
fn refusal_in_a_handler_names_the_scopes_of_every_guard_and_of_the_handler_itself() {
    let value = bearer("[]", "tasks:read email:send email:read");
    let head = Authorization::new([&value]);
    let verified = fresh(&AUTH.cached, Some(&value));
    let outcome = verified.outcome();
    let claims = outcome.required::<Read>().unwrap();
    let inquiry = outcome.inquiry();
    // A guard that comes after the first has asked, and a layer within a framework that lets it.
    let kept = verified.into_verified();
    kept.by(&AUTH.cached, &head).unwrap().pass(&Gate::policy(Policy::scopes(["email:read"]))).unwrap();
    inquiry.require(Some(&claims), &Policy::scopes(["email:send"])).unwrap();
    let refused = inquiry.require(Some(&claims), &Policy::scopes(["tasks:write"])).unwrap_err();
    let challenge = refused.challenges().next().unwrap();
    assert!(challenge.ends_with(r#", scope="tasks:read email:read email:send tasks:write""#), "{challenge}");
    // A guard that runs later knows what the handler has asked for.
    let later = kept.by(&AUTH.cached, &head).unwrap().required::<Write>().unwrap_err();
    assert!(later.challenges().eq([challenge]));
    // So does who asks by a copy of the first guard.
    let copied = inquiry.clone().require(Some(&claims), &Policy::scopes(["tasks:write"])).unwrap_err();
    assert_eq!(copied, refused);
}

#[test]
fn nobody_is_asked_to_sign_in_with_the_scopes_that_it_takes() {
    let anonymous = fresh(&AUTH.cached, None::<&str>);
    let outcome = anonymous.outcome();
    assert!(outcome.optional::<AnyUser>().unwrap().is_none());
    let refused = outcome.inquiry().require(None, &Policy::scopes(["tasks:read"])).unwrap_err();
    assert_eq!(*refused.error(), AuthError::MissingToken);
    assert!(refused.challenges().eq([r#"Bearer realm="default", scope="tasks:read""#]));
    assert_eq!(refused, outcome.pass(&Gate::policy(Policy::scopes(["tasks:read"]))).unwrap_err());
    let of_no_scope = outcome.inquiry().require(None, &Policy::roles(["admin"])).unwrap_err();
    assert!(of_no_scope.challenges().eq([r#"Bearer realm="default""#]));
}

#[test]
fn guard_and_handler_agree_whatever_the_clock_says_within_the_minute() {
    let time = Arc::new(AtomicU64::new(NOW));
    let clock = Arc::clone(&time);
    let auth = builder()
        .clock(move || SystemTime::UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed)))
        .clock_tolerance(Duration::ZERO)
        .build()
        .unwrap();
    let value =
        format!("Bearer {}", Draft::good().claim("exp", &(NOW + 10).to_string()).claim("roles", r#"["admin"]"#).sign());
    let verified = fresh(&auth, Some(&value));
    let (claims, inquiry) = guard(&verified.outcome());
    time.store(NOW + 20, Ordering::Relaxed);
    assert!(inquiry.require(Some(&claims), &Policy::roles(["admin"])).is_ok());
}

#[test]
fn an_inquiry_shows_nothing() {
    let verified = fresh(&AUTH.cached, Some(&bearer(r#"["admin"]"#, "")));
    let (_, inquiry) = guard(&verified.outcome());
    assert_eq!(format!("{inquiry:?}"), "Inquiry");
    assert!(verified.outcome().required::<Admin>().is_ok());
}

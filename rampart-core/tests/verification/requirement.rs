//! What routes ask of a token: as types, as values, and by hand; and what adapters make of it.

use std::sync::{Arc, LazyLock};

use crate::common::{AUTH, Auth, Draft, fresh, log};
use rampart_core::adapter::{Authorization, Fresh, Gate};
use rampart_core::{AnyOf, AnyUser, AuthError, Claims, Policy, Requirement, roles, scopes};

const AUDITOR: &str = "auditor";

roles! {
    /// Runs the place.
    #[derive(Debug)]
    pub(crate) Admin = "admin";
    Operations = "admin", "operator",;
    Auditor = AUDITOR;
    Spaced = "with space";
    Joined = concat!("ad", "min");
}
roles!(User = "user");
scopes! {
    /// May write.
    pub(crate) TasksWrite = "tasks:write";
    pub(self) TasksRead = "tasks:read";
    Mailer = "email:send", "email:read";
}

mod elsewhere {
    rampart_core::roles!(pub(super) Guest = "guest"; pub(in crate::requirement::elsewhere) Hidden = "hidden");

    pub(super) fn check_both(claims: &rampart_core::Claims) -> Result<(), rampart_core::AuthError> {
        <(Guest, Hidden) as rampart_core::Requirement>::check(claims)
    }
}

/// Members of one organisation.
enum Acme {}

impl Requirement for Acme {
    fn check(claims: &Claims) -> Result<(), AuthError> {
        if claims.org_id.as_deref() == Some("acme") { Ok(()) } else { Err(AuthError::insufficient_role(["acme"])) }
    }
}

fn claims(roles: &[&str], scope: &str) -> Arc<Claims> {
    let roles = serde_json::to_string(roles).unwrap();
    AUTH.accepts("claims", &Draft::good().claim("roles", &roles).claim("scope", &crate::common::quoted(scope)).sign())
}

type Outcome = Result<(), AuthError>;
type Check = fn(&Claims) -> Outcome;

fn no_role(required: &[&str]) -> Result<(), AuthError> {
    Err(AuthError::insufficient_role(required.iter().map(ToString::to_string)))
}

fn no_scope(required: &[&str]) -> Result<(), AuthError> {
    Err(AuthError::insufficient_scope(required.iter().map(ToString::to_string)))
}

#[test]
fn macros_define_what_they_say() {
    roles!(Local = "local");
    let all = claims(
        &["admin", "operator", "auditor", "with space", "user", "guest", "hidden", "local"],
        "tasks:write tasks:read email:send email:read",
    );
    let checks: [(&str, Check, Outcome); 14] = [
        ("one role", Admin::check, no_role(&["admin"])),
        ("two roles", Operations::check, no_role(&["admin", "operator"])),
        ("constant", Auditor::check, no_role(&["auditor"])),
        ("role with a space", Spaced::check, no_role(&["with space"])),
        ("expression", Joined::check, no_role(&["admin"])),
        ("single definition", User::check, no_role(&["user"])),
        ("other module", elsewhere::Guest::check, no_role(&["guest"])),
        ("pair from another module", elsewhere::check_both, no_role(&["guest"])),
        ("in a function", Local::check, no_role(&["local"])),
        ("scope", TasksWrite::check, no_scope(&["tasks:write"])),
        ("private scope", TasksRead::check, no_scope(&["tasks:read"])),
        ("two scopes", Mailer::check, no_scope(&["email:send", "email:read"])),
        ("by hand", Acme::check, no_role(&["acme"])),
        ("any user", AnyUser::check, Ok(())),
    ];
    let none = claims(&[], "");
    for (id, check, lacking) in checks {
        assert_eq!(check(&none), lacking, "{id}");
        if id != "by hand" {
            assert_eq!(check(&all), Ok(()), "{id}");
        }
    }
    let member = AUTH.accepts("by hand", &Draft::good().claim("org_id", r#""acme""#).sign());
    assert_eq!(Acme::check(&member), Ok(()));
}

#[test]
fn all_names_of_a_definition_are_needed_whole() {
    for roles in [&["admin"][..], &["operator"], &["Admin", "operator"], &["admin2", "operator"], &["admin operator"]] {
        assert_eq!(Operations::check(&claims(roles, "")), no_role(&["admin", "operator"]), "E05 {roles:?}");
    }
    assert_eq!(Operations::check(&claims(&["operator", "x", "admin"], "")), Ok(()));
    for scope in [
        "email:send",
        "email:read",
        "email:send,email:read",
        "email:send\temail:read",
        "EMAIL:SEND email:read",
        "email",
    ] {
        assert_eq!(Mailer::check(&claims(&[], scope)), no_scope(&["email:send", "email:read"]), "E04 {scope}");
    }
    assert_eq!(Mailer::check(&claims(&[], "x  email:read email:send")), Ok(()));
    assert_eq!(Admin::check(&claims(&[], "admin")), no_role(&["admin"]), "a scope is no role");
    assert_eq!(TasksWrite::check(&claims(&["tasks:write"], "")), no_scope(&["tasks:write"]), "a role is no scope");
}

#[test]
fn tuple_needs_all_and_gives_the_error_of_the_first_that_fails() {
    type Pair = (Admin, TasksWrite);
    type Eight = (AnyUser, AnyUser, AnyUser, AnyUser, AnyUser, AnyUser, AnyUser, Admin);
    assert_eq!(Pair::check(&claims(&["admin"], "tasks:write")), Ok(()));
    assert_eq!(Pair::check(&claims(&["admin"], "")), no_scope(&["tasks:write"]));
    assert_eq!(Pair::check(&claims(&[], "tasks:write")), no_role(&["admin"]));
    assert_eq!(Pair::check(&claims(&[], "")), no_role(&["admin"]));
    assert_eq!(<(TasksWrite, Admin)>::check(&claims(&[], "")), no_scope(&["tasks:write"]), "the order counts");
    assert_eq!(<(Admin,)>::check(&claims(&[], "")), no_role(&["admin"]));
    assert_eq!(Eight::check(&claims(&["admin"], "")), Ok(()));
    assert_eq!(Eight::check(&claims(&[], "")), no_role(&["admin"]));
    assert_eq!(<((Admin, User), AnyUser)>::check(&claims(&["admin"], "")), no_role(&["user"]), "nested");
}

#[test]
fn any_of_needs_one_and_gives_the_error_of_the_last() {
    type Either = AnyOf<(Admin, TasksWrite)>;
    type Nested = (User, AnyOf<(Admin, (Auditor, TasksRead))>);
    type Eight = AnyOf<(Acme, Acme, Acme, Acme, Acme, Acme, Acme, Admin)>;
    assert_eq!(Either::check(&claims(&["admin"], "")), Ok(()));
    assert_eq!(Either::check(&claims(&[], "tasks:write")), Ok(()));
    assert_eq!(Either::check(&claims(&["admin"], "tasks:write")), Ok(()));
    assert_eq!(Either::check(&claims(&[], "")), no_scope(&["tasks:write"]));
    assert_eq!(AnyOf::<(TasksWrite, Admin)>::check(&claims(&[], "")), no_role(&["admin"]), "the order counts");
    assert_eq!(AnyOf::<(Admin,)>::check(&claims(&[], "")), no_role(&["admin"]), "of one");
    assert_eq!(Eight::check(&claims(&["admin"], "")), Ok(()));
    assert_eq!(Eight::check(&claims(&[], "")), no_role(&["admin"]));
    assert_eq!(Nested::check(&claims(&["user", "admin"], "")), Ok(()));
    assert_eq!(Nested::check(&claims(&["user", "auditor"], "tasks:read")), Ok(()));
    assert_eq!(Nested::check(&claims(&["user", "auditor"], "")), no_scope(&["tasks:read"]));
    assert_eq!(Nested::check(&claims(&["admin"], "")), no_role(&["user"]));
}

#[test]
fn policy_says_the_same_as_the_type() {
    let pairs: [(Policy, Check); 7] = [
        (Policy::roles(["admin"]), Admin::check),
        (Policy::roles(["admin", "operator"]), Operations::check),
        (Policy::roles(["with space"]), Spaced::check),
        (Policy::scopes(["tasks:write"]), TasksWrite::check),
        (Policy::scopes(vec!["email:send".to_owned(), "email:read".into()]), Mailer::check),
        (Policy::roles(["admin"]).and(Policy::scopes(["tasks:write"])), <(Admin, TasksWrite)>::check),
        (Policy::roles(["admin"]).or(Policy::scopes(["tasks:write"])), AnyOf::<(Admin, TasksWrite)>::check),
    ];
    let roles =
        [&[][..], &["admin"], &["operator"], &["admin", "operator"], &["with space"], &["with", "space"], &["ADMIN"]];
    let scopes = ["", "tasks:write", "email:send", "email:send email:read", "tasks:write2", "x tasks:write"];
    for (at, (policy, check)) in pairs.iter().enumerate() {
        for roles in roles {
            for scope in scopes {
                let claims = claims(roles, scope);
                assert_eq!(policy.check(&claims), check(&claims), "policy {at}, roles {roles:?}, scope {scope:?}");
            }
        }
    }
}

#[test]
fn policies_combine_as_they_are_written() {
    let role = |name: &str| Policy::roles([name]);
    let names = ["a", "b", "c", "d"];
    for held in 0..16_u32 {
        let has: Vec<bool> = (0..4).map(|bit| held >> bit & 1 == 1).collect();
        let roles: Vec<&str> = names.iter().zip(&has).filter(|(_, has)| **has).map(|(name, _)| *name).collect();
        let claims = claims(&roles, "");
        for operators in 0..8_u32 {
            // From left to right, each operator around all that stands before it.
            let (mut policy, mut passes, mut error) = (role("a"), has[0], "a");
            for (at, name) in names.iter().enumerate().skip(1) {
                if operators >> (at - 1) & 1 == 1 {
                    policy = policy.and(role(name));
                    error = if passes { name } else { error };
                    passes = passes && has[at];
                } else {
                    policy = policy.or(role(name));
                    error = name;
                    passes = passes || has[at];
                }
            }
            let expected = if passes { Ok(()) } else { no_role(&[error]) };
            assert_eq!(policy.check(&claims), expected, "{policy:?} with {roles:?}");
            // And the other way: the rest in brackets.
            let right = role("b").or(role("c"));
            let bracketed = role("a").and(right.clone());
            assert_eq!(bracketed.check(&claims).is_ok(), has[0] && (has[1] || has[2]), "a and (b or c)");
            let bracketed = role("a").or(role("b").and(role("c")));
            assert_eq!(bracketed.check(&claims).is_ok(), has[0] || (has[1] && has[2]), "a or (b and c)");
            let bracketed = right.and(role("a").or(role("d")));
            assert_eq!(
                bracketed.check(&claims).is_ok(),
                (has[1] || has[2]) && (has[0] || has[3]),
                "(b or c) and (a or d)"
            );
        }
    }
}

#[test]
fn policy_that_makes_no_sense_denies_everyone_and_says_why() {
    let everything = claims(&["admin", "", "a\"b"], "admin tasks:write");
    let empty: [&str; 0] = [];
    let unusable_roles = [
        ("empty list", Policy::roles(empty)),
        ("empty name", Policy::roles([""])),
        ("one empty name of two", Policy::roles(["admin", ""])),
    ];
    let unusable_scopes = [
        ("empty list", Policy::scopes(empty)),
        ("empty name", Policy::scopes([""])),
        ("space", Policy::scopes(["admin tasks:write"])),
        ("quotes", Policy::scopes(["a\"b"])),
        ("beyond ASCII", Policy::scopes(["é"])),
    ];
    let roles = unusable_roles.into_iter().map(|(id, policy)| (id, policy, no_role(&[])));
    let scopes = unusable_scopes.into_iter().map(|(id, policy)| (id, policy, no_scope(&[])));
    for (id, policy, denied) in roles.chain(scopes) {
        log::clear();
        assert_eq!(policy.check(&everything), denied, "{id}");
        let logged = log::take();
        assert!(logged.iter().any(|record| record.level == tracing::Level::ERROR), "{id}: {logged:?}");
        let good = || Policy::roles(["admin"]);
        assert_eq!(good().and(policy.clone()).check(&everything), denied, "{id}: and");
        assert_eq!(policy.clone().and(good()).check(&everything), denied, "{id}: and, first");
        assert_eq!(good().or(policy.clone()).check(&everything), Ok(()), "{id}: or");
        assert_eq!(policy.clone().or(good()).check(&everything), Ok(()), "{id}: or, first");
        assert_eq!(policy.clone().or(policy.clone()).check(&everything), denied, "{id}: twice");
    }
    log::clear();
    assert_eq!(Policy::roles(["admin"]).check(&everything), Ok(()), "control");
    assert!(log::take().is_empty(), "a good policy has nothing to say");
}

roles! {
    Directory = r"CORP\Admins";
    Cyrillic = "администратор", "操作員";
    Quoted = "the \"boss\"";
    Lines = "two\nlines";
}

/// Entra and LDAP groups, names in other scripts: compared like any other, by their very bytes.
#[test]
fn role_is_any_text() {
    let pairs: [(&[&str], Policy, Check); 4] = [
        (&[r"CORP\Admins"], Policy::roles([r"CORP\Admins"]), Directory::check),
        (&["администратор", "操作員"], Policy::roles(["администратор", "操作員"]), Cyrillic::check),
        (&["the \"boss\""], Policy::roles(["the \"boss\""]), Quoted::check),
        (&["two\nlines"], Policy::roles(["two\nlines"]), Lines::check),
    ];
    for (names, policy, check) in pairs {
        log::clear();
        let holder = claims(&[&["user"], names].concat(), "");
        assert_eq!((policy.check(&holder), check(&holder)), (Ok(()), Ok(())), "{names:?}");
        assert!(log::take().is_empty(), "{names:?}: nothing is wrong with the policy");
        let other: Vec<String> = names.iter().map(|name| name.to_uppercase().replace('員', "员")).collect();
        let near: Vec<&str> = other.iter().map(String::as_str).chain(["CORPAdmins", r"CORP\\Admins", "two"]).collect();
        for lacking in [claims(&[], ""), claims(&near, ""), claims(&names[1..], "")] {
            let outcomes = (policy.check(&lacking), check(&lacking));
            assert_eq!(outcomes, (no_role(names), no_role(names)), "{names:?}: {:?}", lacking.roles);
        }
    }
    let composed = claims(&["r\u{f4}le"], "");
    assert_eq!(Policy::roles(["r\u{f4}le"]).check(&composed), Ok(()));
    let decomposed = "ro\u{302}le";
    assert_eq!(Policy::roles([decomposed]).check(&composed), no_role(&[decomposed]), "other bytes, another role");
}

static OTHER: LazyLock<Auth> = LazyLock::new(|| Auth::new(|builder| builder));

fn verified(value: Option<&str>) -> Fresh<'static> {
    fresh(&AUTH.cached, value)
}

#[test]
fn adapters_tell_absent_bad_and_insufficient_apart() {
    let token = |draft: Draft| format!("Bearer {}", draft.sign());
    let admin = token(Draft::good().claim("roles", r#"["admin"]"#));
    let user = token(Draft::good().claim("roles", r#"["user"]"#));
    let expired = token(Draft::good().claim("exp", "1"));
    let status = |fresh: &Fresh<'_>| {
        let verified = fresh.outcome();
        let required = verified.required::<Admin>().map(|claims| claims.sub.clone()).map_err(|r| r.status());
        let optional = verified.optional::<Admin>().map(|claims| claims.is_some()).map_err(|r| r.status());
        let gates = [Gate::required(), Gate::optional(), Gate::policy(Policy::roles(["admin"]))]
            .map(|gate| verified.pass(&gate).map(|claims| claims.is_some()).map_err(|r| r.status()));
        (required.map(drop), optional, gates)
    };
    let cases = [
        ("absent", None, (Err(401), Ok(false), [Err(401), Ok(false), Err(401)])),
        ("another scheme", Some("Basic x"), (Err(401), Ok(false), [Err(401), Ok(false), Err(401)])),
        ("E09 malformed", Some("Bearer x"), (Err(401), Err(401), [Err(401), Err(401), Err(401)])),
        ("E09 expired", Some(&*expired), (Err(401), Err(401), [Err(401), Err(401), Err(401)])),
        ("lacking", Some(&*user), (Err(403), Err(403), [Ok(true), Ok(true), Err(403)])),
        ("good", Some(&*admin), (Ok(()), Ok(true), [Ok(true), Ok(true), Ok(true)])),
    ];
    for (id, value, expected) in cases {
        assert_eq!(status(&verified(value)), expected, "{id}");
    }
    let lacking = verified(Some(&user)).outcome().required::<(AnyUser, Admin)>().unwrap_err();
    assert_eq!(lacking.error(), &AuthError::insufficient_role(["admin"]));
}

#[test]
fn outcome_belongs_to_the_object_that_made_it() {
    let (kept, head) = (verified(None).into_verified(), Authorization::<&str>::new([]));
    assert!(kept.by(&AUTH.cached, &head).is_some() && kept.by(&AUTH.cached.clone(), &head).is_some());
    let others = [kept.by(&AUTH.uncached, &head), kept.by(&OTHER.cached, &head)];
    assert!(others.iter().all(Option::is_none), "E10 equal settings are not enough");
    assert!(AUTH.cached.is_same(&AUTH.cached.clone()) && !AUTH.cached.is_same(&OTHER.cached));
}

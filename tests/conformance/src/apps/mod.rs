//! The application under test, on each framework and on the core. Its routes, with `GET` unless said otherwise:
//!
//! | route | asks for |
//! |---|---|
//! | `/public` | nothing |
//! | `/protected` (also `POST`), `/any` (any method) | a good token |
//! | `/role`, `/roles`, `/scope`, `/scopes` | one role, two roles, one scope, two scopes |
//! | `/both`, `/both-scope-first`, `/any-of`, `/any-of-mixed`, `/nested` | combinations of them |
//! | `/read-and-write`, `/write-or-mail` | two scopes by two requirements; a scope, or three others |
//! | `/hand-written`, `/nobody` | a requirement of the application's own; an empty policy, which nobody meets |
//! | `/by-type` | the policy of `/layered/policy`, as a type |
//! | `/optional`, `/optional-role` | no token, or a good one; with a role |
//! | `/several`, `/several-scopes`, `/several-alternatives` | three guards in one handler; three that ask for scopes; alternatives, then a scope |
//! | `/all-of-alternatives` | as `/several-alternatives`, in one requirement |
//! | `/result-then-scope` | a scope, but the handler takes the rejection itself; and another scope |
//! | `/result` | the admin role, but the handler takes the rejection itself |
//! | `/layered`, `/layered/role`, `/layered/scope`, `/layered/policy`, `/layered/read-and-write`, `/layered/optional`, `/layered/nobody`, `/layered/guard` | the same by layers, which are groups of routes on Rocket |
//! | `/layered/scope-guard`, `/layered/scope-layer`, `/layered/scope-role`, `/layered/policy-guard` | a layer with a scope or the policy, and within it a scope by a guard or a layer, or a role |
//! | `/in-handler/scope`, `/in-handler/policy`, `/in-handler/nobody`, `/in-handler/scopes` | a good token, and the handler for the rest: a scope, the policy of `/layered/policy`, the empty one, one scope after another |
//! | `/in-handler/guard`, `/in-handler/layer` | a scope by a guard or a layer, and another one by the handler |
//! | `/in-handler/optional` | no token, or a good one; and a scope by the handler |
//! | `/custom/user`, `/custom/role`, `/custom/optional`, `/custom/layered`, `/custom/in-handler`, `/custom/in-handler-optional` | as above, answered in a form of the application's own |

use rampart_core::{AuthError, Claims, Policy, Requirement};

use crate::subject::{Framework, Subject};

pub mod actix;
pub mod axum;
mod core;
pub mod rocket;

/// The frameworks, and with them every test that is made of each.
pub static FRAMEWORKS: &[Framework] = &[
    axum::FRAMEWORK, //
    actix::FRAMEWORK,
    rocket::FRAMEWORK,
];

/// The core, which knows no HTTP.
pub static CORE: &dyn Subject = &core::Core;

/// All who are asked the cases, and must agree.
pub fn subjects() -> impl Iterator<Item = &'static dyn Subject> {
    std::iter::once(CORE).chain(FRAMEWORKS.iter().map(|framework| framework as &dyn Subject))
}

rampart_core::roles! {
    /// One role.
    pub Admin = "admin";
    /// Another role.
    pub Auditor = "auditor";
    /// Two roles at once.
    pub Operations = "admin", "operator";
}

rampart_core::scopes! {
    /// One scope.
    pub TasksWrite = "tasks:write";
    /// Another scope.
    pub TasksRead = "tasks:read";
    /// Two scopes at once.
    pub Mailer = "email:send", "email:read";
}

/// A requirement written by hand, with a name that needs escapes in a challenge.
#[derive(Debug)]
pub enum Acme {}

impl Requirement for Acme {
    fn check(claims: &Claims) -> Result<(), AuthError> {
        if claims.org_id.as_deref() == Some("acme") {
            Ok(())
        } else {
            Err(AuthError::insufficient_role(["say \"acme\" \\ grüß\r\nX: y"]))
        }
    }
}

/// An empty list of roles.
#[derive(Debug)]
pub enum Nobody {}

impl Requirement for Nobody {
    fn check(claims: &Claims) -> Result<(), AuthError> {
        nobody().check(claims)
    }
}

fn nobody() -> Policy {
    Policy::roles([""; 0])
}

fn reads() -> Policy {
    Policy::scopes(["tasks:read"])
}

fn writes() -> Policy {
    Policy::scopes(["tasks:write"])
}

/// The policies that a handler asks for, one after another.
type Asked = &'static [fn() -> Policy];

/// The policy of `/layered/policy`.
fn policy() -> Policy {
    Policy::roles(["admin"]).or(Policy::roles(["auditor"]).and(Policy::scopes(["tasks:read"])))
}

/// The policy of `/layered/read-and-write`.
fn read_and_write() -> Policy {
    Policy::scopes(["tasks:read"]).and(Policy::scopes(["tasks:write"]))
}

/// The same as a type.
type ReadAndWrite = (TasksRead, TasksWrite);

/// The requirement of `/write-or-mail`.
type WriteOrMail = rampart_core::AnyOf<(TasksWrite, (TasksRead, Mailer))>;

/// Alternatives with scopes of their own.
type ReaderOrMailer = rampart_core::AnyOf<((Admin, TasksRead), Mailer)>;

/// The policy of `/layered/policy` as a type.
type ByType = rampart_core::AnyOf<(Admin, (Auditor, TasksRead))>;

/// The answer of a handler: whom it has seen.
fn describe(claims: Option<&Claims>) -> String {
    claims.map_or_else(
        || "anonymous".to_owned(),
        |claims| format!("{} roles={} scope={}", claims.sub, claims.roles.join(","), claims.scope),
    )
}

/// The answer of `/result` where the guard has refused.
fn report<'c>(error: &AuthError, challenges: impl Iterator<Item = &'c str>) -> String {
    format!("refused: {} {} {}", error.code(), error.status(), challenges.collect::<Vec<_>>().join(" | "))
}

/// The body of the custom answers.
fn custom(error: &AuthError) -> String {
    format!("custom: {}", error.code())
}

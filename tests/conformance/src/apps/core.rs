//! The core alone: no HTTP, the values of the header fields as they are.

use rampart_core::adapter::{self, Fresh, Gate, Verification, Verified};
use rampart_core::{AnyOf, AnyUser, Policy, RampartAuth, Rejection, Requirement};

use super::{
    Acme, Admin, Asked, Auditor, ByType, Mailer, Nobody, Operations, ReadAndWrite, ReaderOrMailer, TasksRead,
    TasksWrite, WriteOrMail, describe, nobody, policy, read_and_write, reads, report, writes,
};
use crate::case::{App, Case, Reach};
use crate::credentials::{Credentials, Head};
use crate::fixture::FIXTURE;
use crate::sender::Pair;
use crate::subject::{Outcome, Subject};
use crate::wire::Reply;

/// The core.
pub(super) struct Core;

impl Subject for Core {
    fn name(&self) -> &'static str {
        "core"
    }

    fn keeps_order(&self) -> bool {
        true
    }

    fn own_headers(&self) -> &'static [&'static str] {
        &[]
    }

    fn is_asked(&self, case: &Case) -> bool {
        case.reach == Reach::Everywhere
    }

    fn answer(&self, case: &Case) -> Outcome {
        let credentials = case.credentials();
        let reply = answer(case, &credentials, Cached(true));
        // An issuer that stays away says another time when to come back.
        if case.app != App::Down {
            for (cached, how) in [(true, "asked again, of the cache of verified tokens"), (false, "without that cache")]
            {
                let again = answer(case, &case.credentials(), Cached(cached));
                assert_eq!(again.contract(), reply.contract(), "{}: {how}", case.title());
            }
        }
        Outcome { handled: reply.status == 200, reply: Some(reply), credentials }
    }
}

fn answer(case: &Case, credentials: &Credentials, cached: Cached) -> Reply {
    match outcome(case, credentials, cached) {
        Ok(body) => {
            let headers = vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())];
            Reply { status: 200, headers, body }
        }
        Err(rejection) => {
            let headers = rejection.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            Reply { status: rejection.status(), headers, body: rejection.body().to_owned() }
        }
    }
}

/// Whether verified tokens are kept.
#[derive(Clone, Copy)]
struct Cached(bool);

impl Cached {
    fn pick<'a>(self, cached: &'a RampartAuth, uncached: &'a RampartAuth) -> &'a RampartAuth {
        if self.0 { cached } else { uncached }
    }
}

fn verify<'a>(auth: &'a RampartAuth, head: &Head<'_>, outer: Option<&Verified>) -> Fresh<'a> {
    match auth.verification_after(head, outer) {
        Verification::Ready(fresh) => fresh,
        Verification::Pending(pending) => FIXTURE.wait(pending),
    }
}

fn outcome(case: &Case, credentials: &Credentials, cached: Cached) -> Result<String, Rejection> {
    let plain = cached.pick(&FIXTURE.plain, &FIXTURE.plain_uncached);
    let of = |pair: &'static Pair| cached.pick(&pair.cached, &pair.uncached);
    let auth = match case.app {
        App::Plain | App::Cors => plain,
        App::Strict | App::StrictWithinPlain => cached.pick(&FIXTURE.strict, &FIXTURE.strict_uncached),
        App::Elsewhere => cached.pick(&FIXTURE.elsewhere, &FIXTURE.elsewhere_uncached),
        App::Down => &FIXTURE.down,
        App::Several => cached.pick(&FIXTURE.several, &FIXTURE.several_uncached),
        App::Tenants => cached.pick(&FIXTURE.tenants, &FIXTURE.tenants_uncached),
        App::NotConfigured => return Err(Rejection::not_configured()),
        App::Dpop => of(&FIXTURE.dpop.accepted),
        App::DpopRequired => of(&FIXTURE.dpop.required),
        App::DpopNonces => of(&FIXTURE.dpop.nonces),
        App::Revoked => of(&FIXTURE.revoked),
        app => of(FIXTURE.introspection.of(app).unwrap()),
    };
    let path = case.target.split('?').next().unwrap_or_default();
    let head = Head { method: case.method, path, credentials };
    let outer = verify(if case.app == App::StrictWithinPlain { plain } else { auth }, &head, None).into_verified();
    match outer.by(auth, &head) {
        Some(outcome) => route(path, &outcome),
        None => route(path, &verify(auth, &head, Some(&outer)).after(Some(&outer)).outcome()),
    }
}

fn required<R: Requirement>(verified: &adapter::Outcome<'_>) -> Result<String, Rejection> {
    verified.required::<R>().map(|claims| describe(Some(&claims)))
}

fn optional<R: Requirement>(verified: &adapter::Outcome<'_>) -> Result<String, Rejection> {
    verified.optional::<R>().map(|claims| describe(claims.as_deref()))
}

fn gated(verified: &adapter::Outcome<'_>, gate: &Gate) -> Result<String, Rejection> {
    verified.pass(gate).map(|claims| describe(claims.map(|claims| &**claims)))
}

fn in_handler<R: Requirement>(verified: &adapter::Outcome<'_>, asked: Asked) -> Result<String, Rejection> {
    let claims = verified.required::<R>()?;
    let inquiry = verified.inquiry();
    for policy in asked {
        inquiry.require(Some(&claims), &policy())?;
    }
    Ok(describe(Some(&claims)))
}

fn in_handler_optional(verified: &adapter::Outcome<'_>) -> Result<String, Rejection> {
    let claims = verified.optional::<AnyUser>()?;
    verified.inquiry().require(claims.as_ref(), &writes()).map(|claims| describe(Some(claims)))
}

fn route(path: &str, verified: &adapter::Outcome<'_>) -> Result<String, Rejection> {
    match path {
        "/public" => Ok("public".to_owned()),
        "/protected" | "/any" => required::<AnyUser>(verified),
        "/role" => required::<Admin>(verified),
        "/roles" => required::<Operations>(verified),
        "/scope" => required::<TasksWrite>(verified),
        "/scopes" => required::<Mailer>(verified),
        "/both" => required::<(Admin, TasksWrite)>(verified),
        "/both-scope-first" => required::<(TasksWrite, Admin)>(verified),
        "/any-of" => required::<AnyOf<(Admin, Auditor)>>(verified),
        "/any-of-mixed" => required::<AnyOf<(Admin, TasksWrite)>>(verified),
        "/nested" => required::<(TasksRead, AnyOf<(Admin, Auditor)>)>(verified),
        "/read-and-write" => required::<ReadAndWrite>(verified),
        "/write-or-mail" => required::<WriteOrMail>(verified),
        "/hand-written" => required::<Acme>(verified),
        "/nobody" => required::<Nobody>(verified),
        "/by-type" => required::<ByType>(verified),
        "/optional" => optional::<AnyUser>(verified),
        "/optional-role" => optional::<Admin>(verified),
        "/several" => {
            required::<AnyUser>(verified)?;
            required::<Admin>(verified)?;
            optional::<AnyUser>(verified)
        }
        "/several-scopes" => {
            required::<TasksRead>(verified)?;
            required::<TasksWrite>(verified)?;
            optional::<Mailer>(verified)
        }
        "/several-alternatives" => required::<ReaderOrMailer>(verified).and_then(|_| required::<TasksWrite>(verified)),
        "/all-of-alternatives" => required::<(ReaderOrMailer, TasksWrite)>(verified),
        "/result-then-scope" => {
            let _reader = required::<TasksRead>(verified);
            required::<TasksWrite>(verified)
        }
        "/result" => Ok(match verified.required::<Admin>() {
            Ok(claims) => describe(Some(&claims)),
            Err(rejection) => report(rejection.error(), rejection.challenges()),
        }),
        "/layered" => gated(verified, &Gate::required()),
        "/layered/role" => gated(verified, &Gate::policy(Policy::roles(["admin"]))),
        "/layered/scope" => gated(verified, &Gate::policy(Policy::scopes(["tasks:write"]))),
        "/layered/policy" => gated(verified, &Gate::policy(policy())),
        "/layered/read-and-write" => gated(verified, &Gate::policy(read_and_write())),
        "/layered/optional" => gated(verified, &Gate::optional()),
        "/layered/nobody" => gated(verified, &Gate::policy(nobody())),
        "/layered/guard" => gated(verified, &Gate::required()).and_then(|_| required::<Admin>(verified)),
        "/layered/scope-guard" => {
            gated(verified, &Gate::policy(Policy::scopes(["tasks:read"])))?;
            required::<TasksWrite>(verified)
        }
        "/layered/scope-layer" => {
            gated(verified, &Gate::policy(Policy::scopes(["tasks:read"])))?;
            gated(verified, &Gate::policy(Policy::scopes(["tasks:write"])))
        }
        "/layered/scope-role" => {
            gated(verified, &Gate::policy(Policy::scopes(["tasks:read"])))?;
            required::<Admin>(verified)
        }
        "/layered/policy-guard" => {
            gated(verified, &Gate::policy(policy()))?;
            required::<TasksWrite>(verified)
        }
        "/in-handler/scope" => in_handler::<AnyUser>(verified, &[writes]),
        "/in-handler/policy" => in_handler::<AnyUser>(verified, &[policy]),
        "/in-handler/nobody" => in_handler::<AnyUser>(verified, &[nobody]),
        "/in-handler/scopes" => in_handler::<AnyUser>(verified, &[reads, writes]),
        "/in-handler/guard" => in_handler::<TasksRead>(verified, &[writes]),
        "/in-handler/layer" => {
            gated(verified, &Gate::policy(Policy::scopes(["tasks:read"])))?;
            in_handler::<AnyUser>(verified, &[writes])
        }
        "/in-handler/optional" => in_handler_optional(verified),
        other => panic!("the core has no route {other}"),
    }
}

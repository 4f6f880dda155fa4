//! How often a verification asks for memory. Counted on the thread that verifies, as the Rust code asks; what the C code of the
//! cryptographic library asks for is not seen.
#![allow(missing_docs, clippy::unwrap_used)]

use allocation_counter::measure;
use rampart_client::RampartClient;
use rampart_core::adapter::{Authorization, Gate, Outcome, Verification};
use rampart_core::{AnyOf, AnyUser, Introspection, Policy, RampartAuth, Revocation, Revocations, roles, scopes};
use rampart_issuer::{Algorithm, LocalIssuer};

/// Payload, `Claims` and the fields that own their text, three of them a user's names; a change that needs more has to say why.
const FULL_VERIFICATION: u64 = 14;

struct Scene {
    issuer: LocalIssuer,
    auth: RampartAuth,
    token: String,
}

/// Keys fetched over HTTP, so that the read path is the one of real use.
async fn scene(token_cache_bytes: usize) -> Scene {
    let issuer = LocalIssuer::builder().algorithm(Algorithm::ES256).start().await.unwrap();
    let auth =
        RampartAuth::builder(issuer.url(), issuer.audience()).token_cache_bytes(token_cache_bytes).build().unwrap();
    auth.warm_up().await.unwrap();
    let token = issuer.token().scope("tasks:read tasks:write").sign().unwrap();
    // Whatever happens once in a process or thread, happens here.
    auth.verify(&token).await.unwrap();
    if let Verification::Ready(fresh) = auth.verification(&Authorization::new([""; 0])) {
        drop(fresh.outcome().inquiry());
    }
    Scene { issuer, auth, token }
}

/// The ready path of a future, as an adapter takes it.
fn allocations(mut work: impl FnMut()) -> u64 {
    measure(|| (0..100).for_each(|_| work())).count_total
}

#[tokio::test]
async fn a_cached_token_costs_no_allocation() {
    let Scene { auth, token, .. } = &scene(1 << 20).await;
    let header = format!("Bearer {token}");
    let verify = allocations(|| {
        let mut outcome = auth.authenticate_optional([header.as_bytes()]);
        assert!(outcome.now().is_some_and(|outcome| outcome.is_ok_and(|claims| claims.is_some())));
    });
    assert_eq!(verify, 0);
    let head = Authorization::new([header.as_bytes()]);
    let verification = allocations(|| {
        let Verification::Ready(fresh) = auth.verification(&head) else { panic!("waits") };
        assert!(fresh.outcome().required::<AnyUser>().is_ok());
        // Kept, and asked again by the next guard.
        let kept = fresh.into_verified();
        assert!(kept.by(auth, &head).is_some_and(|outcome| outcome.required::<AnyUser>().is_ok()));
    });
    assert_eq!(verification, 0);
}

/// What the issuer has said of it is remembered as a verified token is.
#[tokio::test]
async fn a_token_that_the_issuer_was_asked_about_costs_no_allocation() {
    let issuer = LocalIssuer::builder().algorithm(Algorithm::ES256).start().await.unwrap();
    let tokens = [issuer.opaque().issue(), issuer.opaque().encrypted().issue(), issuer.token().sign().unwrap()];
    let client = RampartClient::builder(issuer.url(), "service", "service-secret").build().unwrap();
    let introspection = Introspection::of(client).every_token();
    let auth = RampartAuth::builder(issuer.url(), issuer.audience()).introspection(introspection).build().unwrap();
    for token in tokens {
        auth.verify(&token).await.unwrap();
        let header = format!("Bearer {token}");
        let verify = allocations(|| {
            let mut outcome = auth.authenticate_optional([header.as_bytes()]);
            assert!(outcome.now().is_some_and(|outcome| outcome.is_ok_and(|claims| claims.is_some())));
        });
        assert_eq!(verify, 0, "{token}");
    }
}

/// Whether something was revoked since, or nothing at all.
#[tokio::test]
async fn revocations_cost_a_cached_token_no_allocation() {
    let issuer = LocalIssuer::builder().algorithm(Algorithm::ES256).start().await.unwrap();
    let revocations = Revocations::new();
    let auth = RampartAuth::builder(issuer.url(), issuer.audience()).revocations(revocations.clone()).build().unwrap();
    auth.warm_up().await.unwrap();
    let header = format!("Bearer {}", issuer.token().sign().unwrap());
    let head = Authorization::new([header.as_bytes()]);
    let verify = || {
        let Verification::Ready(fresh) = auth.verification(&head) else { panic!("waits") };
        assert!(fresh.outcome().required::<AnyUser>().is_ok());
    };
    verify();
    assert_eq!(allocations(verify), 0);
    for number in 0..100 {
        revocations.revoke(Revocation::token(issuer.url(), number.to_string())).await.unwrap();
        assert_eq!(measure(verify).count_total, 0, "each token is looked up anew");
    }
}

/// The next guard compares what the request says now with what it has said, whatever that was.
#[tokio::test]
async fn comparing_a_request_costs_no_allocation() {
    for Scene { auth, token, .. } in [&scene(1 << 20).await, &scene(0).await] {
        let bearer = format!("Bearer {token}");
        let spaced = format!("Bearer          {token}");
        let requests: [&[&str]; 6] =
            [&[&bearer], &[&spaced], &[&bearer, &bearer], &["Bearer x y"], &["Basic eA=="], &[]];
        for values in requests {
            let head = Authorization::new(values);
            let Verification::Ready(fresh) = auth.verification(&head) else { panic!("waits") };
            let kept = fresh.into_verified();
            let count = allocations(|| assert!(kept.by(auth, &head).is_some()));
            assert_eq!(
                count,
                0,
                "{} values, the first of {:?} bytes",
                values.len(),
                values.first().map(|value| value.len())
            );
        }
    }
}

roles! { Admin = "admin"; Auditor = "auditor"; }
scopes!(Read = "tasks:read");

/// What guards ask for is kept with the request where it is scopes, which a later refusal names; that costs nothing before.
#[tokio::test]
async fn a_guard_costs_no_allocation_whatever_its_type_asks_for() {
    let Scene { auth, issuer, .. } = &scene(1 << 20).await;
    let token = issuer.token().roles(["auditor", "admin"]).scope("tasks:read tasks:write").sign().unwrap();
    auth.verify(&token).await.unwrap();
    let header = format!("Bearer {token}");
    let head = Authorization::new([header.as_bytes()]);
    let guarded = |guard: &dyn Fn(&Outcome<'_>) -> bool| {
        allocations(|| {
            let Verification::Ready(fresh) = auth.verification(&head) else { panic!("waits") };
            assert!(guard(&fresh.outcome()));
            let kept = fresh.into_verified();
            assert!(kept.by(auth, &head).is_some_and(|outcome| guard(&outcome)));
        })
    };
    let by_roles = Gate::policy(Policy::roles(["admin"]).and(Policy::roles(["auditor"])).or(Policy::roles(["root"])));
    assert_eq!(guarded(&|outcome| outcome.pass(&Gate::required()).is_ok()), 0);
    assert_eq!(guarded(&|outcome| outcome.pass(&by_roles).is_ok()), 0);
    let scope = |name: &str| Policy::scopes([name]);
    let by_scopes = Policy::scopes(["tasks:write", "tasks:read"]).and(scope("tasks:read")).or(scope("none"));
    let by_scopes = Gate::policy(by_scopes);
    assert_eq!(
        guarded(&|outcome| outcome.pass(&by_scopes).is_ok()),
        0,
        "names of the usual length are kept as they are"
    );
    assert_eq!(guarded(&|outcome| outcome.required::<(Admin, Auditor)>().is_ok()), 0);
    assert_eq!(
        guarded(&|outcome| outcome.optional::<AnyOf<(Admin, Read)>>().is_ok()),
        0,
        "nothing is computed before a refusal needs it"
    );
    assert_eq!(guarded(&|outcome| outcome.required::<Read>().is_ok()), 0);
}

/// What a guard keeps for its handler is shared by all guards of the request.
#[tokio::test]
async fn what_handlers_ask_costs_one_allocation_a_request() {
    let Scene { auth, token, .. } = &scene(1 << 20).await;
    let header = format!("Bearer {token}");
    let head = Authorization::new([header.as_bytes()]);
    let count = allocations(|| {
        let Verification::Ready(fresh) = auth.verification(&head) else { panic!("waits") };
        let first = fresh.outcome().inquiry();
        let kept = fresh.into_verified();
        let second = kept.by(auth, &head).map(|outcome| outcome.inquiry());
        drop((first, second));
    });
    assert_eq!(count, 100);
}

#[tokio::test]
async fn a_full_verification_costs_a_few_allocations() {
    let Scene { auth, token, .. } = &scene(0).await;
    let header = format!("Bearer {token}");
    let count = allocations(|| {
        let mut outcome = auth.authenticate_optional([header.as_bytes()]);
        assert!(outcome.now().is_some_and(|outcome| outcome.is_ok_and(|claims| claims.is_some())));
    });
    assert!(count <= 100 * FULL_VERIFICATION, "{count} in 100 verifications");
}

#[tokio::test]
async fn a_request_without_a_token_costs_no_allocation() {
    let Scene { auth, .. } = &scene(0).await;
    let count = allocations(|| {
        let mut outcome = auth.authenticate_optional(std::iter::empty::<&[u8]>());
        assert!(outcome.now().is_some_and(|outcome| outcome.is_ok_and(|claims| claims.is_none())));
    });
    assert_eq!(count, 0);
}

/// However many there are, nothing is kept of tokens whose issuers nobody knows.
#[tokio::test]
async fn invented_issuers_leave_no_byte_behind() {
    let Scene { issuer, .. } = &scene(0).await;
    let builder = RampartAuth::builder(issuer.url(), issuer.audience()).issuers(|_: &str| None);
    let auth = builder.build().unwrap();
    let name = |number: usize| format!("https://{number}.invented.example/{}", "x".repeat(900));
    let tokens: Vec<_> = (0..200).map(|number| issuer.token().issuer(&name(number)).sign().unwrap()).collect();
    let verify = || {
        for token in &tokens {
            let mut outcome = auth.authenticate_optional([format!("Bearer {token}").as_bytes()]);
            assert!(outcome.now().is_some_and(|outcome| outcome.is_err()));
        }
    };
    verify();
    let used = measure(|| (0..10).for_each(|_| verify()));
    assert_eq!((used.count_current, used.bytes_current), (0, 0));
    assert_eq!(issuer.requests(rampart_issuer::Endpoint::Jwks), 1, "nor was anybody asked");
}

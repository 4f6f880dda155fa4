//! Requests with a token that is bound to a key, and a proof of it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Uri};
use huskarl_resource_server::core::Error;
use huskarl_resource_server::core::jwt::JtiUniquenessChecker;
use huskarl_resource_server::core::platform::MaybeSendBoxFuture;
use rampart_core::adapter::{RequestHead, Verification};
use rampart_core::{AnyUser, Dpop, Insertion, RampartAuth, ReplayStore, Spending, SpentProof, StoreHealth};
use rampart_issuer::{Algorithm, DpopKey};

use crate::common::measuring;
use crate::common::report::{Table, nanos, times};
use crate::common::rounds::{Contender, Effort, race};
use crate::common::subject::Ground;
use crate::peers;
use crate::verifying::at_once;

const ORIGIN: &str = "https://api.example.com";
const OURS: &str = "Rampart, full verification and proof";

/// Says of every proof that it is new, so that one will do for all rounds, and asking costs all the same.
#[derive(Debug)]
struct AlwaysNew;

impl ReplayStore for AlwaysNew {
    fn insert_new(&self, _: &SpentProof) -> Insertion {
        Insertion::Done(Ok(Spending::New))
    }

    fn health(&self) -> StoreHealth {
        StoreHealth::Ready
    }
}

impl JtiUniquenessChecker for AlwaysNew {
    fn check_and_mark_seen(&self, _: &str) -> MaybeSendBoxFuture<'_, Result<bool, Error>> {
        Box::pin(async { Ok(false) })
    }
}

struct Request {
    headers: HeaderMap,
    uri: Uri,
}

impl RequestHead for Request {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.get_all(name).iter().map(|value| value.as_bytes())
    }

    fn method(&self) -> &'static str {
        "GET"
    }

    fn path(&self) -> &str {
        self.uri.path()
    }
}

fn ask(auth: &RampartAuth, request: &Request) {
    let Verification::Ready(fresh) = auth.verification(black_box(request)) else { panic!("waits") };
    fresh.outcome().required::<AnyUser>().unwrap();
    black_box(Box::new(fresh.into_verified()));
}

/// The proofs are of ES256, as clients make them.
pub fn run() {
    let effort = if measuring() { Effort { rounds: 201, block: Duration::from_millis(1) } } else { Effort::SMOKE };
    let columns = ["algorithm of the token", "library", "µs", "× Rampart's full verification and proof"];
    let mut table = Table::new("A token and a DPoP proof of ES256, beside another resource server", columns);
    for algorithm in [Algorithm::RS256, Algorithm::ES256] {
        let ground = Ground::new();
        let (key, client) = (ground.issuer.add_key(algorithm).unwrap(), DpopKey::generate().unwrap());
        let token = crate::rfc9068(ground.token(&key, 0)).bound_to(&client).sign().unwrap();
        let uri: Uri = format!("{ORIGIN}/task").parse().unwrap();
        let proof = client.proof("GET", &uri.to_string()).access_token(&token).sign().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("DPoP {token}").parse().unwrap());
        headers.insert("dpop", proof.parse().unwrap());
        let request = Request { headers, uri };

        let dpop = || Dpop::accepted().public_url(ORIGIN).replay(Arc::new(AlwaysNew) as Arc<dyn ReplayStore>);
        let builder = || ground.builder().require_at_jwt(true).dpop(dpop());
        let (cold, warm) = (ground.ready(builder().token_cache_bytes(0)), ground.ready(builder()));
        let (url, audience) = (ground.issuer.url(), ground.issuer.audience());
        let huskarl = ground.runtime.block_on(peers::huskarl(url, audience, Some(Arc::new(AlwaysNew))));
        // The proof is looked at: it is not good for another URI.
        let elsewhere =
            Request { headers: request.headers.clone(), uri: Uri::from_static("https://api.example.com/other") };
        let Verification::Ready(refused) = cold.verification(&elsewhere) else { panic!("waits") };
        assert!(refused.outcome().required::<AnyUser>().is_err());
        let refused = at_once(huskarl.validate_request(&elsewhere.headers, &Method::GET, &elsewhere.uri, None));
        assert!(refused.outcome.is_err());

        let contenders = [
            Contender::new(OURS, || ask(&cold, &request)),
            Contender::new("Rampart, cached token and proof", || ask(&warm, &request)),
            Contender::new("huskarl-resource-server", || {
                let asked = huskarl.validate_request(black_box(&request.headers), &Method::GET, &request.uri, None);
                black_box(at_once(asked).outcome.unwrap().unwrap());
            }),
        ];
        let results = race(effort, &contenders);
        for Contender { name, .. } in &contenders {
            let (time, ratio) = (nanos(results.nanos(name)), times(results.ratio(name, OURS)));
            table.row([algorithm.as_str().to_owned(), name.clone(), time, ratio]);
        }
    }
    table.print();
}

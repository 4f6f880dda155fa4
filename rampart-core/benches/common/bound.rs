//! Tokens that are bound to a key, and requests with proofs of it.

use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use aws_lc_rs::signature::ParsedPublicKey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rampart_core::adapter::{RequestHead, Verification};
use rampart_core::{AnyUser, Dpop, Insertion, RampartAuth, ReplayStore, Spending, SpentProof, StoreHealth};
use rampart_issuer::{Algorithm, DpopKey};

use super::subject::{Ground, point, prepared};

const METHOD: &str = "GET";
const PATH: &str = "/orders/17";
const PUBLIC_URL: &str = "https://api.example.com";
/// So many clients: none of them fills its share of a store.
const CLIENTS: usize = 64;

/// Clients with a token each, all of which are in the caches.
pub struct Bound {
    clients: Vec<Client>,
    /// One proof of the first client.
    proof: Proof,
    algorithm: Algorithm,
    /// To every store of which a proof is new.
    pub judging: RampartAuth,
    /// With the usual store.
    pub spending: RampartAuth,
    asked: Arc<AlwaysNew>,
}

struct Client {
    key: DpopKey,
    token: String,
    authorization: String,
}

/// A request's proof, and whose.
pub struct Proof {
    client: usize,
    text: String,
    signing_input: Vec<u8>,
    signature: Vec<u8>,
    point: Vec<u8>,
    key: ParsedPublicKey,
}

/// Tells all that they are new, so that nothing but the judgment is measured; and keeps the last.
#[derive(Debug, Default)]
struct AlwaysNew(Mutex<Option<SpentProof>>);

impl ReplayStore for AlwaysNew {
    fn insert_new(&self, proof: &SpentProof) -> Insertion {
        *self.0.lock().unwrap() = Some(*proof);
        Insertion::Done(Ok(Spending::New))
    }

    fn health(&self) -> StoreHealth {
        StoreHealth::Ready
    }
}

impl Ground {
    /// Clients whose keys are for this algorithm; the issuer signs with ES256. The clock of the objects stands still, so that proofs last.
    pub fn bound(&self, algorithm: Algorithm) -> Bound {
        let issuer_key = self.issuer.key();
        let client = |number| {
            let key = DpopKey::generate_for(algorithm).unwrap();
            let token = self.token(&issuer_key, number).bound_to(&key).sign().unwrap();
            Client { authorization: format!("DPoP {token}"), key, token }
        };
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        let asked = Arc::<AlwaysNew>::default();
        let dpop = || Dpop::accepted().public_url(PUBLIC_URL);
        let now = SystemTime::now();
        let judging = self
            .ready(self.builder().dpop(dpop().replay(Arc::clone(&asked) as Arc<dyn ReplayStore>)).clock(move || now));
        let spending = self.ready(self.builder().dpop(dpop().insecure_trust_start(true)).clock(move || now));
        let mut bound = Bound { proof: proof(&clients, 0), clients, algorithm, judging, spending, asked };
        for proof in bound.proofs(CLIENTS) {
            bound.judge(&proof);
            bound.spend(&proof);
        }
        bound.proof = proof(&bound.clients, 0);
        bound
    }

    /// A request with a bearer token to an object that accepts proofs, and to one that does not.
    pub fn with_proofs_accepted(&self) -> RampartAuth {
        self.ready(self.builder().dpop(Dpop::accepted().public_url(PUBLIC_URL)))
    }
}

fn proof(clients: &[Client], client: usize) -> Proof {
    let Client { key, token, .. } = &clients[client];
    let text = key.proof(METHOD, &format!("{PUBLIC_URL}{PATH}")).access_token(token).sign().unwrap();
    let (signing_input, signature) = text.rsplit_once('.').unwrap();
    let (jwk, algorithm) = (key.public_jwk(), key.signing_key().algorithm());
    let point = point(&jwk);
    Proof {
        client,
        signing_input: signing_input.as_bytes().to_vec(),
        signature: URL_SAFE_NO_PAD.decode(signature).unwrap(),
        key: prepared(&point, algorithm),
        point,
        text,
    }
}

impl Bound {
    /// New proofs, of one client after the other.
    pub fn proofs(&self, count: usize) -> Vec<Proof> {
        (0..count).map(|number| proof(&self.clients, number % CLIENTS)).collect()
    }

    /// The check of a proof's signature alone, with a key that was parsed before.
    pub fn bare(&self) {
        let Proof { key, signing_input, signature, .. } = &self.proof;
        key.verify_sig(black_box(signing_input), signature).unwrap();
    }

    /// Preparing the key that stands in a proof, from its numbers: what the bare check has behind it.
    pub fn parse_key(&self) {
        black_box(prepared(black_box(&self.proof.point), self.algorithm));
    }

    /// A request with a token in the cache and a proof, which need not be new.
    pub fn cached(&self) {
        self.judge(&self.proof);
    }

    /// What a store is asked to remember.
    pub fn spent(&self) -> SpentProof {
        self.judge(&self.proof);
        self.asked.0.lock().unwrap().unwrap()
    }

    pub fn judge(&self, proof: &Proof) {
        self.ask(&self.judging, proof);
    }

    /// A request whose proof must be new.
    pub fn spend(&self, proof: &Proof) {
        self.ask(&self.spending, proof);
    }

    fn ask(&self, auth: &RampartAuth, proof: &Proof) {
        let authorization = self.clients[proof.client].authorization.as_bytes();
        let head = Request { authorization: black_box(authorization), proof: black_box(proof.text.as_bytes()) };
        let Verification::Ready(fresh) = auth.verification(&head) else { panic!("waits") };
        fresh.outcome().required::<AnyUser>().unwrap();
        black_box(Box::new(fresh.into_verified()));
    }
}

/// What a framework lends.
struct Request<'r> {
    authorization: &'r [u8],
    proof: &'r [u8],
}

impl RequestHead for Request<'_> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let value = match name {
            "authorization" => Some(self.authorization),
            "dpop" => Some(self.proof),
            _ => None,
        };
        value.into_iter()
    }

    fn method(&self) -> &str {
        METHOD
    }

    fn path(&self) -> &str {
        PATH
    }
}

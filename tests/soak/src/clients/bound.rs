//! Tokens that are bound to a key of their sender (RFC 9449): each request has a proof of its own, and none passes twice.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rampart_issuer::{DpopKey, ProofBuilder};

use super::{PROFILE, TASKS, pick};
use crate::api::PUBLIC_URL;
use crate::away::Away;
use crate::load::{Attempt, Caller, http};
use crate::scene::{Aways, Issuing};
use crate::tally::Duty;

/// Of each sender's requests that have passed, so many are shown again: the oldest are too old as well.
const REMEMBERED: usize = 256;
const JUST_NOW: Duration = Duration::from_secs(2);
const FRESH: &str = "proof";
const FRESH_WITH_NEW_TOKEN: &str = "proof, new token";

#[derive(Clone, Copy)]
enum Kind {
    Fresh,
    FreshWithNewToken,
    Opaque,
    Again,
    AgainLater,
    AsBearer,
    OfAnotherKey,
    ForAnotherPath,
    ForAnotherToken,
    Old,
    Unbound,
}

const MIXTURE: [(Kind, usize); 11] = [
    (Kind::Fresh, 34),
    (Kind::FreshWithNewToken, 8),
    (Kind::Opaque, 8),
    (Kind::Again, 18),
    (Kind::AgainLater, 10),
    (Kind::AsBearer, 6),
    (Kind::OfAnotherKey, 4),
    (Kind::ForAnotherPath, 3),
    (Kind::ForAnotherToken, 3),
    (Kind::Old, 3),
    (Kind::Unbound, 3),
];

/// A sender with a key of his own.
pub(crate) struct Bound {
    issuing: Issuing,
    /// Where spent proofs are.
    proofs: Arc<Away>,
    asked: Arc<Away>,
    key: DpopKey,
    thief: DpopKey,
    token: String,
    opaque: String,
    unbound: String,
    /// What has passed, and when.
    spent: VecDeque<(Instant, Vec<u8>)>,
}

impl Bound {
    pub(crate) fn new(issuing: &Issuing, aways: &Aways) -> Self {
        let (key, thief) = (DpopKey::generate().unwrap(), DpopKey::generate().unwrap());
        let lasting = issuing.partner.token().roles(["user"]).expires_in(24 * 3600);
        Self {
            token: lasting.clone().bound_to(&key).sign().unwrap(),
            opaque: issuing.asked.opaque().expires_in(24 * 3600).bound_to(&key).issue(),
            unbound: lasting.sign().unwrap(),
            issuing: issuing.clone(),
            proofs: Arc::clone(&aways.proofs),
            asked: Arc::clone(&aways.asked),
            key,
            thief,
            spent: VecDeque::new(),
        }
    }

    /// A fresh one for a request with this token.
    fn proof(&self, line: &str, token: &str) -> ProofBuilder {
        let (method, path) = line.split_once(' ').unwrap();
        self.key.proof(method, &format!("{PUBLIC_URL}{path}")).access_token(token)
    }

    /// A request that would pass.
    pub(crate) fn good(&self) -> Vec<u8> {
        request(PROFILE, &self.token, &self.proof(PROFILE, &self.token))
    }
}

fn request(line: &str, token: &str, proof: &ProofBuilder) -> Vec<u8> {
    let proof = proof.sign().unwrap();
    http(line, &[("Authorization", &format!("DPoP {token}")), ("DPoP", &proof)], "")
}

impl Caller for Bound {
    fn next(&mut self, number: usize) -> Option<Attempt> {
        let token = &*self.token;
        let good = |name, request| Attempt::new(name, Duty::Accept(200), request).needs(&self.proofs);
        // None of these gets as far as the store.
        let bad = |name, request| Attempt::new(name, Duty::Refuse(401), request);
        let flawed = |name, change: &dyn Fn(ProofBuilder) -> ProofBuilder| {
            bad(name, request(PROFILE, token, &change(self.proof(PROFILE, token))))
        };
        Some(match pick(&MIXTURE, number) {
            Kind::Fresh => good(FRESH, self.good()),
            Kind::FreshWithNewToken => {
                let token = self.issuing.partner.token().jti(&format!("bound-{number}")).bound_to(&self.key);
                let token = token.sign().unwrap();
                good(FRESH_WITH_NEW_TOKEN, request(TASKS, &token, &self.proof(TASKS, &token)))
            }
            Kind::Opaque => {
                let request = request(PROFILE, &self.opaque, &self.proof(PROFILE, &self.opaque));
                good("proof, opaque token", request).needs(&self.asked)
            }
            Kind::Again => {
                let (_, request) = self.spent.back().filter(|(passed, _)| passed.elapsed() < JUST_NOW)?;
                bad("proof again", request.clone()).needs(&self.proofs)
            }
            // One from before a store that has lost what was spent waits until it is too old.
            Kind::AgainLater => {
                let (_, request) = self.spent.get(number % self.spent.len().max(1))?;
                Attempt::new("proof again later", Duty::KeepOut, request.clone())
            }
            Kind::AsBearer => Attempt::bearer("bound token as Bearer", Duty::Refuse(401), PROFILE, token),
            Kind::OfAnotherKey => flawed("proof of another key", &|_| {
                self.thief.proof("GET", &format!("{PUBLIC_URL}/api/profile")).access_token(token)
            }),
            Kind::ForAnotherPath => bad("proof for another path", request(PROFILE, token, &self.proof(TASKS, token))),
            Kind::ForAnotherToken => flawed("proof for another token", &|proof| proof.access_token(&self.unbound)),
            Kind::Old => {
                let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
                flawed("old proof", &|proof| proof.at(now - 120))
            }
            Kind::Unbound => {
                bad("unbound with a proof", request(PROFILE, &self.unbound, &self.proof(PROFILE, &self.unbound)))
            }
        })
    }

    fn answered(&mut self, attempt: &Attempt, status: u16) {
        if status == 200 && [FRESH, FRESH_WITH_NEW_TOKEN].contains(&attempt.name) {
            if self.spent.len() == REMEMBERED {
                self.spent.pop_front();
            }
            self.spent.push_back((Instant::now(), attempt.request().to_vec()));
        }
    }
}

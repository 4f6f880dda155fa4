//! How the proofs of an object's requests are judged: P1 to P8, and what the store says of them (P9).

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};

use super::nonce::{Issued, Nonces};
use super::proof::{Payload, Proof, Purpose, invalid};
use super::replay::{ReplayStore, Spending, SpentProof, StoreHealth, Unavailable};
use super::sender::Line;
use super::target::PublicUrl;
use crate::answer::challenge::Offered;
use crate::answer::error::AuthError;
use crate::bearer::Scheme;
use crate::jose::algorithm::{Algorithm, Algorithms};
use crate::jose::jws::Scratch;
use crate::rule::{Refusal, Rule};
use crate::token::confirmation::{Confirmation, Thumbprint};

/// How proofs are judged: what the settings have become.
#[derive(Debug)]
pub(crate) struct Proofs {
    /// Whether a token that is bound to nothing is refused.
    pub(super) is_required: bool,
    pub(super) public_url: PublicUrl,
    pub(super) algorithms: Algorithms,
    pub(super) max_age: Duration,
    pub(super) nonces: Option<Nonces>,
    /// How much younger than its nonce a proof counts: where the store is as old as the key of the nonces, it knows of every proof with
    /// one of them.
    pub(super) nonce_lead: Duration,
    pub(crate) store: Arc<dyn ReplayStore>,
    /// A hash of the store's name: two APIs never share spent proofs.
    pub(super) store_name: [u8; 32],
}

/// What came of P1 to P8.
pub(crate) struct Judged {
    /// The proof to be spent; `None` for a token that is bound to nothing and needs to be.
    pub(crate) spends: Result<Option<SpentProof>, Refusal>,
    /// Whether the answer brings a nonce.
    pub(crate) is_nonce_due: bool,
}

impl Proofs {
    /// P1 to P8 of a request. `token` is the SHA-256 of its token.
    pub(crate) fn judge(
        &self,
        confirmation: Confirmation,
        scheme: Scheme,
        token: impl FnOnce() -> [u8; 32],
        line: Option<&Line<'_>>,
        now: Duration,
    ) -> Judged {
        let (jkt, line) = match (scheme, confirmation.jkt) {
            (Scheme::Bearer, None) if !self.is_required => return Judged { spends: Ok(None), is_nonce_due: false },
            (Scheme::Dpop, Some(jkt)) => match line {
                Some(line) => (jkt, line),
                None => return refused("the token is bound to a key, and no proof can be seen by this way of asking"),
            },
            (Scheme::Bearer, None) => return refused("the token is bound to no key, and dpop is required"),
            // RFC 9449 section 7.2: whatever proof comes with it.
            (Scheme::Bearer, Some(_)) => return refused("the token is bound to a key, and came by the scheme Bearer"),
            (Scheme::Dpop, None) => return refused("the token is bound to no key, and came by the scheme DPoP"),
        };
        let mut is_nonce_due = self.nonces.is_some();
        let purpose = |(method, path)| Purpose { method, path, public_url: &self.public_url, token: token(), jkt };
        let spends = self.judge_proof(line, purpose, now, &mut is_nonce_due).map(Some);
        Judged { spends, is_nonce_due }
    }

    /// The answer brings a nonce unless the proof has one that is good for some time yet.
    fn judge_proof<'l>(
        &self,
        line: &'l Line<'_>,
        purpose: impl FnOnce((&'l str, &'l str)) -> Purpose<'l>,
        now: Duration,
        is_nonce_due: &mut bool,
    ) -> Result<SpentProof, Refusal>
    where
        Self: 'l,
    {
        let value = match line.proofs() {
            [Some(value), None] if !value.is_empty() => value,
            [Some(_), Some(_)] => return Err(invalid(Rule::P1, "there is more than one DPoP value")),
            _ => {
                let error = AuthError::InvalidProof { is_missing: true };
                return Err(Refusal::new(error, Rule::P1, "the token is bound to a key, and there is no proof"));
            }
        };
        let mut scratch = Scratch::new();
        let proof = Proof::read(value, &mut scratch, self.algorithms)?;
        let payload = proof.payload();
        let nonce = self.nonce_of(payload.as_ref().ok(), now);
        if let Some(issued) = nonce {
            *is_nonce_due = issued.is_due(now);
        }
        let purpose = purpose((line.method(), line.path()));
        proof.check_key(&purpose)?;
        let payload = payload?;
        payload.check_target(&purpose)?;
        payload.check_token(&purpose)?;
        proof.check_signature()?;
        let issued = self.check_nonce(&payload, nonce)?;
        let dates = payload.dates()?;
        dates.check_bounds(now)?;
        let (made_at, expires) = match issued {
            // The nonce is the clock (RFC 9449 section 11.1).
            Some(issued) => (issued.at.saturating_add(self.nonce_lead), issued.expires()),
            None => {
                dates.check_age(now, self.max_age)?;
                (dates.iat, dates.iat.saturating_add(self.max_age))
            }
        };
        // A second more, so that it is there to the end of the last moment at which it could pass.
        let expires = expires.saturating_add(Duration::from_secs(1));
        let (holder, key) = self.identity(&purpose.jkt, payload.jti()?);
        Ok(SpentProof { holder, key, made_at, expires, now })
    }

    fn nonce_of(&self, payload: Option<&Payload<'_>>, now: Duration) -> Option<Issued> {
        self.nonces.as_ref()?.check(payload?.nonce().ok()??, now)
    }

    /// P7. Without nonces of ours that of a proof means nothing (RFC 9449 section 4.3).
    fn check_nonce(&self, payload: &Payload<'_>, issued: Option<Issued>) -> Result<Option<Issued>, Refusal> {
        if self.nonces.is_none() {
            return Ok(None);
        }
        let nonce = payload.nonce()?;
        if issued.is_some() {
            return Ok(issued);
        }
        let why = if nonce.is_some() { "nonce is not one of ours, or too old" } else { "nonce is missing" };
        Err(Refusal::new(AuthError::UseNonce, Rule::P7, why))
    }

    /// By what a spent proof is known: whose it is, and which. Neither method nor target has a part in it, for they can be spelt
    /// in many ways.
    fn identity(&self, jkt: &Thumbprint, jti: &str) -> ([u8; 32], [u8; 32]) {
        let hash = |parts: &[&[u8]]| {
            let mut context = Context::new(&SHA256);
            for part in parts {
                context.update(part);
            }
            let mut hash = [0; 32];
            hash.copy_from_slice(context.finish().as_ref());
            hash
        };
        let holder = hash(&[&self.store_name, jkt]);
        (holder, hash(&[&holder, &[0], jti.as_bytes()]))
    }

    /// The schemes that are offered.
    pub(crate) fn offered(&self) -> Vec<Offered> {
        let names = Algorithm::ALL.iter().filter(|algorithm| self.algorithms.contains(**algorithm));
        let algorithms = names.map(|algorithm| algorithm.as_str()).collect::<Vec<_>>().join(" ");
        let proofs = Offered { scheme: Scheme::Dpop, algorithms: Some(algorithms) };
        if self.is_required { vec![proofs] } else { vec![Offered::BEARER, proofs] }
    }

    /// A fresh nonce, where there are any.
    pub(crate) fn nonce(&self, now: Duration) -> Option<String> {
        self.nonces.as_ref().map(|nonces| nonces.issue(now))
    }

    /// P9: what the store says of a proof.
    pub(crate) fn is_new(&self, done: Result<Spending, Unavailable>) -> Result<(), Refusal> {
        let later = |retry_after, why| Refusal::new(AuthError::StateUnavailable { retry_after }, Rule::P9, why);
        Err(match done {
            Ok(Spending::New) => return Ok(()),
            Ok(Spending::Seen) => invalid(Rule::P9, "the proof was shown before"),
            Ok(Spending::TooYoung { retry_after }) => {
                let why = "the proof was made before its store could know of all that were shown";
                // With nonces a newer one will do.
                if self.nonces.is_some() {
                    Refusal::new(AuthError::UseNonce, Rule::P9, why)
                } else {
                    later(retry_after, why)
                }
            }
            Ok(Spending::Full { retry_after }) => {
                later(retry_after, "the store of proofs has no place for another one")
            }
            Err(Unavailable { retry_after }) => later(retry_after, "the store of proofs cannot be asked"),
        })
    }

    /// Whether proofs can be judged now.
    pub(crate) fn is_ready(&self) -> bool {
        self.store.health() == StoreHealth::Ready
    }
}

fn refused(why: &'static str) -> Judged {
    Judged { spends: Err(Refusal::invalid(Rule::P1, why)), is_nonce_due: false }
}

//! From a request to what comes of it: first its token, then who sends it, and last of all the proof is spent.

use std::borrow::Cow;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use crate::answer::error::AuthError;
use crate::answer::headers::Headers;
use crate::auth::RampartAuth;
use crate::authenticate::{AuthenticateOptional, Settled};
use crate::bearer::{self, Malformed, Scheme};
use crate::binding::proofs::{Judged, Proofs};
use crate::binding::replay::Insertion;
use crate::binding::sender::Line;
use crate::binding::spent::Spent;
use crate::request::{AUTHORIZATION, Found, RequestHead};
use crate::rule::Refusal;
use crate::token::claims::Claims;
use crate::token::fingerprint::Fingerprint;
use crate::token::hash::sha256;
use crate::verifier::{Presented, Step, Verdict};

/// The header field that brings a nonce (RFC 9449 section 8.1).
const DPOP_NONCE: &str = "dpop-nonce";

/// A token as its sender shows it.
struct Shown<'r> {
    scheme: Scheme,
    token: Presented<'r>,
    /// `None` where nothing needs to be known of it, or nothing is.
    line: Option<Line<'r>>,
    /// What the request has cost so far.
    spent: Cow<'r, [Spent]>,
}

impl RampartAuth {
    /// What comes of a request, and what to know its token by, where it has one for which that was computed. All of the request that counts is
    /// read in this call.
    pub(crate) fn begin_with(&self, head: &impl RequestHead, spent: &[Spent]) -> (AuthenticateOptional, Option<Found>) {
        self.inspect(head.values(AUTHORIZATION), || Some(Line::of(head)), spent)
    }

    /// The same where nothing is known of a request but its `Authorization` values.
    pub(crate) fn begin<V: AsRef<[u8]>>(&self, values: impl Iterator<Item = V>) -> AuthenticateOptional {
        self.inspect(values, || None, &[]).0
    }

    fn inspect<'r, V: AsRef<[u8]>>(
        &self,
        values: impl Iterator<Item = V>,
        line: impl FnOnce() -> Option<Line<'r>>,
        spent: &'r [Spent],
    ) -> (AuthenticateOptional, Option<Found>) {
        let (verifier, proofs) = (self.verifier(), self.proofs());
        let credentials = match bearer::token(values, proofs.is_some()) {
            Ok(Some(credentials)) => credentials,
            Ok(None) => return (AuthenticateOptional::ready(Settled::new(Ok(None), Scheme::Bearer)), None),
            Err(malformed) => return (self.refuse_malformed(&malformed), None),
        };
        let (scheme, place) = (credentials.scheme, credentials.place());
        let token = verifier.presented(credentials.as_bytes());
        let entry = verifier.entry(token);
        // One that was verified before has no others.
        if entry.is_none()
            && let Err(malformed) = credentials.check_characters()
        {
            return (self.refuse_malformed(&malformed), None);
        }
        let found = token.identity.map(|identity| Found { place, identity });
        let step = verifier.begin(token, entry);
        let line = if scheme == Scheme::Dpop { line() } else { None };
        let outcome = match step {
            Step::Done(verdict) => self.settle(verdict, Shown { scheme, token, line, spent: Cow::Borrowed(spent) }),
            Step::Waits(wait) => {
                let (auth, bytes, identity) = (self.clone(), token.bytes.to_owned(), token.identity);
                let (line, spent) = (line.map(Line::into_owned), spent.to_owned());
                AuthenticateOptional::waiting(async move {
                    let token = Presented { bytes: &bytes, identity };
                    let verdict = auth.verifier().resume(wait, token).await;
                    let mut outcome = auth.settle(verdict, Shown { scheme, token, line, spent: Cow::Owned(spent) });
                    poll_fn(|context| outcome.poll_settled(context)).await
                })
            }
        };
        (outcome, found)
    }

    fn refuse_malformed(&self, malformed: &Malformed) -> AuthenticateOptional {
        let refused = Err(self.verifier().refuse(None, &malformed.refusal, None));
        AuthenticateOptional::ready(Settled::new(refused, malformed.scheme))
    }

    /// A good token that has come out of its request: whether whoever has it may use it.
    pub(crate) fn unbound(&self, claims: Arc<Claims>) -> Verdict {
        let Some(proofs) = self.proofs() else { return Ok(claims) };
        match proofs.judge(claims.content().confirmation, Scheme::Bearer, || [0; 32], None, Duration::ZERO).spends {
            Ok(_) => Ok(claims),
            Err(refusal) => Err(self.verifier().refuse(None, &refusal, None)),
        }
    }

    /// A token that has been judged: whether its sender may present it.
    fn settle(&self, verdict: Verdict, shown: Shown<'_>) -> AuthenticateOptional {
        let scheme = shown.scheme;
        // Before the proof, which a token that was revoked does not cost.
        let verdict = verdict.and_then(|claims| self.verifier().unrevoked(claims));
        match (self.proofs(), verdict) {
            (None, verdict) => AuthenticateOptional::ready(Settled::new(verdict.map(Some), scheme)),
            // No proof has a part in it, and so no time.
            (Some(_), Ok(claims)) if scheme == Scheme::Bearer => {
                AuthenticateOptional::ready(Settled::new(self.unbound(claims).map(Some), scheme))
            }
            (Some(proofs), Ok(claims)) => self.bind(proofs, claims, shown),
            (Some(_), Err(error)) => {
                let mut settled = Settled::new(Err(error), scheme);
                if scheme == Scheme::Dpop {
                    // Its proof was not looked at: a nonce spares the sender a round trip, whatever it has.
                    self.add_nonce(&mut settled);
                }
                AuthenticateOptional::ready(settled)
            }
        }
    }

    /// P1 to P9 of a request whose token is good, and came by the scheme of proofs.
    fn bind(&self, proofs: &Arc<Proofs>, claims: Arc<Claims>, shown: Shown<'_>) -> AuthenticateOptional {
        let Shown { scheme, token, line, spent } = shown;
        let Some(now) = self.verifier().clock.now() else {
            return AuthenticateOptional::ready(Settled::new(Err(self.verifier().no_clock()), scheme));
        };
        let Judged { spends, is_nonce_due } =
            proofs.judge(claims.content().confirmation, scheme, || sha256(token.bytes), line.as_ref(), now);
        let bound = Bound { claims, scheme, cost: None, is_nonce_due };
        let proof = match spends {
            Ok(Some(proof)) => proof,
            Ok(None) => return AuthenticateOptional::ready(self.finish(bound, Ok(()))),
            Err(refusal) => return AuthenticateOptional::ready(self.finish(bound, Err(refusal))),
        };
        let text = line.as_ref().and_then(|line| line.proofs().first().copied().flatten().map(Fingerprint::of));
        let bound = Bound { cost: text.map(|text| Spent::new(&proofs.store, &proof, text)), ..bound };
        if bound.cost.is_some_and(|cost| spent.contains(&cost)) {
            return AuthenticateOptional::ready(self.finish(bound, Ok(())));
        }
        match proofs.store.insert_new(&proof) {
            Insertion::Done(done) => AuthenticateOptional::ready(self.finish(bound, proofs.is_new(done))),
            Insertion::Pending(insertion) => {
                let (auth, proofs) = (self.clone(), Arc::clone(proofs));
                AuthenticateOptional::waiting(async move {
                    let done = insertion.await;
                    auth.finish(bound, proofs.is_new(done))
                })
            }
        }
    }

    /// What comes of a request whose sender has been judged.
    fn finish(&self, bound: Bound, judgment: Result<(), Refusal>) -> Settled {
        let Bound { claims, scheme, cost, is_nonce_due } = bound;
        let mut settled = match judgment {
            Ok(()) => Settled { spent: cost, ..Settled::new(Ok(Some(claims)), scheme) },
            Err(refusal) => Settled::new(Err(self.verifier().refuse(None, &refusal, None)), scheme),
        };
        if is_nonce_due || matches!(settled.verdict, Err(AuthError::UseNonce)) {
            self.add_nonce(&mut settled);
        }
        settled
    }

    fn add_nonce(&self, settled: &mut Settled) {
        if let Some(nonce) = self.nonce() {
            settled.headers.extend(&nonce);
        }
    }

    /// A fresh nonce as a header, where there are any.
    pub(crate) fn nonce(&self) -> Option<Headers> {
        let nonce = self.proofs()?.nonce(self.verifier().clock.now()?)?;
        let mut headers = Headers::new();
        headers.add(DPOP_NONCE, nonce);
        Some(headers)
    }
}

/// A good token whose sender has been judged, but for what it costs.
struct Bound {
    claims: Arc<Claims>,
    scheme: Scheme,
    cost: Option<Spent>,
    is_nonce_due: bool,
}

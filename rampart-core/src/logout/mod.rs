//! Back-channel logout (OpenID Connect Back-Channel Logout 1.0): the issuer says that somebody has signed out, and the tokens of that session
//! pass no more.

pub(crate) mod reply;
pub(crate) mod token;

use std::sync::Arc;
use std::time::Duration;

use rampart_http::single_form_value;

use self::reply::LogoutReply;
use self::token::{Logout, Problem};
use crate::answer::error::AuthError;
use crate::auth::RampartAuth;
use crate::clock;
use crate::event::Event;
use crate::jose::jws::{Scratch, TypRule, Unverified};
use crate::jose::key_set::{KeySet, NoSigner};
use crate::jwks::keys::{Flaw, NoVerdict};
use crate::rule::Refusal;
use crate::verifier::trusted::Trusted;

const PARAMETER: &str = "logout_token";
const FORM: &[u8] = b"application/x-www-form-urlencoded";
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why nobody is signed out.
enum Failure {
    /// The token's fault, or that of who sends it.
    Bad(Problem),
    /// It cannot be decided, or kept, for now.
    Unavailable(Duration),
    /// No list of revocations is there for it.
    NotConfigured,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Bad(problem)
    }
}

/// Whose it is cannot be said: by the token's fault, or by that of who resolves issuers, which it must not be blamed for.
impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal.error {
            AuthError::KeysUnavailable { retry_after } | AuthError::StateUnavailable { retry_after } => {
                Self::Unavailable(retry_after)
            }
            _ => Self::Bad(Problem(refusal.why)),
        }
    }
}

impl RampartAuth {
    /// The answer to a back-channel logout request (OpenID Connect Back-Channel Logout 1.0 section 2.5), by the values of its `Content-Type`
    /// and its body: for adapters. `None` for a body that is longer than [`LogoutReply::LONGEST_BODY`], of which nothing needs to be read.
    ///
    /// What the token names is revoked before this says 200: its session, and with a `sub` also the tokens of that subject that have no
    /// session, as far as they were issued by the time of the logout token and the clock tolerance.
    pub async fn backchannel_logout<V: AsRef<[u8]>>(
        &self,
        content_types: impl IntoIterator<Item = V>,
        body: Option<&[u8]>,
    ) -> LogoutReply {
        let Some(body) = body else { return LogoutReply::too_long() };
        let content_types: Vec<V> = content_types.into_iter().collect();
        let is_form = match content_types.as_slice() {
            [value] => is_form(value.as_ref()),
            _ => false,
        };
        let token = if is_form { single_form_value(body, PARAMETER) } else { None };
        let outcome = match token {
            Some(token) => self.sign_out(&token).await,
            None => Err(Problem("the request is not one form with one logout_token").into()),
        };
        let listeners = &self.verifier().listeners;
        match outcome {
            Ok(issuer) => {
                listeners.tell(&Event::LoggedOut { issuer: issuer.name() });
                LogoutReply::done()
            }
            Err(Failure::Bad(Problem(why))) => {
                listeners.tell(&Event::LogoutRefused { why });
                LogoutReply::refused()
            }
            Err(Failure::Unavailable(retry_after)) => {
                let line = self.verifier().undecided_logouts.line(clock::uptime());
                let event = Event::LogoutUnavailable { left_out: line.unwrap_or_default() };
                if line.is_some() {
                    listeners.tell(&event);
                } else {
                    listeners.tell_all_but_the_log(&event);
                }
                LogoutReply::unavailable(retry_after)
            }
            Err(Failure::NotConfigured) => {
                let problem = "a logout token has come, and nothing can be revoked: give the builder revocations(..)";
                listeners.tell(&Event::NotSetUp { problem });
                LogoutReply::not_configured()
            }
        }
    }

    async fn sign_out(&self, token: &str) -> Result<Arc<Trusted>, Failure> {
        let verifier = self.verifier();
        let Some(revocations) = &verifier.revocations else { return Err(Failure::NotConfigured) };
        if token.len() > verifier.max_token_bytes {
            return Err(Problem("the logout token is longer than max_token_bytes").into());
        }
        let issuer = verifier.issuers.named_by(token.as_bytes())?;
        let issuer = Arc::clone(&*issuer);
        let logout = self.verified_logout(&issuer, token).await?;
        let Logout { sub, sid, issued_at } = logout;
        let kept = revocations.log_out(issuer.name(), sub.as_deref(), sid.as_deref(), issued_at).await;
        kept.map_err(|_| Failure::Unavailable(RETRY_AFTER))?;
        Ok(issuer)
    }

    /// What it says comes first, so that no keys are fetched for one that could not hold.
    async fn verified_logout(&self, issuer: &Arc<Trusted>, token: &str) -> Result<Logout, Failure> {
        let clock = &self.verifier().clock;
        let now = clock.now().ok_or(Failure::Unavailable(RETRY_AFTER))?;
        match read(issuer, token, None, now) {
            Ok(_) | Err(Flaw::UnknownKid(_)) => {}
            Err(Flaw::Why(why)) => return Err(Problem(why).into()),
        }
        issuer.keys.read(clock, |keys, now| read(issuer, token, Some(keys), now)).await.map_err(|none| match none {
            NoVerdict::Refused(why) => Problem(why).into(),
            NoVerdict::Unavailable(retry_after) => Failure::Unavailable(retry_after),
        })
    }
}

/// Its form, its claims, and with keys its signature.
fn read(issuer: &Trusted, token: &str, keys: Option<&KeySet>, now: Duration) -> Result<Logout, Flaw> {
    let mut scratch = Scratch::new();
    let token = Unverified::read(token.as_bytes(), &mut scratch, issuer.algorithms, TypRule::Logout)
        .map_err(|refusal| refusal.why)?;
    let logout = Logout::read(&token.payload, &issuer.rules, &issuer.logout, now).map_err(|Problem(why)| why)?;
    match keys.map(|keys| keys.signer(&token, |key| key.is_of(issuer.rules.names()))) {
        None | Some(Ok(_)) => Ok(logout),
        Some(Err(NoSigner::UnknownKid)) => Err(Flaw::UnknownKid(token.kid.unwrap_or_default().into_owned())),
        Some(Err(_)) => Err("the signature of the logout token is by no key of the issuer".into()),
    }
}

/// The media type, with or without parameters. What is no ASCII some frameworks do not hand over, so it counts with none.
fn is_form(content_type: &[u8]) -> bool {
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    content_type.is_ascii() && media_type.trim_ascii().eq_ignore_ascii_case(FORM)
}

//! Tokens of the first issuer, whose keys rotate: every kind of good, bad and undecided one, in a fixed mixture.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use rampart_issuer::{LocalIssuer, SigningKey, TokenBuilder, base64url};

use super::{EMAIL, FEED, PROFILE, STATS, TASKS, pick, sign};
use crate::keys::{Key, Keys};
use crate::load::{Attempt, Caller, Client, http};
use crate::tally::Duty;

/// More distinct tokens than the token cache of the server holds, so that it is full before its memory is measured.
const FILLING: usize = 20_000;
const FILLING_TIME: Duration = Duration::from_secs(30);
/// The clock tolerance of the server, and a second for the way.
const LONG_EXPIRED: Duration = Duration::from_secs(6);
const SHORT_LIFE: Duration = Duration::from_secs(6);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Repeated,
    Unique,
    Writer,
    Admin,
    Personal,
    Public,
    ShortLived,
    Expired,
    ExpiredForLong,
    Forged,
    Tampered,
    WrongAudience,
    WrongIssuer,
    Unsigned,
    Malformed,
    None,
    ForgedOnOptional,
    NoRole,
    NoScope,
    RandomKid,
    Withdrawn,
    BrandNew,
    Leaving,
}

const MIXTURE: [(Kind, usize); 23] = [
    (Kind::Repeated, 20),
    (Kind::Unique, 12),
    (Kind::Writer, 4),
    (Kind::Admin, 4),
    (Kind::Personal, 3),
    (Kind::Public, 2),
    (Kind::ShortLived, 4),
    (Kind::Expired, 2),
    (Kind::ExpiredForLong, 2),
    (Kind::Forged, 3),
    (Kind::Tampered, 3),
    (Kind::WrongAudience, 2),
    (Kind::WrongIssuer, 2),
    (Kind::Unsigned, 1),
    (Kind::Malformed, 1),
    (Kind::None, 2),
    (Kind::ForgedOnOptional, 2),
    (Kind::NoRole, 2),
    (Kind::NoScope, 2),
    (Kind::RandomKid, 20),
    (Kind::Withdrawn, 4),
    (Kind::BrandNew, 2),
    (Kind::Leaving, 1),
];

/// What all of them share.
pub(crate) struct Mint {
    issuer: LocalIssuer,
    keys: Arc<Keys>,
    stranger: SigningKey,
    minted: AtomicUsize,
}

impl Mint {
    pub(crate) fn new(issuer: &LocalIssuer, keys: &Arc<Keys>) -> Arc<Self> {
        Arc::new(Self {
            issuer: issuer.clone(),
            keys: Arc::clone(keys),
            stranger: issuer.add_unpublished_key(rampart_issuer::Algorithm::ES256).unwrap(),
            minted: AtomicUsize::new(0),
        })
    }

    /// Fills the server's token cache with distinct tokens; gives back how many there were.
    pub(crate) fn fill_token_cache(&self, mut client: Client) -> usize {
        let started = Instant::now();
        let key = self.keys.good(0);
        (0..FILLING)
            .take_while(|_| started.elapsed() < FILLING_TIME)
            .filter(|_| client.status(&sign(&self.unique(&key))) == 200)
            .count()
    }

    fn token(&self, key: &Key) -> TokenBuilder {
        self.issuer.token().key(&key.signing)
    }

    fn unique(&self, key: &Key) -> TokenBuilder {
        let number = self.minted.fetch_add(1, Ordering::Relaxed);
        self.token(key).claim("jti", format!("unique-{number}"))
    }

    /// By somebody who has not the key.
    fn forged(&self, key: &Key) -> String {
        sign(&self.token(key).key(&self.stranger).kid(key.signing.kid()))
    }
}

/// A token that expires while it is in use.
struct Short {
    token: String,
    expires: SystemTime,
    key: Option<Arc<Key>>,
}

pub(crate) struct Tokens {
    mint: Arc<Mint>,
    short: Option<Short>,
}

impl Tokens {
    pub(crate) fn new(mint: &Arc<Mint>) -> Self {
        Self { mint: Arc::clone(mint), short: None }
    }
}

impl Caller for Tokens {
    fn next(&mut self, number: usize) -> Option<Attempt> {
        let kind = pick(&MIXTURE, number);
        if matches!(kind, Kind::ShortLived | Kind::ExpiredForLong) {
            return self.short_lived(kind, number);
        }
        let Mint { keys, stranger, .. } = &*self.mint;
        let (mint, key) = (&self.mint, keys.good(number));
        let repeated = || key.tokens[number / 100 % key.tokens.len()].clone();
        let good = |name, line, token: &str| Attempt::bearer(name, Duty::Accept(200), line, token);
        let bad = |name, line, token: &str| Attempt::bearer(name, Duty::Refuse(401), line, token);
        let attempt = match kind {
            Kind::Repeated => good("repeated token", PROFILE, &repeated()),
            Kind::Unique => good("new token", TASKS, &sign(&mint.unique(&key))),
            Kind::Writer => good("scope", EMAIL, &key.writer),
            Kind::Admin => good("role", STATS, &key.admin),
            Kind::Personal => good("optional, token", FEED, &repeated()),
            Kind::Public => Attempt::new("optional, none", Duty::Accept(200), http(FEED, &[], "")),
            Kind::ShortLived | Kind::ExpiredForLong => return None,
            Kind::Expired => bad("expired", PROFILE, &sign(&mint.unique(&key).at(1_700_000_000))),
            Kind::Forged => bad("forged signature", PROFILE, &mint.forged(&key)),
            Kind::Tampered => {
                let good = repeated();
                let payload = base64url(mint.token(&key).roles(["admin"]).payload());
                let mut parts = good.split('.');
                let (header, signature) = (parts.next().unwrap(), parts.nth(1).unwrap());
                bad("changed payload", STATS, &format!("{header}.{payload}.{signature}"))
            }
            Kind::WrongAudience => bad("other audience", PROFILE, &sign(&mint.unique(&key).audience("another"))),
            Kind::WrongIssuer => bad("other issuer", PROFILE, &sign(&mint.unique(&key).issuer("https://evil.example"))),
            Kind::Unsigned => {
                let header = base64url(format!(r#"{{"alg":"none","kid":"{}"}}"#, key.signing.kid()));
                let payload = base64url(mint.token(&key).roles(["admin"]).payload());
                bad("alg none", STATS, &format!("{header}.{payload}.AA"))
            }
            Kind::Malformed => bad("malformed", PROFILE, "eyJhbGciOiJFUzI1NiJ9.a-token.AA"),
            Kind::None => Attempt::new("no token", Duty::Refuse(401), http(PROFILE, &[], "")),
            Kind::ForgedOnOptional => bad("forged on optional", FEED, &mint.forged(&key)),
            Kind::NoRole => Attempt::bearer("role missing", Duty::Refuse(403), STATS, &key.writer),
            Kind::NoScope => Attempt::bearer("scope missing", Duty::Refuse(403), EMAIL, &repeated()),
            Kind::RandomKid => {
                // Spread as hashes are, and never the same twice.
                let kid = format!("{:016x}", (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                let token = sign(&mint.token(&key).key(stranger).kid(&kid));
                Attempt::bearer("random key ID", Duty::KeepOut, PROFILE, &token)
            }
            Kind::Withdrawn => {
                let key = keys.gone(number)?;
                // One that the token cache may still know, or a new one.
                let token = if number.is_multiple_of(2) { key.tokens[0].clone() } else { sign(&mint.unique(&key)) };
                Attempt::bearer("withdrawn key", Duty::KeepOut, PROFILE, &token)
            }
            Kind::BrandNew => {
                Attempt::bearer("brand-new key", Duty::Either, PROFILE, &sign(&mint.unique(keys.fresh()?.as_ref())))
            }
            Kind::Leaving => {
                let token = sign(&mint.unique(keys.leaving()?.as_ref()));
                Attempt::bearer("key being withdrawn", Duty::Either, PROFILE, &token)
            }
        };
        Some(attempt.holding(&key))
    }
}

impl Tokens {
    /// One token after another: good at first, then undecided, then expired for good, cached or not.
    fn short_lived(&mut self, kind: Kind, number: usize) -> Option<Attempt> {
        let now = SystemTime::now();
        let expired_for_long = self.short.as_ref().is_some_and(|short| now > short.expires + LONG_EXPIRED);
        if self.short.is_none() || (kind == Kind::ShortLived && expired_for_long) {
            let life = i64::try_from(SHORT_LIFE.as_secs()).unwrap();
            let key = self.mint.keys.good(number);
            let token = sign(&self.mint.unique(&key).expires_in(life));
            self.short = Some(Short { token, expires: now + SHORT_LIFE, key: Some(key) });
        }
        let Short { token, expires, key } = self.short.as_mut()?;
        if now + Duration::from_secs(2) < *expires {
            let attempt = Attempt::bearer("short-lived token", Duty::Accept(200), PROFILE, token);
            return Some(attempt.holding(key.as_ref()?));
        }
        // From now on nothing is promised, also not that its key stays.
        *key = None;
        expired_for_long.then(|| Attempt::bearer("expired after use", Duty::KeepOut, PROFILE, token))
    }
}

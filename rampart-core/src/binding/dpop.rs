//! Settings of proofs.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use rampart_http::ConfigError;
use serde::Deserialize;

use super::in_process::InProcess;
use super::nonce::{NonceKey, Nonces};
use super::proof::AHEAD;
use super::proofs::Proofs;
use super::replay::ReplayStore;
use super::target::PublicUrl;
use crate::clock::Clock;
use crate::jose::algorithm::{Algorithm, Algorithms};
use crate::jose::base64url;
use crate::seconds::seconds;

const DEFAULT_MAX_AGE: Duration = Duration::from_secs(60);
const LONGEST_MAX_AGE: Duration = Duration::from_secs(600);
const DEFAULT_CAPACITY: usize = 1_000_000;
const DEFAULT_ALGORITHMS: [Algorithm; 3] = [Algorithm::ES256, Algorithm::EdDSA, Algorithm::Ed25519];

/// Tokens that are bound to a key of their sender, who proves with each request to hold it (DPoP, RFC 9449): a token that was stolen is
/// worth nothing. For [`RampartAuthBuilder::dpop`](crate::RampartAuthBuilder::dpop).
///
/// Each proof is a signature over the method and the URL of its request, the token, the time and an ID of its own; it passes once, on
/// this API, within a minute. See [`manual::dpop`](crate::manual::dpop).
///
/// ```
/// use rampart_core::{Dpop, RampartAuth};
///
/// let auth = RampartAuth::builder("https://auth.example.com", "my-api")
///     .dpop(Dpop::accepted().public_url("https://api.example.com"))
///     .build()?;
/// # Ok::<(), rampart_core::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use = "give it to RampartAuthBuilder::dpop"]
pub struct Dpop {
    settings: DpopSettings,
    nonces: Option<NonceKey>,
    store: Option<Arc<dyn ReplayStore>>,
}

/// Settings of proofs as they stand in a configuration file, in the section `dpop`. Their defaults are those of [`Dpop`].
///
/// ```
/// use rampart_core::{RampartAuth, Settings};
///
/// let settings: Settings = serde_json::from_str(
///     r#"{"issuer_url": "https://auth.example.com", "audience": "my-api",
///         "dpop": {"mode": "required", "public_url": "https://api.example.com", "nonces": true}}"#,
/// )?;
/// let auth = RampartAuth::from_settings(settings)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DpopSettings {
    /// Whether bound tokens are accepted besides others, or no others.
    pub mode: DpopMode,
    /// See [`Dpop::public_url`].
    pub public_url: Option<String>,
    /// See [`Dpop::algorithms`].
    pub algorithms: Option<Vec<Algorithm>>,
    /// See [`Dpop::max_age`].
    #[serde(default, rename = "max_age_seconds", deserialize_with = "seconds")]
    pub max_age: Option<Duration>,
    /// Whether each proof must hold a nonce of this API, under a random key of this process. See [`Dpop::nonces`].
    #[serde(default)]
    pub nonces: bool,
    /// A file that holds the key of the nonces, for several replicas: 32 bytes in base64url. It is read by `build()`.
    pub nonce_key_file: Option<PathBuf>,
    /// A file that holds the key from before a change, whose nonces still pass.
    pub previous_nonce_key_file: Option<PathBuf>,
    /// See [`Dpop::replay_capacity`].
    pub replay_capacity: Option<usize>,
    /// See [`Dpop::store_name`].
    pub store_name: Option<String>,
    /// See [`Dpop::insecure_trust_start`].
    #[serde(default)]
    pub insecure_trust_start: bool,
}

/// Which tokens pass where proofs are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DpopMode {
    /// Bound tokens with a good proof, and others as bearer tokens.
    Accepted,
    /// Bound tokens with a good proof, and no others.
    Required,
}

impl DpopSettings {
    /// With every default.
    pub const fn new(mode: DpopMode) -> Self {
        Self {
            mode,
            public_url: None,
            algorithms: None,
            max_age: None,
            nonces: false,
            nonce_key_file: None,
            previous_nonce_key_file: None,
            replay_capacity: None,
            store_name: None,
            insecure_trust_start: false,
        }
    }
}

impl From<DpopSettings> for Dpop {
    fn from(settings: DpopSettings) -> Self {
        Self { settings, nonces: None, store: None }
    }
}

impl Dpop {
    /// Bound tokens pass with a good proof; tokens that are bound to nothing pass as bearer tokens, as before.
    pub fn accepted() -> Self {
        DpopSettings::new(DpopMode::Accepted).into()
    }

    /// Nothing passes but bound tokens with a good proof.
    pub fn required() -> Self {
        DpopSettings::new(DpopMode::Required).into()
    }

    /// This API as its callers see it: what the `htu` of a proof begins with. A path is one that a proxy takes away. Must be given:
    /// what a request says of its host (`Host`, `Forwarded`) is not looked at, for whoever has stolen a token writes that himself.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.settings.public_url = Some(url.into());
        self
    }

    /// The algorithms of proofs: ES256, EdDSA and Ed25519 unless given. RSA keys have 4096 bits at most, for the sender chooses what a
    /// signature costs.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.settings.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// How old a proof may be: 60 s unless given, 10 min at most. It is counted from its `iat`, without tolerance; a sender's clock may
    /// be 10 s ahead.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.settings.max_age = Some(age);
        self
    }

    /// Each proof must hold a nonce that this API has given within the last minute (RFC 9449 section 9), which takes the place of
    /// `iat`: no proof can be made ahead, and a sender's clock may be wrong. Off unless given. A nonce is a sealed time, so that nothing
    /// is stored; senders get one with the answer that refuses them, and a new one in time where the adapter's `responses()` or fairing is
    /// set up.
    pub fn nonces(mut self, key: NonceKey) -> Self {
        self.nonces = Some(key);
        self
    }

    /// Where spent proofs are remembered, such as in a store that replicas share: in this process unless given. Without a shared one a
    /// proof passes once on each replica.
    pub fn replay(mut self, store: Arc<dyn ReplayStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// How many spent proofs the store in this process holds: 1,000,000 unless given, which is about 16,000 proofs a second and takes 96 MiB
    /// at most. Those of one key take a sixteenth of it. Beyond that proofs are answered by 503, and never pass.
    pub fn replay_capacity(mut self, proofs: usize) -> Self {
        self.settings.replay_capacity = Some(proofs);
        self
    }

    /// What the proofs of this API are known by in a store that several share: a hash of the public URL and the audiences unless
    /// given. Replicas of one API have the same name, two APIs never.
    pub fn store_name(mut self, name: impl Into<String>) -> Self {
        self.settings.store_name = Some(name.into());
        self
    }

    /// Takes proofs that were made before this process began, or up to 10 s after: it cannot know of all that were shown before, so that
    /// one which was spent just before a restart passes once more. For demonstrations, and where a process lives for a few
    /// requests.
    pub fn insecure_trust_start(mut self, trust: bool) -> Self {
        self.settings.insecure_trust_start = trust;
        self
    }

    /// The store that an object has where none is given, for so many proofs, and without a beginning.
    ///
    /// Not part of the public interface, and free to change or go in any release: it exists for benchmarks.
    #[doc(hidden)]
    pub fn __in_process(proofs: usize) -> Arc<dyn ReplayStore> {
        Arc::new(InProcess::new(proofs, None))
    }

    /// Checks what is said.
    pub(crate) fn build(self, audiences: &[&str], clock: &Clock) -> Result<Proofs, ConfigError> {
        let Self { settings, nonces, store } = self;
        let DpopSettings { mode, public_url, max_age, replay_capacity, insecure_trust_start, .. } = &settings;
        let Some(public_url) = public_url else {
            return Err(ConfigError::invalid(
                "dpop.public_url",
                "is missing: dpop needs the URL of this API as its callers see it, such as https://api.example.com",
            ));
        };
        let max_age = max_age.unwrap_or(DEFAULT_MAX_AGE);
        if max_age < Duration::from_secs(1) || max_age > LONGEST_MAX_AGE {
            return Err(ConfigError::invalid(
                "dpop.max_age",
                "is not from 1 s to 10 min: proofs are made anew for every request; leave it out for 60 s",
            ));
        }
        let algorithms = Algorithms::of(settings.algorithms.as_deref().unwrap_or(&DEFAULT_ALGORITHMS));
        if algorithms.is_empty() {
            return Err(ConfigError::invalid(
                "dpop.algorithms",
                "is empty, so that every proof would be refused; name those that clients sign with, or leave it out",
            ));
        }
        let public_url = PublicUrl::parse("dpop.public_url", public_url)?;
        let store_name = hashed_name(&settings, &public_url, audiences)?;
        if store.is_some() && replay_capacity.is_some() {
            return Err(ConfigError::invalid(
                "dpop.replay_capacity",
                "is given together with a store of your own, which has a capacity of its own; keep one of the two",
            ));
        }
        if store.is_some() && *insecure_trust_start {
            return Err(ConfigError::invalid(
                "dpop.insecure_trust_start",
                "is given together with a store of your own, which knows itself since when it remembers; keep one of the two",
            ));
        }
        if *replay_capacity == Some(0) {
            return Err(ConfigError::invalid(
                "dpop.replay_capacity",
                "is 0, so that every proof would be refused; leave it out for 1,000,000",
            ));
        }
        let nonce_key = nonce_key(&settings, nonces)?;
        let is_own = store.is_none() && nonce_key.as_ref().is_some_and(NonceKey::is_own);
        let nonce_lead = if is_own { AHEAD } else { Duration::ZERO };
        let store = store.unwrap_or_else(|| {
            let born = (!insecure_trust_start).then(|| clock.clone());
            Arc::new(InProcess::new(replay_capacity.unwrap_or(DEFAULT_CAPACITY), born))
        });
        Ok(Proofs {
            is_required: *mode == DpopMode::Required,
            public_url,
            algorithms,
            max_age,
            nonces: nonce_key.as_ref().map(Nonces::new).transpose()?,
            nonce_lead,
            store,
            store_name,
        })
    }
}

/// Each part behind its length, so that two names never have one hash.
fn hashed_name(settings: &DpopSettings, public_url: &PublicUrl, audiences: &[&str]) -> Result<[u8; 32], ConfigError> {
    let mut context = Context::new(&SHA256);
    let mut add = |part: &str| {
        context.update(&part.len().to_be_bytes());
        context.update(part.as_bytes());
    };
    match settings.store_name.as_deref() {
        Some("") => {
            return Err(ConfigError::invalid("dpop.store_name", "is empty; name this API, or leave it out"));
        }
        Some(name) => add(name),
        None => {
            // However they are written, and in whatever order.
            let audiences: BTreeSet<&str> = audiences.iter().copied().collect();
            add(&public_url.to_string());
            audiences.into_iter().for_each(add);
        }
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    Ok(hash)
}

fn nonce_key(settings: &DpopSettings, given: Option<NonceKey>) -> Result<Option<NonceKey>, ConfigError> {
    let DpopSettings { nonces, nonce_key_file, previous_nonce_key_file, .. } = settings;
    if given.is_some() && (*nonces || nonce_key_file.is_some()) {
        return Err(ConfigError::invalid(
            "dpop.nonces",
            "has a key, and the settings name another one; keep one of the two",
        ));
    }
    if previous_nonce_key_file.is_some() && nonce_key_file.is_none() {
        return Err(ConfigError::invalid(
            "dpop.previous_nonce_key_file",
            "is given without nonce_key_file: name the file of the key that nonces are made with now",
        ));
    }
    let Some(file) = nonce_key_file else {
        return Ok(given.or_else(|| nonces.then(NonceKey::random)));
    };
    let key = NonceKey::shared(key_of("dpop.nonce_key_file", file)?);
    let previous = previous_nonce_key_file.as_deref().map(|file| key_of("dpop.previous_nonce_key_file", file));
    Ok(Some(match previous.transpose()? {
        Some(previous) => key.previous(previous),
        None => key,
    }))
}

fn key_of(field: &'static str, file: &Path) -> Result<[u8; 32], ConfigError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| ConfigError::invalid(field, format!("{} cannot be read: {error}", file.display())))?;
    let key = base64url::decode(text.trim_end().as_bytes()).and_then(|key| <[u8; 32]>::try_from(key).ok());
    key.ok_or_else(|| {
        let what = "does not hold 32 bytes in base64url, which are 43 characters without padding";
        ConfigError::invalid(field, format!("{} {what}", file.display()))
    })
}

impl fmt::Debug for Dpop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { settings, nonces, store } = self;
        f.debug_struct("Dpop")
            .field("settings", settings)
            .field("nonces", &nonces.is_some())
            .field("store", store)
            .finish()
    }
}

//! What a revocation and a token are known by: hashes, so that nothing of a token or a user is kept or sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::{digest, hmac};

/// The first half of a SHA-256, or of an HMAC-SHA-256: whoever wants two tokens to have one would have to try 2^64, and nobody gains by it.
pub(crate) type Id = [u8; 16];

/// What an ID is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All tokens of an issuer, until it is lifted.
    Issuer,
    /// All tokens of an issuer that were issued by some time.
    Issued,
    Token,
    Session,
    Subject,
    SubjectWithoutSession,
    Client,
}

impl Kind {
    /// Part of what is hashed, and so of what replicas share: never used for another kind.
    const fn mark(self) -> u8 {
        match self {
            Self::Issuer => 0,
            Self::Issued => 1,
            Self::Token => 2,
            Self::Session => 3,
            Self::Subject => 4,
            Self::SubjectWithoutSession => 5,
            Self::Client => 6,
        }
    }
}

/// How IDs are made: plainly, or under a key that the replicas share.
#[derive(Clone)]
pub(crate) struct Hashing(Option<hmac::Key>);

impl Hashing {
    pub(crate) const PLAIN: Self = Self(None);

    pub(crate) const fn keyed(key: hmac::Key) -> Self {
        Self(Some(key))
    }

    /// An issuer as a whole. `kind` is one of the two of issuers.
    fn of_issuer(&self, kind: Kind, iss: &str) -> Id {
        self.hash([&[kind.mark()], iss.as_bytes(), &[]])
    }

    /// A name alone says nothing: it is one only together with its issuer (RFC 7519 section 4.1.7, OpenID Connect Core section 2).
    fn of_name(&self, kind: Kind, issuer: &Id, name: &str) -> Id {
        self.hash([&[kind.mark()], issuer, name.as_bytes()])
    }

    pub(crate) fn id(&self, kind: Kind, iss: &str, name: &str) -> Id {
        match kind {
            Kind::Issuer | Kind::Issued => self.of_issuer(kind, iss),
            _ => self.of_name(kind, &self.of_issuer(Kind::Issuer, iss), name),
        }
    }

    fn hash(&self, parts: [&[u8]; 3]) -> Id {
        match &self.0 {
            None => {
                let mut context = digest::Context::new(&digest::SHA256);
                for part in parts {
                    context.update(part);
                }
                half(context.finish().as_ref())
            }
            Some(key) => {
                let mut context = hmac::Context::with_key(key);
                for part in parts {
                    context.update(part);
                }
                half(context.sign().as_ref())
            }
        }
    }
}

fn half(hash: &[u8]) -> Id {
    hash.first_chunk().copied().unwrap_or_default()
}

impl std::fmt::Debug for Hashing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Hashing(keyed)" } else { "Hashing(plain)" })
    }
}

/// An issuer whose tokens can be revoked, by every spelling of its name: whoever revokes may know another of them.
#[derive(Clone, Debug)]
pub(crate) struct RevocableIssuer {
    hashing: Hashing,
    own: Spelling,
    others: Arc<[Spelling]>,
}

#[derive(Clone, Copy, Debug)]
struct Spelling {
    whole: Id,
    issued: Id,
}

/// What of a token may be named by a revocation. Where a claim is absent, no string or empty, nothing that names it concerns the token.
pub(crate) struct Naming<'t> {
    pub(crate) subject: &'t str,
    pub(crate) jti: Option<&'t str>,
    pub(crate) sid: Option<&'t str>,
    pub(crate) client: Option<&'t str>,
    pub(crate) issued: Option<Duration>,
}

impl RevocableIssuer {
    pub(crate) fn new(hashing: &Hashing, iss: &str, aliases: &[String]) -> Self {
        let spelled = |iss: &str| {
            let of = |kind| hashing.of_issuer(kind, iss);
            Spelling { whole: of(Kind::Issuer), issued: of(Kind::Issued) }
        };
        let others = aliases.iter().filter(|alias| *alias != iss).map(|alias| spelled(alias)).collect();
        Self { own: spelled(iss), others, hashing: hashing.clone() }
    }

    pub(crate) fn token(&self, naming: &Naming<'_>) -> Revocable {
        let names = |spelling| Names::new(&self.hashing, spelling, naming);
        Revocable {
            own: names(&self.own),
            others: self.others.iter().map(names).collect(),
            issued: naming.issued,
            clean: AtomicU64::new(NEVER),
        }
    }
}

fn named(name: Option<&str>) -> Option<&str> {
    name.filter(|name| !name.is_empty())
}

/// One for all that its issuer has issued, and one for each kind of name.
const MOST: usize = 5;
/// No list is ever at it.
const NEVER: u64 = 0;

/// What a revocation can name of a token, under one spelling of its issuer.
#[derive(Clone, Copy)]
pub(crate) struct Names {
    pub(crate) issuer: Id,
    ids: [Id; MOST],
    count: usize,
}

impl Names {
    fn new(hashing: &Hashing, issuer: &Spelling, naming: &Naming<'_>) -> Self {
        let Spelling { whole, issued } = issuer;
        let mut names = Self { issuer: *whole, ids: [*issued; MOST], count: 1 };
        let session = match named(naming.sid) {
            Some(sid) => (Kind::Session, Some(sid)),
            None => (Kind::SubjectWithoutSession, named(Some(naming.subject))),
        };
        let all = [
            (Kind::Subject, named(Some(naming.subject))),
            session,
            (Kind::Token, named(naming.jti)),
            (Kind::Client, named(naming.client)),
        ];
        for (kind, name) in all {
            if let (Some(name), Some(place)) = (name, names.ids.get_mut(names.count)) {
                *place = hashing.of_name(kind, whole, name);
                names.count += 1;
            }
        }
        names
    }

    pub(crate) fn ids(&self) -> &[Id] {
        self.ids.get(..self.count).unwrap_or_default()
    }
}

/// A token, as revocations know it.
pub(crate) struct Revocable {
    own: Names,
    /// Under the aliases of its issuer. Nothing, with nearly all issuers.
    others: Box<[Names]>,
    /// Its `iat`.
    pub(crate) issued: Option<Duration>,
    /// The state of the list at which nothing concerned it.
    clean: AtomicU64,
}

impl Revocable {
    /// The same token, of which nothing was asked yet.
    pub(crate) fn unchecked(&self) -> Self {
        let Self { own, others, issued, clean: _ } = self;
        Self { own: *own, others: others.clone(), issued: *issued, clean: AtomicU64::new(NEVER) }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &Names> {
        std::iter::once(&self.own).chain(&self.others)
    }

    /// What it holds elsewhere, in bytes.
    pub(crate) fn others_size(&self) -> usize {
        size_of_val(&*self.others)
    }

    pub(crate) fn is_clean_at(&self, state: u64) -> bool {
        self.clean.load(Ordering::Relaxed) == state
    }

    pub(crate) fn set_clean_at(&self, state: u64) {
        self.clean.store(state, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(naming: &Naming<'_>) -> Vec<Id> {
        let token = RevocableIssuer::new(&Hashing::PLAIN, "https://a.example", &[]).token(naming);
        token.names().flat_map(Names::ids).copied().collect()
    }

    #[test]
    fn kinds_issuers_and_names_are_told_apart() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let mut ids = Vec::new();
        for hashing in [Hashing::PLAIN, Hashing::keyed(key)] {
            for iss in ["https://a.example", "https://b.example"] {
                ids.extend([Kind::Issuer, Kind::Issued].map(|kind| hashing.id(kind, iss, "")));
                for name in ["x", "y"] {
                    let kinds = [Kind::Token, Kind::Session, Kind::Subject, Kind::SubjectWithoutSession, Kind::Client];
                    ids.extend(kinds.map(|kind| hashing.id(kind, iss, name)));
                }
            }
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((ids.len(), count), (48, 48));
    }

    #[test]
    fn token_has_an_id_for_each_name_that_it_has_and_none_for_an_empty_one() {
        let id = |kind, name| Hashing::PLAIN.id(kind, "https://a.example", name);
        let all = Naming { subject: "s", jti: Some("j"), sid: Some("i"), client: Some("c"), issued: None };
        assert_eq!(
            token(&all),
            [
                id(Kind::Issued, ""),
                id(Kind::Subject, "s"),
                id(Kind::Session, "i"),
                id(Kind::Token, "j"),
                id(Kind::Client, "c")
            ]
        );
        for empty in [None, Some("")] {
            let few = Naming { jti: empty, sid: empty, client: empty, ..all };
            assert_eq!(
                token(&few),
                [id(Kind::Issued, ""), id(Kind::Subject, "s"), id(Kind::SubjectWithoutSession, "s")]
            );
        }
    }
}

//! Who sends requests: a file for each kind.

mod bound;
mod issuers;
mod opaque;
mod revoked;
mod tokens;

pub(crate) use self::{
    bound::Bound,
    issuers::Issuers,
    opaque::{Known, Opaque, Strange},
    revoked::{Asker, Revoked, Revoker},
    tokens::{Mint, Tokens},
};

use rampart_issuer::TokenBuilder;

/// One of these, well stirred, so that of a hundred requests so many are of each.
fn pick<K: Copy>(mixture: &[(K, usize)], number: usize) -> K {
    let mut place = number * 37 % 100;
    for (kind, share) in mixture {
        if place < *share {
            return *kind;
        }
        place -= share;
    }
    mixture[0].0
}

fn sign(token: &TokenBuilder) -> String {
    token.sign().unwrap()
}

const PROFILE: &str = "GET /api/profile";
const TASKS: &str = "GET /api/tasks";
const STATS: &str = "GET /api/admin/stats";
const EMAIL: &str = "POST /api/emails/send";
const FEED: &str = "GET /api/feed";

//! What things are called in Redis: everything begins with the prefix, and of a proof there is nothing but a hash.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What the same key is used for elsewhere gives other names.
const PROOFS: &[u8] = b"rampart spent proofs in Redis v1";
const FINGERPRINT: &[u8] = b"fingerprint";

pub(crate) struct Names {
    prefix: Box<str>,
    /// Under which the names of proofs are made; where there is none they are the hashes that core gives.
    key: Option<hmac::Key>,
}

impl Names {
    pub(crate) fn new(prefix: &str, state_key: Option<&[u8; 32]>) -> Self {
        let key = state_key.map(|key| {
            let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), PROOFS);
            hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
        });
        Self { prefix: prefix.into(), key }
    }

    /// Half of a SHA-256 or an HMAC: to find a second proof with the same name one would have to try 2^128.
    pub(crate) fn proof(&self, hash: &[u8; 32]) -> String {
        let mut name = format!("{}p:", self.prefix);
        match &self.key {
            Some(key) => encode_half(hmac::sign(key, hash).as_ref(), &mut name),
            None => encode_half(hash, &mut name),
        }
        name
    }

    /// Since when, and in which life of which server, spent proofs are known.
    pub(crate) fn birth(&self) -> String {
        format!("{}birth", self.prefix)
    }

    /// What is revoked, by the time until which it is kept.
    pub(crate) fn kept(&self) -> String {
        format!("{}revocations", self.prefix)
    }

    /// The same as it came, for those who follow; how many came; which filling of the store they are in; and the mark that it is whole.
    pub(crate) fn stream(&self) -> String {
        format!("{}revocations:stream", self.prefix)
    }

    pub(crate) fn count(&self) -> String {
        format!("{}revocations:count", self.prefix)
    }

    pub(crate) fn filling(&self) -> String {
        format!("{}revocations:filling", self.prefix)
    }

    /// One for each key: what was revoked under another one says nothing here, so that the list is not whole for whoever has a new one.
    pub(crate) fn whole(&self) -> String {
        let name = format!("{}revocations:whole", self.prefix);
        if self.key.is_some() { format!("{name}:{}", self.fingerprint()) } else { name }
    }

    /// Tells keys apart without telling anything of them: replicas under two keys would not see each other's proofs.
    pub(crate) fn fingerprint(&self) -> String {
        let mut name = String::new();
        if let Some(key) = &self.key {
            encode_half(hmac::sign(key, FINGERPRINT).as_ref(), &mut name);
        }
        name
    }
}

fn encode_half(hash: &[u8], to: &mut String) {
    URL_SAFE_NO_PAD.encode_string(hash.get(..16).unwrap_or(hash), to);
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("prefix", &self.prefix).field("key", &self.key.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_with_the_prefix_and_are_made_under_the_key() {
        let plain = Names::new("api:", None);
        assert_eq!(plain.birth(), "api:birth");
        assert_eq!(plain.proof(&[0; 32]), "api:p:AAAAAAAAAAAAAAAAAAAAAA");
        let keyed = [Names::new("api:", Some(&[1; 32])), Names::new("api:", Some(&[2; 32]))];
        let [one, two] = keyed.each_ref().map(|names| names.proof(&[0; 32]));
        assert!(one != two && one != plain.proof(&[0; 32]) && one.len() == plain.proof(&[0; 32]).len());
        assert_eq!(one, Names::new("api:", Some(&[1; 32])).proof(&[0; 32]));
        let [one, two] = keyed.each_ref().map(Names::fingerprint);
        assert!(one != two && !one.is_empty() && plain.fingerprint().is_empty());
        assert_eq!(keyed[0].whole(), format!("api:revocations:whole:{one}"));
        assert_eq!(plain.whole(), "api:revocations:whole");
        assert_eq!(format!("{:?}", keyed[0]), r#"Names { prefix: "api:", key: true }"#);
    }
}

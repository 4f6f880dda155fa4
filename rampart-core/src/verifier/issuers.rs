//! Which issuer's rules and keys decide about a token.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use rampart_http::ConfigError;

use super::live::{Live, stranger};
use super::trusted::Trusted;
use crate::event::{Event, Listeners};
use crate::jose::jws::unverified_payload;
use crate::rule::Refusal;
use crate::token::unverified;

/// The issuers of one object.
pub(crate) enum Issuers {
    /// Whose name a token has is for its rules to say (V7): nothing is read before.
    One(Arc<Trusted>),
    /// The token's own word picks one, and decides nothing else.
    Several(Box<Directory>),
}

/// Several issuers by their names.
pub(crate) struct Directory {
    /// In the order of the settings; each has its place as its number.
    fixed: Vec<Arc<Trusted>>,
    /// Every spelling of every name.
    places: HashMap<Box<str>, usize>,
    /// Those that a resolver names.
    live: Option<Live>,
}

/// The issuer that decides about a token.
pub(crate) enum Whose<'v> {
    Fixed(&'v Arc<Trusted>),
    Live(Arc<Trusted>),
}

impl Deref for Whose<'_> {
    type Target = Arc<Trusted>;

    fn deref(&self) -> &Arc<Trusted> {
        match self {
            Self::Fixed(issuer) => issuer,
            Self::Live(issuer) => issuer,
        }
    }
}

impl Issuers {
    /// Checks that no two of them go by one name, and tells of those that nearly do.
    pub(crate) fn new(fixed: Vec<Trusted>, live: Option<Live>, listeners: &Listeners) -> Result<Self, ConfigError> {
        let fixed: Vec<_> = fixed.into_iter().map(Arc::new).collect();
        check_prefixes(&fixed)?;
        let places = places(&fixed)?;
        tell_of_likeness(&places, listeners);
        match (<[_; 1]>::try_from(fixed), live) {
            (Ok([one]), None) => Ok(Self::One(one)),
            (Ok(one), live) => Ok(Self::Several(Box::new(Directory { fixed: one.into(), places, live }))),
            (Err(fixed), live) => Ok(Self::Several(Box::new(Directory { fixed, places, live }))),
        }
    }

    /// The one that a token names. What else is wrong with the token is said later, by the rules of that issuer.
    pub(crate) fn named_by(&self, token: &[u8]) -> Result<Whose<'_>, Refusal> {
        match self {
            Self::One(issuer) => Ok(Whose::Fixed(issuer)),
            Self::Several(directory) => {
                let payload = unverified_payload(token)?;
                directory.named(&unverified::iss(&payload)?)
            }
        }
    }

    /// Whether any of them is asked about tokens that are no JWTs.
    pub(crate) fn take_opaque(&self) -> bool {
        self.fixed().iter().any(|issuer| issuer.introspected.is_some())
    }

    /// The one whose opaque tokens look like this.
    pub(crate) fn that_may_know(&self, token: &[u8]) -> Option<&Arc<Trusted>> {
        let may_know = |issuer: &&Arc<Trusted>| issuer.introspected.as_ref().is_some_and(|asks| asks.may_know(token));
        self.fixed().iter().find(may_know)
    }

    /// The one of this number, where it still is one of them.
    pub(crate) fn numbered(&self, number: u64) -> Option<Whose<'_>> {
        match self {
            Self::One(issuer) => (issuer.number == number).then_some(Whose::Fixed(issuer)),
            Self::Several(directory) => directory.numbered(number),
        }
    }

    /// Forgets one that a resolver has named.
    pub(crate) fn forget(&self, iss: &str) -> Result<bool, ConfigError> {
        let is_fixed = |issuer: &Arc<Trusted>| issuer.rules.is_issuer(iss);
        if self.fixed().iter().any(is_fixed) {
            return Err(ConfigError::invalid(
                "issuers",
                format!(
                    "{iss:?} is named by the settings, not by a resolver, so that it cannot be forgotten; build an object without it"
                ),
            ));
        }
        match self {
            Self::One(_) => Ok(false),
            Self::Several(directory) => Ok(directory.live.as_ref().is_some_and(|live| live.forget(iss))),
        }
    }

    /// Those that the settings name, in their order.
    pub(crate) fn fixed(&self) -> &[Arc<Trusted>] {
        match self {
            Self::One(issuer) => std::slice::from_ref(issuer),
            Self::Several(directory) => &directory.fixed,
        }
    }
}

impl Directory {
    /// Those of the settings come first, whatever the resolver says.
    fn named(&self, iss: &str) -> Result<Whose<'_>, Refusal> {
        if let Some(issuer) = self.places.get(iss).and_then(|place| self.fixed.get(*place)) {
            return Ok(Whose::Fixed(issuer));
        }
        match &self.live {
            Some(live) => live.named(iss, |name| self.places.contains_key(name)).map(Whose::Live),
            None => Err(stranger(iss)),
        }
    }

    fn numbered(&self, number: u64) -> Option<Whose<'_>> {
        match usize::try_from(number).ok().and_then(|place| self.fixed.get(place)) {
            Some(issuer) => Some(Whose::Fixed(issuer)),
            None => self.live.as_ref()?.numbered(number).map(Whose::Live),
        }
    }
}

/// An opaque token names no issuer: how it begins must say which one to ask, and no other must learn of it.
fn check_prefixes(issuers: &[Arc<Trusted>]) -> Result<(), ConfigError> {
    let mut prefixes: Vec<(&str, &str)> =
        issuers.iter().filter_map(|issuer| Some((issuer.introspected.as_ref()?.prefix(), issuer.name()))).collect();
    prefixes.sort_unstable();
    for pair in prefixes.windows(2) {
        if let [(prefix, one), (longer, other)] = pair
            && longer.starts_with(prefix)
        {
            return Err(ConfigError::invalid(
                "introspection",
                format!(
                    "{one} and {other} are both asked about opaque tokens, which name no issuer; say by token_prefix how those of each begin, neither of which may be the beginning of the other"
                ),
            ));
        }
    }
    Ok(())
}

fn places(issuers: &[Arc<Trusted>]) -> Result<HashMap<Box<str>, usize>, ConfigError> {
    let mut places = HashMap::new();
    for (place, issuer) in issuers.iter().enumerate() {
        let rules = &issuer.rules;
        for (field, name) in
            std::iter::once(("issuer_url", &rules.issuer)).chain(rules.aliases.iter().map(|alias| ("aliases", alias)))
        {
            if places.insert(name.as_str().into(), place).is_some() {
                return Err(ConfigError::invalid(
                    field,
                    format!("{name:?} is the name or an alias of two issuers, or stands there twice; keep it once"),
                ));
            }
        }
    }
    Ok(places)
}

/// Tells of issuers whose names differ in so little that one of them may be a mistake.
fn tell_of_likeness(places: &HashMap<Box<str>, usize>, listeners: &Listeners) {
    let mut names: Vec<(String, usize, &str)> =
        places.iter().map(|(name, place)| (without_what_is_mistaken(name), *place, &**name)).collect();
    names.sort_unstable();
    for pair in names.windows(2) {
        if let [(one, place, name), (other, other_place, other_name)] = pair
            && one == other
            && place != other_place
        {
            listeners.tell(&Event::IssuersAlike { one: name, other: other_name });
        }
    }
}

/// A name without what is easily mistaken in it.
fn without_what_is_mistaken(name: &str) -> String {
    let name = name.trim_end_matches('/').to_lowercase();
    match name.strip_prefix("http://") {
        Some(rest) => format!("https://{rest}"),
        None => name,
    }
}

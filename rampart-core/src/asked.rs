//! The scopes that the guards of one request have asked for, one after another.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::token::claims::Claims;

/// What those guards have asked for that let the request pass. A new token needs it as well, or the one that asks for more could be
/// had only by losing what the one before has let pass.
///
/// Nothing is computed before a refusal needs it: most requests are not refused.
pub(crate) struct Asked(Mutex<Held>);

/// Where the entries are.
enum Held {
    /// Here: of most requests nobody else asks for them.
    Own(Entries),
    /// With the others that ask of the same request.
    Shared(Arc<Mutex<Entries>>),
}

/// What one of them has asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// By a type, which is asked for its scopes.
    Type(ScopesFor),
    /// By its name.
    Scope(Name),
}

/// The name of a scope. Most are so short that to keep one asks for no memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// With zeros behind it.
    Short {
        length: u8,
        bytes: [u8; SHORT],
    },
    Long(Box<str>),
}

/// Together with its length no more than the pointer to a long one takes here anyway.
const SHORT: usize = 22;

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(name.as_bytes());
                Self::Short { length, bytes }
            }
            _ => Self::Long(name.into()),
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        match name {
            Name::Short { length, bytes } => {
                let name = bytes.get(..length.into()).unwrap_or_default();
                Self::from_utf8_lossy(name).into_owned()
            }
            Name::Long(name) => name.into(),
        }
    }
}

/// See [`Requirement::scopes_for`](crate::Requirement::scopes_for).
#[derive(Clone, Copy)]
pub(crate) struct ScopesFor(pub(crate) fn(&Claims) -> Vec<&'static str>);

/// Two of one address ask for the same; two that ask for the same may have two addresses, which costs a place.
impl PartialEq for ScopesFor {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Eq for ScopesFor {}

impl fmt::Debug for ScopesFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScopesFor")
    }
}

/// Far more than a challenge can name in a header. A handler may ask as often as it likes, and for ever other scopes.
const MOST: usize = 64;

/// A layer and a guard, which most routes have at most, take no memory of their own.
#[derive(Clone, Debug, Default)]
struct Entries {
    first: [Option<Entry>; 2],
    more: Vec<Entry>,
}

impl Entries {
    fn add(&mut self, entry: Entry) {
        for place in &mut self.first {
            match place {
                Some(known) if *known == entry => return,
                Some(_) => {}
                None => {
                    *place = Some(entry);
                    return;
                }
            }
        }
        if self.more.len() < MOST && !self.more.contains(&entry) {
            self.more.push(entry);
        }
    }
}

impl Asked {
    /// A guard has let the request pass that asks for this.
    pub(crate) fn add(&self, entry: Entry) {
        match &mut *self.0.lock() {
            Held::Own(entries) => entries.add(entry),
            Held::Shared(entries) => entries.lock().add(entry),
        }
    }

    /// The same entries for somebody who asks later of the same request: what either is asked, both know.
    pub(crate) fn shared(&self) -> Self {
        let mut held = self.0.lock();
        let entries = match &mut *held {
            Held::Own(entries) => Arc::new(Mutex::new(std::mem::take(entries))),
            Held::Shared(entries) => Arc::clone(entries),
        };
        *held = Held::Shared(Arc::clone(&entries));
        Self(Mutex::new(Held::Shared(entries)))
    }

    fn entries(&self) -> Entries {
        match &*self.0.lock() {
            Held::Own(entries) => entries.clone(),
            Held::Shared(entries) => entries.lock().clone(),
        }
    }

    /// The scopes that a token of these claims has passed by, in the order in which they were asked for first.
    pub(crate) fn scopes(&self, claims: &Claims) -> Vec<Cow<'static, str>> {
        let entries = self.entries();
        let mut scopes: Vec<Cow<'static, str>> = Vec::new();
        let mut add = |scope: Cow<'static, str>| {
            if scopes.len() < MOST && !scopes.contains(&scope) {
                scopes.push(scope);
            }
        };
        for entry in entries.first.into_iter().flatten().chain(entries.more) {
            match entry {
                Entry::Type(ScopesFor(ask)) => ask(claims).into_iter().map(Cow::Borrowed).for_each(&mut add),
                Entry::Scope(name) => add(Cow::Owned(name.into())),
            }
        }
        scopes
    }
}

impl Default for Asked {
    fn default() -> Self {
        Self(Mutex::new(Held::Own(Entries::default())))
    }
}

/// A copy goes with another request, and has entries of its own from then on.
impl Clone for Asked {
    fn clone(&self) -> Self {
        Self(Mutex::new(Held::Own(self.entries())))
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asked")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_is_kept_once_and_no_more_than_can_be_told() {
        let asked = Asked::default();
        let names = || {
            let Entries { first, more } = asked.entries();
            first.into_iter().flatten().chain(more).collect::<Vec<_>>()
        };
        let entry = |name: &str| Entry::Scope(name.into());
        for name in ["a", "b", "b", "c", "a"] {
            asked.add(entry(name));
        }
        assert_eq!(names(), ["a", "b", "c"].map(entry));
        for number in 0..100 {
            asked.add(entry(&format!("scope-{number}")));
        }
        assert_eq!(names().len(), 2 + MOST);
    }

    #[test]
    fn name_of_any_length_is_kept_to_the_letter() {
        for length in 0..100 {
            for letter in ["a", "ä", "€"] {
                let name = letter.repeat(length);
                let [kept, again, longer] = [&name, &name, &format!("{name}a")].map(|name| Name::from(name.as_str()));
                assert!(kept == again && kept != longer);
                assert_eq!(matches!(kept, Name::Long(_)), name.len() > SHORT);
                assert_eq!(String::from(kept), name);
            }
        }
        assert_eq!(size_of::<Entry>(), 24, "as with the pointer alone");
    }

    #[test]
    fn type_that_asks_again_takes_no_further_place() {
        let asked = Asked::default();
        for _ in 0..10 {
            asked.add(Entry::Type(ScopesFor(|_| vec!["a"])));
        }
        assert!(asked.entries().more.is_empty());
    }
}

//! The scopes that the guards of one request have asked for, one after another.

use std::borrow::Cow;
use std::fmt;

use parking_lot::Mutex;

/// What those guards have asked for that let the request pass. A new token needs it as well, or the one that asks for more could be
/// had only by losing what the one before has let pass.
#[derive(Default)]
pub(crate) struct Asked(Mutex<Vec<Cow<'static, str>>>);

/// Far more than a challenge can name in a header. A handler may ask as often as it likes, and for ever other scopes.
const MOST: usize = 64;

impl Asked {
    /// A guard has let the request pass that asks for these.
    pub(crate) fn add(&self, scopes: impl ExactSizeIterator<Item = Cow<'static, str>>) {
        // Most ask for none, and pay nothing.
        if scopes.len() == 0 {
            return;
        }
        let mut asked = self.0.lock();
        for scope in scopes {
            if asked.len() < MOST && !asked.contains(&scope) {
                asked.push(scope);
            }
        }
    }

    /// All there are, in the order in which they were asked for first.
    pub(crate) fn all(&self) -> Vec<Cow<'static, str>> {
        self.0.lock().clone()
    }
}

impl Clone for Asked {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.all()))
    }
}

/// How many.
impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Asked").field(&self.0.lock().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_is_kept_once_and_no_more_than_can_be_told() {
        let asked = Asked::default();
        asked.add(["a", "b"].into_iter().map(Cow::Borrowed));
        asked.add(["b", "c"].into_iter().map(|scope| Cow::Owned(scope.to_owned())));
        assert_eq!(asked.all(), ["a", "b", "c"]);
        asked.add((0..100).map(|number| Cow::Owned(format!("scope-{number}"))));
        assert_eq!(asked.all().len(), MOST);
        assert_eq!(asked.clone().all(), asked.all());
    }
}

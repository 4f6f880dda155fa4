//! Names of members: none twice, and none by which `serde_json` means something else.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::de::Error;

/// How the names begin by which `serde_json` tells itself that an object is no object: with its feature `raw_value` the one member
/// `$serde_json::private::RawValue` holds a text that is JSON again, and with `arbitrary_precision` `$serde_json::private::Number` one
/// that is a number. Whoever reads a text with such a name into a `serde_json::Value` is given something else than stands there, or,
/// as each text inside a text may nest anew, a stack that overflows.
const RESERVED: &str = "$serde_json::private::";

/// Whether a member may not have this name, because `serde_json` would not read it as one.
#[inline]
pub fn is_reserved(name: &str) -> bool {
    name.starts_with(RESERVED)
}

pub(super) fn reserved<E: Error>() -> E {
    E::custom("reserved name")
}

/// Names seen so far: a short list is searched, a long one is hashed (keyed per process, so that nobody can choose collisions).
#[derive(Debug, Default)]
pub struct Names<'a> {
    /// In place, so that the few of a usual token cost no allocation.
    few: [Option<Cow<'a, str>>; 12],
    many: HashSet<Cow<'a, str>>,
}

impl<'a> Names<'a> {
    /// Notes a name; `false` where it has been there before.
    #[inline]
    pub fn insert(&mut self, name: Cow<'a, str>) -> bool {
        for slot in &mut self.few {
            match slot {
                Some(known) if *known == name => return false,
                Some(_) => {}
                None => {
                    *slot = Some(name);
                    return true;
                }
            }
        }
        self.many.insert(name)
    }
}

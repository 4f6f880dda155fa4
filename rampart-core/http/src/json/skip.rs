//! Values that nobody asked for: walked to the end, as strictly as the others, and not kept.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::names::{is_reserved, reserved};
use super::nesting::{MAX_NESTING, deeper};

/// Whether a value is another than `null`.
pub(super) struct PresenceSeed;

impl<'de> DeserializeSeed<'de> for PresenceSeed {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for PresenceSeed {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_none<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        Skip(MAX_NESTING).deserialize(deserializer).map(|()| true)
    }
}

/// Any value, walked to the end and not kept: strings and numbers are checked as if they were.
pub(super) struct Skip(pub(super) u8);

impl<'de> DeserializeSeed<'de> for Skip {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Skip {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = deeper(self.0)?;
        while seq.next_element_seed(Skip(inner))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        walk(map, self.0).map(drop)
    }
}

/// What `serde_json` gave as a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walked {
    Object,
    /// A fraction or a large number, where `arbitrary_precision` is on: any crate of the program can turn that on.
    Number,
}

pub(super) fn walk<'de, A: MapAccess<'de>>(mut map: A, levels: u8) -> Result<Walked, A::Error> {
    let mut name = map.next_key_seed(NameSeed)?;
    if name == Some(Walked::Number) {
        map.next_value_seed(Skip(0))?;
        return Ok(Walked::Number);
    }
    let inner = deeper(levels)?;
    while name.is_some() {
        map.next_value_seed(Skip(inner))?;
        name = map.next_key_seed(NameSeed)?;
    }
    Ok(Walked::Object)
}

/// The name of a member, which must not be a reserved one, and of what it is a member: asked for an option, a name that stands in the
/// text comes as one, and the name that stands for a number comes as it is.
struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Walked;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Walked, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Walked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Walked, D::Error> {
        deserializer.deserialize_str(OrdinaryName).map(|()| Walked::Object)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Walked, E> {
        if is_reserved(name) { Ok(Walked::Number) } else { Err(E::custom("a name that is not of the text")) }
    }
}

struct OrdinaryName;

impl Visitor<'_> for OrdinaryName {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        if is_reserved(name) { Err(reserved()) } else { Ok(()) }
    }
}

//! Strict reading of JSON objects: duplicate members, reserved names and deep nesting are errors, values that nobody asked for are walked
//! but not kept.
//!
//! One pass over the text: `serde_json` parses, this module decides what is kept. Keys and strings are borrowed where they hold no escape.

mod names;
mod nesting;
mod skip;
mod value;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use self::names::reserved;
pub use self::names::{Names, is_reserved};
use self::nesting::MAX_NESTING;
use self::skip::{PresenceSeed, Skip};
pub use self::value::{TextSeed, Value, ValueSeed};

/// Takes the members of an object that it knows; says `false` for one it does not know.
pub trait Members<'de> {
    /// Reads the value of a member that it knows.
    ///
    /// # Errors
    /// Where the value is none, or the member has been there before.
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;
}

/// Reads a text that must be one JSON object without duplicate members, and nothing after it; at no depth is there a name that
/// [`is_reserved`].
///
/// # Errors
/// Where it is anything else, or nested too deeply.
pub fn read_object<'de, M: Members<'de>>(text: &'de str, members: M) -> Result<M, serde_json::Error> {
    read_object_within(text, members, usize::MAX)
}

/// As [`read_object`], for an object that may have so many members and no more.
///
/// # Errors
/// As there, and where it has more.
pub fn read_object_within<'de, M: Members<'de>>(
    text: &'de str,
    members: M,
    limit: usize,
) -> Result<M, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = (&mut deserializer).deserialize_map(ObjectVisitor { members, limit })?;
    deserializer.end()?;
    Ok(members)
}

/// Reads the value of a member into its slot; a second occurrence is an error.
pub fn fill<'de, A: MapAccess<'de>>(slot: &mut Option<Value<'de>>, map: &mut A) -> Result<bool, A::Error> {
    fill_with(slot, map, ValueSeed::WITH_LISTS)
}

/// As [`fill`], for a member of which no array counts: its strings are not kept.
pub fn fill_scalar<'de, A: MapAccess<'de>>(slot: &mut Option<Value<'de>>, map: &mut A) -> Result<bool, A::Error> {
    fill_with(slot, map, ValueSeed::SCALAR)
}

/// As [`fill`], for a value that is kept in another form.
pub fn fill_with<'de, A, S>(slot: &mut Option<S::Value>, map: &mut A, seed: S) -> Result<bool, A::Error>
where
    A: MapAccess<'de>,
    S: DeserializeSeed<'de>,
{
    if slot.is_some() {
        return Err(duplicate());
    }
    *slot = Some(map.next_value_seed(seed)?);
    Ok(true)
}

/// As [`fill`], for a value that is kept as its text, such as a number: it must be as valid as elsewhere.
pub fn fill_raw<'de, A: MapAccess<'de>>(slot: &mut Option<&'de RawValue>, map: &mut A) -> Result<bool, A::Error> {
    fill_with(slot, map, std::marker::PhantomData)?;
    let text = slot.map_or("", RawValue::get);
    if !text.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        Skip(MAX_NESTING).deserialize(&mut serde_json::Deserializer::from_str(text)).map_err(Error::custom)?;
    }
    Ok(true)
}

/// Notes whether a member is there: `null` counts as absent. The value goes nowhere; a second occurrence is an error.
pub fn fill_presence<'de, A: MapAccess<'de>>(slot: &mut Option<bool>, map: &mut A) -> Result<bool, A::Error> {
    fill_with(slot, map, PresenceSeed)
}

/// Notes that a member is present, whatever its value.
pub fn mark<'de, A: MapAccess<'de>>(flag: &mut bool, map: &mut A) -> Result<bool, A::Error> {
    if std::mem::replace(flag, true) {
        return Err(duplicate());
    }
    map.next_value_seed(Skip(MAX_NESTING))?;
    Ok(true)
}

fn duplicate<E: Error>() -> E {
    E::custom("duplicate member")
}

struct ObjectVisitor<M> {
    members: M,
    limit: usize,
}

impl<'de, M: Members<'de>> Visitor<'de> for ObjectVisitor<M> {
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<M, A::Error> {
        let (mut others, mut left) = (Names::default(), self.limit);
        while let Some(name) = map.next_key_seed(TextSeed)? {
            left = left.checked_sub(1).ok_or_else(|| A::Error::custom("too many members"))?;
            if !self.members.take(&name, &mut map)? {
                if is_reserved(&name) {
                    return Err(reserved());
                }
                map.next_value_seed(Skip(MAX_NESTING))?;
                if !others.insert(name) {
                    return Err(duplicate());
                }
            }
        }
        Ok(self.members)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::value::{Error, MapDeserializer};

    use super::*;

    struct Nothing;

    impl<'de> Members<'de> for Nothing {
        fn take<A: MapAccess<'de>>(&mut self, _: &str, _: &mut A) -> Result<bool, A::Error> {
            Ok(false)
        }
    }

    #[test]
    fn reserved_name_is_refused_wherever_it_stands_and_however_it_is_written() {
        let names = ["RawValue", "Number", "", "Other"].map(|end| format!("$serde_json::private::{end}"));
        let escaped = [r"\u0024serde_json::private::RawValue", r"$serde\u005Fjson::private\u003a:Number"];
        let reserved = names.iter().map(String::as_str).chain(escaped);
        let ordinary =
            ["$serde_json", "$serde_json::private:", "serde_json::private::Number", "$Serde_json::private::Number", ""];
        let places = [
            r#"{"NAME":"1"}"#,
            r#"{"a":1,"NAME":{"b":1}}"#,
            r#"{"a":{"NAME":"1"}}"#,
            r#"{"a":{"b":1,"NAME":"1"}}"#,
            r#"{"a":[1,[{"NAME":"1"}]]}"#,
        ];
        let read = |place: &str, name: &str| read_object(&place.replace("NAME", name), Nothing).is_ok();
        for place in places {
            for name in reserved.clone() {
                assert!(!read(place, name), "{place}: {name}");
            }
            for name in ordinary {
                assert!(read(place, name), "{place}: {name}");
            }
        }
        assert!(read(r#"{"a":"NAME","b":["NAME"]}"#, "$serde_json::private::RawValue"), "as a text");
    }

    /// As `serde_json` gives a number where another crate of the program has turned its feature `arbitrary_precision` on.
    #[test]
    fn number_of_any_precision_is_a_number_and_no_level_of_nesting() {
        let number = || MapDeserializer::<_, Error>::new([("$serde_json::private::Number", "1.5")].into_iter());
        assert_eq!(ValueSeed::WITH_LISTS.visit_map(number()), Ok(Value::Other));
        assert_eq!(ValueSeed { levels: 0, keeps_lists: true }.visit_map(number()), Ok(Value::Other));
        assert_eq!(Skip(0).visit_map(number()), Ok(()));
        let other = MapDeserializer::<_, Error>::new([("a", "1.5")].into_iter());
        assert!(Skip(32).visit_map(other).is_err());
    }
}

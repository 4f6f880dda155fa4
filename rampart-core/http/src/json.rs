//! Strict reading of JSON objects: duplicate members, reserved names and deep nesting are errors, values that nobody asked for are walked
//! but not kept.
//!
//! One pass over the text: `serde_json` parses, this module decides what is kept. Keys and strings are borrowed where they hold no escape.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Arrays and objects inside one another within a member, at most.
pub const MAX_NESTING: u8 = 32;

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

/// A JSON value as far as any rule looks at it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A string.
    Str(Cow<'a, str>),
    /// An array that holds only strings (or nothing).
    List(Vec<Cow<'a, str>>),
    /// An object.
    Object,
    /// A number, or an array that holds anything else than strings.
    Other,
}

impl<'a> Value<'a> {
    /// The string, if it is one.
    #[inline]
    pub fn into_str(self) -> Option<Cow<'a, str>> {
        if let Self::Str(text) = self { Some(text) } else { None }
    }

    /// The truth value, if it is one.
    #[inline]
    pub fn into_bool(self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(value) } else { None }
    }
}

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

/// As [`fill`], for a number, which is kept as its text. Anything else is kept too, but must be as valid as elsewhere.
pub fn fill_number<'de, A: MapAccess<'de>>(slot: &mut Option<&'de RawValue>, map: &mut A) -> Result<bool, A::Error> {
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

fn reserved<E: Error>() -> E {
    E::custom("reserved name")
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

/// A string, borrowed from the text where it holds no escape.
#[derive(Clone, Copy, Debug)]
pub struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Any value, kept as a [`Value`].
#[derive(Clone, Copy, Debug)]
pub struct ValueSeed {
    /// How many more levels of nesting it may open.
    levels: u8,
    keeps_lists: bool,
}

impl ValueSeed {
    /// Keeps arrays of strings.
    pub const WITH_LISTS: Self = Self { levels: MAX_NESTING, keeps_lists: true };
    const SCALAR: Self = Self { levels: MAX_NESTING, keeps_lists: false };
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Str(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Str(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        if !self.keeps_lists {
            return Skip(self.levels).visit_seq(seq).map(|()| Value::Other);
        }
        let levels = deeper(self.levels)?;
        let mut strings = Some(Vec::new());
        while let Some(element) = seq.next_element_seed(Self { levels, ..self })? {
            match (element, &mut strings) {
                (Value::Str(text), Some(list)) => list.push(text),
                _ => strings = None,
            }
        }
        Ok(strings.map_or(Value::Other, Value::List))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Ok(match walk(map, self.levels)? {
            Walked::Object => Value::Object,
            Walked::Number => Value::Other,
        })
    }
}

/// Whether a value is another than `null`.
struct PresenceSeed;

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
struct Skip(u8);

fn deeper<E: Error>(levels: u8) -> Result<u8, E> {
    levels.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))
}

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
enum Walked {
    Object,
    /// A fraction or a large number, where `arbitrary_precision` is on: any crate of the program can turn that on.
    Number,
}

fn walk<'de, A: MapAccess<'de>>(mut map: A, levels: u8) -> Result<Walked, A::Error> {
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

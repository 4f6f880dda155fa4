//! Values that a rule looks at.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::nesting::{MAX_NESTING, deeper};
use super::skip::{Skip, Walked, walk};

/// A JSON value as far as any rule looks at it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
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

/// A string, borrowed from the text where it holds no escape.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "its name is its only value")]
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
    pub(super) levels: u8,
    pub(super) keeps_lists: bool,
}

impl ValueSeed {
    /// Keeps arrays of strings.
    pub const WITH_LISTS: Self = Self { levels: MAX_NESTING, keeps_lists: true };
    pub(super) const SCALAR: Self = Self { levels: MAX_NESTING, keeps_lists: false };
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

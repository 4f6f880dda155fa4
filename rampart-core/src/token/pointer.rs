//! JSON pointers (RFC 6901): where a claim stands, parsed once, and the way there.

use std::fmt;

use rampart_http::json::{Names, TextSeed, Value, ValueSeed, is_reserved};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The way to a claim: the names of members, or the positions of elements, one below the other. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pointer(Vec<String>);

/// Why a text is no pointer to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PointerError {
    /// It does not begin with a slash (RFC 6901 section 3).
    NoSlash,
    /// It is the slash alone.
    NoName,
    /// A tilde that is neither `~0` nor `~1`.
    Tilde,
}

/// What stands at the end of the way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AtEnd<T> {
    Value(T),
    /// Nothing, or the way ends at a `null` before.
    Absent,
    /// Something on the way can hold no members, so that nobody knows what was meant.
    NoWay,
}

/// The same, as a value that rules look at.
pub(crate) type Found<'a> = AtEnd<Value<'a>>;

impl<'a> Found<'a> {
    /// What there is, if anything.
    pub(crate) fn value(self) -> Option<Value<'a>> {
        if let Self::Value(value) = self { Some(value) } else { None }
    }

    /// Whether there is a value, other than `null`.
    pub(crate) fn is_there(&self) -> bool {
        matches!(self, Self::Value(value) if *value != Value::Null)
    }
}

/// An object on the way holds a member twice, so that what it says is anybody's guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Duplicate;

impl Pointer {
    pub(crate) fn parse(text: &str) -> Result<Self, PointerError> {
        let path = text.strip_prefix('/').ok_or(PointerError::NoSlash)?;
        if path.is_empty() {
            return Err(PointerError::NoName);
        }
        if path.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
            return Err(PointerError::Tilde);
        }
        let unescape = |part: &str| part.replace("~1", "/").replace("~0", "~");
        Ok(Self(path.split('/').map(unescape).collect()))
    }

    /// To the member of this name at the top, whatever the name is.
    pub(crate) fn to_member(name: impl Into<String>) -> Self {
        Self(vec![name.into()])
    }

    /// The name of a member at the top, if that is where it leads.
    pub(crate) fn member(&self) -> Option<&str> {
        if let [name] = self.0.as_slice() { Some(name) } else { None }
    }

    /// The names of the members that it leads through, the last of them too.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Follows the way through a text that is known to be a JSON object, read strictly and without duplicate members at its top.
    pub(crate) fn find<'de>(&self, text: &'de str) -> Result<Found<'de>, Duplicate> {
        self.find_as(text, ValueSeed::WITH_LISTS)
    }

    /// As [`find`](Self::find), for what is read in another form.
    pub(crate) fn find_as<'de, S: DeserializeSeed<'de> + Copy>(
        &self,
        text: &'de str,
        end: S,
    ) -> Result<AtEnd<S::Value>, Duplicate> {
        // Whatever stands on the way is walked to its end, so that nothing else can be wrong with a text that has been read before.
        PointerSeed { way: &self.0, is_top: true, end }
            .deserialize(&mut serde_json::Deserializer::from_str(text))
            .map_err(|_| Duplicate)
    }
}

struct PointerSeed<'p, S> {
    way: &'p [String],
    is_top: bool,
    /// What is read at the end of the way.
    end: S,
}

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for PointerSeed<'_, S> {
    type Value = AtEnd<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.way.is_empty() {
            return self.end.deserialize(deserializer).map(AtEnd::Value);
        }
        deserializer.deserialize_any(self)
    }
}

/// A value on the way, which goes on below it.
impl<'de, S: DeserializeSeed<'de> + Copy> Visitor<'de> for PointerSeed<'_, S> {
    type Value = AtEnd<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(AtEnd::Absent)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(AtEnd::NoWay)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(AtEnd::NoWay)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(AtEnd::NoWay)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(AtEnd::NoWay)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(AtEnd::NoWay)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (wanted, rest) = match self.way.split_first() {
            Some((first, rest)) => (position(first), rest),
            None => (None, self.way),
        };
        let (mut index, mut found) = (0, if wanted.is_some() { AtEnd::Absent } else { AtEnd::NoWay });
        loop {
            if Some(index) == wanted {
                let Some(element) = seq.next_element_seed(PointerSeed { way: rest, is_top: false, end: self.end })?
                else {
                    break;
                };
                found = element;
            } else if seq.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
            index += 1;
        }
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some((first, rest)) = self.way.split_first() else { return Ok(AtEnd::NoWay) };
        let (mut found, mut names) = (AtEnd::Absent, Names::default());
        while let Some(name) = map.next_key_seed(TextSeed)? {
            if name == first.as_str() {
                found = map.next_value_seed(PointerSeed { way: rest, is_top: false, end: self.end })?;
            } else {
                map.next_value::<IgnoredAny>()?;
                // No member of the text has such a name: it stands for a number.
                if is_reserved(&name) {
                    found = AtEnd::NoWay;
                }
            }
            if !self.is_top && !names.insert(name) {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(found)
    }
}

/// The position of an element of an array, in its one form (RFC 6901 section 4).
fn position(name: &str) -> Option<usize> {
    let is_position = name == "0" || name.starts_with(|digit: char| matches!(digit, '1'..='9'));
    name.parse().ok().filter(|_| is_position)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(pointer: &str, text: &'a str) -> Result<Found<'a>, Duplicate> {
        Pointer::parse(pointer).unwrap().find(text)
    }

    fn list<'a>(values: &[&'a str]) -> Found<'a> {
        Found::Value(Value::List(values.iter().map(|value| (*value).into()).collect()))
    }

    #[test]
    fn pointer_walks_objects_and_arrays_and_finds_nothing_elsewhere() {
        let text = r#"{"a":{"b.c":{"d":["x","y"]}},"l":[1,{"r":["z"]}],"":{"~/":[]}}"#;
        assert_eq!(find("/a/b.c/d", text), Ok(list(&["x", "y"])));
        assert_eq!(find("/l/1/r", text), Ok(list(&["z"])));
        assert_eq!(find("//~0~1", text), Ok(list(&[])));
        for nowhere in ["/l/7", "/a/b", "/b", "/a/b.c/d/2"] {
            assert_eq!(find(nowhere, text), Ok(Found::Absent), "{nowhere}");
        }
        assert_eq!(find("/a/b", r#"{"a":null}"#), Ok(Found::Absent));
        assert_eq!(find("/a", r#"{"a":null}"#), Ok(Found::Value(Value::Null)));
    }

    #[test]
    fn pointer_through_what_has_no_members_leads_nowhere() {
        for way in ["1", "1.5", "true", r#""admin""#, r#"["r"]"#, "[]"] {
            assert_eq!(find("/a/r", &format!(r#"{{"a":{way}}}"#)), Ok(Found::NoWay), "{way}");
        }
        for index in ["01", "+1", "-1", "1.0", "99999999999999999999"] {
            assert_eq!(find(&format!("/a/{index}"), r#"{"a":["x","y"]}"#), Ok(Found::NoWay), "{index}");
        }
    }

    #[test]
    fn every_object_on_the_way_says_everything_once() {
        for way in [
            r#"{"a":{"r":["x"],"r":["y"]}}"#,
            r#"{"a":{"r":["x"],"r":["x"]}}"#,
            r#"{"a":{"r":["x"],"\u0072":["x"]}}"#,
            r#"{"a":{"s":1,"r":["x"],"s":1}}"#,
            r#"{"a":{"s":1,"s":1}}"#,
        ] {
            assert_eq!(find("/a/r", way), Err(Duplicate), "{way}");
        }
        // One of the two, or what stands beside them, holds no members, or not the one that is looked for.
        let values = [r#"{"c":"x"}"#, "{}", "1", "1.5", "-1", "true", "null", r#""x""#, "[]", r#"["c"]"#];
        for one in values {
            for other in values {
                for name in ["b", r"\u0062"] {
                    let way =
                        format!(r#"{{"a":{{"b":{one},"{name}":{other}}},"l":[1,{{"b":{one},"{name}":{other}}},2]}}"#);
                    assert_eq!(find("/a/b/c", &way), Err(Duplicate), "{way}");
                    assert_eq!(find("/l/1/b/c", &way), Err(Duplicate), "{way}");
                }
                let beside = format!(r#"{{"a":{{"b":{one},"s":1,"s":{other}}}}}"#);
                assert_eq!(find("/a/b/c", &beside), Err(Duplicate), "{beside}");
            }
        }
        assert_eq!(find("/l/0/r", r#"{"l":[{"r":["x"],"s":1,"s":2}]}"#), Err(Duplicate));
        let elsewhere = r#"{"b":{"s":1,"s":1},"a":{"c":{"s":1,"s":1},"r":["x"]},"l":[{"s":1,"s":1},{"r":["x"]}]}"#;
        assert_eq!(find("/a/r", elsewhere), Ok(list(&["x"])), "beside the way");
        assert_eq!(find("/l/1/r", elsewhere), Ok(list(&["x"])));
        assert_eq!(find("/a/c", elsewhere), Ok(Found::Value(Value::Object)), "at its end");
    }

    #[test]
    fn pointer_is_parsed_by_its_grammar() {
        for (text, error) in [
            ("", PointerError::NoSlash),
            ("roles", PointerError::NoSlash),
            ("#/roles", PointerError::NoSlash),
            ("/", PointerError::NoName),
            ("/a~", PointerError::Tilde),
            ("/a~2", PointerError::Tilde),
            ("/~/a", PointerError::Tilde),
            ("/a~01~b", PointerError::Tilde),
            ("/~~0", PointerError::Tilde),
        ] {
            assert_eq!(Pointer::parse(text), Err(error), "{text}");
        }
        assert_eq!(Pointer::parse("/a~01/~1b").map(|pointer| pointer.0), Ok(vec!["a~1".to_owned(), "/b".to_owned()]));
        assert_eq!(Pointer::parse("/a").unwrap().member(), Some("a"));
        assert_eq!((Pointer::to_member("/a").member(), Pointer::parse("/a/b").unwrap().member()), (Some("/a"), None));
    }
}

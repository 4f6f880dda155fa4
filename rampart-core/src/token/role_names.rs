//! V11: roles that are the names of an object's members, as Zitadel writes them.

use std::fmt;

use rampart_http::json::{Names, TextSeed, is_reserved};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::pointer::{AtEnd, Duplicate, Pointer};
use crate::rule::{Refusal, Rule};

/// What the operator may change: it says where to look, and lets nobody in.
const ELSEWHERE: &str =
    "if the roles of this issuer stand elsewhere, say where in roles_from_names, or in roles_claims if they are a list";

/// Where the object is, and who must have granted a role.
#[derive(Clone, Debug)]
pub(crate) struct RoleNames {
    pub(crate) pointer: Pointer,
    /// `None` for whoever has.
    pub(crate) granted_by: Option<Vec<String>>,
}

/// What stands where the object should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// It, and the names in it that count.
    Roles(Vec<String>),
    Null,
    Other,
}

impl RoleNames {
    /// Neither the object itself nor one in it may hold a member twice.
    pub(super) fn find(&self, text: &str) -> Result<AtEnd<Named>, Duplicate> {
        self.pointer.find_as(text, RolesSeed { granted_by: self.granted_by.as_deref() })
    }
}

/// V11: adds the roles that are not among these yet.
pub(super) fn add(roles: &mut Vec<String>, found: AtEnd<Named>) -> Result<(), Refusal> {
    match found {
        AtEnd::Absent | AtEnd::Value(Named::Null) => {}
        AtEnd::Value(Named::Roles(named)) => {
            for role in named {
                if !roles.contains(&role) {
                    roles.push(role);
                }
            }
        }
        AtEnd::Value(Named::Other) => {
            let why = "what should have the roles for its members is no object";
            return Err(Refusal::invalid(Rule::V11, why).hinting(ELSEWHERE));
        }
        AtEnd::NoWay => {
            return Err(
                Refusal::invalid(Rule::V11, "something on the way to the roles is no object").hinting(ELSEWHERE)
            );
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct RolesSeed<'g> {
    granted_by: Option<&'g [String]>,
}

impl<'de> DeserializeSeed<'de> for RolesSeed<'_> {
    type Value = Named;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Named, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RolesSeed<'_> {
    type Value = Named;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Named, E> {
        Ok(Named::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Named, E> {
        Ok(Named::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Named, E> {
        Ok(Named::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Named, E> {
        Ok(Named::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Named, E> {
        Ok(Named::Other)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Named, E> {
        Ok(Named::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Named, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Named::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Named, A::Error> {
        let mut roles = Vec::new();
        let is_object = members(map, WeightSeed { granted_by: self.granted_by }, |name, counts| {
            if counts {
                roles.push(name.to_owned());
            }
        })?;
        Ok(if is_object { Named::Roles(roles) } else { Named::Other })
    }
}

/// Whether a name counts, by its value: `true`, or a string, an array or an object that is not empty. Where it matters who has granted
/// it, an object that names one of those who may.
#[derive(Clone, Copy)]
struct WeightSeed<'g> {
    granted_by: Option<&'g [String]>,
}

impl WeightSeed<'_> {
    const fn unless_granted(self, counts: bool) -> bool {
        counts && self.granted_by.is_none()
    }
}

impl<'de> DeserializeSeed<'de> for WeightSeed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for WeightSeed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        Ok(self.unless_granted(value))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        Ok(self.unless_granted(!text.is_empty()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let mut is_empty = true;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            is_empty = false;
        }
        Ok(self.unless_granted(!is_empty))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        let (mut is_empty, mut is_granted) = (true, false);
        let is_object = members(map, WeightSeed { granted_by: None }, |name, counts| {
            is_empty = false;
            is_granted |=
                counts && self.granted_by.is_some_and(|organizations| organizations.iter().any(|id| id == name));
        })?;
        Ok(is_object && if self.granted_by.is_some() { is_granted } else { !is_empty })
    }
}

/// Walks the members of an object, none of which may be there twice. `false` where it is a number, which `serde_json` gives as an object
/// with a reserved name if any crate of the program has turned `arbitrary_precision` on.
fn members<'de, A: MapAccess<'de>>(
    mut map: A,
    weight: WeightSeed<'_>,
    mut each: impl FnMut(&str, bool),
) -> Result<bool, A::Error> {
    let (mut is_object, mut names) = (true, Names::default());
    while let Some(name) = map.next_key_seed(TextSeed)? {
        if is_reserved(&name) {
            map.next_value::<IgnoredAny>()?;
            is_object = false;
            continue;
        }
        each(&name, map.next_value_seed(weight)?);
        if !names.insert(name) {
            return Err(A::Error::custom("duplicate member"));
        }
    }
    Ok(is_object)
}

#[cfg(test)]
mod tests {
    use serde::de::value::{Error, MapDeserializer};

    use super::*;

    /// As `serde_json` gives a number where another crate of the program has turned its feature `arbitrary_precision` on.
    #[test]
    fn number_of_any_precision_is_no_object_and_no_reason_to_count() {
        let number = || MapDeserializer::<_, Error>::new([("$serde_json::private::Number", "1.5")].into_iter());
        let ours = ["ours".to_owned()];
        for granted_by in [None, Some(&ours[..])] {
            assert_eq!(RolesSeed { granted_by }.visit_map(number()), Ok(Named::Other));
            assert_eq!(WeightSeed { granted_by }.visit_map(number()), Ok(false));
        }
    }
}

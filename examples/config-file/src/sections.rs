//! The sections of the file, as serde reads them.

use std::fmt;

use rampart_client::IntrospectionSettings;
use rampart_core::Settings;
use rampart_redis::RedisSettings;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The sections of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Sections {
    /// `[auth]`: whose tokens are accepted, and how.
    pub auth: Settings,
    /// `[introspection]`, or `[[introspection]]` for several issuers: who is asked about tokens.
    #[serde(default, deserialize_with = "one_or_several")]
    pub introspection: Vec<IntrospectionSettings>,
    /// `[redis]`: what replicas share.
    pub redis: Option<RedisSettings>,
}

/// A section that may be a list of them.
fn one_or_several<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Either<T>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a section, or a list of them")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<T>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }

    deserializer.deserialize_any(Either(std::marker::PhantomData))
}

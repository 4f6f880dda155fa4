//! Whose tokens a key signs, where its set says so.
//!
//! All tenants of Microsoft Entra share a set, in which each key says by its member `issuer` whose tokens it signs: those of one tenant, or,
//! by a `{tenantid}` in it, those of any. RFC 7517 knows no such member.

use rampart_http::json::Value;

/// What stands for the ID of any tenant.
const ANY: &str = "{tenantid}";

/// An issuer, or those of a template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Owner(String);

impl Owner {
    /// An issuer is a URL here. What is none means something else, and is ignored as any member that is not known (RFC 7517 section 4).
    pub(super) fn read(member: Option<Value<'_>>) -> Option<Self> {
        let name = member.and_then(Value::into_str)?;
        name.contains("://").then(|| Self(name.into_owned()))
    }

    pub(crate) fn is(&self, issuer: &str) -> bool {
        let Some((before, after)) = self.0.split_once(ANY) else { return self.0 == issuer };
        let tenant = issuer.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        tenant.is_some_and(|tenant| !tenant.is_empty() && !tenant.contains('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_is_the_whole_issuer_or_one_segment_stands_for_it() {
        let owner = |name: &str| Owner::read(Some(Value::Str(name.into()))).unwrap();
        assert!(owner("https://a.example/x/v2.0").is("https://a.example/x/v2.0"));
        for other in ["https://a.example/y/v2.0", "https://a.example/x/v2.0/", "https://a.example/x", ""] {
            assert!(!owner("https://a.example/x/v2.0").is(other), "{other}");
        }
        assert!(owner("https://a.example/{tenantid}/v2.0").is("https://a.example/x/v2.0"));
        for other in [
            "https://a.example//v2.0",
            "https://a.example/v2.0",
            "https://a.example/x/y/v2.0",
            "https://b.example/x/v2.0",
            "https://a.example/x/v1.0",
        ] {
            assert!(!owner("https://a.example/{tenantid}/v2.0").is(other), "{other}");
        }
    }

    #[test]
    fn member_that_is_no_url_says_nothing_of_an_issuer() {
        for value in [Value::Null, Value::Other, Value::Object, Value::List(vec![]), Value::Str("CN=ca".into())] {
            assert_eq!(Owner::read(Some(value)), None);
        }
        assert_eq!(Owner::read(None), None);
    }
}

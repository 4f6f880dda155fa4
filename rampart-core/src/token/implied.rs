//! Rights that include others: expanded once, when a token is verified.

use std::collections::{BTreeMap, BTreeSet};

use rampart_http::ConfigError;

use super::scope;

/// What roles and scopes include, each with whatever those include in turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Implied {
    roles: Closure,
    scopes: Closure,
}

type Names = BTreeMap<String, Vec<String>>;
/// For each name all the others that it includes, however indirectly.
type Closure = BTreeMap<String, BTreeSet<String>>;

impl Implied {
    /// Checks what the settings say.
    pub(crate) fn new(roles: &Names, scopes: &Names) -> Result<Self, ConfigError> {
        Ok(Self { roles: closure("role_implies", roles)?, scopes: closure("scope_implies", scopes)? })
    }

    /// The roles that these include and are not among them.
    pub(super) fn by_roles(&self, roles: &[String]) -> Box<[String]> {
        included(&self.roles, || roles.iter().map(String::as_str))
    }

    /// The scopes that those of a text include and are not among them.
    pub(crate) fn by_scopes(&self, text: &str) -> Box<[String]> {
        included(&self.scopes, || scope::names(text))
    }
}

fn included<'a, I: Iterator<Item = &'a str>>(closure: &Closure, own: impl Fn() -> I) -> Box<[String]> {
    if closure.is_empty() {
        return Box::default();
    }
    let further: BTreeSet<&String> = own().filter_map(|name| closure.get(name)).flatten().collect();
    further.into_iter().filter(|name| !own().any(|own| own == **name)).cloned().collect()
}

fn closure(field: &'static str, names: &Names) -> Result<Closure, ConfigError> {
    let mut all = names.keys().chain(names.values().flatten());
    if all.any(String::is_empty) {
        return Err(ConfigError::invalid(field, "has an empty name; write the names as the tokens have them"));
    }
    names
        .keys()
        .map(|name| {
            let (mut found, mut open) = (BTreeSet::new(), vec![name]);
            while let Some(next) = open.pop() {
                for included in names.get(next).into_iter().flatten() {
                    if included == name {
                        let problem = format!("{name} includes itself, by way of others; remove one of the steps");
                        return Err(ConfigError::invalid(field, problem));
                    }
                    if found.insert(included.clone()) {
                        open.push(included);
                    }
                }
            }
            Ok((name.clone(), found))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pairs: &[(&str, &[&str])]) -> Names {
        pairs.iter().map(|(name, own)| ((*name).to_owned(), own.iter().map(ToString::to_string).collect())).collect()
    }

    fn implied(roles: &[(&str, &[&str])]) -> Implied {
        Implied::new(&names(roles), &Names::new()).unwrap()
    }

    #[test]
    fn right_includes_others_however_indirectly() {
        let implied = implied(&[("admin", &["editor", "auditor"]), ("editor", &["writer"]), ("writer", &["reader"])]);
        let by = |own: &[&str]| implied.by_roles(&own.iter().map(ToString::to_string).collect::<Vec<_>>()).to_vec();
        assert_eq!(by(&["admin"]), ["auditor", "editor", "reader", "writer"]);
        assert_eq!(by(&["writer", "reader"]), [""; 0], "what is there already is not said again");
        assert_eq!(by(&["editor", "writer"]), ["reader"]);
        assert_eq!(by(&["reader"]), [""; 0]);
        assert_eq!(implied.by_scopes("admin").to_vec(), [""; 0], "a scope is no role");
        let scopes = Implied::new(&Names::new(), &names(&[("tasks:write", &["tasks:read"])])).unwrap();
        assert_eq!(scopes.by_scopes("x tasks:write").to_vec(), ["tasks:read"]);
    }

    #[test]
    fn circle_and_empty_name_are_refused() {
        let circles: [&[(&str, &[&str])]; 5] = [
            &[("a", &["a"])],
            &[("a", &["b"]), ("b", &["a"])],
            &[("a", &["b"]), ("b", &["c"]), ("c", &["a"])],
            &[("a", &["b", ""])],
            &[("", &["b"])],
        ];
        for circle in circles {
            assert_eq!(Implied::new(&names(circle), &Names::new()).unwrap_err().field(), "role_implies");
            assert_eq!(Implied::new(&Names::new(), &names(circle)).unwrap_err().field(), "scope_implies");
        }
        // Two ways to one name are no circle.
        assert!(Implied::new(&names(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"])]), &Names::new()).is_ok());
    }
}

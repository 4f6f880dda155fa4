//! Settings from the environment: as few as a service needs, by the names that Rampart's other adapters have for them.

use std::env::VarError;

use rampart_http::ConfigError;

use crate::mistakes::listed;
use crate::settings::{IssuerSettings, Settings};

/// The settings that the environment holds.
pub(crate) fn settings(variable: impl Fn(&'static str) -> Result<String, VarError>) -> Result<Settings, ConfigError> {
    let optional = |name, meaning| match variable(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(ConfigError::missing_variable(name, meaning)),
    };
    let required = |name, meaning| optional(name, meaning)?.ok_or(ConfigError::missing_variable(name, meaning));
    let issuer = required("RAMPART_URL", "the URL of the issuer, exactly as in the iss claim of its tokens")?;
    let audiences =
        required("RAMPART_CLIENT_ID", "the audience of the tokens, with Rampart the client ID of the front end")?;
    let mut audiences = listed(&audiences).map_err(of_environment)?;
    let mut first = IssuerSettings::new(issuer, audiences.remove(0));
    first.audiences = audiences;
    let mut settings = Settings { issuers: vec![first], ..Settings::default() };
    settings.realm = optional("RAMPART_REALM", "the realm of challenges, or unset it")?;
    Ok(settings)
}

/// The same, with the variable that the setting has been read from.
pub(crate) fn of_environment(error: ConfigError) -> ConfigError {
    let variable = match error.field() {
        "issuer_url" => "RAMPART_URL",
        "audience" | "audiences" => "RAMPART_CLIENT_ID",
        "realm" => "RAMPART_REALM",
        _ => return error,
    };
    error.read_from(variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        settings(|name| match variables.iter().find(|(own, _)| *own == name) {
            Some((_, "not UTF-8")) => Err(VarError::NotUnicode("as one is made differs by system".into())),
            Some((_, value)) => Ok((*value).to_owned()),
            None => Err(VarError::NotPresent),
        })
    }

    #[test]
    fn environment_gives_issuer_audience_and_realm() {
        let builder =
            from(&[("RAMPART_URL", "https://a.example"), ("RAMPART_CLIENT_ID", "api"), ("RAMPART_REALM", "r")]);
        let settings = builder.unwrap();
        assert_eq!(settings.issuers, [IssuerSettings::new("https://a.example", "api")]);
        assert_eq!(settings.realm.as_deref(), Some("r"));
    }

    #[test]
    fn environment_may_give_several_audiences() {
        let audiences = |text| {
            let mut settings = from(&[("RAMPART_URL", "https://a.example"), ("RAMPART_CLIENT_ID", text)])?;
            let IssuerSettings { audience, audiences, .. } = settings.issuers.remove(0);
            Ok::<_, ConfigError>(audience.into_iter().chain(audiences).collect::<Vec<_>>())
        };
        assert_eq!(audiences("api").unwrap(), ["api"]);
        assert_eq!(audiences("a b").unwrap(), ["a b"]);
        assert_eq!(audiences("a,b").unwrap(), ["a", "b"]);
        assert_eq!(audiences("a, b ,c").unwrap(), ["a", "b", "c"]);
        // Left to build(), which refuses them.
        assert_eq!(audiences(" a,b\n").unwrap(), [" a", "b\n"]);
        for text in [",", "a,", ",a", "a,,b", "a, ,b"] {
            assert_eq!(audiences(text).unwrap_err().field(), "audience", "{text}");
        }
    }

    #[test]
    fn missing_or_empty_variable_is_named() {
        let name = |variables: &[_]| from(variables).unwrap_err().field();
        assert_eq!(name(&[]), "RAMPART_URL");
        assert_eq!(name(&[("RAMPART_URL", ""), ("RAMPART_CLIENT_ID", "api")]), "RAMPART_URL");
        assert_eq!(name(&[("RAMPART_URL", "https://a.example")]), "RAMPART_CLIENT_ID");
    }

    #[test]
    fn variable_that_is_no_text_is_named_whether_or_not_it_may_be_left_out() {
        let mut variables =
            vec![("RAMPART_URL", "https://a.example"), ("RAMPART_CLIENT_ID", "api"), ("RAMPART_REALM", "r")];
        assert!(from(&variables).is_ok());
        for at in 0..3 {
            let good = std::mem::replace(&mut variables[at].1, "not UTF-8");
            let error = from(&variables).unwrap_err();
            assert_eq!(error.field(), variables[at].0);
            assert!(error.to_string().contains("missing, empty or not UTF-8"), "{error}");
            variables[at].1 = good;
        }
    }
}

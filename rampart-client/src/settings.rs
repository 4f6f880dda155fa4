//! A client from the section of a configuration file that says who asks about tokens.

use std::fs;
use std::path::Path;

use rampart_http::{ConfigError, IntrospectionSettings, Secret};

use crate::client::RampartClient;
use crate::config::{RampartClientBuilder, Source};
use crate::error::ClientError;

impl RampartClient {
    /// A client that asks an issuer about tokens, by the settings of a configuration file: where it asks, and as whom. The file holds no
    /// secret, but says which file (`client_secret_file`) or which environment variable (`client_secret_env`) does. A line break at
    /// the end of that file does not count.
    ///
    /// Of the settings, `issuer_url`, `endpoint`, `client_id`, `client_secret_file`, `client_secret_env` and `allow_http` are read here;
    /// the others are for the resource server.
    ///
    /// # Errors
    /// [`ClientError::Config`] with the name of the setting, never with a secret.
    ///
    /// ```no_run
    /// use rampart_client::{IntrospectionSettings, RampartClient};
    ///
    /// # fn example(settings: &IntrospectionSettings) -> Result<(), rampart_client::ClientError> {
    /// let client = RampartClient::introspector(settings)?;
    /// # Ok(()) }
    /// ```
    pub fn introspector(settings: &IntrospectionSettings) -> Result<Self, ClientError> {
        RampartClientBuilder::introspector(settings)?.build()
    }
}

impl RampartClientBuilder {
    /// As [`RampartClient::introspector`], for further settings. A [key](Self::private_key_jwt) may take the place of the secret; otherwise
    /// [`build`](Self::build) says what is missing.
    ///
    /// # Errors
    /// As there.
    ///
    /// ```no_run
    /// use rampart_client::{IntrospectionSettings, RampartClientBuilder};
    ///
    /// # fn example(settings: &IntrospectionSettings) -> Result<(), rampart_client::ClientError> {
    /// let client = RampartClientBuilder::introspector(settings)?.secret_in_body().build()?;
    /// # Ok(()) }
    /// ```
    pub fn introspector(settings: &IntrospectionSettings) -> Result<Self, ClientError> {
        settings.check()?;
        let (secret, place) = match (&settings.client_secret_file, &settings.client_secret_env) {
            (Some(_), Some(_)) => {
                let problem = "is given together with client_secret_env; keep one of the two";
                return Err(ConfigError::invalid("client_secret_file", problem).into());
            }
            (Some(path), None) => (read(path)?, Some(path.display().to_string())),
            (None, Some(name)) => (variable(name)?, Some(name.clone())),
            (None, None) => (Secret::new(""), None),
        };
        let source = Source::Introspection { secret: place };
        let mut builder = Self::new(source, settings.issuer_url.clone(), settings.client_id.clone(), secret)
            .allow_http(settings.allow_http);
        if let Some(url) = &settings.endpoint {
            builder = builder.introspection_url(url);
        }
        Ok(builder)
    }
}

fn read(path: &Path) -> Result<Secret, ConfigError> {
    let unusable =
        |problem: String| ConfigError::invalid("client_secret_file", format!("{} {problem}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| unusable(format!("cannot be read: {error}")))?;
    let text = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
    if text.is_empty() {
        return Err(unusable("is empty; write the secret of this API into it".into()));
    }
    Ok(Secret::new(text))
}

fn variable(name: &str) -> Result<Secret, ConfigError> {
    if let Some(value) = std::env::var(name).ok().filter(|value| !value.is_empty()) {
        return Ok(Secret::new(value));
    }
    // What stands there by mistake may be the secret itself.
    let is_name = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let named = if is_name { format!("{name}, which") } else { "a variable that".into() };
    let problem = format!("names {named} is missing, empty or not UTF-8; set it to the secret of this API");
    Err(ConfigError::invalid("client_secret_env", problem))
}

/// Neither a file nor a variable, nor a key in their place.
pub(crate) fn missing_secret() -> ConfigError {
    ConfigError::invalid(
        "client_secret_file",
        "is missing; write the path of the file that holds the secret of this API, or client_secret_env and the variable that does",
    )
}

/// The same error, as the section has its settings.
pub(crate) fn read_from_it(error: ConfigError, secret: Option<&str>) -> ConfigError {
    match (error, secret) {
        (ConfigError::Invalid { field: "introspection_url", problem, .. }, _) => {
            ConfigError::invalid("endpoint", problem)
        }
        (error @ ConfigError::Invalid { field: "client_secret", .. }, Some(place)) => error.read_from(place),
        (error, _) => error,
    }
}

//! The variables that a client can be made from.

use rampart_http::{ConfigError, Secret};

const ISSUER_URL: &str = "RAMPART_URL";
const CLIENT_ID: &str = "RAMPART_CLIENT_ID";
const CLIENT_SECRET: &str = "RAMPART_CLIENT_SECRET";

/// What they say.
pub(crate) struct Environment {
    pub(crate) issuer_url: String,
    pub(crate) client_id: String,
    /// Empty where it is missing: a key may take its place.
    pub(crate) client_secret: Secret,
}

impl Environment {
    /// A variable that is empty is none.
    pub(crate) fn read() -> Result<Self, ConfigError> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let required = |name, meaning| variable(name).ok_or(ConfigError::missing_variable(name, meaning));
        let issuer_url = required(ISSUER_URL, "the URL of the issuer")?;
        let client_id = required(CLIENT_ID, "the client ID of this service")?;
        if client_id.contains(',') {
            let problem = "holds a comma, as the list of an API's audiences does; write the one ID under which this service is registered";
            return Err(read_from_it(ConfigError::invalid("client_id", problem)));
        }
        let client_secret = Secret::new(variable(CLIENT_SECRET).unwrap_or_default());
        Ok(Self { issuer_url, client_id, client_secret })
    }
}

/// Where neither the variable nor a key is there.
pub(crate) fn missing_secret() -> ConfigError {
    ConfigError::missing_variable(CLIENT_SECRET, "the secret of this service")
}

/// The same error, with the variable that the setting has been read from.
pub(crate) fn read_from_it(error: ConfigError) -> ConfigError {
    let variable = match error.field() {
        "issuer_url" => ISSUER_URL,
        "client_id" => CLIENT_ID,
        "client_secret" => CLIENT_SECRET,
        _ => return error,
    };
    error.read_from(variable)
}

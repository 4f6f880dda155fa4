//! Whose tokens are accepted: by the command line, by a file, or by variables.

use std::env;

use config_file::ConfigFile;
use rampart_core::{IssuerSettings, RampartAuth, Settings};

use crate::arguments::Arguments;

/// The variables whose place a configuration file takes.
const IN_PLACE_OF: [&str; 3] = ["RAMPART_URL", "RAMPART_CLIENT_ID", "RAMPART_REALM"];

pub(crate) struct Trust {
    pub(crate) auth: RampartAuth,
    /// What it was made of, to be shown.
    pub(crate) settings: Settings,
    /// Whether the file has a list of what is revoked, in Redis, which this program does not ask.
    pub(crate) leaves_out_redis: bool,
}

impl Trust {
    pub(crate) fn is_in_environment() -> bool {
        ["RAMPART_URL", config_file::VARIABLE].into_iter().any(|name| env::var_os(name).is_some())
    }

    /// # Errors
    /// What cannot be used, and the remedy.
    pub(crate) fn of(arguments: &Arguments) -> Result<Self, String> {
        if let Some(url) = &arguments.issuer {
            let settings = of_one(url.clone(), arguments.audiences.iter().cloned());
            let auth = RampartAuth::from_settings(settings.clone()).map_err(|error| error.to_string())?;
            return Ok(Self { auth, settings, leaves_out_redis: false });
        }
        if let Some(mut file) = ConfigFile::from_env(&IN_PLACE_OF).map_err(|error| error.to_string())? {
            // To look at one token is no reason to join the replicas, and to write into their store.
            let leaves_out_redis = file.sections.redis.take().is_some();
            let auth = file.auth().map_err(|error| error.to_string())?;
            return Ok(Self { auth, settings: file.sections.auth, leaves_out_redis });
        }
        let auth = RampartAuth::from_env().map_err(|error| error.to_string())?;
        let variable = |name| env::var(name).unwrap_or_default();
        let audiences = variable("RAMPART_CLIENT_ID");
        let audiences = audiences.split(',').map(|audience| audience.trim().to_owned());
        Ok(Self { auth, settings: of_one(variable("RAMPART_URL"), audiences), leaves_out_redis: false })
    }

    /// What is said of the issuer of this name.
    pub(crate) fn issuer(&self, name: &str) -> Option<&IssuerSettings> {
        self.settings.issuers.iter().find(|issuer| issuer.issuer_url.as_deref() == Some(name))
    }
}

fn of_one(url: String, mut audiences: impl Iterator<Item = String>) -> Settings {
    let mut issuer = IssuerSettings::new(url, audiences.next().unwrap_or_default());
    issuer.audiences = audiences.collect();
    let mut settings = Settings::default();
    settings.issuers.push(issuer);
    settings
}

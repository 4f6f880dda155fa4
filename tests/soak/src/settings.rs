//! What a run is asked for.

use std::time::Duration;

/// In less time not every fault happens, and no key is withdrawn.
const SHORTEST: u64 = 40;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) frameworks: Vec<String>,
    pub(crate) duration: Duration,
    /// Requests a second of the mixture of tokens; the other clients send so many more for each of [`RATE`].
    pub(crate) rate: u32,
    pub(crate) ttl: Duration,
}

/// The rate that those of the other clients are given for.
pub(crate) const RATE: u32 = 300;

impl Settings {
    pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let all = || ["axum", "actix", "rocket"].map(str::to_owned).to_vec();
        let mut settings =
            Self { frameworks: all(), duration: Duration::from_secs(60), rate: RATE, ttl: Duration::from_secs(5) };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            let number = |least: u64| match value.parse() {
                Ok(number) if (least..=86_400).contains(&number) => Ok(number),
                _ => Err(format!("{name} {value}: a number from {least} to 86400 is needed")),
            };
            match &*name {
                "--framework" if value == "all" => settings.frameworks = all(),
                "--framework" if all().contains(&value) => settings.frameworks = vec![value],
                "--seconds" => settings.duration = Duration::from_secs(number(SHORTEST)?),
                "--rate" => settings.rate = u32::try_from(number(1)?).unwrap_or(RATE),
                "--ttl" => settings.ttl = Duration::from_secs(number(1)?),
                _ => {
                    return Err(format!("{name} {value}: --framework axum|actix|rocket|all, --seconds, --rate, --ttl"));
                }
            }
        }
        Ok(settings)
    }
}

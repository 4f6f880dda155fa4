//! Which issuer is asked about its tokens: the sections for that, put together with the issuers of `[auth]`.

use std::collections::BTreeSet;
use std::ops::Range;

use rampart_client::{ClientError, RampartClient};
use rampart_core::{Introspection, IntrospectionSettings, Issuer, IssuerSettings};
use toml::de::{DeTable, DeValue};

use crate::mistakes::{find, nearest};
use crate::{ConfigFile, ConfigFileError};

impl ConfigFile {
    /// The issuers, of which those are asked that a section says.
    pub(crate) fn issuers(&self, settings: Vec<IssuerSettings>) -> Result<Vec<Issuer>, ConfigFileError> {
        let sections = &self.sections.introspection;
        let mut seen = BTreeSet::new();
        for (index, section) in sections.iter().enumerate() {
            let problem = if section.issuer_url.is_empty() {
                Some("issuer_url is missing: write which issuer of [auth] is asked".to_owned())
            } else if settings.iter().all(|issuer| issuer.issuer_url.as_ref() != Some(&section.issuer_url)) {
                Some(format!("issuer_url: no issuer of [auth] has this name{}", meant(&section.issuer_url, &settings)))
            } else if !seen.insert(&section.issuer_url) {
                Some(
                    "issuer_url: another section says already how this issuer is asked; keep one of the two".to_owned(),
                )
            } else {
                None
            };
            if let Some(problem) = problem {
                return Err(self.refused_in(index, "issuer_url", problem));
            }
        }
        let asked = |settings: IssuerSettings| {
            let name = settings.issuer_url.clone();
            let issuer = Issuer::from(settings);
            let mut sections = sections.iter().enumerate();
            match sections.find(|(_, section)| Some(&section.issuer_url) == name.as_ref()) {
                Some((index, section)) => Ok(issuer.introspection(self.introspection(index, section)?)),
                None => Ok(issuer),
            }
        };
        settings.into_iter().map(asked).collect()
    }

    fn introspection(&self, index: usize, section: &IntrospectionSettings) -> Result<Introspection, ConfigFileError> {
        match RampartClient::introspector(section) {
            Ok(client) => Ok(Introspection::from_settings(section, client)),
            Err(ClientError::Config(error)) => Err(self.refused_in(index, error.field(), error.to_string())),
            Err(error) => Err(self.refused_in(index, "", error.to_string())),
        }
    }

    /// What cannot be used in one of the sections: at the member, or where the section begins.
    fn refused_in(&self, index: usize, member: &str, problem: String) -> ConfigFileError {
        let at = self.in_file(|table| place_in(table, index, member));
        self.refusal(at, problem)
    }
}

fn place_in(table: &DeTable<'_>, index: usize, member: &str) -> Option<Range<usize>> {
    let (key, value) = table.get_key_value("introspection")?;
    let (section, at) = match value.get_ref() {
        DeValue::Array(list) => list.get(index).map(|section| (section.get_ref(), section.span()))?,
        one => (one, key.span()),
    };
    let mut found = Vec::new();
    find(section.as_table()?, member, &mut found);
    Some(found.pop().unwrap_or(at))
}

/// The issuer that was meant, if one is near enough.
fn meant(name: &str, issuers: &[IssuerSettings]) -> String {
    let names: Vec<_> = issuers.iter().filter_map(|issuer| issuer.issuer_url.as_deref()).collect();
    // One that may hold a password, or another secret, is refused in its own section.
    let nearest = nearest(name, &names).filter(|name| !name.contains(['@', '?', '#']));
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

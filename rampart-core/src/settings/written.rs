//! Settings as they stand in a configuration file, where presets are named with their arguments.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{IssuerSettings, Settings, members};
use crate::binding::dpop::DpopSettings;
use crate::claim_settings::{Mark, RequireClaim, RolesFromNames, one_or_several};
use crate::grants::Grants;
#[cfg(doc)]
use crate::issuer::Issuer;
use crate::jose::algorithm::Algorithm;
use crate::presets::written::{Arguments, issuer};
use crate::seconds::seconds;

/// The sections as they stand in a file, where the first issuer's members may stand among the object's.
macro_rules! written_sections {
    (
        $(#[doc = $settings_doc:literal])* $settings:ident {
            $($(#[doc = $doc:literal])* $([$($serde:tt)*])? $name:ident: $type:ty => $show:ident,)*
        }
        both { $($(#[doc = $both_doc:literal])* $([$($both_serde:tt)*])? $both:ident: $both_type:ty => $both_show:ident,)* }
        $(#[doc = $issuer_doc:literal])* $issuer:ident {
            $($(#[doc = $own_doc:literal])* $([$($own_serde:tt)*])? $own:ident: $own_type:ty => $own_show:ident,)*
        }
        preset { $($argument:ident: $argument_type:ty,)* }
    ) => {
        /// As an issuer stands in a file.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename = "IssuerSettings")]
        struct FlatIssuer {
            $(#[serde(default $(, $($both_serde)*)?)] $both: $both_type,)*
            $(#[serde(default $(, $($own_serde)*)?)] $own: $own_type,)*
            preset: Option<String>,
            $($argument: Option<$argument_type>,)*
        }

        impl FlatIssuer {
            fn described<E: Error>(self) -> Result<$issuer, E> {
                let own = $issuer { $($both: self.$both,)* $($own: self.$own,)* };
                let mut arguments = Arguments::default();
                $(arguments.give(stringify!($argument), self.$argument);)*
                described(self.preset.as_deref(), arguments, own)
            }
        }

        /// As a section stands in a file.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename = "Settings")]
        struct Flat {
            $(#[serde(default $(, $($serde)*)?)] $name: $type,)*
            $(#[serde(default $(, $($both_serde)*)?)] $both: $both_type,)*
            $(#[serde(default $(, $($own_serde)*)?)] $own: $own_type,)*
            preset: Option<String>,
            $($argument: Option<$argument_type>,)*
            #[serde(default)]
            issuers: Vec<$issuer>,
        }

        impl Flat {
            fn take_apart<E: Error>(self) -> Result<($settings, $issuer), E> {
                let first = $issuer { $($own: self.$own,)* ..$issuer::default() };
                let mut arguments = Arguments::default();
                $(arguments.give(stringify!($argument), self.$argument);)*
                let first = described(self.preset.as_deref(), arguments, first)?;
                Ok(($settings { $($name: self.$name,)* $($both: self.$both,)* issuers: self.issuers }, first))
            }
        }

        impl $issuer {
            /// What is said here, and where nothing is said, what is said there.
            fn over(self, other: Self) -> Self {
                Self { $($both: self.$both.over(other.$both),)* $($own: self.$own.over(other.$own),)* }
            }
        }
    };
}

members! {
    written_sections
    preset {
        url: String,
        client_ids: Vec<String>,
        base_url: String,
        keycloak_realm: String,
        domain: String,
        authorization_server: String,
        region: String,
        pool_id: String,
        authorized_party: String,
        team: String,
        project: String,
        project_url: String,
        api_server: String,
        tenant_id: String,
        project_id: String,
        organization_ids: Vec<String>,
        application: String,
        repository_owner_ids: Vec<String>,
        namespace_ids: Vec<String>,
    }
}

impl<'de> Deserialize<'de> for IssuerSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        FlatIssuer::deserialize(deserializer)?.described()
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (mut settings, first) = Flat::deserialize(deserializer)?.take_apart()?;
        if first != IssuerSettings::default() {
            // What is said of no issuer would bind nobody.
            if first.issuer_url.is_none() {
                return Err(D::Error::missing_field("issuer_url"));
            }
            settings.issuers.insert(0, first);
        }
        if settings.issuers.iter().any(|issuer| issuer.audience.is_none()) {
            return Err(D::Error::missing_field("audience"));
        }
        if settings.issuers.is_empty() || settings.issuers.iter().any(|issuer| issuer.issuer_url.is_none()) {
            return Err(D::Error::missing_field("issuer_url"));
        }
        Ok(settings)
    }
}

/// What is said of an issuer: what its preset sets, if it has one, and what stands beside it.
fn described<E: Error>(
    preset: Option<&str>,
    mut arguments: Arguments,
    mut own: IssuerSettings,
) -> Result<IssuerSettings, E> {
    let Some(preset) = preset else {
        return if arguments.is_empty() { Ok(own) } else { Err(E::missing_field("preset")) };
    };
    arguments.give("issuer_url", own.issuer_url.take());
    arguments.give("audience", own.audience.take());
    Ok(own.over(issuer(preset, arguments)?.settings))
}

/// A setting beside a preset: it stands in place of what that sets, or, as [`Issuer`]'s setter of it would, adds to it.
trait Over {
    fn over(self, other: Self) -> Self;
}

impl<T> Over for Option<T> {
    fn over(self, other: Self) -> Self {
        self.or(other)
    }
}

impl<T> Over for Vec<T> {
    fn over(self, mut other: Self) -> Self {
        other.extend(self);
        other
    }
}

impl Over for bool {
    fn over(self, other: Self) -> Self {
        self || other
    }
}

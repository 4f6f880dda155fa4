//! Settings as data: what a configuration file may say.

mod written;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::binding::dpop::DpopSettings;
use crate::claim_settings::{Mark, RequireClaim, RolesFromNames};
use crate::grants::Grants;
use crate::jose::algorithm::Algorithm;
#[cfg(doc)]
use crate::{auth::RampartAuth, builder::RampartAuthBuilder, issuer::Issuer};

/// Gives a macro every member of the sections: those of the object, those that the object has for all issuers and an issuer for itself,
/// and those of an issuer; and after them what else is given.
macro_rules! members {
    ($then:ident $($more:tt)*) => {
        $then! {
            /// Settings as they stand in a configuration file: for [`RampartAuth::from_settings`].
            ///
            /// Of one issuer only `issuer_url` and `audience` must be given; the other members, and their defaults, are those of
            /// [`RampartAuthBuilder`] and [`Issuer`]. Durations are whole seconds, in members whose names end in `_seconds`; sizes are bytes,
            /// unknown members are errors.
            ///
            /// ```
            /// use rampart_core::{RampartAuth, Settings};
            ///
            /// let settings: Settings = serde_json::from_str(
            ///     r#"{"issuer_url": "https://auth.example.com", "audience": "my-api", "clock_tolerance_seconds": 2}"#,
            /// )?;
            /// let auth = RampartAuth::from_settings(settings)?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            Settings {
                /// See [`RampartAuthBuilder::realm`].
                realm: Option<String> => plainly,
                /// See [`RampartAuthBuilder::resource_metadata`].
                resource_metadata: Option<String> => as_address,
                /// See [`RampartAuthBuilder::clock_tolerance`].
                [rename = "clock_tolerance_seconds", deserialize_with = "seconds"] clock_tolerance: Option<Duration> => plainly,
                /// See [`RampartAuthBuilder::max_token_bytes`].
                max_token_bytes: Option<usize> => plainly,
                /// See [`RampartAuthBuilder::token_cache_bytes`].
                token_cache_bytes: Option<usize> => plainly,
                /// See [`RampartAuthBuilder::dpop`].
                dpop: Option<DpopSettings> => plainly,
                /// See [`RampartAuthBuilder::max_issuers`].
                max_issuers: Option<usize> => plainly,
                /// See [`RampartAuthBuilder::issuers_expire_after`].
                [rename = "issuers_expire_after_seconds", deserialize_with = "seconds"] issuers_expire_after: Option<Duration> => plainly,
                /// See [`RampartAuthBuilder::scope_implies`].
                scope_implies: BTreeMap<String, Vec<String>> => plainly,
                /// See [`RampartAuthBuilder::role_implies`].
                role_implies: BTreeMap<String, Vec<String>> => plainly,
            }
            both {
                /// See [`RampartAuthBuilder::require_at_jwt`].
                require_at_jwt: bool => plainly,
                /// See [`RampartAuthBuilder::required_claims`].
                required_claims: Vec<String> => plainly,
                /// See [`RampartAuthBuilder::max_token_lifetime`].
                [rename = "max_token_lifetime_seconds", deserialize_with = "seconds"] max_token_lifetime: Option<Duration> => plainly,
            }
            /// Settings of one issuer, as they stand in a configuration file. Their defaults are those of [`Issuer`].
            ///
            /// In a file, `preset` names one of the presets of [`Issuer`], such as `keycloak`, whose arguments then stand beside it by their
            /// names, in place of `issuer_url`; what else is said there is said after it.
            ///
            /// ```
            /// use rampart_core::{RampartAuth, Settings};
            ///
            /// let settings: Settings = serde_json::from_str(
            ///     r#"{"preset": "keycloak", "base_url": "https://sso.example.com", "keycloak_realm": "shop", "audience": "my-api"}"#,
            /// )?;
            /// assert_eq!(settings.issuers[0].issuer_url.as_deref(), Some("https://sso.example.com/realms/shop"));
            /// # Ok::<(), serde_json::Error>(())
            /// ```
            IssuerSettings {
                /// The issuer, exactly as in the `iss` claim.
                issuer_url: Option<String> => as_address,
                /// The audience: what the tokens have in `aud`, such as the client ID of the front end.
                audience: Option<String> => plainly,
                /// See [`Issuer::audiences`].
                audiences: Vec<String> => plainly,
                /// See [`Issuer::audience_claim`].
                audience_claim: Option<String> => plainly,
                /// See [`Issuer::subject_claim`].
                subject_claim: Option<String> => plainly,
                /// See [`Issuer::subject_claim_verbatim`].
                subject_claim_verbatim: Option<String> => plainly,
                /// See [`Issuer::require_claim`].
                [deserialize_with = "one_or_several"] require_claim: Vec<RequireClaim> => plainly,
                /// See [`Issuer::aliases`].
                aliases: Vec<String> => plainly,
                /// See [`Issuer::grants`].
                grants: Option<Grants> => plainly,
                /// See [`Issuer::issued_at_optional`].
                issued_at_optional: bool => plainly,
                /// See [`Issuer::algorithms`].
                algorithms: Option<Vec<Algorithm>> => plainly,
                /// See [`Issuer::roles_claims`].
                roles_claims: Option<Vec<String>> => plainly,
                /// See [`Issuer::roles_from_names`].
                roles_from_names: Option<RolesFromNames> => plainly,
                /// See [`Issuer::scope_claim`].
                scope_claim: Option<String> => plainly,
                /// See [`Issuer::permissions_claim`].
                permissions_claim: Option<String> => plainly,
                /// See [`Issuer::jwks_url`].
                jwks_url: Option<String> => as_address,
                /// See [`Issuer::discovery`].
                discovery: bool => plainly,
                /// See [`Issuer::metadata_url`].
                metadata_url: Option<String> => as_address,
                /// See [`Issuer::static_jwks`].
                static_jwks: Option<String> => by_length,
                /// See [`Issuer::allow_http`].
                allow_http: bool => plainly,
                /// See [`Issuer::allow_private_addresses`].
                allow_private_addresses: bool => plainly,
                /// See [`Issuer::allow_proxy`].
                allow_proxy: bool => plainly,
                /// See [`Issuer::jwks_cache_ttl`].
                [rename = "jwks_cache_ttl_seconds", deserialize_with = "seconds"] jwks_cache_ttl: Option<Duration> => plainly,
                /// See [`Issuer::max_stale`].
                [rename = "max_stale_seconds", deserialize_with = "seconds"] max_stale: Option<Duration> => plainly,
                /// See [`Issuer::fetch_timeout`].
                [rename = "fetch_timeout_seconds", deserialize_with = "seconds"] fetch_timeout: Option<Duration> => plainly,
                /// See [`Issuer::logout_clients`].
                logout_clients: Vec<String> => plainly,
                /// See [`Issuer::allow_logout_without_exp`].
                allow_logout_without_exp: bool => plainly,
                /// See [`Issuer::insecure_accept_id_tokens`].
                insecure_accept_id_tokens: bool => plainly,
                /// See [`Issuer::insecure_ignore_mark`].
                insecure_ignore_marks: Vec<Mark> => plainly,
                /// See [`Issuer::insecure_user_writable_claims`].
                insecure_user_writable_claims: bool => plainly,
            }
            $($more)*
        }
    };
}

use members;

/// The sections as they are in code.
macro_rules! sections {
    (
        $(#[doc = $settings_doc:literal])* $settings:ident {
            $($(#[doc = $doc:literal])* $([$($serde:tt)*])? $name:ident: $type:ty => $show:ident,)*
        }
        both { $($(#[doc = $both_doc:literal])* $([$($both_serde:tt)*])? $both:ident: $both_type:ty => $both_show:ident,)* }
        $(#[doc = $issuer_doc:literal])* $issuer:ident {
            $($(#[doc = $own_doc:literal])* $([$($own_serde:tt)*])? $own:ident: $own_type:ty => $own_show:ident,)*
        }
    ) => {
        $(#[doc = $settings_doc])*
        #[derive(Clone, Default, PartialEq)]
        #[non_exhaustive]
        pub struct $settings {
            $($(#[doc = $doc])* pub $name: $type,)*
            $($(#[doc = $both_doc])* pub $both: $both_type,)*
            /// The issuers, the first of them first. In a file its members may stand directly beside those of the object; then all of
            /// this list are further ones.
            pub issuers: Vec<$issuer>,
        }

        $(#[doc = $issuer_doc])*
        #[derive(Clone, Default, PartialEq)]
        #[non_exhaustive]
        pub struct $issuer {
            $($(#[doc = $both_doc])* pub $both: $both_type,)*
            $($(#[doc = $own_doc])* pub $own: $own_type,)*
        }

        impl fmt::Debug for $settings {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($settings))
                    $(.field(stringify!($name), &shown::$show(&self.$name)))*
                    $(.field(stringify!($both), &shown::$both_show(&self.$both)))*
                    .field("issuers", &self.issuers)
                    .finish()
            }
        }

        impl fmt::Debug for $issuer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($issuer))
                    $(.field(stringify!($both), &shown::$both_show(&self.$both)))*
                    $(.field(stringify!($own), &shown::$own_show(&self.$own)))*
                    .finish()
            }
        }
    };
}

members!(sections);

impl Settings {
    /// Settings of one issuer with every default.
    pub fn new(issuer_url: impl Into<String>, audience: impl Into<String>) -> Self {
        Self { issuers: vec![IssuerSettings::new(issuer_url, audience)], ..Self::default() }
    }
}

impl IssuerSettings {
    /// An issuer with every default.
    pub fn new(issuer_url: impl Into<String>, audience: impl Into<String>) -> Self {
        Self { issuer_url: Some(issuer_url.into()), audience: Some(audience.into()), ..Self::default() }
    }
}

/// What `Debug` shows of a setting: nothing that may be secret.
mod shown {
    use std::fmt::Debug;

    pub(super) const fn plainly<T: Debug>(value: &T) -> &T {
        value
    }

    /// An address before it has been checked: not its query, and nothing of one that may hold a user's password.
    #[expect(clippy::ref_option, reason = "as a setting is kept")]
    pub(super) fn as_address(url: &Option<String>) -> Option<&str> {
        let url = url.as_deref()?;
        Some(if url.contains('@') { "..." } else { url.split(['?', '#']).next().unwrap_or_default() })
    }

    /// Key material, which may have been given with its private half.
    #[expect(clippy::ref_option, reason = "as a setting is kept")]
    pub(super) fn by_length(text: &Option<String>) -> Option<usize> {
        text.as_ref().map(String::len)
    }
}

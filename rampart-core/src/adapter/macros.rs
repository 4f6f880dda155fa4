//! What is alike in the types that every adapter must define for itself, for a foreign trait cannot be implemented for a foreign
//! type. The types and what they promise stand in each adapter; what they do stands here, once.

/// Implements the guards of an adapter, which are defined as:
///
/// ```ignore
/// pub struct RequireAuth<R: Requirement = AnyUser> {
///     claims: Arc<Claims>,
///     inquiry: Inquiry,
///     requirement: PhantomData<fn() -> R>,
/// }
/// pub struct OptionalAuth<R: Requirement = AnyUser> {
///     claims: Option<Arc<Claims>>,
///     inquiry: Inquiry,
///     requirement: PhantomData<fn() -> R>,
/// }
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __impl_guards {
    ($require:ident, $optional:ident) => {
        impl<R: $crate::Requirement> $require<R> {
            /// What a request makes of it.
            fn admit(outcome: &$crate::adapter::Outcome<'_>) -> ::core::result::Result<Self, $crate::Rejection> {
                let claims = outcome.required::<R>()?;
                Ok(Self { claims, inquiry: outcome.inquiry(), requirement: ::core::marker::PhantomData })
            }

            /// The claims, to keep beyond the request: a pointer, not a copy.
            pub fn into_claims(self) -> ::std::sync::Arc<$crate::Claims> {
                self.claims
            }

            fn meets(&self, policy: &$crate::Policy) -> ::core::result::Result<(), $crate::Rejection> {
                self.inquiry.require(::core::option::Option::Some(&self.claims), policy).map(::core::mem::drop)
            }
        }

        impl<R: $crate::Requirement> ::core::ops::Deref for $require<R> {
            type Target = $crate::Claims;

            fn deref(&self) -> &$crate::Claims {
                &self.claims
            }
        }

        impl<R: $crate::Requirement> ::core::clone::Clone for $require<R> {
            fn clone(&self) -> Self {
                let Self { claims, inquiry, requirement } = self;
                Self { claims: claims.clone(), inquiry: inquiry.clone(), requirement: *requirement }
            }
        }

        impl<R: $crate::Requirement> ::core::fmt::Debug for $require<R> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_tuple(::core::stringify!($require)).field(&self.claims).finish()
            }
        }

        impl<R: $crate::Requirement> $optional<R> {
            /// What a request makes of it.
            fn admit(outcome: &$crate::adapter::Outcome<'_>) -> ::core::result::Result<Self, $crate::Rejection> {
                let claims = outcome.optional::<R>()?;
                Ok(Self { claims, inquiry: outcome.inquiry(), requirement: ::core::marker::PhantomData })
            }

            /// The claims, if any, to keep beyond the request: a pointer, not a copy.
            pub fn into_claims(self) -> ::core::option::Option<::std::sync::Arc<$crate::Claims>> {
                self.claims
            }

            fn meets(
                &self,
                policy: &$crate::Policy,
            ) -> ::core::result::Result<&::std::sync::Arc<$crate::Claims>, $crate::Rejection> {
                self.inquiry.require(self.claims.as_ref(), policy)
            }
        }

        impl<R: $crate::Requirement> ::core::ops::Deref for $optional<R> {
            type Target = ::core::option::Option<::std::sync::Arc<$crate::Claims>>;

            fn deref(&self) -> &Self::Target {
                &self.claims
            }
        }

        impl<R: $crate::Requirement> ::core::clone::Clone for $optional<R> {
            fn clone(&self) -> Self {
                let Self { claims, inquiry, requirement } = self;
                Self { claims: claims.clone(), inquiry: inquiry.clone(), requirement: *requirement }
            }
        }

        impl<R: $crate::Requirement> ::core::fmt::Debug for $optional<R> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_tuple(::core::stringify!($optional)).field(&self.claims).finish()
            }
        }
    };
}

/// Implements the rejection of an adapter, which has a `fn rejection(&self) -> &Rejection`.
#[doc(hidden)]
#[macro_export]
macro_rules! __impl_rejection {
    ($rejection:ident) => {
        impl $rejection {
            /// Why the request was refused.
            pub fn error(&self) -> &$crate::AuthError {
                self.rejection().error()
            }

            /// The challenges, each the value of a `WWW-Authenticate` field of its own, in their order: for an answer of your own
            /// that keeps them. None where other credentials would not help.
            pub fn challenges(&self) -> impl ::core::iter::Iterator<Item = &str> {
                self.rejection().challenges()
            }

            /// All headers of the usual answer, challenges included: names in lower case, values in visible ASCII. A name may come
            /// more than once, so that they are to be added to an answer, not set.
            pub fn headers(&self) -> impl ::core::iter::Iterator<Item = (&'static str, &str)> {
                self.rejection().headers()
            }
        }

        impl ::core::fmt::Display for $rejection {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(self.error(), f)
            }
        }

        impl ::std::error::Error for $rejection {}
    };
}

/// Implements the adapter's `RampartAuthExt: sealed::Sealed`, whose methods give a `$layer`, made by its `new(RampartAuth, Gate)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __impl_layers {
    ($layer:ident) => {
        /// Nobody else implements the trait, so that it may get more methods.
        mod sealed {
            pub trait Sealed {}
            impl Sealed for $crate::RampartAuth {}
        }

        impl RampartAuthExt for $crate::RampartAuth {
            fn require_auth(&self) -> $layer {
                $layer::new(self.clone(), $crate::adapter::Gate::required())
            }

            fn require_roles<S: ::core::convert::Into<::std::string::String>>(
                &self,
                roles: impl ::core::iter::IntoIterator<Item = S>,
            ) -> $layer {
                self.require($crate::Policy::roles(roles))
            }

            fn require_scopes<S: ::core::convert::Into<::std::string::String>>(
                &self,
                scopes: impl ::core::iter::IntoIterator<Item = S>,
            ) -> $layer {
                self.require($crate::Policy::scopes(scopes))
            }

            fn require(&self, policy: $crate::Policy) -> $layer {
                $layer::new(self.clone(), $crate::adapter::Gate::policy(policy))
            }

            fn optional_auth(&self) -> $layer {
                $layer::new(self.clone(), $crate::adapter::Gate::optional())
            }
        }
    };
}

//! Several requirements in one: all of them (tuples), one of them ([`AnyOf`]).

use std::marker::PhantomData;

use super::Requirement;
use super::scopes::{first_of, naming_all, union};
use crate::answer::error::AuthError;
use crate::token::claims::Claims;

/// One of several requirements, up to eight: `AnyOf<(Admin, Auditor)>`. Where none is met, the error is that of the last. A
/// client without a token is told the scopes of the first that has some.
///
/// ```
/// use rampart_core::{AnyOf, Requirement};
///
/// rampart_core::roles! { Admin = "admin"; Auditor = "auditor"; }
///
/// fn may_read(claims: &rampart_core::Claims) -> bool {
///     AnyOf::<(Admin, Auditor)>::check(claims).is_ok()
/// }
/// ```
pub struct AnyOf<T>(PhantomData<fn() -> T>);

impl<T> std::fmt::Debug for AnyOf<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AnyOf")
    }
}

macro_rules! tuples {
    ($($last:ident)+) => { tuples!(@each [] $($last)+); };
    (@each [$($done:ident)*]) => {};
    (@each [$($done:ident)*] $next:ident $($rest:ident)*) => {
        tuples!(@one $($done)* $next);
        tuples!(@each [$($done)* $next] $($rest)*);
    };
    (@one $first:ident $($more:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<$first: Requirement, $($more: Requirement),*> Requirement for ($first, $($more,)*) {
            fn check(claims: &Claims) -> Result<(), AuthError> {
                #[allow(unused_mut, reason = "of a tuple of one, the first is the last")]
                let mut last = 0;
                let outcome = $first::check(claims);
                $(let outcome = outcome.and_then(|()| {
                    last += 1;
                    $more::check(claims)
                });)*
                outcome.map_err(|error| naming_all(error, last, [$first::scopes_for(claims), $($more::scopes_for(claims)),*]))
            }

            fn scopes() -> Vec<&'static str> {
                union([$first::scopes(), $($more::scopes()),*])
            }

            fn scopes_for(claims: &Claims) -> Vec<&'static str> {
                union([$first::scopes_for(claims), $($more::scopes_for(claims)),*])
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$first: Requirement, $($more: Requirement),*> Requirement for AnyOf<($first, $($more,)*)> {
            fn check(claims: &Claims) -> Result<(), AuthError> {
                let outcome = $first::check(claims);
                $(let outcome = outcome.or_else(|_| $more::check(claims));)*
                outcome
            }

            fn scopes() -> Vec<&'static str> {
                first_of([$first::scopes(), $($more::scopes()),*])
            }

            fn scopes_for(claims: &Claims) -> Vec<&'static str> {
                let scopes = Self::scopes();
                // Where no alternative has any, it is all the same which one is met.
                if !scopes.is_empty() {
                    if $first::check(claims).is_ok() {
                        return $first::scopes_for(claims);
                    }
                    $(if $more::check(claims).is_ok() {
                        return $more::scopes_for(claims);
                    })*
                }
                scopes
            }
        }
    };
}

tuples!(A B C D E F G H);

//! What a route asks of a verified token: at type level ([`Requirement`], [`roles!`](crate::roles), [`scopes!`](crate::scopes)) and at
//! value level ([`Policy`](crate::Policy)).

pub(crate) mod combination;
mod names;
pub(crate) mod policy;
pub(crate) mod scopes;

use crate::answer::error::AuthError;
use crate::token::claims::Claims;

/// What a guard asks of the token, as a type.
///
/// [`roles!`](crate::roles) and [`scopes!`](crate::scopes) define such types, and [`issued_by!`](crate::issued_by) those that ask for the token's issuer; tuples of up to eight mean "all of them"
/// (the error of the first that fails; where it is about scopes, it names those of all of them), [`AnyOf`](crate::AnyOf) means "one of
/// them" (the error of the last). Write it by hand for anything else, and say the scopes where there are some, so that a client without a token learns what to ask for:
///
/// ```
/// use rampart_core::{AuthError, Claims, Requirement};
///
/// /// Members of one organisation.
/// enum Acme {}
///
/// impl Requirement for Acme {
///     fn check(claims: &Claims) -> Result<(), AuthError> {
///         if claims.org_id.as_deref() == Some("acme") { Ok(()) } else { Err(AuthError::insufficient_role(["acme"])) }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a requirement",
    label = "not a requirement",
    note = "define one with `roles!(pub Admin = \"admin\");` or `scopes!(pub TasksWrite = \"tasks:write\");`",
    note = "combine requirements with a tuple, `(Admin, TasksWrite)`, or with `AnyOf<(Admin, Auditor)>`"
)]
pub trait Requirement {
    /// Whether the claims meet the requirement.
    ///
    /// # Errors
    /// What the token lacks: [`AuthError::InsufficientRole`] or [`AuthError::InsufficientScope`].
    fn check(claims: &Claims) -> Result<(), AuthError>;

    /// The scopes to ask the issuer for: what the challenge names where a request comes without a token (RFC 6750 section 3).
    ///
    /// Of alternatives, those of the first that has some. None unless said otherwise.
    fn scopes() -> Vec<&'static str> {
        Vec::new()
    }

    /// The scopes that a new token must not lose in place of one with these claims: of alternatives, those of the first that the
    /// claims meet. As [`scopes`](Self::scopes) unless said otherwise, and where the claims meet none.
    ///
    /// It is what the challenge names besides, where a token that meets this lacks what is asked for later in the same request.
    fn scopes_for(claims: &Claims) -> Vec<&'static str> {
        let _ = claims;
        Self::scopes()
    }
}

/// Any authenticated user: the requirement of a guard that names none.
#[derive(Debug)]
#[non_exhaustive]
pub enum AnyUser {}

impl Requirement for AnyUser {
    fn check(_: &Claims) -> Result<(), AuthError> {
        Ok(())
    }
}

/// Defines requirements for roles; several names after one `=` mean all of them.
///
/// ```
/// rampart_core::roles! {
///     /// Runs the place.
///     pub Admin = "admin";
///     pub(crate) Operations = "admin", "operator";
/// }
/// const AUDIT: &str = "auditor";
/// rampart_core::roles!(Auditor = AUDIT);
/// ```
///
/// A role is any text, such as a group of Active Directory or a name in another script:
///
/// ```
/// rampart_core::roles! { Admins = "CORP\\Admins"; Curators = "保管員"; }
/// ```
///
/// A role without a name would be no requirement at all, so it does not compile:
///
/// ```compile_fail
/// rampart_core::roles!(pub Nobody = );
/// ```
/// ```compile_fail
/// rampart_core::roles!(pub Nameless = "");
/// ```
#[macro_export]
macro_rules! roles {
    ($($definitions:tt)*) => { $crate::__requirements!(require_roles no_scopes is_role_name "Requires the role: " [$($definitions)*]); };
}

/// Defines requirements for scopes; several names after one `=` mean all of them.
///
/// ```
/// rampart_core::scopes! {
///     pub TasksWrite = "tasks:write";
///     pub Mailer = "email:send", "email:read";
/// }
/// ```
///
/// A definition without a name does not compile, nor does one that is no scope token (RFC 6749 section 3.3):
///
/// ```compile_fail
/// rampart_core::scopes!(pub Two = "tasks:read tasks:write");
/// ```
#[macro_export]
macro_rules! scopes {
    ($($definitions:tt)*) => { $crate::__requirements!(require_scopes all_scopes is_scope_name "Requires the scope: " [$($definitions)*]); };
}

/// Defines requirements for the issuer of the token, by its configured name; several names after one `=` mean one of them. For routes of
/// an object with several issuers, of which not each may vouch for whoever comes. A token of another one is 403.
///
/// ```
/// use rampart_core::{issued_by, roles};
///
/// issued_by!(pub Staff = "https://auth.example.com");
/// roles!(pub Admin = "admin");
/// type StaffAdmin = (Staff, Admin); // of a guard: RequireAuth<(Staff, Admin)>
/// ```
///
/// A definition without a name does not compile:
///
/// ```compile_fail
/// rampart_core::issued_by!(pub Nobody = "");
/// ```
#[macro_export]
macro_rules! issued_by {
    ($($definitions:tt)*) => { $crate::__requirements!(require_issuers no_scopes is_issuer_name "Requires a token of the issuer: " [$($definitions)*]); };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __requirements {
    ($check:ident $scopes:ident $valid:ident $title:literal [$($(#[$meta:meta])* $vis:vis $name:ident = $($value:expr),+ $(,)?);+ $(;)?]) => {
        $(
            $(#[$meta])*
            #[doc = ::core::concat!($title, $("`", ::core::stringify!($value), "` "),+)]
            // For those who lint against enums that cannot grow; nobody matches on what has no values.
            #[non_exhaustive]
            $vis enum $name {}

            impl $crate::Requirement for $name {
                fn check(claims: &$crate::Claims) -> ::core::result::Result<(), $crate::AuthError> {
                    const NAMES: &[&str] = &[$($value),+];
                    const _: () = $crate::__private::assert_names(NAMES, $crate::__private::$valid);
                    $crate::__private::$check(claims, NAMES)
                }

                fn scopes() -> ::std::vec::Vec<&'static str> {
                    $crate::__private::$scopes(&[$($value),+])
                }
            }
        )+
    };
    ($check:ident $scopes:ident $valid:ident $title:literal [$($other:tt)*]) => {
        ::core::compile_error!("expected `pub Name = \"value\"`, or several values separated by commas; an empty list is no requirement");
    };
}

/// What the macros expand to; not part of the interface.
#[doc(hidden)]
pub mod __private {
    use super::names::Names;
    use super::{AuthError, Claims};
    use crate::token::mapping::is_scope_token;

    /// Which check the names of a definition must pass.
    #[derive(Clone, Copy, Debug)]
    #[non_exhaustive]
    pub enum NameRule {
        /// Any text but the empty one.
        Role,
        /// A scope token.
        Scope,
        /// The name of an issuer: any text but the empty one.
        Issuer,
    }

    #[allow(non_upper_case_globals, missing_docs)]
    pub const is_role_name: NameRule = NameRule::Role;
    #[allow(non_upper_case_globals, missing_docs)]
    pub const is_scope_name: NameRule = NameRule::Scope;
    #[allow(non_upper_case_globals, missing_docs)]
    pub const is_issuer_name: NameRule = NameRule::Issuer;

    /// Stops the compilation at a name that no token can have.
    pub const fn assert_names(names: &[&str], rule: NameRule) {
        let mut rest = names;
        while let [name, after @ ..] = rest {
            let valid = match rule {
                NameRule::Role | NameRule::Issuer => !name.is_empty(),
                NameRule::Scope => is_scope_token(name),
            };
            assert!(
                valid,
                "a role, scope or issuer is empty, or a scope has a space, quotes, control or non-ASCII characters"
            );
            rest = after;
        }
    }

    #[allow(missing_docs)]
    pub fn require_roles(claims: &Claims, roles: &[&str]) -> Result<(), AuthError> {
        Names::Roles.check(claims, roles)
    }

    #[allow(missing_docs)]
    pub fn require_scopes(claims: &Claims, scopes: &[&str]) -> Result<(), AuthError> {
        Names::Scopes.check(claims, scopes)
    }

    #[allow(missing_docs)]
    pub fn require_issuers(claims: &Claims, issuers: &[&str]) -> Result<(), AuthError> {
        Names::Issuers.check(claims, issuers)
    }

    #[allow(missing_docs)]
    pub const fn no_scopes(_: &[&str]) -> Vec<&'static str> {
        Vec::new()
    }

    #[allow(missing_docs)]
    pub fn all_scopes(scopes: &[&'static str]) -> Vec<&'static str> {
        scopes.to_vec()
    }
}

//! The conformance suite: what every adapter must do, as data, and the means to ask each of them over a real socket.
//!
//! - [`case`]: what a case is; [`cases`]: the cases themselves, by topic;
//! - [`apps`]: the same application on axum, actix-web and Rocket, and without HTTP on the core alone;
//! - [`subject`]: asks one of the four a case, and compares its answer;
//! - [`wire`]: a client that sends exactly the bytes it is given;
//! - [`fixture`]: the issuer, its keys, and the auth objects that all applications share.
//!
//! [`conformance!`] makes one `#[test]` of each case and subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::missing_panics_doc,
    reason = "a test fails by a panic"
)]
#![allow(clippy::too_many_lines, reason = "a table of cases is as long as it is")]

pub mod apps;
pub mod case;
pub mod cases;
pub mod fixture;
pub mod subject;
pub mod wire;

/// Makes one `#[test]` of each case and subject. A case stands here once, so that one that is left out shows in the diff;
/// `every_case_is_listed_once` compares the lists with the tables.
///
/// - `everywhere`: asked of the core too;
/// - `over_http`: about HTTP itself, so that the core has no say;
/// - `not_on_axum`: what the types of axum do not let one write.
#[macro_export]
macro_rules! conformance {
    (
        everywhere { $($everywhere:ident),* $(,)? }
        over_http { $($over_http:ident),* $(,)? }
        not_on_axum { $($not_on_axum:ident),* $(,)? }
    ) => {
        $crate::conformance!(@tests on_core $crate::apps::core::Core: $($everywhere)* $($not_on_axum)*);
        $crate::conformance!(@tests on_axum $crate::apps::axum::Axum: $($everywhere)* $($over_http)*);
        $crate::conformance!(@tests on_actix $crate::apps::actix::Actix: $($everywhere)* $($over_http)* $($not_on_axum)*);
        $crate::conformance!(@tests on_rocket $crate::apps::rocket::Rocket: $($everywhere)* $($over_http)* $($not_on_axum)*);

        #[test]
        fn every_case_is_listed_once() {
            $crate::cases::assert_listed(
                &[$(stringify!($everywhere)),*],
                &[$(stringify!($over_http)),*],
                &[$(stringify!($not_on_axum)),*],
            );
        }
    };
    (@tests $module:ident $subject:ty: $($case:ident)*) => {
        mod $module {
            $(#[test]
            fn $case() {
                $crate::subject::check::<$subject>(stringify!($case));
            })*
        }
    };
}

//! The state of an application.

use axum::extract::FromRef;
use rampart_core::RampartAuth;

/// A state that gives a [`RampartAuth`]: by [`FromRef`], or as an `Arc` of such a state.
///
/// Nobody implements it: it is of every such state. It is the bound of routes for whatever state an application has:
///
/// ```
/// use std::sync::Arc;
/// use axum::{Router, extract::FromRef, routing::get};
/// use rampart_axum::{AuthState, RampartAuth, RequireAuth};
///
/// async fn me(user: RequireAuth) -> String { user.sub.clone() }
///
/// fn routes<S: AuthState + Clone + Send + Sync + 'static>() -> Router<S> {
///     Router::new().route("/me", get(me))
/// }
///
/// #[derive(FromRef)]
/// struct App { auth: RampartAuth }
///
/// fn app(app: App) -> Router { routes().with_state(Arc::new(app)) }
/// ```
///
/// A state without one does not compile:
///
/// ```compile_fail,E0277
/// # use axum::{Router, routing::get};
/// # use rampart_axum::RequireAuth;
/// # async fn me(user: RequireAuth) -> String { user.sub.clone() }
/// #[derive(Clone)]
/// struct App {}
///
/// fn app(app: App) -> Router { Router::new().route("/me", get(me)).with_state(app) }
/// ```
///
/// An `Arc` of one does not compile either:
///
/// ```compile_fail,E0277
/// # use std::sync::Arc;
/// # use axum::{Router, routing::get};
/// # use rampart_axum::RequireAuth;
/// # async fn me(user: RequireAuth) -> String { user.sub.clone() }
/// struct App {}
///
/// fn app(app: App) -> Router { Router::new().route("/me", get(me)).with_state(Arc::new(app)) }
/// ```
#[diagnostic::on_unimplemented(
    message = "the state `{Self}` gives no `RampartAuth`",
    label = "takes the `RampartAuth` out of the state",
    note = "make the `RampartAuth` the state, or hold it in yours: `#[derive(Clone, FromRef)] struct App {{ auth: RampartAuth, .. }}`, \
            or `impl FromRef<App> for RampartAuth`",
    note = "`Arc<App>` gives what `App` gives: `FromRef` is to be implemented for `App`, not for the `Arc`"
)]
pub trait AuthState {
    #[doc(hidden)]
    fn auth(&self) -> RampartAuth;
}

#[diagnostic::do_not_recommend]
impl<S> AuthState for S
where
    RampartAuth: FromRef<S>,
{
    fn auth(&self) -> RampartAuth {
        RampartAuth::from_ref(self)
    }
}

//! Groups of routes: authentication in front of handlers that need not know of it, such as a file server's.

use rampart_core::adapter::Gate;
use rampart_core::{Policy, RampartAuth};
use rocket::route::{Handler, Outcome};
use rocket::{Data, Request, Route};

use crate::admission::admission;
use crate::refused::Refused;

/// Groups of routes made from a [`RampartAuth`]: authentication in front of all of them.
///
/// Each keeps the claims for [`Rampart::claims`](crate::Rampart::claims), or removes them where nobody is signed in, and lets guards
/// further in reuse its result.
pub trait RampartAuthExt: sealed::Sealed {
    /// Any good token.
    fn require_auth(&self) -> AuthRoutes;

    /// A good token with all of these roles. An empty list denies everyone.
    fn require_roles<S: Into<String>>(&self, roles: impl IntoIterator<Item = S>) -> AuthRoutes;

    /// A good token with all of these scopes. An empty list denies everyone.
    fn require_scopes<S: Into<String>>(&self, scopes: impl IntoIterator<Item = S>) -> AuthRoutes;

    /// A good token that meets a policy.
    fn require(&self, policy: Policy) -> AuthRoutes;

    /// No token, or a good one; a bad one is refused.
    fn optional_auth(&self) -> AuthRoutes;
}

rampart_core::__impl_layers!(AuthRoutes);

/// Makes routes that only requests reach which meet its gate: made by [`RampartAuthExt`].
///
/// ```
/// use rampart_rocket::{Rampart, RampartAuth, RampartAuthExt};
/// use rocket::fs::{FileServer, Options};
/// use rocket::{Build, Rocket, get, routes};
///
/// #[get("/stats")]
/// fn stats() -> &'static str {
///     "42"
/// }
///
/// fn application(auth: RampartAuth) -> Rocket<Build> {
///     let reports = FileServer::new("reports", Options::Missing | Options::Index);
///     rocket::build()
///         .attach(Rampart::fairing(auth.clone()))
///         .mount("/admin", auth.require_roles(["admin"]).routes(routes![stats]))
///         .mount("/reports", auth.require_auth().routes(reports))
/// }
/// ```
///
/// With [`Rampart`](crate::Rampart) attached, a refusal goes the way of a guard's, by the application's catchers. Without it, or with that of
/// another auth object, a group guards all the same; without it the refusal is answered at once, and no catcher is asked.
#[must_use = "it guards the routes that it makes"]
#[derive(Clone, Debug)]
pub struct AuthRoutes {
    auth: RampartAuth,
    gate: Gate,
}

impl AuthRoutes {
    const fn new(auth: RampartAuth, gate: Gate) -> Self {
        Self { auth, gate }
    }

    /// The same routes, guarded: their methods, paths, ranks, formats and names stay, and what they ask of the launch. A request that
    /// does not match any of them is no business of the group.
    #[must_use = "these are the guarded routes: mount them"]
    pub fn routes(&self, routes: impl Into<Vec<Route>>) -> Vec<Route> {
        let mut routes = routes.into();
        for route in &mut routes {
            route.handler = Box::new(Guarded { group: self.clone(), inner: route.handler.clone() });
        }
        routes
    }
}

/// A handler behind the gate of its group.
#[derive(Clone)]
struct Guarded {
    group: AuthRoutes,
    inner: Box<dyn Handler>,
}

#[rocket::async_trait]
impl Handler for Guarded {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        let Self { group: AuthRoutes { auth, gate }, inner } = self;
        match admission(request, auth, |outcome| outcome.pass(gate).map(|_| ())).await {
            Ok(()) => inner.handle(request, data).await,
            Err(rejection) => Outcome::from(request, Refused::from(rejection)),
        }
    }
}

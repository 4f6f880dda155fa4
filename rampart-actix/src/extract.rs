//! Guards: what a handler takes as a parameter.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use rampart_core::adapter::{self, Flight, Inquiry, Outcome};
use rampart_core::{AnyUser, Claims, Policy, RampartAuth, Rejection, Requirement};

use crate::config::RampartConfig;
use crate::rejection::AuthRejection;
use crate::verification::{Admitted, store, verify};

/// A request with a good access token that meets `R`: a parameter of a handler that needs one.
///
/// It derefs to [`Claims`]. It can only come out of a verification: its fields are private.
///
/// `RequireAuth` alone asks for any authenticated user. `RequireAuth<Admin>` asks for what `Admin` says, a type defined with
/// [`roles!`](crate::roles) or [`scopes!`](crate::scopes); tuples mean "all of them", [`AnyOf`](crate::AnyOf) means "one of them".
///
/// The [`RampartAuth`] comes from `app_data`, in [`web::Data`]: that of the resource, scope or `App` nearest to the route.
pub struct RequireAuth<R: Requirement = AnyUser> {
    claims: Arc<Claims>,
    inquiry: Inquiry,
    requirement: PhantomData<fn() -> R>,
}

/// A request that may come without a token: `None` then, the claims with a good token that meets `R`.
///
/// A token that is not good is refused all the same, and so is one that lacks `R`: it never passes as anonymous. It derefs to
/// `Option<Arc<Claims>>`.
///
/// **Do not take `Option<RequireAuth>` instead.** In actix-web an `Option` turns *every* error of an extractor into `None`: a forged
/// or expired token would pass as anonymous, and so would a request while no keys can be had. No library can prevent it; this type is
/// what is meant.
pub struct OptionalAuth<R: Requirement = AnyUser> {
    claims: Option<Arc<Claims>>,
    inquiry: Inquiry,
    requirement: PhantomData<fn() -> R>,
}

rampart_core::__impl_guards!(RequireAuth, OptionalAuth);

impl<R: Requirement> RequireAuth<R> {
    /// Asks more of the request than the type says, where only the handler knows what: who lacks it is refused as by a guard, with the
    /// same realm, in the same form; what [`RampartConfig::error_handler`] makes of refusals, it makes of this one too.
    ///
    /// ```
    /// use actix_web::{HttpRequest, get, web::Path};
    /// use rampart_actix::{AuthRejection, Policy, RequireAuth};
    ///
    /// #[get("/lists/{list}/export")]
    /// async fn export(list: Path<String>, user: RequireAuth, request: HttpRequest) -> Result<String, AuthRejection> {
    ///     user.require(&Policy::scopes([format!("{list}:export")]), &request)?;
    ///     Ok(format!("{list} for {}", user.sub))
    /// }
    /// ```
    ///
    /// # Errors
    /// The refusal, which is the response.
    #[must_use = "only what is returned refuses the request: `user.require(&policy, &request)?`"]
    pub fn require(&self, policy: &Policy, request: &HttpRequest) -> Result<(), AuthRejection> {
        self.meets(policy).map_err(|rejection| RampartConfig::refuse(rejection, request))
    }
}

impl<R: Requirement> OptionalAuth<R> {
    /// Asks that somebody is signed in after all, and meets a policy: the claims, or the refusal that a guard would have made.
    ///
    /// ```
    /// use actix_web::{HttpRequest, get};
    /// use rampart_actix::{AuthRejection, OptionalAuth, Policy};
    ///
    /// #[get("/feed")]
    /// async fn feed(user: OptionalAuth, request: HttpRequest) -> Result<String, AuthRejection> {
    ///     if user.is_none() {
    ///         return Ok("public".into());
    ///     }
    ///     let user = user.require(&Policy::scopes(["feed:read"]), &request)?;
    ///     Ok(format!("for {}", user.sub))
    /// }
    /// ```
    ///
    /// # Errors
    /// The refusal, which is the response.
    #[must_use = "only what is returned refuses the request: `user.require(&policy, &request)?`"]
    pub fn require(&self, policy: &Policy, request: &HttpRequest) -> Result<&Arc<Claims>, AuthRejection> {
        self.meets(policy).map_err(|rejection| RampartConfig::refuse(rejection, request))
    }
}

/// The `RampartAuth` of the application. Without one, nobody passes.
fn configured(request: &HttpRequest) -> Result<&RampartAuth, Rejection> {
    let shared = request.app_data::<web::Data<RampartAuth>>().map(web::Data::get_ref);
    match (shared, request.app_data::<RampartAuth>()) {
        (Some(auth), None) | (None, Some(auth)) => return Ok(auth),
        (Some(auth), Some(bare)) if auth.is_same(bare) => return Ok(auth),
        (None, None) => adapter::not_set_up(
            "a guard found no RampartAuth: add `.app_data(web::Data::new(auth))` to the App or the scope",
        ),
        // One of them is nearer to the route, but nothing tells which.
        (Some(_), Some(_)) => adapter::not_set_up(
            "a guard found two RampartAuth, one in web::Data and one without: add each with `.app_data(web::Data::new(auth))`",
        ),
    }
    Err(Rejection::not_configured())
}

impl<R: Requirement + 'static> FromRequest for RequireAuth<R> {
    type Error = AuthRejection;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Extraction<Self> {
        Extraction::new(request, Self::admit)
    }
}

/// `None` only where the request carries no token.
impl<R: Requirement + 'static> FromRequest for OptionalAuth<R> {
    type Error = AuthRejection;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Extraction<Self> {
        Extraction::new(request, Self::admit)
    }
}

/// The future of a guard: ready at once unless keys must be fetched.
///
/// It asks nothing before it is polled. actix-web makes those of all guards of a handler at once, but polls them one after another,
/// and none after one that refuses: so a request is refused once, as by frameworks that ask one guard after another.
#[must_use = "a future does nothing unless it is polled"]
pub struct Extraction<G> {
    /// `None` once it is done.
    request: Option<HttpRequest>,
    flight: Option<Flight>,
    admit: Admit<G>,
}

type Admit<G> = fn(&Outcome<'_>) -> Admitted<G>;

impl<G> Extraction<G> {
    fn new(request: &HttpRequest, admit: Admit<G>) -> Self {
        Self { request: Some(request.clone()), flight: None, admit }
    }

    fn admitted(&mut self, request: &HttpRequest, context: &mut Context<'_>) -> Poll<Admitted<G>> {
        let flight = match &mut self.flight {
            Some(flight) => flight,
            None => match verify(request, configured(request)?, self.admit) {
                Ok(admitted) => return Poll::Ready(admitted),
                Err(flight) => self.flight.insert(flight),
            },
        };
        let fresh = ready!(Pin::new(flight).poll(context));
        Poll::Ready(store(request, fresh, self.admit))
    }
}

impl<G> Future for Extraction<G> {
    type Output = Result<G, AuthRejection>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // A future is not polled again once it is done.
        let Some(request) = self.request.take() else { return Poll::Pending };
        let admitted = self.admitted(&request, context);
        if admitted.is_pending() {
            self.request = Some(request);
            return Poll::Pending;
        }
        self.flight = None;
        admitted.map_err(|rejection| RampartConfig::refuse(rejection, &request))
    }
}

impl<G> fmt::Debug for Extraction<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extraction").finish_non_exhaustive()
    }
}

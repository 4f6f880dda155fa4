//! Guards: what a handler takes as a parameter.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use rampart_core::adapter::{self, Carry, Fresh, Inquiry, Outcome, Pending, Verification, Verified};
use rampart_core::{AnyUser, Claims, Policy, RampartAuth, Rejection, Requirement};

use crate::config::RampartConfig;
use crate::head::Head;
use crate::rejection::AuthRejection;

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

pub(crate) type Admitted<T> = Result<T, Rejection>;

/// What `admit` says of the outcome that is stored with the request, if that counts.
fn stored<T>(
    request: &HttpRequest,
    auth: &RampartAuth,
    admit: impl FnOnce(&Outcome<'_>) -> Admitted<T>,
) -> Option<Admitted<T>> {
    let (admitted, carry) = {
        let extensions = request.extensions();
        let outcome = extensions.get::<Verified>().and_then(|outcome| outcome.by(auth, &Head(request)))?;
        let admitted = admit(&outcome);
        let carry = outcome.carry(admitted.is_ok(), extensions.get());
        (admitted, carry)
    };
    apply(carry, request);
    Some(admitted)
}

/// What `admit` says of the outcome for this request, the stored one or a new one; or what must be awaited for it.
pub(crate) fn verify<T>(
    request: &HttpRequest,
    auth: &RampartAuth,
    admit: impl Fn(&Outcome<'_>) -> Admitted<T>,
) -> Result<Admitted<T>, Pending> {
    if let Some(admitted) = stored(request, auth, &admit) {
        return Ok(admitted);
    }
    match auth.verification(&Head(request)) {
        Verification::Ready(fresh) => Ok(store(request, fresh, admit)),
        Verification::Pending(pending) => Err(pending),
    }
}

/// Stores an outcome with the request, and says what `admit` says of it.
pub(crate) fn store<T>(
    request: &HttpRequest,
    fresh: Fresh<'_>,
    admit: impl FnOnce(&Outcome<'_>) -> Admitted<T>,
) -> Admitted<T> {
    let fresh = fresh.after(request.extensions().get());
    let outcome = fresh.outcome();
    let admitted = admit(&outcome);
    let carry = outcome.carry(admitted.is_ok(), request.extensions().get());
    apply(carry, request);
    request.extensions_mut().insert(fresh.into_verified());
    admitted
}

/// The claims of whoever is signed in stand in the extensions, for middleware, handlers and `ReqData<Arc<Claims>>`.
fn apply(carry: Carry, request: &HttpRequest) {
    match carry {
        Carry::Unchanged => {}
        Carry::Insert(claims) => drop(request.extensions_mut().insert(claims)),
        Carry::Remove => drop(request.extensions_mut().remove::<Arc<Claims>>()),
    }
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
#[must_use = "a future does nothing unless it is polled"]
pub struct Extraction<G>(State<G>);

enum State<G> {
    /// `None` once it has been taken.
    Ready(Option<Result<G, AuthRejection>>),
    /// Only here the request must outlive the call.
    Waiting { request: HttpRequest, auth: RampartAuth, pending: Pending, admit: Admit<G> },
}

type Admit<G> = fn(&Outcome<'_>) -> Admitted<G>;

impl<G> Extraction<G> {
    fn new(request: &HttpRequest, admit: Admit<G>) -> Self {
        let refused = |rejection| RampartConfig::refuse(rejection, request);
        Self(match configured(request).map(|auth| (auth, verify(request, auth, admit))) {
            Err(rejection) => State::Ready(Some(Err(refused(rejection)))),
            Ok((_, Ok(admitted))) => State::Ready(Some(admitted.map_err(refused))),
            Ok((auth, Err(pending))) => State::Waiting { request: request.clone(), auth: auth.clone(), pending, admit },
        })
    }
}

impl<G: Unpin> Future for Extraction<G> {
    type Output = Result<G, AuthRejection>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            // A future is not polled again once it is done.
            State::Ready(outcome) => outcome.take().map_or(Poll::Pending, Poll::Ready),
            State::Waiting { request, auth, pending, admit } => {
                // actix-web starts all guards of a handler together: another one may have been faster.
                let admitted = match stored(request, auth, *admit) {
                    Some(admitted) => admitted,
                    None => store(request, ready!(Pin::new(pending).poll(context)), *admit),
                };
                Poll::Ready(admitted.map_err(|rejection| RampartConfig::refuse(rejection, request)))
            }
        }
    }
}

impl<G> fmt::Debug for Extraction<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extraction").finish_non_exhaustive()
    }
}

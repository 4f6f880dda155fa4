//! A refusal that a handler or group makes: it goes the same way as that of a guard.

use rampart_core::Rejection;
use rocket::response::{self, Responder};
use rocket::{Ignite, Request, Rocket, Sentinel};

use crate::attached::Attached;
use crate::kept::Kept;
use crate::rejection::AuthRejection;

/// What a handler returns where it refuses: the error of [`RequireAuth::require`](crate::RequireAuth::require).
///
/// It is answered as a guard's refusal is: by the application's catcher, which finds it by [`AuthRejection::from_request`], or else
/// with the usual answer. A handler that takes `Result<RequireAuth, AuthRejection>` comes to the same by `?`. Only what is returned
/// counts: a handler may as well look at [`error`](Self::error) and answer otherwise.
///
/// ```
/// use rampart_rocket::{AuthError, AuthRejection, Refused, RequireAuth};
/// use rocket::get;
///
/// #[get("/greeting")]
/// fn greeting(user: Result<RequireAuth, AuthRejection>) -> Result<String, Refused> {
///     match user {
///         Err(rejection) if *rejection.error() == AuthError::MissingToken => Ok("Hello, stranger".into()),
///         user => Ok(format!("Hello, {}", user?.sub)),
///     }
/// }
/// ```
///
/// It is for handlers. A catcher returns an [`AuthRejection`], which is the usual answer itself: a `Refused` would send the request to a
/// catcher once more, and Rocket makes a 500 of that.
#[must_use = "a refusal refuses only where the handler returns it"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(AuthRejection);

rampart_core::__impl_rejection!(Refused);

impl Refused {
    fn rejection(&self) -> &Rejection {
        self.0.rejection()
    }
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self(rejection.into())
    }
}

impl From<AuthRejection> for Refused {
    fn from(rejection: AuthRejection) -> Self {
        Self(rejection)
    }
}

/// The status alone, so that catchers run; the rejection is kept for them. Without [`Rampart`](crate::Rampart) there is none of ours, and
/// the answer is complete.
impl<'r> Responder<'r, 'static> for Refused {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let Self(rejection) = self;
        Kept::of(request).ended(request, rejection.clone());
        if Attached::of(request).is_some() { Err(rejection.status()) } else { rejection.respond_to(request) }
    }
}

/// Stops the launch where [`Rampart`](crate::Rampart) is not attached.
impl Sentinel for Refused {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        Attached::is_missing(rocket)
    }
}

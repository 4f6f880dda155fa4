//! What an application may set, per `App`, scope or resource.

use std::fmt;
use std::sync::Arc;

use actix_web::{HttpRequest, web};
use rampart_core::{Rejection, adapter};

use crate::answer::Answer;
use crate::rejection::AuthRejection;

type ErrorHandler = Arc<dyn Fn(AuthRejection, &HttpRequest) -> actix_web::Error + Send + Sync>;

/// Settings for guards and middleware: put one into `app_data` of an `App`, a scope or a resource.
///
/// The one nearest to the route counts. Middleware sees the `app_data` of what it wraps and of everything further out, so
/// that of an `App` sees only the settings of the `App`.
///
/// ```
/// use actix_web::http::header::WWW_AUTHENTICATE;
/// use actix_web::{App, HttpResponse, error::InternalError};
/// use rampart_actix::RampartConfig;
///
/// let config = RampartConfig::default().error_handler(|rejection, _request| {
///     let mut answer = HttpResponse::build(actix_web::ResponseError::status_code(&rejection));
///     for challenge in rejection.challenges() {
///         answer.append_header((WWW_AUTHENTICATE, challenge));
///     }
///     let answer = answer.body(format!("no entry: {}", rejection.error().code()));
///     InternalError::from_response(rejection, answer).into()
/// });
/// let app = App::new().app_data(config);
/// ```
#[derive(Clone, Default)]
pub struct RampartConfig {
    error_handler: Option<ErrorHandler>,
}

impl RampartConfig {
    /// Makes the answers to refused requests: called once for each refusal, when a guard, middleware or `user.require(..)` in a
    /// handler makes it.
    ///
    /// Return `rejection.into()` to keep the usual answer. What the error answers is taken from it at once: status, headers and
    /// body. A body must be in memory; one that is a stream could be given only once, so that the usual answer is given instead
    /// and the log says so.
    #[must_use]
    pub fn error_handler(
        mut self,
        handler: impl Fn(AuthRejection, &HttpRequest) -> actix_web::Error + Send + Sync + 'static,
    ) -> Self {
        self.error_handler = Some(Arc::new(handler));
        self
    }

    /// The settings nearest to the request; as for the extractors of actix-web, `web::Data` around them does no harm.
    fn of(request: &HttpRequest) -> Option<&Self> {
        request.app_data::<Self>().or_else(|| request.app_data::<web::Data<Self>>().map(web::Data::get_ref))
    }

    /// The rejection of this request, with what the application's error handler makes of it.
    pub(crate) fn refuse(rejection: Rejection, request: &HttpRequest) -> AuthRejection {
        let rejection = AuthRejection::from(rejection);
        let Some(handler) = Self::of(request).and_then(|config| config.error_handler.as_ref()) else {
            return rejection;
        };
        let answer = Answer::of(&handler(rejection.clone(), request));
        if answer.is_none() {
            adapter::not_set_up(
                "an error handler has answered with a stream, which cannot be kept: give its answer a body in memory",
            );
        }
        rejection.answered(answer)
    }
}

impl fmt::Debug for RampartConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RampartConfig").field("error_handler", &self.error_handler.is_some()).finish()
    }
}

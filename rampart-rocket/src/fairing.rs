//! The fairing: it brings the auth object to the guards, and the rejections to the caller.

use rampart_core::{RampartAuth, adapter};
use rocket::catcher::{self, Catcher};
use rocket::fairing::{self, Fairing, Info, Kind};
use rocket::http::Status;
use rocket::response::Responder;
use rocket::{Build, Data, Request, Response, Rocket};

use crate::head::Sent;
use crate::kept::Kept;

/// What the guards look for: it is there only where the fairing is attached.
pub(crate) struct Attached(pub(crate) RampartAuth);

/// Sets up an application for the guards: `rocket::build().attach(Rampart::fairing(auth))`.
///
/// - The [`RampartAuth`] becomes managed state: handlers may take `&State<RampartAuth>`. There is one in an application; a
///   second, other one stops the launch.
/// - Where the application has no default catcher at `/`, one is registered: it answers requests that a guard has refused,
///   and leaves all others to Rocket. The application's own catchers, for a status or for a path, go before it.
/// - To answers of the application's own catchers to such requests it adds `WWW-Authenticate`, `Retry-After` and `Cache-Control`
///   where they are missing. A 401 that a handler gives by itself stays as it is.
///
/// A fairing that registers a default catcher at `/` when it ignites must be attached before this one: afterwards it would
/// collide.
#[derive(Clone, Debug)]
pub struct Rampart {
    auth: RampartAuth,
}

impl Rampart {
    /// The fairing for an auth object.
    pub const fn fairing(auth: RampartAuth) -> Self {
        Self { auth }
    }
}

#[rocket::async_trait]
impl Fairing for Rampart {
    fn info(&self) -> Info {
        Info { name: "Rampart", kind: Kind::Ignite | Kind::Request | Kind::Response }
    }

    async fn on_ignite(&self, mut rocket: Rocket<Build>) -> fairing::Result {
        match rocket.state::<RampartAuth>() {
            Some(other) if !other.is_same(&self.auth) => {
                adapter::not_set_up(
                    "the Rocket manages another RampartAuth already: attach Rampart::fairing(auth) once, and manage no other",
                );
                return Err(rocket);
            }
            Some(_) => {}
            None => rocket = rocket.manage(self.auth.clone()),
        }
        if rocket.state::<Attached>().is_none() {
            rocket = rocket.manage(Attached(self.auth.clone()));
        }
        let has_default = rocket.catchers().any(|catcher| catcher.code.is_none() && catcher.base.path() == "/");
        Ok(if has_default { rocket } else { rocket.register("/", [default_catcher()]) })
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        Sent::remember(request);
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        // Rejections are errors: nothing is looked up for the answers that most requests get.
        if response.status().code >= 400
            && let Some(rejection) = Kept::of(request).answered(request, response.status())
        {
            rejection.complete(response);
        }
    }
}

fn default_catcher() -> Catcher {
    let mut catcher = Catcher::new(None, answer);
    catcher.name = Some("Rampart".into());
    catcher
}

/// Answers where a guard is the reason; otherwise as Rocket does without a catcher.
fn answer<'r>(status: Status, request: &'r Request<'_>) -> catcher::BoxFuture<'r> {
    Box::pin(async move {
        match Kept::of(request).answered(request, status) {
            Some(rejection) => rejection.respond_to(request),
            None => Catcher::default().handler.handle(status, request).await,
        }
    })
}

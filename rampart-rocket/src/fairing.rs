//! The fairing: it brings the auth object to the guards, and the rejections to the caller.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use rampart_core::{Claims, RampartAuth, adapter};
use rocket::catcher::{self, Catcher};
use rocket::fairing::{self, Fairing, Info, Kind};
use rocket::http::Status;
use rocket::response::Responder;
use rocket::{Build, Data, Request, Response, Rocket};

use crate::attached::Attached;
use crate::head::Sent;
use crate::kept::Kept;
use crate::settings;

/// Sets up an application for the guards: `rocket::build().attach(Rampart::fairing(auth))`.
///
/// - The [`RampartAuth`] becomes managed state: handlers may take `&State<RampartAuth>`. There is one in an application; a
///   second, other one stops the launch.
/// - Where the application has no default catcher at `/`, one is registered: it answers requests that a guard has refused,
///   and leaves all others to Rocket. The application's own catchers, for a status or for a path, go before it.
/// - To answers of the application's own catchers to such requests it adds `WWW-Authenticate`, `Retry-After` and `Cache-Control`
///   where they are missing. A 401 that a handler gives by itself stays as it is.
/// - Where proofs need a nonce ([`Dpop::nonces`](rampart_core::Dpop::nonces)), good answers bring a new one in time; not those
///   whose `Cache-Control` lets somebody keep them, and one without that field gets `no-store` with it.
///
/// A fairing that registers a default catcher at `/` when it ignites must be attached before this one: afterwards it would
/// collide.
#[must_use = "a fairing does nothing unless it is attached"]
#[derive(Clone, Debug)]
pub struct Rampart {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Object(RampartAuth),
    Configuration,
}

impl Rampart {
    /// The fairing for an auth object.
    pub const fn fairing(auth: RampartAuth) -> Self {
        Self { source: Source::Object(auth) }
    }

    /// The fairing for the settings of Rocket's own configuration: those of [`Settings`](crate::Settings), in its section `rampart`.
    ///
    /// ```toml
    /// [default.rampart]
    /// issuer_url = "https://auth.example.com"
    /// audience = "my-api"
    /// ```
    ///
    /// Or `ROCKET_RAMPART='{issuer_url="https://auth.example.com",audience="my-api"}'`. They are read when Rocket ignites; without a
    /// section, or with a wrong one, it does not launch, and the log names the key and the remedy.
    ///
    /// Where there are groups of routes too, one object is made of the section for both:
    ///
    /// ```no_run
    /// use rampart_rocket::{Rampart, RampartAuth, RampartAuthExt};
    /// use rocket::fs::FileServer;
    ///
    /// #[rocket::main]
    /// async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let rocket = rocket::build();
    ///     let auth = RampartAuth::from_settings(rocket.figment().extract_inner("rampart")?)?;
    ///     let reports = auth.require_auth().routes(FileServer::from("reports"));
    ///     rocket.attach(Rampart::fairing(auth)).mount("/reports", reports).launch().await?;
    ///     Ok(())
    /// }
    /// ```
    pub const fn from_figment() -> Self {
        Self { source: Source::Configuration }
    }

    /// The claims of this request, once a guard or group of this crate has let it pass: for fairings and catchers, such as an access
    /// log.
    ///
    /// `None` where none has run, and where nobody is signed in. A guard that refuses for want of a role or scope changes
    /// nothing here: what an earlier one has found stays.
    ///
    /// ```
    /// use rampart_rocket::Rampart;
    /// use rocket::fairing::AdHoc;
    ///
    /// let access_log = AdHoc::on_response("Access log", |request, response| Box::pin(async move {
    ///     let user = Rampart::claims(request).map_or("-".into(), |claims| claims.sub.clone());
    ///     println!("{user} {} {} {}", request.method(), request.uri().path(), response.status().code);
    /// }));
    /// ```
    pub fn claims(request: &Request<'_>) -> Option<Arc<Claims>> {
        Kept::of(request).claims()
    }
}

/// What `#[rocket::async_trait]` makes of an `async fn`. Written out, what has nothing to await is done in the call, and what is left, of
/// no size, costs no request an allocation.
type Done<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

fn done<'a>() -> Done<'a> {
    Box::pin(poll_fn(|_| Poll::Ready(())))
}

#[rocket::async_trait]
impl Fairing for Rampart {
    fn info(&self) -> Info {
        Info { name: "Rampart", kind: Kind::Ignite | Kind::Request | Kind::Response }
    }

    async fn on_ignite(&self, mut rocket: Rocket<Build>) -> fairing::Result {
        let auth = match &self.source {
            Source::Object(auth) => auth.clone(),
            Source::Configuration => match settings::auth(rocket.figment()) {
                Ok(auth) => auth,
                Err(problem) => {
                    adapter::not_set_up(&problem);
                    return Err(rocket);
                }
            },
        };
        match rocket.state::<RampartAuth>() {
            Some(other) if !other.is_same(&auth) => {
                adapter::not_set_up(
                    "the Rocket manages another RampartAuth already: attach the fairing once, and manage no other",
                );
                return Err(rocket);
            }
            Some(_) => {}
            None => rocket = rocket.manage(auth.clone()),
        }
        if rocket.state::<Attached>().is_none() {
            rocket = rocket.manage(Attached(auth));
        }
        let has_default = rocket.catchers().any(|catcher| catcher.code.is_none() && catcher.base.path() == "/");
        Ok(if has_default { rocket } else { rocket.register("/", [default_catcher()]) })
    }

    fn on_request<'s, 'q, 'l, 'd, 'b, 'a>(&'s self, request: &'q mut Request<'l>, _: &'d mut Data<'b>) -> Done<'a>
    where
        's: 'a,
        'q: 'a,
        'l: 'a,
        'd: 'a,
        'b: 'a,
        Self: 'a,
    {
        Sent::remember(request);
        done()
    }

    fn on_response<'r, 's, 'l, 'm, 'a>(&'s self, request: &'r Request<'l>, response: &'m mut Response<'r>) -> Done<'a>
    where
        'r: 'a,
        's: 'a,
        'l: 'a,
        'm: 'a,
        Self: 'a,
    {
        // Rejections are errors: nothing is looked up for the answers that most requests get.
        if response.status().code >= 400
            && let Some(rejection) = Kept::of(request).answered(request, response.status())
        {
            rejection.complete(response);
        }
        if request.headers().contains("dpop") {
            Kept::of(request).complete(response);
        }
        done()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_in_the_call_allocates_nothing() {
        assert_eq!(size_of_val(&*done()), 0);
    }
}

//! Who has asked for a guard: a route, whose request ends with a refusal, or `Result`, `Option` and `Outcome`, which hand the
//! refusal to the handler.

use std::convert::Infallible;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::OnceLock;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

/// The future that `#[rocket::async_trait]` makes of an `async fn`; written out, a guard learns who has called it.
pub(crate) type Asking<'a, G, E> = Pin<Box<dyn Future<Output = Outcome<G, E>> + Send + 'a>>;

/// The place in the source where a guard was asked for.
///
/// Rocket does not tell a guard who asks: its own `Result<G, G::Error>` asks for `G` exactly as a route does. But a route does it
/// in the file of the application, and those three in one file of Rocket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked(&'static Location<'static>);

impl Asked {
    #[track_caller]
    pub(crate) fn here() -> Self {
        Self(Location::caller())
    }

    /// Whether the handler gets a refusal as a value, and decides by itself what to answer.
    pub(crate) async fn is_left_to_the_handler(self, request: &Request<'_>) -> bool {
        static WITHIN: OnceLock<Option<&'static str>> = OnceLock::new();
        let within = match WITHIN.get() {
            Some(within) => *within,
            None => {
                let place = match Result::<Probe, Infallible>::from_request(request).await {
                    Outcome::Success(Ok(Probe(place))) => Some(place.file()),
                    _ => None,
                };
                // A compiler that is told to leave places out says the same of all of them.
                let place = place.filter(|file| *file != Location::caller().file());
                *WITHIN.get_or_init(|| place)
            }
        };
        within == Some(self.0.file())
    }
}

/// Where it was asked for.
struct Probe(&'static Location<'static>);

impl<'r> FromRequest<'r> for Probe {
    type Error = Infallible;

    #[track_caller]
    fn from_request<'l, 'a>(_: &'r Request<'l>) -> Asking<'a, Self, Infallible>
    where
        'r: 'a,
        'l: 'a,
        Self: 'a,
    {
        Box::pin(std::future::ready(Outcome::Success(Self(Location::caller()))))
    }
}

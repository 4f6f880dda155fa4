//! Who is signed in, kept with the request: what the extensions of a request are on other frameworks.

use std::sync::Arc;

use parking_lot::Mutex;
use rampart_core::Claims;
use rampart_core::adapter::{Carry, Verified};
use rocket::Request;

use crate::fairing::Rampart;

/// In the local state of a request, which can be set only once, so that the change is within.
#[derive(Default)]
struct Carried(Mutex<Option<Arc<Claims>>>);

impl Rampart {
    /// The claims of this request, once a guard of this crate has let it pass: for fairings and catchers, such as an access log.
    ///
    /// `None` where no guard has run, and where nobody is signed in. A guard that refuses for want of a role or scope changes
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
        request.local_cache(Carried::default).0.lock().clone()
    }
}

/// Once a guard has decided.
pub(crate) fn carry(request: &Request<'_>, verified: &Verified, passed: bool) {
    let mut carried = request.local_cache(Carried::default).0.lock();
    match verified.carry(passed, carried.as_ref()) {
        Carry::Unchanged => {}
        Carry::Insert(claims) => *carried = Some(claims),
        Carry::Remove => *carried = None,
    }
}

//! What a handler asks further of a request that a guard has let in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::answer::headers::Headers;
use crate::answer::rejection::Rejection;
use crate::asked::Asked;
use crate::auth::RampartAuth;
use crate::outcome::{Outcome, valid_still};
use crate::requirement::policy::Policy;
use crate::token::claims::Claims;

/// Kept by a guard for its handler, which learns only on its way what the request must be allowed: its refusals are those that a guard
/// would have made, with the same realm, and they name the scopes of the guards before.
pub struct Inquiry {
    auth: RampartAuth,
    recent_until: Duration,
    headers: Headers,
    asked: Asked,
}

impl Outcome<'_> {
    /// For the handler of the request, with the claims that this outcome has let in.
    pub fn inquiry(&self) -> Inquiry {
        let Self { auth, recent_until, headers, asked, .. } = *self;
        Inquiry { auth: auth.clone(), recent_until, headers: headers.clone(), asked: asked.shared() }
    }
}

impl Inquiry {
    /// The claims, where there are some and they meet the policy. What passes is asked for too, as by a guard.
    ///
    /// # Errors
    /// The answer for the caller: that of a request without a token where there are no claims.
    pub fn require<'c>(
        &'c self,
        claims: Option<&'c Arc<Claims>>,
        policy: &Policy,
    ) -> Result<&'c Arc<Claims>, Rejection> {
        let Self { auth, recent_until, headers, asked } = self;
        let claims = valid_still(auth, claims, *recent_until);
        Outcome { auth, claims, recent_until: *recent_until, headers, asked }.meeting(policy)
    }
}

/// Of the same request.
impl Clone for Inquiry {
    fn clone(&self) -> Self {
        let Self { auth, recent_until, headers, asked } = self;
        Self { auth: auth.clone(), recent_until: *recent_until, headers: headers.clone(), asked: asked.shared() }
    }
}

impl fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inquiry")
    }
}

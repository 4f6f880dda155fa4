//! What a layer asks of every request.

use crate::requirement::policy::Policy;

/// What a layer or middleware asks of a request.
#[derive(Clone, Debug)]
pub struct Gate {
    pub(crate) required: bool,
    pub(crate) policy: Option<Policy>,
}

impl Gate {
    /// A good token, whatever it allows.
    pub const fn required() -> Self {
        Self { required: true, policy: None }
    }

    /// No token, or a good one.
    pub const fn optional() -> Self {
        Self { required: false, policy: None }
    }

    /// A good token that meets a policy.
    pub const fn policy(policy: Policy) -> Self {
        Self { required: true, policy: Some(policy) }
    }
}

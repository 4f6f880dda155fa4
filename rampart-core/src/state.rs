//! For axum: an application's state in an `Arc`.

use std::sync::Arc;

use axum_core::extract::FromRef;

use crate::auth::RampartAuth;

/// `Arc<App>` gives what `App` gives. An application cannot say so itself: neither `Arc` nor `RampartAuth` is its own (E0117).
impl<T> FromRef<Arc<T>> for RampartAuth
where
    Self: FromRef<T>,
{
    fn from_ref(state: &Arc<T>) -> Self {
        Self::from_ref(&**state)
    }
}

//! Requests that are being answered: from when they have come to the last byte of the answer, or to the end of the connection.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::fault::{Endpoint, FaultyBody};
use crate::state::Shared;

/// One of them, until it is dropped.
pub(crate) struct Flight {
    endpoint: Endpoint,
    shared: Arc<Shared>,
}

impl Flight {
    pub(crate) fn begin(endpoint: Endpoint, shared: &Arc<Shared>) -> Self {
        if let Some(flights) = shared.state.lock().flights.get_mut(endpoint as usize) {
            flights.begin();
        }
        Self { endpoint, shared: Arc::clone(shared) }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(flights) = self.shared.state.lock().flights.get_mut(self.endpoint as usize) {
            flights.end();
        }
    }
}

/// The body of an answer, with the flight that ends with it.
pub(crate) struct InFlight {
    pub(crate) body: FaultyBody,
    pub(crate) _flight: Option<Flight>,
}

impl Body for InFlight {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

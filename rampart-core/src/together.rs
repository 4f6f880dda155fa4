//! Futures side by side.

use std::future::{Future, poll_fn};
use std::task::Poll;

/// All of them side by side; the first error, once all have ended.
pub(crate) async fn together<E, F: Future<Output = Result<(), E>>>(futures: impl Iterator<Item = F>) -> Result<(), E> {
    let mut futures: Vec<_> = futures.map(|future| Some(Box::pin(future))).collect();
    let mut outcome = Ok(());
    poll_fn(|context| {
        for slot in &mut futures {
            let Some(future) = slot else { continue };
            if let Poll::Ready(ended) = future.as_mut().poll(context) {
                *slot = None;
                if outcome.is_ok() {
                    outcome = ended;
                }
            }
        }
        if futures.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outcome
}

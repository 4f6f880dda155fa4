//! The race of one token through all libraries: the same token, the same checks as far as each of them can.
//!
//! All check the signature, `exp`, `nbf`, issuer and audience, and hand out all claims. Keys are prepared before, where a library
//! has a form for that.

use std::time::Duration;

use rampart_issuer::{SigningKey, TokenBuilder};

use crate::common::measuring;
use crate::common::report::{Table, nanos, times};
use crate::common::rounds::{Contender, Effort, race};
use crate::common::subject::{ALGORITHMS, Ground, Subject};

/// A library with its keys, or nothing where it lacks the algorithm.
pub type Peer = for<'a> fn(&'a Ground, &'a Subject, &SigningKey) -> Option<Contender<'a>>;

const OURS: &str = "Rampart, full verification";

/// The usual token, made by `token` into one that all of them take.
pub fn run(title: &str, token: fn(TokenBuilder) -> TokenBuilder, peers: &[Peer]) {
    let effort = if measuring() { Effort { rounds: 201, block: Duration::from_millis(1) } } else { Effort::SMOKE };
    let mut table = Table::new(title, ["algorithm", "library", "µs", "× Rampart's full verification"]);
    for algorithm in ALGORITHMS {
        let ground = Ground::new();
        let key = ground.issuer.add_key(algorithm).unwrap();
        let subject = ground.subject_of(&key, token(ground.token(&key, 0)).sign().unwrap());
        let mut contenders = vec![
            Contender::new(OURS, || subject.full()),
            Contender::new("Rampart, cached token", || subject.hit()),
            Contender::new("aws-lc-rs, the signature check alone", || subject.bare()),
        ];
        if subject.is_known_to_jsonwebtoken() {
            contenders.push(Contender::new("jsonwebtoken", || subject.jsonwebtoken()));
        }
        contenders.extend(peers.iter().filter_map(|peer| peer(&ground, &subject, &key)));
        let results = race(effort, &contenders);
        for contender in &contenders {
            let ratio = results.ratio(&contender.name, OURS);
            let time = nanos(results.nanos(&contender.name));
            table.row([algorithm.as_str().to_owned(), contender.name.clone(), time, times(ratio)]);
        }
    }
    table.print();
}

/// Polls a call that has nothing to wait for: the same cost of driving a future for everyone.
#[allow(dead_code, reason = "not every library is asynchronous")]
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(outcome) => outcome,
        std::task::Poll::Pending => panic!("there should be nothing to wait for"),
    }
}

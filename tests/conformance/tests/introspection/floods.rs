//! Many requests at once: IN12, IN14.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rampart_conformance::fixture::FIXTURE;
use rampart_conformance::wire::{Connection, at_once, on_each_connection};
use rampart_issuer::{Endpoint, Fault};

use crate::{Ground, as_it_is, is_good, is_invalid, is_unavailable, request};

/// One framework at a time, for the sake of open files.
static CROWD: Mutex<()> = Mutex::new(());

pub(crate) fn in12_thousand_requests_make_one_question_whoever_goes_away(ground: &Ground) {
    let _alone = CROWD.lock();
    let world = ground.world(as_it_is);
    let token = world.token().issue();
    world.issuer.inject(Endpoint::Introspection, Fault::Delay(Duration::from_secs(2)));
    let request = request("/protected", &token);
    let mut first = Connection::open(world.address).unwrap();
    first.send(&request).unwrap();
    FIXTURE.wait(world.issuer.received(Endpoint::Introspection, 1));
    drop(first);
    let replies = at_once(world.address, &vec![request; 1000], on_each_connection());
    for reply in &replies {
        is_good(reply);
    }
    assert_eq!((replies.len(), world.questions()), (1000, 1));
}

const STRANGERS: usize = 4000;

pub(crate) fn in14_flood_of_strangers_does_not_reach_known_users(ground: &Ground) {
    let _alone = CROWD.lock();
    let world = ground.world(as_it_is);
    let users: Vec<_> = (0..20).map(|_| world.token().issue()).collect();
    for user in &users {
        is_good(&world.ask(user));
    }
    world.issuer.inject(Endpoint::Introspection, Fault::Delay(Duration::from_millis(200)));
    let requests: Vec<_> = (0..STRANGERS).map(|number| request("/protected", &format!("stranger-{number}"))).collect();
    let started = Instant::now();
    let (replies, rounds) = std::thread::scope(|scope| {
        let flood = scope.spawn(|| at_once(world.address, &requests, 40));
        let mut rounds = 0;
        while !flood.is_finished() || rounds < 2 {
            // Beyond the time for which an answer is believed: each must be asked about anew, in the midst of the flood.
            world.time.pass(31);
            for user in &users {
                is_good(&world.ask(user));
            }
            rounds += 1;
        }
        (flood.join().unwrap(), rounds)
    });
    let seconds = started.elapsed().as_secs();
    let mut unavailable = 0;
    for reply in &replies {
        if reply.status == 503 {
            is_unavailable(reply, 1..=5);
            unavailable += 1;
        } else {
            is_invalid(reply);
        }
    }
    assert_eq!(replies.len(), STRANGERS);
    assert!((1..=10 * (seconds + 2)).contains(&unavailable), "{unavailable} in {seconds} s");
    let most = world.issuer.most_in_flight(Endpoint::Introspection);
    assert!((2..=64).contains(&most), "{most}");
    // A known user takes a place of its own, one at a time; all others are the strangers'.
    assert!(most <= 33, "strangers have half of the places: {most}");
    // A place takes 200 ms, so that 32 of them hold 160 questions a second.
    let asked = world.questions() - users.len() * (rounds + 1);
    assert!(asked as u64 <= 160 * (seconds + 2), "{asked} in {seconds} s");
}

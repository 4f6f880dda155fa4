//! Names of a resolver's issuers: a name server that says nothing holds up nobody else, and no name leads into our network.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rampart_core::{Event, Grants, Issuer, RampartAuth, RampartAuthBuilder};
use tokio::net::TcpListener;

use crate::support::{DUE, Request, World, at_once, crowd, outliving, quiet, unavailable, until, verdicts};

/// New issuers that are asked for their keys at once.
const NEW: usize = 32;
/// Look-ups in all, of new issuers and of known ones.
const ALL: usize = 96;

/// Name servers that know this machine by every name, until they are told to say nothing.
#[derive(Clone, Default)]
struct NameServers(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Whether they say nothing of this name, in whatever part of it.
    silent_about: Option<&'static str>,
    /// How many look-ups of each name wait for a word.
    waiting: HashMap<String, usize>,
    most: usize,
}

impl NameServers {
    fn look_up(&self, name: &str) -> Vec<SocketAddr> {
        let mut state = self.0.state.lock();
        *state.waiting.entry(name.to_owned()).or_default() += 1;
        state.most = state.most.max(state.waiting.values().sum());
        let is_silent = |state: &mut State| state.silent_about.is_some_and(|part| name.contains(part));
        self.0.changed.wait_while(&mut state, is_silent);
        let of_name = state.waiting.remove(name).unwrap_or_default();
        if of_name > 1 {
            state.waiting.insert(name.to_owned(), of_name - 1);
        }
        vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))]
    }

    fn are_silent_about(&self, part: Option<&'static str>) {
        self.0.state.lock().silent_about = part;
        self.0.changed.notify_all();
    }

    fn waiting(&self) -> usize {
        self.0.state.lock().waiting.values().sum()
    }

    /// The most that have waited at once, and the most of one name that wait now.
    fn most(&self) -> (usize, usize) {
        let state = self.0.state.lock();
        (state.most, state.waiting.values().copied().max().unwrap_or_default())
    }
}

/// A runtime does not end before its threads do.
struct SpeakAtLast(NameServers);

impl Drop for SpeakAtLast {
    fn drop(&mut self) {
        self.0.are_silent_about(None);
    }
}

/// Every tenant is served by the one issuer, under a name of its own.
fn auth_of(world: &World, servers: &NameServers) -> RampartAuth {
    let (audience, servers) = (world.issuer.audience().to_owned(), servers.clone());
    let tenant = move |iss: &str| Some(Issuer::new(iss, &*audience).allow_http(true).allow_private_addresses(true));
    let builder = RampartAuth::builder_of(tenant).issuers_expire_after(Duration::from_secs(1_000_000));
    let builder = builder.__looking_up_by(move |name| Ok(servers.look_up(name)));
    builder.clock(world.time.clock()).__apart_from_others().build().unwrap()
}

fn iss_of(world: &World, host: &str) -> String {
    world.issuer.url().replace("127.0.0.1", host)
}

fn token_of(world: &World, host: &str) -> String {
    outliving(world.issuer.token().at(world.time.unix()).issuer(&iss_of(world, host)))
}

#[tokio::test]
async fn is21_name_servers_of_new_issuers_that_say_nothing_hold_no_more_threads_than_there_are_places() {
    let (world, servers) = (World::new().await, NameServers::default());
    let _at_last = SpeakAtLast(servers.clone());
    let auth = auth_of(&world, &servers);
    let known = token_of(&world, "known.example");
    assert_eq!(auth.verify(&known).await.unwrap().iss, iss_of(&world, "known.example"));

    servers.are_silent_about(Some("slow"));
    for wave in 0..4 {
        let ask = |tenant| Request::waiting(&auth, &token_of(&world, &format!("slow-{wave}-{tenant}.example")));
        let asking: Vec<_> = (0..40).map(ask).collect();
        until("look-ups", || servers.waiting() >= NEW).await;
        quiet().await;
        // Each gives up after 2 s, the request after 5 s; the look-ups go on.
        for _ in 0..3 {
            world.time.pass(Duration::from_secs(2)).await;
            quiet().await;
        }
        for request in asking {
            assert!(request.verdict().await.is_err());
        }
        assert_eq!(servers.waiting(), NEW, "after wave {wave}");
    }
    // What blocks has threads left, and one that is known is looked up.
    assert_eq!(tokio::task::spawn_blocking(|| 1).await.unwrap(), 1);
    let before = world.fetches();
    world.time.pass(DUE).await;
    at_once(&auth, &known).unwrap();
    until("a refresh of the known one", || world.fetches() == before + 1).await;
    // A newcomer has to wait, and is looked up when there is a word.
    let newcomer = token_of(&world, "new.example");
    let request = Request::waiting(&auth, &newcomer);
    world.time.pass(Duration::from_secs(6)).await;
    assert!(request.verdict().await.is_err());
    servers.are_silent_about(None);
    until("the look-ups to be over", || servers.waiting() == 0).await;
    assert_eq!(auth.verify(&newcomer).await.unwrap().iss, iss_of(&world, "new.example"));
}

#[tokio::test]
async fn is21_name_servers_of_known_issuers_that_say_nothing_hold_one_thread_each_and_not_all() {
    let (world, servers) = (World::new().await, NameServers::default());
    let _at_last = SpeakAtLast(servers.clone());
    let auth = auth_of(&world, &servers);
    let tenants: Vec<_> = (0..120).map(|tenant| token_of(&world, &format!("tenant-{tenant}.example"))).collect();
    let by_address = world.token();
    for token in tenants.iter().chain([&by_address]) {
        auth.verify(token).await.unwrap();
    }
    servers.are_silent_about(Some("tenant"));
    for _ in 0..5 {
        world.time.pass(DUE).await;
        let asking: Vec<_> = tenants.iter().flat_map(|token| crowd(&auth, token, 1)).collect();
        until("look-ups", || servers.waiting() == ALL).await;
        for _ in 0..3 {
            quiet().await;
            world.time.pass(Duration::from_secs(2)).await;
        }
        // The keys at hand serve on.
        assert!(verdicts(asking).await.into_iter().all(|verdict| verdict.is_ok()));
    }
    assert_eq!(servers.most(), (ALL, 1));
    assert_eq!(tokio::task::spawn_blocking(|| 1).await.unwrap(), 1);
    // An address needs no look-up.
    let before = world.fetches();
    auth.verify(&by_address).await.unwrap();
    assert_eq!(world.fetches(), before + 1);
}

/// An issuer of the settings may be anywhere; one of a resolver beside it may not, whatever HTTP client there is for the other.
#[tokio::test]
async fn is24_issuers_of_the_settings_lead_those_of_a_resolver_to_no_private_address() {
    let world = World::new().await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (port, connections) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            drop(connection);
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let told = Arc::new(Mutex::new(Vec::new()));
    let servers = NameServers::default();
    let auth = |allow: bool| -> RampartAuth {
        let (audience, heard, servers) = (world.issuer.audience().to_owned(), Arc::clone(&told), servers.clone());
        let builder: RampartAuthBuilder = RampartAuth::builder("https://fixed.example", &*audience)
            .issuer(Issuer::new("https://fixed-too.example", &*audience).grants(Grants::nothing()))
            .issuers(move |iss: &str| Some(Issuer::new(iss, &*audience).allow_private_addresses(allow)))
            .__looking_up_by(move |name| Ok(servers.look_up(name)))
            .on_event(move |event| {
                if let Event::KeyFetchFailed { error, .. } = event {
                    heard.lock().push((*error).to_owned());
                }
            });
        builder.clock(world.time.clock()).__apart_from_others().build().unwrap()
    };
    let iss = format!("https://tenant.example:{port}");
    let token = outliving(world.issuer.token().at(world.time.unix()).issuer(&iss));
    unavailable(auth(false).verify(&token).await);
    let why = told.lock().pop().unwrap();
    assert!(why.contains("its name leads to no public address"), "{why}");
    assert_eq!(connections.load(Ordering::Relaxed), 0);
    // By permission it is connected to, and found to speak no TLS.
    unavailable(auth(true).verify(&token).await);
    let why = told.lock().pop().unwrap();
    assert!(why.contains("the connection failed") && !why.contains("public address"), "{why}");
    until("a connection", || connections.load(Ordering::Relaxed) > 0).await;
}

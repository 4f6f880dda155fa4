//! Look-ups of names that a stranger may have named: however slow a name server is, they hold only so many threads.
//!
//! The system's resolver cannot be called off. Whoever waits for it gives up after two seconds, but it goes on in its thread, for half a
//! minute where a name server says nothing; and the threads for that are those that a runtime has for all that blocks, 512 unless set.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How a name is looked up: in a thread that may block. The ports do not count.
pub type LookUp = Arc<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// Look-ups of which so many are under way at once, and one of each name; those that nobody waits for any more included.
pub struct Lookups {
    look_up: LookUp,
    all: Arc<Semaphore>,
    names: Mutex<HashMap<String, Arc<OfName>>>,
}

struct OfName {
    turn: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_under_way: bool,
    /// What is dropped when the look-up that is under way is over.
    kept: Option<Box<dyn Any + Send>>,
}

impl Lookups {
    /// By the system, at most so many at once.
    pub fn new(most: usize) -> Self {
        Self::by(most, Arc::new(|name| (name, 0).to_socket_addrs().map(Iterator::collect)))
    }

    /// By something else.
    pub fn by(most: usize, look_up: LookUp) -> Self {
        Self { look_up, all: Arc::new(Semaphore::new(most)), names: Mutex::default() }
    }

    /// The addresses of a name. Whoever asks while the name is being looked up, or too many are, waits.
    pub(crate) async fn addresses(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let of_name = {
            let mut names = self.names.lock();
            // A name that nobody looks up or waits for is forgotten.
            names.retain(|_, of_name| Arc::strong_count(of_name) > 1);
            Arc::clone(names.entry(bare(name)).or_default())
        };
        let turn = Arc::clone(&of_name.turn).acquire_owned().await.map_err(io::Error::other)?;
        let place = Arc::clone(&self.all).acquire_owned().await.map_err(io::Error::other)?;
        let under_way = UnderWay::begin(of_name, [turn, place]);
        let (look_up, name) = (Arc::clone(&self.look_up), name.to_owned());
        let looking_up = tokio::task::spawn_blocking(move || {
            let _until_it_is_over = under_way;
            look_up(&name)
        });
        looking_up.await.map_err(io::Error::other)?
    }

    /// Keeps something until the look-up of a name that is under way is over, and drops it at once where there is none. One thing is kept
    /// for each: a second one has cost no further thread.
    pub fn keep_while_under_way(&self, name: &str, kept: impl Send + 'static) {
        let Some(of_name) = self.names.lock().get(&bare(name)).cloned() else { return };
        let mut state = of_name.state.lock();
        if state.is_under_way && state.kept.is_none() {
            state.kept = Some(Box::new(kept));
        }
    }
}

impl Default for OfName {
    fn default() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)), state: Mutex::default() }
    }
}

/// A look-up in its thread, from when it is given to one until it is over.
struct UnderWay {
    of_name: Arc<OfName>,
    #[expect(dead_code, reason = "what counts is when they are dropped")]
    places: [OwnedSemaphorePermit; 2],
}

impl UnderWay {
    fn begin(of_name: Arc<OfName>, places: [OwnedSemaphorePermit; 2]) -> Self {
        of_name.state.lock().is_under_way = true;
        Self { of_name, places }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let over = std::mem::take(&mut *self.of_name.state.lock());
        drop(over);
    }
}

impl fmt::Debug for Lookups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookups").field("free", &self.all.available_permits()).finish_non_exhaustive()
    }
}

/// A name in the one form of all that mean the same.
pub(crate) fn bare(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::Ipv4Addr;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use tokio::task::JoinHandle;

    use super::*;

    const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    /// Name servers of which each answers when the test says so, and the names that they have been asked for.
    struct Slow {
        lookups: Arc<Lookups>,
        asked: Receiver<String>,
        answers: Arc<Mutex<HashMap<String, Sender<()>>>>,
    }

    impl Slow {
        fn new(most: usize) -> Self {
            let ((tell, asked), answers) = (channel(), Arc::<Mutex<HashMap<String, Sender<()>>>>::default());
            let waiting = Arc::clone(&answers);
            let look_up = move |name: &str| {
                let (answer, answered) = channel();
                waiting.lock().insert(name.to_owned(), answer);
                let _ = tell.send(name.to_owned());
                answered.recv().map_err(io::Error::other)?;
                Ok(vec![HERE])
            };
            Self { lookups: Arc::new(Lookups::by(most, Arc::new(look_up))), asked, answers }
        }

        fn ask(&self, name: &str) -> JoinHandle<io::Result<Vec<SocketAddr>>> {
            let (lookups, name) = (Arc::clone(&self.lookups), name.to_owned());
            tokio::spawn(async move { lookups.addresses(&name).await })
        }

        async fn is_asked(&self) -> String {
            for _ in 0..10_000 {
                tokio::task::yield_now().await;
                if let Ok(name) = self.asked.recv_timeout(Duration::from_millis(1)) {
                    return name;
                }
            }
            panic!("nobody was asked")
        }

        async fn is_not_asked(&self) {
            for _ in 0..20 {
                tokio::task::yield_now().await;
                assert_eq!(self.asked.recv_timeout(Duration::from_millis(1)).ok(), None);
            }
        }

        fn answer(&self, name: &str) {
            self.answers.lock().remove(name).unwrap().send(()).unwrap();
        }
    }

    #[tokio::test]
    async fn name_is_looked_up_once_at_a_time_and_however_it_is_written() {
        let slow = Slow::new(8);
        let first = slow.ask("tenant.example");
        assert_eq!(slow.is_asked().await, "tenant.example");
        let (second, other) = (slow.ask("TENANT.example."), slow.ask("other.example"));
        assert_eq!(slow.is_asked().await, "other.example");
        slow.is_not_asked().await;
        slow.answer("tenant.example");
        assert_eq!(first.await.unwrap().unwrap(), [HERE]);
        assert_eq!(slow.is_asked().await, "TENANT.example.");
        slow.answer("TENANT.example.");
        slow.answer("other.example");
        assert!(second.await.unwrap().is_ok() && other.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn look_ups_that_nobody_waits_for_any_more_count_until_they_are_over() {
        let slow = Slow::new(2);
        for name in ["a", "b"] {
            let asking = slow.ask(name);
            assert_eq!(slow.is_asked().await, name);
            asking.abort();
            assert!(asking.await.unwrap_err().is_cancelled());
        }
        let (third, again) = (slow.ask("c"), slow.ask("a"));
        slow.is_not_asked().await;
        slow.answer("b");
        assert_eq!(slow.is_asked().await, "c");
        slow.answer("c");
        assert!(third.await.unwrap().is_ok());
        slow.is_not_asked().await;
        slow.answer("a");
        assert_eq!(slow.is_asked().await, "a");
        slow.answer("a");
        assert!(again.await.unwrap().is_ok());
        assert_eq!(slow.lookups.all.available_permits(), 2);
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_for_a_turn_takes_none() {
        let slow = Slow::new(1);
        let first = slow.ask("a");
        slow.is_asked().await;
        for waiting in [slow.ask("a"), slow.ask("b")] {
            tokio::task::yield_now().await;
            waiting.abort();
            assert!(waiting.await.unwrap_err().is_cancelled());
        }
        slow.answer("a");
        assert!(first.await.unwrap().is_ok());
        slow.is_not_asked().await;
        let last = slow.ask("b");
        assert_eq!(slow.is_asked().await, "b");
        slow.answer("b");
        assert!(last.await.unwrap().is_ok());
        let names: Vec<_> = slow.lookups.names.lock().keys().cloned().collect();
        assert_eq!(names, ["b"], "names are not remembered");
    }

    #[tokio::test]
    async fn what_is_kept_for_a_look_up_goes_with_it() {
        let slow = Slow::new(8);
        let (kept, others) = (Arc::new(()), Arc::new(()));
        slow.lookups.keep_while_under_way("a", Arc::clone(&kept));
        assert_eq!(Arc::strong_count(&kept), 1, "nobody looks it up");
        let asking = slow.ask("a");
        slow.is_asked().await;
        asking.abort();
        slow.lookups.keep_while_under_way("A.", Arc::clone(&kept));
        slow.lookups.keep_while_under_way("a", Arc::clone(&others));
        slow.lookups.keep_while_under_way("b", Arc::clone(&others));
        assert_eq!((Arc::strong_count(&kept), Arc::strong_count(&others)), (2, 1));
        slow.answer("a");
        for _ in 0..10_000 {
            if Arc::strong_count(&kept) == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("it is still kept");
    }

    #[tokio::test]
    async fn look_up_that_panics_gives_its_place_back() {
        let lookups = Lookups::by(1, Arc::new(|_| panic!("as the test wants it")));
        for _ in 0..3 {
            assert!(lookups.addresses("a").await.is_err());
        }
        assert_eq!(lookups.all.available_permits(), 1);
    }

    #[tokio::test]
    async fn system_knows_this_machine() {
        let found = Lookups::new(1).addresses("localhost").await.unwrap();
        assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()), "{found:?}");
    }
}

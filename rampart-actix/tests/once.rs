//! One verification a request, however many guards and middleware ask, also while keys are fetched: actix-web starts all guards of a
//! handler together.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::TestRequest;
use actix_web::{App, Error, FromRequest, HttpRequest, body::MessageBody, rt, web};
use rampart_actix::{AuthRejection, Event, OptionalAuth, RampartAuth, RampartAuthExt, RequireAuth, roles};
use rampart_issuer::{Algorithm, Endpoint, Fault, LocalIssuer};
use support::{issuer, offline};
use tokio::sync::Notify;

roles!(Admin = "admin");

type Guarded = Result<RequireAuth, AuthRejection>;
type GuardedAdmin = Result<RequireAuth<Admin>, AuthRejection>;
type Optional = Result<OptionalAuth, AuthRejection>;

/// What was decided about requests.
#[derive(Clone, Default)]
struct Decisions(Arc<Mutex<Vec<&'static str>>>);

impl Decisions {
    fn tell(&self, event: &Event<'_>) {
        let name = match event {
            Event::TokenMissing => "missing",
            Event::TokenRefused(_) => "refused",
            Event::Insufficient { .. } => "insufficient",
            _ => return,
        };
        self.0.lock().unwrap().push(name);
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// One that has no keys, and nothing that it has verified before.
fn cold(issuer: &LocalIssuer, decisions: &Decisions) -> RampartAuth {
    let decisions = decisions.clone();
    RampartAuth::builder(issuer.url(), issuer.audience())
        .token_cache_bytes(0)
        .on_event(move |event| decisions.tell(event))
        .build()
        .unwrap()
}

/// Its signature is another key's.
fn forged(issuer: &LocalIssuer) -> String {
    let kid = issuer.kids()[0].clone();
    let stranger = issuer.add_unpublished_key(Algorithm::ES256).unwrap();
    issuer.token().key(&stranger).kid(&kid).sign().unwrap()
}

/// Lets everybody pass, and asks all the same.
async fn look(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut request = request;
    let _ = request.extract::<RequireAuth>().await;
    next.call(request).await
}

async fn lenient(one: Guarded, two: GuardedAdmin, three: Optional) -> String {
    format!("{} {} {}", one.is_ok(), two.is_ok(), three.is_ok())
}

#[actix_web::test]
async fn bad_token_is_refused_once_however_many_wait_for_the_keys() {
    for path in ["/guards", "/middleware", "/all"] {
        let issuer = issuer().await;
        let decisions = Decisions::default();
        let auth = cold(&issuer, &decisions);
        let client = serve!(
            App::new()
                .app_data(web::Data::new(auth.clone()))
                .service(web::resource("/guards").to(lenient))
                .service(web::resource("/middleware").wrap(auth.require_auth()).wrap(from_fn(look)).to(lenient))
                .service(web::resource("/all").wrap(from_fn(look)).to(lenient))
        );
        issuer.inject(Endpoint::Jwks, Fault::Delay(Duration::from_millis(50)));
        let answer = client.get_with(path, &forged(&issuer)).await;
        let status = if path == "/middleware" { 401 } else { 200 };
        assert_eq!(answer.status, status, "{path}");
        if status == 200 {
            assert_eq!(answer.body, "false false false", "{path}");
        }
        assert_eq!(decisions.take(), ["refused"], "{path}");
        assert_eq!(issuer.requests(Endpoint::Jwks), 1, "{path}");
    }
}

#[actix_web::test]
async fn good_token_makes_one_set_of_claims_however_many_wait_for_the_keys() {
    async fn same(one: RequireAuth, two: RequireAuth<Admin>, three: OptionalAuth) -> String {
        let (one, two, three) = (one.into_claims(), two.into_claims(), three.into_claims().unwrap());
        format!("{} {}", Arc::ptr_eq(&one, &two), Arc::ptr_eq(&two, &three))
    }
    let issuer = issuer().await;
    let data = web::Data::new(cold(&issuer, &Decisions::default()));
    let client = serve!(App::new().app_data(data.clone()).route("/", web::get().to(same)));
    issuer.inject(Endpoint::Jwks, Fault::Delay(Duration::from_millis(50)));
    client.get_with("/", &issuer.token().roles(["admin"]).sign().unwrap()).await.is_ok("true true");
}

/// As by frameworks that ask one guard after another.
#[actix_web::test]
async fn request_is_refused_by_one_guard_alone() {
    async fn strict(_: OptionalAuth, _: RequireAuth<Admin>, _: RequireAuth<Admin>) -> &'static str {
        "in"
    }
    let issuer = issuer().await;
    let decisions = Decisions::default();
    let listener = decisions.clone();
    let fixed = offline(&issuer).on_event(move |event| listener.tell(event)).build().unwrap();
    let fetched = cold(&issuer, &decisions);
    let token = issuer.token();
    let cases = [
        (None, 401, &["missing"][..]),
        (Some(forged(&issuer)), 401, &["refused"]),
        (Some(token.clone().sign().unwrap()), 403, &["insufficient"]),
        (Some(token.roles(["admin"]).sign().unwrap()), 200, &[]),
    ];
    for auth in [fixed, fetched] {
        let data = web::Data::new(auth);
        let client = serve!(App::new().app_data(data.clone()).route("/", web::get().to(strict)));
        for (token, status, told) in &cases {
            let answer = match token {
                Some(token) => client.get_with("/", token).await,
                None => client.get("/").await,
            };
            assert_eq!((answer.status, &*decisions.take()), (*status, *told));
        }
    }
}

/// Whoever polls a guard, and is woken when it goes on.
#[derive(Default)]
struct Task(Notify);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

impl Task {
    fn poll<F: Future>(self: &Arc<Self>, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(self))))
    }

    /// Polls whenever it is woken, and never else.
    async fn run<F: Future>(self: &Arc<Self>, mut future: Pin<&mut F>) -> F::Output {
        loop {
            if let Poll::Ready(output) = self.poll(future.as_mut()) {
                return output;
            }
            self.is_woken().await;
        }
    }

    async fn is_woken(&self) {
        let woken = tokio::time::timeout(Duration::from_secs(10), self.0.notified()).await;
        woken.expect("it is left behind");
    }
}

fn request(auth: &RampartAuth, token: &str) -> TestRequest {
    let request = TestRequest::default().insert_header((AUTHORIZATION, format!("Bearer {token}")));
    request.app_data(web::Data::new(auth.clone()))
}

type Guard = <RequireAuth as FromRequest>::Future;

fn guard(request: &HttpRequest) -> Guard {
    RequireAuth::extract(request)
}

/// Both that have begun and that have driven it last.
#[actix_web::test]
async fn guard_that_is_dropped_while_it_waits_leaves_nobody_behind() {
    for first_is_dropped in [true, false] {
        let issuer = issuer().await;
        let decisions = Decisions::default();
        let auth = cold(&issuer, &decisions);
        issuer.inject(Endpoint::Jwks, Fault::Delay(Duration::from_millis(50)));
        let request = request(&auth, &issuer.token().sub("ada").sign().unwrap()).to_http_request();
        let (mut dropped, mut kept) = (Box::pin(guard(&request)), Box::pin(guard(&request)));
        let (one, other) = (Arc::new(Task::default()), Arc::new(Task::default()));
        if first_is_dropped {
            assert!(one.poll(dropped.as_mut()).is_pending());
            assert!(other.poll(kept.as_mut()).is_pending());
        } else {
            assert!(other.poll(kept.as_mut()).is_pending());
            assert!(one.poll(dropped.as_mut()).is_pending());
        }
        drop(dropped);
        other.is_woken().await;
        assert_eq!(other.run(kept.as_mut()).await.unwrap().sub, "ada");
        assert_eq!(issuer.requests(Endpoint::Jwks), 1);
    }
}

#[actix_web::test]
async fn guards_of_several_tasks_are_each_woken_and_verify_once() {
    let issuer = issuer().await;
    let decisions = Decisions::default();
    let auth = cold(&issuer, &decisions);
    issuer.inject(Endpoint::Jwks, Fault::Delay(Duration::from_millis(50)));
    let request = request(&auth, &forged(&issuer)).to_http_request();
    let tasks = [(); 3].map(|()| {
        let guard = guard(&request);
        rt::spawn(async move {
            let mut guard = pin!(guard);
            Arc::new(Task::default()).run(guard.as_mut()).await.unwrap_err()
        })
    });
    for task in tasks {
        assert_eq!(*task.await.unwrap().error(), rampart_actix::AuthError::InvalidToken);
    }
    assert_eq!(decisions.take(), ["refused"]);
}

/// What nobody waits for any more is given up, and is in nobody's way.
#[actix_web::test]
async fn guard_that_comes_after_all_were_dropped_begins_anew() {
    let issuer = issuer().await;
    let auth = cold(&issuer, &Decisions::default());
    issuer.inject(Endpoint::Jwks, Fault::Delay(Duration::from_millis(50)));
    let request = request(&auth, &issuer.token().sub("ada").sign().unwrap()).to_http_request();
    for _ in 0..3 {
        let task = Arc::new(Task::default());
        assert!(task.poll(Box::pin(guard(&request)).as_mut()).is_pending());
    }
    assert_eq!(guard(&request).await.unwrap().sub, "ada");
}

/// Middleware that has asked, and given up waiting, may put another token in the place of the first.
#[actix_web::test]
async fn verification_under_way_says_nothing_of_another_token() {
    let issuer = issuer().await;
    let auth = cold(&issuer, &Decisions::default());
    issuer.inject(Endpoint::Jwks, Fault::Delay(Duration::from_millis(50)));
    let [root, eve] = ["root", "eve"].map(|sub| issuer.token().sub(sub).sign().unwrap());
    let mut request = request(&auth, &root).to_srv_request();
    let task = Arc::new(Task::default());
    let mut given_up = Box::pin(request.extract::<RequireAuth>());
    assert!(task.poll(given_up.as_mut()).is_pending());
    drop(given_up);
    request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {eve}")).unwrap());
    assert_eq!(request.extract::<RequireAuth>().await.unwrap().sub, "eve");
    request.headers_mut().remove(AUTHORIZATION);
    assert!(request.extract::<OptionalAuth>().await.unwrap().is_none());
}

/// Or middleware that keeps one could change nothing of its request any more.
#[actix_web::test]
async fn guard_that_is_done_lets_go_of_its_request() {
    let issuer = issuer().await;
    for auth in [offline(&issuer).build().unwrap(), cold(&issuer, &Decisions::default())] {
        let mut request = request(&auth, &issuer.token().sub("ada").sign().unwrap()).to_srv_request();
        let mut done = Box::pin(request.extract::<RequireAuth>());
        assert_eq!(done.as_mut().await.unwrap().sub, "ada");
        request.headers_mut().remove(AUTHORIZATION);
        assert!(Arc::new(Task::default()).poll(done.as_mut()).is_pending(), "asked again, it never passes");
    }
}

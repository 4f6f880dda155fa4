//! Groups of routes: what they guard, whose catchers answer, and what guards further in find.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]
#![allow(clippy::needless_pass_by_value, reason = "a guard is a parameter")]

mod support;

use std::fs;
use std::path::PathBuf;

use rampart_issuer::{Endpoint, LocalIssuer};
use rampart_rocket::{
    AuthError, AuthRejection, AuthRoutes, OptionalAuth, Policy, RampartAuth, RampartAuthExt, Refused, RequireAuth,
    roles, scopes,
};
use rocket::error::ErrorKind;
use rocket::fs::{FileServer, Options};
use rocket::http::Status;
use rocket::response::status::{Forbidden, Unauthorized};
use rocket::{Request, Route, catch, catchers, get, post, routes};
use support::{Verifications, bare, expired, forged, issuer, offline, offline_auth, plain, serve, with};

roles!(Admin = "admin");
scopes! {
    Read = "tasks:read";
    Write = "tasks:write";
}

/// Knows nothing of tokens.
#[get("/open")]
fn open() -> &'static str {
    "inside"
}

#[get("/user")]
fn user(user: RequireAuth) -> String {
    user.sub.clone()
}

#[get("/admin")]
fn admin(user: RequireAuth<Admin>) -> String {
    user.sub.clone()
}

#[get("/optional")]
fn optional(user: OptionalAuth) -> String {
    user.as_ref().map_or_else(|| "anonymous".to_owned(), |user| user.sub.clone())
}

/// Lets everybody pass, whatever the guard says.
#[get("/lenient")]
fn lenient(user: Result<RequireAuth, AuthRejection>) -> &'static str {
    if user.is_ok() { "somebody" } else { "nobody" }
}

#[get("/writer")]
fn writer(user: RequireAuth<Write>) -> String {
    user.sub.clone()
}

#[get("/handler")]
fn handler(user: RequireAuth) -> Result<String, Refused> {
    user.require(&Policy::scopes(["tasks:write"]))?;
    Ok(user.sub.clone())
}

/// The groups that need a token, and what each says of one that is good and no more.
fn groups(auth: &RampartAuth) -> [(&'static str, AuthRoutes, AuthError); 4] {
    [
        ("/user", auth.require_auth(), AuthError::InvalidToken),
        ("/role", auth.require_roles(["admin"]), AuthError::insufficient_role(["admin"])),
        ("/scope", auth.require_scopes(["tasks:write"]), AuthError::insufficient_scope(["tasks:write"])),
        (
            "/policy",
            auth.require(Policy::roles(["admin"]).and(Policy::scopes(["tasks:write"]))),
            AuthError::insufficient_role(["admin"]),
        ),
    ]
}

fn may_all(issuer: &LocalIssuer) -> String {
    issuer.token().sub("ada").roles(["admin"]).scope("tasks:write").sign().unwrap()
}

#[tokio::test]
async fn group_guards_handlers_that_know_nothing_of_tokens() {
    let issuer = issuer().await;
    let auth = offline(&issuer).realm("tasks").build().unwrap();
    // With the fairing a catcher answers, without it the group itself: to the caller it is the same.
    for rocket in [with(&auth), bare()] {
        let mut rocket = rocket.mount("/optional", auth.optional_auth().routes(routes![open]));
        for (base, group, _) in groups(&auth) {
            rocket = rocket.mount(base, group.routes(routes![open]));
        }
        let client = serve(rocket).await;
        for (base, _, lacks) in groups(&auth) {
            let path = format!("{base}/open");
            client.get_with(&path, &may_all(&issuer)).await.is_ok("inside");
            client.get_with(&path, &forged(&issuer)).await.is_rejection(&auth, AuthError::InvalidToken);
            client.get_with(&path, &expired(&issuer)).await.is_rejection(&auth, AuthError::TokenExpired);
            match lacks {
                AuthError::InvalidToken => client.get_with(&path, &plain(&issuer)).await.is_ok("inside"),
                lacks => client.get_with(&path, &plain(&issuer)).await.is_rejection(&auth, lacks),
            }
            let anonymous = client.get(&path).await;
            assert_eq!(anonymous.status, 401);
            let scope = if ["/scope", "/policy"].contains(&base) { r#", scope="tasks:write""# } else { "" };
            assert_eq!(anonymous.header("www-authenticate"), Some(&*format!(r#"Bearer realm="tasks"{scope}"#)));
        }
        client.get("/optional/open").await.is_ok("inside");
        client.get_with("/optional/open", &plain(&issuer)).await.is_ok("inside");
        client.get_with("/optional/open", &forged(&issuer)).await.is_rejection(&auth, AuthError::InvalidToken);
        client.get_with("/optional/open", &expired(&issuer)).await.is_rejection(&auth, AuthError::TokenExpired);
    }
}

#[tokio::test]
async fn empty_list_denies_everyone() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let rocket = with(&auth)
        .mount("/roles", auth.require_roles([""; 0]).routes(routes![open]))
        .mount("/scopes", auth.require_scopes([""; 0]).routes(routes![open]));
    let client = serve(rocket).await;
    for path in ["/roles/open", "/scopes/open"] {
        assert_eq!(client.get_with(path, &may_all(&issuer)).await.status, 403, "{path}");
    }
}

/// A directory with one file.
struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("rampart-rocket-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("report.txt"), "secret").unwrap();
        Self(directory)
    }

    fn server(&self) -> FileServer {
        FileServer::new(&self.0, Options::default())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// What a file server does not have it leaves to others.
#[get("/<_..>", rank = 20)]
fn elsewhere() -> &'static str {
    "elsewhere"
}

#[tokio::test]
async fn group_guards_a_file_server_and_passes_its_forwards_on() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let files = Files::new("files");
    for rocket in [with(&auth), bare()] {
        let rocket = rocket
            .mount("/files", auth.require_roles(["admin"]).routes(files.server()))
            .mount("/more", auth.require_auth().routes(files.server()))
            .mount("/more", routes![elsewhere]);
        let client = serve(rocket).await;
        let admin = support::admin(&issuer);
        for path in ["/files/report.txt", "/files/missing.txt", "/files", "/files/..%2fx"] {
            client.get(path).await.is_rejection(&auth, AuthError::MissingToken);
            let lacks_role = AuthError::insufficient_role(["admin"]);
            client.get_with(path, &plain(&issuer)).await.is_rejection(&auth, lacks_role);
        }
        client.get_with("/files/report.txt", &admin).await.is_ok("secret");
        let missing = client.get_with("/files/missing.txt", &admin).await;
        assert_eq!((missing.status, missing.header("www-authenticate")), (404, None));
        client.get_with("/more/report.txt", &admin).await.is_ok("secret");
        client.get_with("/more/missing.txt", &admin).await.is_ok("elsewhere");
        client.get("/more/missing.txt").await.is_rejection(&auth, AuthError::MissingToken);
    }
}

#[tokio::test]
async fn head_request_is_guarded_as_get_is() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    for rocket in [with(&auth), bare()] {
        let client = serve(rocket.mount("/", auth.require_auth().routes(routes![open]))).await;
        let answer = client.request("HEAD", "/open", &[]).await;
        assert_eq!((answer.status, &*answer.body), (401, ""));
        answer.has_headers(&client.get("/open").await.headers.iter().map(|(n, v)| (&**n, &**v)).collect::<Vec<_>>());
        let bearer = format!("Authorization: Bearer {}", plain(&issuer)).into_bytes();
        let answer = client.request("HEAD", "/open", &[bearer]).await;
        assert_eq!((answer.status, &*answer.body), (200, ""));
    }
}

#[tokio::test]
async fn routes_of_a_group_are_what_they_were_but_for_their_handlers() {
    #[post("/named/<_>?<q>", rank = 7, format = "application/json", data = "<body>")]
    fn named(q: u8, body: String) -> String {
        format!("{q} {body}")
    }
    let auth = offline_auth(&issuer().await);
    let before = routes![named, open];
    let after = auth.require_auth().routes(before.clone());
    let seen = |routes: &[Route]| {
        let parts =
            |route: &Route| (route.name.clone(), route.method, route.uri.to_string(), route.rank, route.format.clone());
        routes.iter().map(parts).collect::<Vec<_>>()
    };
    assert_eq!(seen(&after), seen(&before));
}

#[tokio::test]
async fn guards_within_a_group_ask_for_the_fairing_as_ever() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    for guarded in [routes![user], routes![optional], routes![lenient], routes![handler]] {
        let routes = auth.require_auth().routes(guarded);
        let error = bare().mount("/", routes.clone()).ignite().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::SentinelAborts(_)), "{error}");
        assert!(with(&auth).mount("/", routes).ignite().await.is_ok());
    }
    assert!(bare().mount("/", auth.require_auth().routes(routes![open])).ignite().await.is_ok());
}

#[catch(401)]
fn unauthorized(request: &Request<'_>) -> String {
    format!("401 {:?}", AuthRejection::from_request(request).map(|rejection| rejection.error().code()))
}

#[catch(default)]
fn any(status: Status, request: &Request<'_>) -> String {
    format!("{} {:?}", status.code, AuthRejection::from_request(request).map(|rejection| rejection.error().code()))
}

#[tokio::test]
async fn catchers_of_the_application_answer_where_the_fairing_is_attached() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let other = offline(&issuer).realm("other").build().unwrap();
    for catchers in [catchers![unauthorized], catchers![any]] {
        // Whosever the group is.
        for (group, realm) in [(auth.require_auth(), "default"), (other.require_auth(), "other")] {
            let rocket = with(&auth).register("/", catchers.clone()).mount("/", group.routes(routes![open]));
            let answer = serve(rocket).await.get("/open").await;
            assert_eq!((answer.status, &*answer.body), (401, r#"401 Some("unauthorized")"#));
            answer.has_headers(&[
                ("cache-control", "no-store"),
                ("content-type", "text/plain; charset=utf-8"),
                ("www-authenticate", &format!("Bearer realm=\"{realm}\"")),
            ]);
        }
        let rocket = bare().register("/", catchers).mount("/", auth.require_auth().routes(routes![open]));
        serve(rocket).await.get("/open").await.is_rejection(&auth, AuthError::MissingToken);
    }
}

#[tokio::test]
async fn answer_of_a_handler_within_a_group_is_its_own() {
    #[get("/401")]
    fn own_unauthorized() -> Unauthorized<&'static str> {
        Unauthorized("wrong password")
    }
    #[get("/403")]
    fn own_forbidden(user: Result<RequireAuth<Admin>, AuthRejection>) -> Forbidden<&'static str> {
        assert!(user.is_err());
        Forbidden("not today")
    }
    #[get("/status")]
    fn own_status() -> Status {
        Status::Unauthorized
    }
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let routes = auth.optional_auth().routes(routes![own_unauthorized, own_forbidden, own_status]);
    let client = serve(with(&auth).mount("/", routes)).await;
    for token in [None, Some(plain(&issuer))] {
        for (path, status) in [("/401", 401), ("/403", 403), ("/status", 401)] {
            let answer = match &token {
                None => client.get(path).await,
                Some(token) => client.get_with(path, token).await,
            };
            assert_eq!((answer.status, answer.header("www-authenticate")), (status, None), "{path}");
        }
    }
}

#[tokio::test]
async fn guards_within_a_group_reuse_its_verification() {
    let issuer = issuer().await;
    let verifications = Verifications::default();
    let auth = verifications.of(offline(&issuer));
    let inner = auth.require_roles(["admin"]).routes(routes![open, user, admin, optional, lenient]);
    let client = serve(with(&auth).mount("/", auth.require_auth().routes(inner))).await;
    for path in ["/open", "/user", "/admin", "/optional", "/lenient"] {
        assert_eq!(client.get_with(path, &support::admin(&issuer)).await.status, 200, "{path}");
        assert_eq!(verifications.take(), 1, "{path}");
    }
    let lacks_role = AuthError::insufficient_role(["admin"]);
    client.get_with("/user", &plain(&issuer)).await.is_rejection(&auth, lacks_role);
    assert_eq!(verifications.take(), 1);
}

#[tokio::test]
async fn group_of_another_auth_object_vouches_for_no_guard() {
    let (issuer, others) = (issuer().await, issuer().await);
    let (verifications, of_group) = (Verifications::default(), Verifications::default());
    let auth = verifications.of(offline(&issuer));
    let same_issuer = of_group.of(offline(&issuer));
    let client = serve(with(&auth).mount("/", same_issuer.require_auth().routes(routes![user]))).await;
    client.get_with("/user", &plain(&issuer)).await.is_ok("ada");
    assert_eq!((verifications.take(), of_group.take()), (1, 1));

    let other_issuer = offline_auth(&others);
    let client = serve(with(&auth).mount("/", other_issuer.require_auth().routes(routes![user, lenient]))).await;
    client.get_with("/user", &plain(&issuer)).await.is_rejection(&auth, AuthError::InvalidToken);
    client.get_with("/user", &plain(&others)).await.is_rejection(&auth, AuthError::InvalidToken);
    client.get_with("/lenient", &plain(&others)).await.is_ok("nobody");
}

#[tokio::test]
async fn refusal_within_a_group_names_the_scopes_of_the_group_too() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let group = auth.require_scopes(["tasks:read"]);
    let nested = auth.require_scopes(["tasks:write"]).routes(routes![open]);
    let client = serve(with(&auth).mount("/", group.routes([routes![writer, handler], nested].concat()))).await;
    let reader = issuer.token().scope("tasks:read").sign().unwrap();
    for path in ["/writer", "/handler", "/open"] {
        let answer = client.get_with(path, &reader).await;
        assert_eq!(answer.status, 403);
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.ends_with(r#", scope="tasks:read tasks:write""#), "{path} {challenge}");
    }
}

#[tokio::test]
async fn first_request_to_a_group_waits_for_the_keys() {
    let issuer = issuer().await;
    let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    let client = serve(with(&auth).mount("/", auth.require_auth().routes(routes![open, user]))).await;
    client.get("/open").await.is_rejection(&auth, AuthError::MissingToken);
    assert_eq!(issuer.requests(Endpoint::Jwks), 0);
    client.get_with("/user", &plain(&issuer)).await.is_ok("ada");
    client.get_with("/open", &plain(&issuer)).await.is_ok("inside");
    assert_eq!(issuer.requests(Endpoint::Jwks), 1);

    issuer.stop();
    let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    let client = serve(bare().mount("/", auth.optional_auth().routes(routes![open]))).await;
    let answer = client.get_with("/open", &plain(&issuer)).await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (503, None));
    assert!(answer.header("retry-after").is_some());
}

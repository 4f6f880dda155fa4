//! The page of the axum Task API in Chromium: on the API's own origin, on the one other origin that is let in, and elsewhere.

use browser_test::api::Api;
use browser_test::browser::{REBOUND, with_browser, with_browser_in};
use browser_test::files::{ALLOWED_PORT, serve};
use browser_test::page::{Entry, Page};

const EXPIRED: &str =
    r#"WWW-Authenticate: Bearer realm="default", error="invalid_token", error_description="The access token expired""#;

/// Each request, and what nobody, a plain user, a writer and an admin are answered.
const RIGHTS: [(&str, [&str; 4]); 7] = [
    ("GET /api/feed", ["200", "200", "200", "200"]),
    ("GET /api/profile", ["401 unauthorized", "200", "200", "200"]),
    ("GET /api/data", ["401 unauthorized", "200", "200", "200"]),
    ("GET /api/tasks", ["401 unauthorized", "200", "200", "200"]),
    ("POST /api/tasks", ["401 unauthorized", "403 insufficient_scope", "201", "403 insufficient_scope"]),
    ("GET /api/admin/stats", ["401 unauthorized", "403 insufficient_role", "403 insufficient_role", "200"]),
    ("POST /api/emails/send", ["401 unauthorized", "403 insufficient_scope", "200", "403 insufficient_scope"]),
];

async fn each_user_may_do_what_its_roles_and_scopes_say(page: &Page) {
    for (index, user) in ["", "user", "writer", "admin"].into_iter().enumerate() {
        page.sign_in(user, 3600).await;
        for (request, answers) in RIGHTS {
            assert_eq!(page.attempt(request).await, answers[index], "{request} as {user:?}");
        }
    }
    // The last user had no right to send mail: the challenge says which scope it takes.
    page.clear().await;
    page.attempt("POST /api/emails/send").await;
    let [refused] = page.log(1).await.try_into().unwrap();
    let challenge = r#"WWW-Authenticate: Bearer realm="default", error="insufficient_scope", error_description="The access token lacks the scope email:send", scope="email:send""#;
    assert_eq!((refused.status, refused.challenge.as_deref()), (403, Some(challenge)));
    page.clear().await;
}

async fn tasks_are_listed_and_created(page: &Page) {
    page.sign_in("", 3600).await;
    assert_eq!(page.tasks().await, ["Sign in to see them."]);
    page.sign_in("writer", 3600).await;
    // What the writer has created before, by trying everything.
    page.see_task("1. Try everything").await;
    page.create("Water <b>the</b> plants").await;
    // Text from a user stays text.
    page.see_task("Water <b>the</b> plants").await;
    let before = page.tasks().await;
    page.sign_in("user", 3600).await;
    page.see_task("None yet.").await;
    assert_eq!(page.tasks().await.len(), 1, "tasks of another user are not shown");
    page.clear().await;
    page.create("Not mine to create").await;
    let [refused] = page.log(1).await.try_into().unwrap();
    assert_eq!((refused.request.as_str(), refused.status), ("POST /api/tasks", 403));
    page.sign_in("writer", 3600).await;
    page.see_task("Water").await;
    assert_eq!(page.tasks().await, before);
    page.clear().await;
}

fn lines(log: &[Entry]) -> Vec<(&str, u64)> {
    log.iter().map(|entry| (entry.request.as_str(), entry.status)).collect()
}

async fn expired_token_is_replaced_once_and_the_request_repeated(page: &Page) {
    page.sign_in("admin", -60).await;
    assert_eq!(page.text("#validity").await, "expired");
    assert_eq!(page.attempt("GET /api/admin/stats").await, "200");
    let log = page.log(4).await;
    let expected = [
        ("POST /local/token", 200),
        ("GET /api/admin/stats", 401),
        ("POST /local/token", 200),
        ("GET /api/admin/stats", 200),
    ];
    assert_eq!(lines(&log), expected);
    assert_eq!(log[1].challenge.as_deref(), Some(EXPIRED));
    assert_eq!(log[1].body, r#"{"error":"token_expired","error_description":"The access token expired","status":401}"#);
    assert!(log.iter().all(|entry| !entry.body.contains("eyJ")), "no token is shown: {log:?}");
    assert_eq!(page.text("#validity").await, "valid for 60 min");

    // The new token serves on, and no other is asked for.
    page.clear().await;
    page.attempt("GET /api/profile").await;
    assert_eq!(lines(&page.log(1).await), [("GET /api/profile", 200)]);

    // Without the refresh, the 401 is the answer; a public route refuses the expired token as well.
    page.click("#refresh").await;
    page.sign_in("user", -60).await;
    page.clear().await;
    assert_eq!(page.attempt("GET /api/profile").await, "401 token_expired");
    assert_eq!(page.attempt("GET /api/feed").await, "401 token_expired");
    assert_eq!(lines(&page.log(2).await), [("GET /api/profile", 401), ("GET /api/feed", 401)]);
    page.click("#refresh").await;

    // A 403 is about rights: no new token would help, and none is asked for.
    page.sign_in("user", 3600).await;
    page.see_task("None yet.").await;
    page.clear().await;
    assert_eq!(page.attempt("GET /api/admin/stats").await, "403 insufficient_role");
    assert_eq!(lines(&page.log(1).await), [("GET /api/admin/stats", 403)]);

    // A short life shows how long it still is.
    page.sign_in("user", 10).await;
    let left = page.text("#validity").await;
    assert!(left.starts_with("valid for ") && left.ends_with(" s"), "{left}");
    page.see_task("None yet.").await;
    page.clear().await;
}

async fn everything(page: &Page) {
    each_user_may_do_what_its_roles_and_scopes_say(page).await;
    tasks_are_listed_and_created(page).await;
    expired_token_is_replaced_once_and_the_request_repeated(page).await;
}

#[tokio::test]
async fn page_works_on_the_origin_of_the_api() {
    let api = Api::start();
    let url = format!("{}/", api.origin());
    with_browser(async move |client| everything(&Page::open(client, &url).await).await).await;
}

#[tokio::test]
async fn page_works_on_the_allowed_origin_too() {
    let api = Api::start();
    let origin = api.origin().to_owned();
    serve(ALLOWED_PORT).await;
    with_browser(async move |client| {
        let page = Page::open(client, &format!("http://localhost:{ALLOWED_PORT}/?api={origin}")).await;
        assert_eq!(page.script("return location.origin").await, "http://localhost:5173");
        assert_eq!(page.text("#api").await, origin);
        everything(&page).await;

        // With credentials too, which the browser grants only where the API names this very origin; and what was exposed can be read.
        let script = format!(
            "const answer = await fetch('{origin}/api/profile', {{ credentials: 'include', headers: {{ Authorization: 'Bearer forged' }} }}); \
             return [answer.status, answer.headers.get('WWW-Authenticate'), (await answer.json()).error]"
        );
        let challenge = r#"Bearer realm="default", error="invalid_token", error_description="The access token is invalid""#;
        assert_eq!(page.script(&script).await, serde_json::json!([401, challenge, "invalid_token"]));
        // The method of the admin's route goes through the preflight, and a method of no route does not.
        let method = |method: &str| {
            format!(
                "return (await fetch('{origin}/api/admin/users/x', {{ method: '{method}', headers: {{ Authorization: 'Bearer x' }} }})).status"
            )
        };
        assert_eq!(page.script(&method("DELETE")).await, 401);
        assert_eq!(page.script(&method("PUT")).await, "TypeError: Failed to fetch");
    })
    .await;
}

#[tokio::test]
async fn other_origins_are_shut_out_by_the_browser() {
    let api = Api::start();
    let origin = api.origin().to_owned();
    let port = serve(0).await;
    with_browser(async move |client| {
        for host in ["localhost", "127.0.0.1"] {
            let page = Page::open(client.clone(), &format!("http://{host}:{port}/?api={origin}")).await;
            page.click("[data-user='admin']").await;
            let [token] = page.log(1).await.try_into().unwrap();
            assert_eq!((token.request.as_str(), token.status), ("POST /local/token", 0), "{}", token.body);
            assert_eq!(page.attempt("GET /api/feed").await, "no answer");
        }
    })
    .await;
}

#[tokio::test]
async fn name_of_another_site_that_resolves_to_this_machine_gets_no_token() {
    let api = Api::start();
    let rebound = api.origin().replace("127.0.0.1", REBOUND);
    with_browser(async move |client| {
        // To the browser this is the other site's own page, which may read every answer.
        client.goto(&format!("{rebound}/health")).await.unwrap();
        let page = Page(client);
        assert_eq!(page.script("return location.origin").await, rebound);
        let ask = |request: &str| {
            format!("const answer = await fetch({request}); return [answer.status, (await answer.json()).error ?? null]")
        };
        assert_eq!(page.script(&ask("'/api/feed'")).await, serde_json::json!([200, null]));
        let token = "'/local/token', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{\"user\":\"admin\"}' }";
        assert_eq!(page.script(&ask(token)).await, serde_json::json!([403, "host_not_allowed"]));
        assert_eq!(page.script(&ask("'/'")).await, serde_json::json!([403, "host_not_allowed"]));
    })
    .await;
}

#[tokio::test]
async fn policy_of_the_page_holds() {
    let api = Api::start();
    let origin = api.origin().to_owned();
    let port = serve(0).await;
    with_browser(async move |client| {
        let page = Page::open(client, &format!("{origin}/")).await;
        let inline = "const script = document.createElement('script'); script.textContent = 'window.ran = 1'; \
                      document.body.append(script); return 'appended'";
        let refused = page.script(inline).await;
        assert!(refused.as_str().unwrap().contains("TrustedScript"), "{refused}");
        assert!(page.script("return window.ran ?? null").await.is_null());
        let elsewhere = format!("return (await fetch('http://127.0.0.1:{port}/', {{ mode: 'no-cors' }})).type");
        assert_eq!(page.script(&elsewhere).await, "TypeError: Failed to fetch");
        let framed = "const frame = document.createElement('iframe'); frame.src = '/health'; const violation = new Promise((done) => \
                      addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective))); \
                      document.body.append(frame); return violation";
        assert_eq!(page.script(framed).await, "frame-src");
    })
    .await;
}

#[tokio::test]
async fn tokens_go_to_this_machine_alone() {
    let port = serve(0).await;
    with_browser(async move |client| {
        for api in [
            "https://api.example.com",
            "http://127.0.0.1.example.com:8000",
            "http://user@evil.example",
            "javascript:alert(1)",
            "x",
        ] {
            client.goto(&format!("http://127.0.0.1:{port}/?api={api}")).await.unwrap();
            let shown = client.wait().for_element(fantoccini::Locator::Css("body > p.card")).await.unwrap();
            assert!(shown.text().await.unwrap().starts_with("?api="), "{api}");
            assert!(client.find(fantoccini::Locator::Css("[data-user]")).await.is_err(), "{api}");
        }
    })
    .await;
}

#[tokio::test]
async fn page_is_usable_without_a_mouse_on_a_small_screen_and_in_the_dark() {
    let api = Api::start();
    let url = format!("{}/", api.origin());
    with_browser_in(true, async move |client| {
        client.set_window_size(500, 800).await.unwrap();
        let page = Page::open(client, &url).await;
        let unnamed = "return [...document.querySelectorAll('button, input, select')].filter((control) => \
                       !(control.labels?.length || control.textContent.trim())).map((control) => control.outerHTML)";
        assert_eq!(page.script(unnamed).await, serde_json::json!([]));
        assert_eq!(page.script("return document.documentElement.lang").await, "en");
        page.script("document.querySelector('[data-user=writer]').focus()").await;
        page.0.active_element().await.unwrap().send_keys("\u{e007}").await.unwrap();
        page.see_task("None yet.").await;
        page.click("#try-all").await;
        page.text("[data-result='POST /api/emails/send'] .status").await;
        assert_eq!(
            page.script("return document.documentElement.scrollWidth <= innerWidth").await,
            true,
            "nothing sticks out"
        );
        assert_eq!(page.script("return matchMedia('(prefers-color-scheme: dark)').matches").await, true);
        let weak = contrast_below(4.5);
        assert_eq!(page.script(&weak).await, serde_json::json!([]), "dark");
    })
    .await;
    let api = Api::start();
    let url = format!("{}/", api.origin());
    with_browser(async move |client| {
        let page = Page::open(client, &url).await;
        page.sign_in("writer", 3600).await;
        page.click("#try-all").await;
        page.text("[data-result='POST /api/emails/send'] .status").await;
        assert_eq!(page.script(&contrast_below(4.5)).await, serde_json::json!([]), "light");
    })
    .await;
}

/// A script that lists the texts whose contrast is below this ratio (WCAG 2.2, success criterion 1.4.3).
fn contrast_below(ratio: f64) -> String {
    format!(
        "const light = (colour) => {{ const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => {{ const c = part / 255; \
           return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }}); return 0.2126 * r + 0.7152 * g + 0.0722 * b; }}; \
         const behind = (element) => {{ for (; element; element = element.parentElement) {{ \
           const colour = getComputedStyle(element).backgroundColor; if (colour !== 'rgba(0, 0, 0, 0)') return colour; }} return 'rgb(255, 255, 255)'; }}; \
         const weak = []; \
         for (const element of document.querySelectorAll('body *')) {{ \
           if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) || !element.getClientRects().length) continue; \
           const pair = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a); \
           const contrast = (pair[0] + 0.05) / (pair[1] + 0.05); \
           if (contrast < {ratio}) weak.push(`${{element.tagName}} ${{element.textContent.slice(0, 30)}} ${{contrast.toFixed(2)}}`); }} \
         return weak"
    )
}

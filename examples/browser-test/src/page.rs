//! What a user does on the page, and sees there.

use std::time::Duration;

use fantoccini::{Client, Locator};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(20);
const INTERVAL: Duration = Duration::from_millis(30);

/// An entry of the page's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Method and path.
    pub request: String,
    /// 0 where there was no answer.
    pub status: u64,
    /// `WWW-Authenticate`, where the page could read one.
    pub challenge: Option<String>,
    /// The body as it is shown.
    pub body: String,
}

/// The page in a browser.
pub struct Page(pub Client);

impl Page {
    /// Opens the page, and waits until its script has run.
    pub async fn open(client: Client, url: &str) -> Self {
        client.goto(url).await.unwrap();
        let page = Self(client);
        page.find("html[data-ready]").await;
        page
    }

    async fn find(&self, css: &str) -> fantoccini::elements::Element {
        let wait = self.0.wait().at_most(PATIENCE).every(INTERVAL);
        wait.for_element(Locator::Css(css)).await.unwrap_or_else(|error| panic!("no {css}: {error}"))
    }

    /// Clicks on something.
    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    /// The text of something.
    pub async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap()
    }

    /// Runs a script, the body of an async function, and gives back what it returns.
    pub async fn script(&self, body: &str) -> Value {
        let script = format!(
            "const done = arguments[0]; (async () => {{ {body} }})().then(done, (error) => done(String(error)));"
        );
        self.0.execute_async(&script, Vec::new()).await.unwrap()
    }

    /// Waits until the log has so many entries, and nothing more is on its way; the oldest first.
    pub async fn log(&self, entries: usize) -> Vec<Entry> {
        self.find(&format!("#log li:nth-child({entries})")).await;
        let read = "return [...document.querySelectorAll('#log li')].reverse().map((entry) => [entry.dataset.request, \
                    Number(entry.dataset.status), entry.querySelector('.challenge')?.textContent ?? null, \
                    entry.querySelector('.body').textContent])";
        let log: Vec<(String, u64, Option<String>, String)> = serde_json::from_value(self.script(read).await).unwrap();
        assert_eq!(log.len(), entries, "{log:?}");
        log.into_iter().map(|(request, status, challenge, body)| Entry { request, status, challenge, body }).collect()
    }

    /// Empties the log.
    pub async fn clear(&self) {
        self.click("#clear").await;
    }

    /// Signs in, with a token that is valid for so many seconds: one of the choices.
    pub async fn sign_in(&self, user: &str, lifetime: i64) {
        self.click(&format!("#lifetime option[value='{lifetime}']")).await;
        // The page says it anew at the end, also where the same user signs in again.
        self.script("for (const button of document.querySelectorAll('[data-user]')) button.ariaPressed = 'false'")
            .await;
        self.click(&format!("[data-user='{user}']")).await;
        self.find(&format!("[data-user='{user}'][aria-pressed='true']")).await;
    }

    /// Tries one of the requests in the table; gives back the answer beside it.
    pub async fn attempt(&self, request: &str) -> String {
        self.script(&format!("document.querySelector(\"[data-result='{request}']\").replaceChildren()")).await;
        self.click(&format!("[data-try='{request}']")).await;
        self.text(&format!("[data-result='{request}'] .status")).await
    }

    /// The tasks as they are shown.
    pub async fn tasks(&self) -> Vec<String> {
        let read = "return [...document.querySelectorAll('#tasks li')].map((task) => task.innerText)";
        serde_json::from_value(self.script(read).await).unwrap()
    }

    /// Types a title, and Enter.
    pub async fn create(&self, title: &str) {
        let field = self.find("#title").await;
        field.clear().await.unwrap();
        field.send_keys(&format!("{title}\u{e007}")).await.unwrap();
    }

    /// Waits until a task is shown.
    pub async fn see_task(&self, text: &str) {
        for _ in 0..PATIENCE.as_millis() / INTERVAL.as_millis() {
            if self.tasks().await.iter().any(|task| task.contains(text)) {
                return;
            }
            tokio::time::sleep(INTERVAL).await;
        }
        panic!("no task {text}: {:?}", self.tasks().await);
    }
}

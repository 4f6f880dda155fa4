//! Takes the picture of the page that the README shows: `cargo run --manifest-path examples/browser-test/Cargo.toml -- FILE.png`.
//! `dark` after the file takes it in dark colours. For the repository, `pngquant FILE.png` makes a third of it.

use browser_test::api::Api;
use browser_test::browser::with_browser_in;
use browser_test::page::Page;

#[tokio::main]
async fn main() {
    let file = std::env::args().nth(1).expect("the file to write");
    let api = Api::start();
    let url = format!("{}/", api.origin());
    let dark = std::env::args().nth(2).is_some_and(|colours| colours == "dark");
    with_browser_in(dark, async move |client| {
        let page = Page::open(client.clone(), &url).await;
        page.sign_in("writer", 3600).await;
        page.see_task("None yet.").await;
        page.create("Read the documentation").await;
        page.see_task("Read the documentation").await;
        page.create("Water the plants").await;
        page.see_task("Water the plants").await;
        page.sign_in("writer", -60).await;
        page.clear().await;
        page.click("#try-all").await;
        page.text("[data-result='POST /api/emails/send'] .status").await;
        page.script("document.activeElement.blur(); scrollTo(0, 0)").await;
        let picture = client.screenshot().await.unwrap();
        std::fs::write(&file, picture).unwrap();
    })
    .await;
}

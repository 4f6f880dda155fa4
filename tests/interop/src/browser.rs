//! A user who signs in, as far as a user's browser matters to a server: it follows redirects, keeps cookies, and sends forms.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use url::Url;

use crate::http::{CLIENT, Client, Tokens};

/// Where a server sends a user who has signed in. Nothing is there, and nobody goes.
pub const CALLBACK: &str = "http://127.0.0.1:1/callback";

/// More pages than any server shows on the way.
const PAGES: usize = 12;

/// Opens `start`, and fills every form with what `user` says about its fields until the server leads to [`CALLBACK`]; gives the
/// authorization code that it brings.
pub fn sign_in(start: &str, user: &[(&str, &str)]) -> String {
    let mut cookies = BTreeMap::new();
    let mut next = (Url::parse(start).unwrap(), None);
    for _ in 0..PAGES {
        let (url, form) = next;
        if url.as_str().starts_with(CALLBACK) {
            return code_of(&url);
        }
        let request = match &form {
            Some(form) => CLIENT.post(url.clone()).form(form),
            None => CLIENT.get(url.clone()),
        };
        let sent = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let response = request.header(COOKIE, sent).send().unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            cookies.insert(name.to_owned(), value.to_owned());
        }
        next = if response.status().is_redirection() {
            (url.join(response.headers()[LOCATION].to_str().unwrap()).unwrap(), None)
        } else {
            let (status, page) = (response.status(), response.text().unwrap());
            let (action, form) = form_of(&page, user).unwrap_or_else(|| panic!("{url}: {status}, no form: {page}"));
            (url.join(&action).unwrap(), Some(form))
        };
    }
    panic!("{start} leads nowhere");
}

/// The authorization code that an address brings.
pub fn code_of(url: &Url) -> String {
    let code = url.query_pairs().find(|(name, _)| name == "code");
    code.unwrap_or_else(|| panic!("no code came: {url}")).1.into_owned()
}

/// Changes a code for tokens, with what else this server wants to have with it.
pub fn redeem(code: &str, url: &str, client: Client<'_>, more: &[(&str, &str)]) -> Tokens {
    let mut form = vec![("grant_type", "authorization_code"), ("redirect_uri", CALLBACK), ("code", code)];
    form.extend(more);
    Tokens::by(url, client, &form)
}

/// Where the form of a page goes, and what it sends.
fn form_of(page: &str, user: &[(&str, &str)]) -> Option<(String, Vec<(String, String)>)> {
    let (_, form) = page.split_once("<form")?;
    let form = form.split("</form>").next()?;
    let (tag, _) = form.split_once('>')?;
    let fields = form.split("<input").skip(1).filter_map(|input| {
        let input = input.split('>').next()?;
        let name = attribute(input, "name")?;
        let filled = user.iter().find(|(field, _)| *field == name).map(|(_, value)| (*value).to_owned());
        Some((filled.or_else(|| attribute(input, "value")).unwrap_or_default(), name))
    });
    // A form without an address goes to its own page.
    Some((attribute(tag, "action").unwrap_or_default(), fields.map(|(value, name)| (name, value)).collect()))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(rest.split('"').next()?.replace("&amp;", "&"))
}

//! A user who signs in, as far as a user's browser matters to a server: it follows redirects, keeps cookies, and sends forms.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use url::Url;

use crate::http::{CLIENT, Client, Tokens};

/// Where a server sends a user who has signed in. Nothing is there, and nobody goes.
pub const CALLBACK: &str = "http://127.0.0.1:1/callback";

/// More pages than any server shows on the way.
const PAGES: usize = 12;

/// Signs in with a new [`Browser`].
pub fn sign_in(start: &str, user: &[(&str, &str)]) -> String {
    Browser::default().sign_in(start, user)
}

/// A user's browser, with the cookies that servers have set. It belongs to one server.
#[derive(Debug, Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

/// Where it ended up.
enum Page {
    Callback(Url),
    Last { url: Url, status: StatusCode, text: String },
}

impl Browser {
    /// Opens `start`, and fills every form with what `user` says about its fields until the server leads to [`CALLBACK`]; gives the
    /// authorization code that it brings. A user who is signed in already is asked for less.
    pub fn sign_in(&mut self, start: &str, user: &[(&str, &str)]) -> String {
        match self.follow(start, user) {
            Page::Callback(url) => code_of(&url),
            Page::Last { url, status, text } => panic!("{url}: {status}, no form: {text}"),
        }
    }

    /// Opens `start`, where the user signs out, and sends every form on the way.
    pub fn sign_out(&mut self, start: &str) {
        match self.follow(start, &[]) {
            Page::Last { status: StatusCode::OK, .. } => {}
            Page::Last { url, status, text } => panic!("{url}: {status}: {text}"),
            Page::Callback(url) => panic!("signing out leads to {url}"),
        }
    }

    /// Up to [`CALLBACK`], or to a page without a form.
    fn follow(&mut self, start: &str, user: &[(&str, &str)]) -> Page {
        let mut next = (Url::parse(start).unwrap(), None);
        for _ in 0..PAGES {
            let (url, form) = next;
            if url.as_str().starts_with(CALLBACK) {
                return Page::Callback(url);
            }
            let request = match &form {
                Some(form) => CLIENT.post(url.clone()).form(form),
                None => CLIENT.get(url.clone()),
            };
            let sent =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
            let response = request.header(COOKIE, sent).send().unwrap();
            for cookie in response.headers().get_all(SET_COOKIE) {
                let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
                // One that is set to nothing is taken back.
                if value.is_empty() {
                    self.cookies.remove(name);
                } else {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
            next = if response.status().is_redirection() {
                (url.join(response.headers()[LOCATION].to_str().unwrap()).unwrap(), None)
            } else {
                let (status, text) = (response.status(), response.text().unwrap());
                let Some((action, form)) = form_of(&text, user) else { return Page::Last { url, status, text } };
                (url.join(&action).unwrap(), Some(form))
            };
        }
        panic!("{start} leads nowhere");
    }
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

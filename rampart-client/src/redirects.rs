//! Redirects that the user's HTTP client follows: none may carry a token to another server.

use reqwest::redirect::Policy;

use crate::shown::Shown;

/// Redirects for an HTTP client that carries tokens: followed up to ten times within the origin of the request (scheme, host and
/// port), and no further. One that leads to another origin is the response that the caller gets, with its 3xx status.
///
/// A client without it must not carry a token. RFC 9110 section 15.4 asks for `Authorization` to be taken off a request that
/// is redirected elsewhere. reqwest 0.13 does so with the first step there, but restores the header with a second one at the
/// same place: with its own policies, two redirects hand the token to any server that the service called names.
/// [`bearer`](crate::RampartClient::bearer) and `RampartMiddleware` refuse such a client.
///
/// ```
/// use rampart_client::redirects_within_origin;
///
/// let http = reqwest::Client::builder().redirect(redirects_within_origin()).build()?;
/// # Ok::<(), reqwest::Error>(())
/// ```
pub fn redirects_within_origin() -> Policy {
    Policy::custom(|attempt| {
        let first = attempt.previous().first();
        if first.is_some_and(|first| first.origin() == attempt.url().origin()) {
            Policy::default().redirect(attempt)
        } else {
            attempt.stop()
        }
    })
}

/// Whether a client of the user's might carry a token to another origin.
///
/// It must name no redirects at all, or a custom policy, about which nothing more can be known. Its default is not shown, and
/// counts as one that leaves, as does whatever else stands there. Texts in it are quoted and escaped, so that none of them can
/// pass for the field.
pub(crate) fn may_leave_origin(client: &Shown) -> bool {
    let follows = |policy: &str| client.as_str().contains(&format!(r#"redirect_policy: "Policy({policy})""#));
    !follows("None") && !follows("Custom")
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    use reqwest::{Client, ClientBuilder};

    use super::*;

    fn leaves(set_up: impl FnOnce(ClientBuilder) -> ClientBuilder) -> bool {
        may_leave_origin(&Shown::by(&set_up(Client::builder()).build().unwrap()))
    }

    #[test]
    fn client_shows_what_redirects_it_follows() {
        assert!(!leaves(|client| client.redirect(redirects_within_origin())));
        assert!(!leaves(|client| client.redirect(Policy::none())));
        assert!(leaves(|client| client));
        for limit in [0, 1, 10, 11] {
            assert!(leaves(|client| client.redirect(Policy::limited(limit))), "{limit}");
        }
    }

    #[test]
    fn no_text_passes_for_a_policy() {
        let text = r#"redirect_policy: "Policy(None)""#;
        let header = (HeaderName::from_static("x-text"), HeaderValue::from_str(text).unwrap());
        assert!(leaves(|client| client.user_agent(text).default_headers(HeaderMap::from_iter([header]))));
    }
}

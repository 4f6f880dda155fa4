//! Whether a request over http to this machine might leave it, by way of a proxy that could read the token.

use std::sync::LazyLock;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Client, Proxy};
use url::Url;

use crate::shown::Shown;

/// Whether nobody on the way can read what a client of the user's sends there.
pub(crate) fn is_private(client: &Shown, url: &Url) -> bool {
    is_private_directly(url) && (url.scheme() == "https" || is_bypassed(client, url))
}

/// As [`is_private`], but for proxies.
pub(crate) fn is_private_directly(url: &Url) -> bool {
    url.scheme() == "https" || rampart_http::is_loopback_for_any_client(url)
}

/// Whether a client of the user's surely sends this request without a proxy.
///
/// It must name none, or those of the environment as reqwest itself reads them, which then are asked about the address. Whatever
/// else stands there, such as a proxy that the user has set, counts as one that takes the request.
fn is_bypassed(client: &Shown, url: &Url) -> bool {
    match client.as_str().split_once(FIELD) {
        None => *IS_SHOWN,
        Some((_, proxies)) => {
            let system = Matcher::from_system();
            proxies.starts_with(&format!("[{system:?}]")) && !takes(&system, url)
        }
    }
}

fn takes(proxies: &Matcher, url: &Url) -> bool {
    url.as_str().parse().is_ok_and(|url| proxies.intercept(&url).is_some())
}

const FIELD: &str = "proxies: ";

/// Whether a client that has a proxy shows it: that none is shown proves something only then.
static IS_SHOWN: LazyLock<bool> = LazyLock::new(|| {
    let proxy = Proxy::all("http://127.0.0.1:1");
    let client = proxy.and_then(|proxy| Client::builder().proxy(proxy).tls_certs_only([]).build());
    client.is_ok_and(|client| Shown::by(&client).as_str().contains(FIELD))
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_shows_whether_it_has_a_proxy() {
        assert!(*IS_SHOWN);
        let without = Client::builder().no_proxy().build().unwrap();
        assert!(!Shown::by(&without).as_str().contains(FIELD));
    }
}

//! The HTTP client for everything that is asked of an issuer: the operator's settings, and then our limits.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

use crate::endpoint_url::EndpointUrl;
use crate::error::ConfigError;
use crate::lookups::Lookups;
use crate::loopback::is_localhost;
use crate::reach::Strangers;

/// To connect, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// No exchange of any kind takes longer, whatever deadline its caller keeps.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(31);

/// What the operator does to the client before our limits are set.
pub type SetUp = Box<dyn FnOnce(ClientBuilder) -> ClientBuilder + Send>;

/// Who has the last word on how long a connection and an exchange may take.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Timeouts {
    /// We do: 2 s to connect. The time of a whole exchange is up to the caller.
    Ours,
    /// The operator: 2 s to connect, and this for an exchange, unless something else is set. Several exchanges together are
    /// up to the caller.
    Operators(Duration),
}

/// A client with our limits, after whatever the operator has set: no redirects, no decompression, no connection kept; for requests
/// of which the first goes to `first`.
///
/// # Errors
/// Where TLS cannot be set up, or something of what the operator has set.
pub fn client(set_up: Option<SetUp>, first: &EndpointUrl, timeouts: Timeouts) -> Result<Client, ConfigError> {
    own_client(set_up, first, timeouts, |builder| builder)
}

/// The same, for requests to the host of `first` alone, which a stranger may have named: its name is looked up within the bounds of
/// `lookups`, unless the operator's settings look names up themselves. It may lead anywhere.
///
/// # Errors
/// As [`client`].
pub fn client_to_strangers_host(
    set_up: Option<SetUp>,
    first: &EndpointUrl,
    timeouts: Timeouts,
    lookups: Arc<Lookups>,
) -> Result<Client, ConfigError> {
    let strangers = Strangers { lookups, only: Some(Strangers::only(first)), must_be_public: false };
    own_client(set_up, first, timeouts, |builder| builder.dns_resolver(Arc::new(strangers)))
}

fn own_client(
    set_up: Option<SetUp>,
    first: &EndpointUrl,
    timeouts: Timeouts,
    names: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<Client, ConfigError> {
    let is_loopback = first.is_loopback();
    bounded(
        set_up,
        timeouts,
        first.is_http(),
        |builder| if is_loopback { builder.dns_resolver(Arc::new(Localhost)) } else { names(builder) },
        |builder| if is_loopback { builder.no_proxy() } else { builder },
    )
}

/// The same, for requests to hosts that a stranger may have named: no name leads it to an address that is not public, whatever the
/// operator's settings say of names in general; only a single name that they map to an address (`resolve`) stays mapped. Names are
/// looked up within the bounds of `lookups`. No proxy looks them up, unless one may for requests to the host of `by_proxy`: then the
/// proxy's own name may lead anywhere, and that host still to public addresses alone. Addresses in place of names are for the caller
/// to check: see [`is_public`](crate::is_public).
///
/// # Errors
/// As [`client`].
pub fn public_client(
    set_up: Option<SetUp>,
    timeouts: Timeouts,
    by_proxy: Option<&EndpointUrl>,
    lookups: Arc<Lookups>,
) -> Result<Client, ConfigError> {
    let public = Strangers { lookups, only: by_proxy.map(Strangers::only), must_be_public: true };
    bounded(
        set_up,
        timeouts,
        false,
        |builder| builder,
        |builder| {
            let builder = builder.dns_resolver(Arc::new(public));
            if by_proxy.is_some() { builder } else { builder.no_proxy() }
        },
    )
}

fn bounded(
    set_up: Option<SetUp>,
    timeouts: Timeouts,
    is_http: bool,
    before: impl FnOnce(ClientBuilder) -> ClientBuilder,
    after: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<Client, ConfigError> {
    // What comes before the operator's settings gives way to them.
    let mut builder = Client::builder().user_agent(concat!("rampart-rust/", env!("CARGO_PKG_VERSION")));
    if let Timeouts::Operators(default) = timeouts {
        builder = builder.connect_timeout(CONNECT_TIMEOUT).timeout(default);
    }
    builder = before(builder);
    if let Some(set_up) = set_up {
        builder = set_up(builder);
    }
    builder = after(builder);
    if is_http && !has_certificates() {
        // Nothing to verify: without this the client could not even be made. Roots that the operator gave stay.
        builder = builder.tls_certs_only([]);
    }
    if let Timeouts::Ours = timeouts {
        builder = builder.connect_timeout(CONNECT_TIMEOUT).timeout(LONGEST_TIMEOUT);
    }
    builder
        .redirect(Policy::none())
        .referer(false)
        // It would log whole requests, secrets included.
        .connection_verbose(false)
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error| cannot_be_built(&error.without_url()))
}

/// Whether TLS can be set up at all. Containers made from nothing have no certificates of authorities.
fn has_certificates() -> bool {
    Client::builder().build().is_ok()
}

fn cannot_be_built(error: &reqwest::Error) -> ConfigError {
    let remedy = if has_certificates() {
        "look at what http_client(..) sets"
    } else {
        "https needs the certificates of authorities: install them (in most systems the package ca-certificates), set SSL_CERT_FILE to a file of them, or give your own with http_client(|client| client.tls_certs_merge(..))"
    };
    ConfigError::invalid("http_client", format!("cannot be built: {}; {remedy}", innermost(error)))
}

/// What helps in a chain of errors: where it began.
pub(crate) fn innermost<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

/// Names below `localhost` are this machine without a question (RFC 6761 section 6.3): a name server that knew better could
/// send plain http anywhere, and many systems know only `localhost` itself.
struct Localhost;

impl Resolve for Localhost {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses: Addrs = if is_localhost(name.as_str()) {
                let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
                Box::new(loopback.map(|address| SocketAddr::new(address, 0)).into_iter())
            } else {
                let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
                Box::new(found.into_iter())
            };
            Ok(addresses)
        })
    }
}

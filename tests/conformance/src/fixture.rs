//! What all applications under test share: the issuer, its keys, and the auth objects.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use rampart_core::{Grants, Issuer, RampartAuth, RampartAuthBuilder, RolesFromNames};
use rampart_issuer::{Algorithm, Endpoint, Fault, LocalIssuer, SigningKey, TokenBuilder};
use tokio::runtime::Runtime;

use crate::introspection::IntrospectionApis;
use crate::resolver;
use crate::revoked;
use crate::sender::{DpopApis, Pair};

/// The time of every clock in the suite, in seconds since 1970: no test waits for an expiry.
pub const NOW: u64 = 1_800_000_000;

/// An issuer that gives its keys, which are those of the healthy one, to known callers alone.
pub const GUARDED: &str = "https://guarded.example";
/// Another spelling of the healthy issuer's name, where there are several.
pub const ALIAS: &str = "https://old.example";
/// A tenant of Microsoft Entra, and the issuer of its tokens.
pub const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
/// Of those who have a personal account.
pub const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// The issuer of a tenant's tokens.
pub fn issuer_of(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
}

/// The one fixture of a test program.
pub static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::start);

/// The issuer, its keys, and the auth objects.
#[derive(Debug)]
pub struct Fixture {
    runtime: Runtime,
    /// A healthy issuer.
    pub issuer: LocalIssuer,
    /// An issuer that answers 500 to everybody.
    pub broken: LocalIssuer,
    /// Another healthy one, whose key goes by the name of [`es256`](Self::es256).
    pub partner: LocalIssuer,
    /// All defaults, for the healthy issuer.
    pub plain: RampartAuth,
    /// As [`plain`](Self::plain), without the cache of verified tokens.
    pub plain_uncached: RampartAuth,
    /// The same issuer and the partner, but another audience, a required claim and `at+jwt` only; realm and metadata of its own.
    pub strict: RampartAuth,
    /// As [`strict`](Self::strict), without the cache of verified tokens.
    pub strict_uncached: RampartAuth,
    /// The same issuer, whose tokens say things in other claims: every setting for that.
    pub elsewhere: RampartAuth,
    /// As [`elsewhere`](Self::elsewhere), without the cache of verified tokens.
    pub elsewhere_uncached: RampartAuth,
    /// All defaults, for the broken issuer; and the partner, [`GUARDED`], as an unknown caller, and the [`resolver`].
    pub down: RampartAuth,
    /// The healthy issuer, also as [`ALIAS`]; the partner, which signs by ES256 alone and may grant the role `auditor` and the scope `tasks:read`;
    /// [`GUARDED`], as a known caller; and the [`resolver`]. Who is an admin is an auditor, and who writes may read.
    pub several: RampartAuth,
    /// As [`several`](Self::several), without the cache of verified tokens.
    pub several_uncached: RampartAuth,
    /// [`TENANT`] alone, by a list.
    pub tenants: RampartAuth,
    /// As [`tenants`](Self::tenants), without the cache of verified tokens.
    pub tenants_uncached: RampartAuth,
    /// Stands for Microsoft Entra: its keys are those of all tenants.
    pub entra: LocalIssuer,
    /// Published for the tokens of any tenant.
    pub of_any_tenant: SigningKey,
    /// Published for those of [`CONSUMERS`] alone.
    pub of_consumers: SigningKey,
    /// The healthy issuer, whose tokens may be bound to a key of their sender.
    pub dpop: DpopApis,
    /// APIs that ask their issuer about tokens.
    pub introspection: IntrospectionApis,
    /// The healthy issuer and others, of whose tokens some are [`revoked`].
    pub revoked: Pair,
    /// Published by the partner, but for an algorithm that it is not trusted with.
    pub partners_rs256: SigningKey,
    /// Further published keys; the first key of the issuer is one of RS256.
    pub es256: SigningKey,
    /// ES384.
    pub es384: SigningKey,
    /// ES512.
    pub es512: SigningKey,
    /// Published, but for an algorithm that must be asked for.
    pub ed25519: SigningKey,
    /// Of the same name as [`es256`](Self::es256), but not published.
    pub impostor: SigningKey,
    /// Not published, under a name that the issuer does not know.
    pub stranger: SigningKey,
}

/// A builder for this issuer with the suite's clock.
pub fn builder(issuer: &LocalIssuer, audience: &str) -> RampartAuthBuilder {
    builder_at(issuer, audience, NOW)
}

/// A builder for this issuer with a clock that stands at this second.
pub fn builder_at(issuer: &LocalIssuer, audience: &str, seconds: u64) -> RampartAuthBuilder {
    RampartAuth::builder(issuer.url(), audience).clock(move || SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// What the guarded issuer knows its callers by.
const KNOWN_CALLER: &str = "Bearer service-account";

/// A server of keys that answers 401 to strangers; its address.
fn serve_to_known_callers(keys: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            // Who goes away is no concern of the next one.
            let _ = connection.and_then(|connection| answer(connection, &keys));
        }
    });
    url
}

fn answer(mut connection: TcpStream, keys: &str) -> io::Result<()> {
    let mut is_known = false;
    for line in BufReader::new(&connection).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        is_known |= line
            .split_once(": ")
            .is_some_and(|(name, value)| name.eq_ignore_ascii_case("authorization") && value == KNOWN_CALLER);
    }
    let (status, body) = if is_known { ("200 OK", keys) } else { ("401 Unauthorized", "") };
    write!(connection, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

impl Fixture {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let issuer = runtime.block_on(LocalIssuer::start()).unwrap();
        let broken = runtime.block_on(LocalIssuer::builder().algorithm(Algorithm::ES256).start()).unwrap();
        broken.inject(Endpoint::Jwks, Fault::status(500));

        let key = |algorithm| issuer.add_key(algorithm).unwrap();
        let es256 = key(Algorithm::ES256);
        let (es384, es512, ed25519) = (key(Algorithm::ES384), key(Algorithm::ES512), key(Algorithm::Ed25519));
        let impostor = SigningKey::generate(Algorithm::ES256, es256.kid()).unwrap();
        let stranger = SigningKey::generate(Algorithm::ES256, "stranger").unwrap();

        let plain = || builder(&issuer, issuer.audience());
        let partner = runtime.block_on(LocalIssuer::builder().algorithm(Algorithm::ES256).start()).unwrap();
        let strict = || {
            builder(&issuer, "strict-api")
                .issuer(Issuer::new(partner.url(), "strict-api").grants(Grants::everything()))
                .realm("tasks")
                .resource_metadata("https://api.example.com/.well-known/oauth-protected-resource")
                .required_claims(["clearance"])
                .require_at_jwt(true)
        };
        let own_key = SigningKey::generate(Algorithm::ES256, es256.kid()).unwrap();
        partner.publish(own_key.clone());
        partner.use_key(&own_key);
        let partners_rs256 = partner.add_key(Algorithm::RS256).unwrap();
        let guarded_keys = serve_to_known_callers(issuer.jwks_json());
        let guarded = || Issuer::new(GUARDED, "guarded-api").jwks_url(&*guarded_keys).grants(Grants::nothing());
        let several = || {
            let grants = Grants::roles(["auditor"]).scopes(["tasks:read"]);
            plain()
                .aliases([ALIAS])
                .role_implies("admin", ["auditor"])
                .scope_implies("tasks:write", ["tasks:read"])
                .issuer(
                    Issuer::new(partner.url(), "partner-api")
                        .algorithms([rampart_core::Algorithm::ES256])
                        .grants(grants),
                )
                .issuers(resolver::tenants(&issuer, &partner))
                .issuer(guarded().fetch_header("authorization", || Ok(KNOWN_CALLER.to_owned())))
        };
        let elsewhere = || {
            builder(&issuer, issuer.audience())
                .audience_claim("/azp")
                .subject_claim("/client_id")
                .issued_at_optional(true)
                .require_claim("/tenant", ["ours"])
                .roles_from_names(RolesFromNames::at("/granted").granted_by(["ours"]))
                .permissions_claim("/permissions")
        };
        let entra = runtime.block_on(LocalIssuer::start()).unwrap();
        let of_any_tenant = SigningKey::generate(Algorithm::ES256, "any").unwrap();
        let of_consumers = SigningKey::generate(Algorithm::ES256, "consumers").unwrap();
        let published = [(&of_any_tenant, "{tenantid}"), (&of_consumers, CONSUMERS)].map(|(key, tenant)| {
            let mut jwk = key.public_jwk();
            jwk["issuer"] = issuer_of(tenant).into();
            jwk
        });
        entra.set_jwks_body(Some(serde_json::json!({"keys": published}).to_string()));
        let tenants = || {
            let jwks_url = entra.jwks_url();
            let tenants = Issuer::entra_tenants([TENANT], "tenants-api").each(move |issuer, _| {
                issuer.jwks_url(&*jwks_url).allow_private_addresses(true).grants(Grants::everything())
            });
            RampartAuth::builder_of(tenants).clock(|| SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
        };
        let with_cache = |builder: RampartAuthBuilder| builder.build().unwrap();
        let without_cache = |builder: RampartAuthBuilder| builder.token_cache_bytes(0).build().unwrap();
        let (plain, plain_uncached) = (with_cache(plain()), without_cache(plain()));
        let (strict, strict_uncached) = (with_cache(strict()), without_cache(strict()));
        let (several, several_uncached) = (with_cache(several()), without_cache(several()));
        let (elsewhere, elsewhere_uncached) = (with_cache(elsewhere()), without_cache(elsewhere()));
        let (tenants, tenants_uncached) = (with_cache(tenants()), without_cache(tenants()));
        let dpop = DpopApis::of(&issuer);
        let introspection = runtime.block_on(IntrospectionApis::start());
        let revoked = runtime.block_on(revoked::apis(&issuer, &partner));
        let down = builder(&broken, broken.audience())
            .issuer(Issuer::new(partner.url(), "partner-api").grants(Grants::nothing()))
            .issuer(guarded())
            .issuers(resolver::tenants(&issuer, &partner))
            .build()
            .unwrap();
        let fetching = [&plain, &plain_uncached, &strict, &strict_uncached, &several, &several_uncached];
        for auth in fetching
            .into_iter()
            .chain([&elsewhere, &elsewhere_uncached, &revoked.cached, &revoked.uncached])
            .chain(dpop.all())
        {
            runtime.block_on(auth.warm_up()).unwrap();
        }
        Self {
            runtime,
            issuer,
            broken,
            partner,
            plain,
            plain_uncached,
            strict,
            strict_uncached,
            elsewhere,
            elsewhere_uncached,
            down,
            several,
            several_uncached,
            tenants,
            tenants_uncached,
            entra,
            of_any_tenant,
            of_consumers,
            dpop,
            introspection,
            revoked,
            partners_rs256,
            es256,
            es384,
            es512,
            ed25519,
            impostor,
            stranger,
        }
    }

    /// A good token of a user with the role `user` for [`plain`](Self::plain), to be changed. It was signed before the issuer
    /// was asked for its keys, so that one by a key which is not among them is known to be wrong.
    pub fn token(&self) -> TokenBuilder {
        self.issuer.token().key(&self.es256).sub("ada").roles(["user"]).at(NOW).issued_at(NOW - 600)
    }

    /// A good token for [`strict`](Self::strict), and for [`plain`](Self::plain) too.
    pub fn strict_token(&self) -> TokenBuilder {
        let audiences = vec!["strict-api", self.issuer.audience()];
        self.token().audience(audiences).claim("clearance", 3).header("typ", "at+jwt")
    }

    /// A good token of the guarded issuer.
    pub fn guarded_token(&self) -> TokenBuilder {
        self.token().issuer(GUARDED).audience("guarded-api")
    }

    /// A good token of the partner for [`several`](Self::several), whose roles are more than it may grant.
    pub fn partner_token(&self) -> TokenBuilder {
        let token = self.partner.token().sub("ada").audience("partner-api").roles(["admin", "auditor"]);
        token.scope("tasks:read tasks:write").at(NOW).issued_at(NOW - 600)
    }

    /// A good token for [`elsewhere`](Self::elsewhere), without roles and scopes.
    pub fn elsewhere_token(&self) -> TokenBuilder {
        self.token().claim("tenant", "ours")
    }

    /// A good token of [`TENANT`] for [`tenants`](Self::tenants).
    pub fn tenant_token(&self) -> TokenBuilder {
        let token = self.entra.token().key(&self.of_any_tenant).sub("ada").issuer(&issuer_of(TENANT));
        token.audience("tenants-api").claim("tid", TENANT).at(NOW).issued_at(NOW - 600)
    }

    /// A token of the broken issuer, which may well be good.
    pub fn undecided(&self) -> TokenBuilder {
        self.broken.token().sub("ada").at(NOW)
    }

    /// Runs a future to its end.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

//! A call that finds a token in the cache: rampart-client beside other libraries. `cargo bench --bench token_caches`.
#![allow(missing_docs)]

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use aliri_tokens::backoff::ErrorBackoffConfig;
use aliri_tokens::jitter::RandomEarlyJitter;
use aliri_tokens::sources::oauth2::ClientCredentialsTokenSource;
use aliri_tokens::sources::oauth2::dto::{ClientCredentials, ClientCredentialsWithAudience};
use aliri_tokens::{TokenLifetimeConfig, TokenWatcher};
use azure_core::cloud::CustomConfiguration;
use azure_core::credentials::TokenCredential;
use azure_core::http::{AsyncRawResponse, ClientOptions, HttpClient, Request, Transport, Url, new_http_client};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use criterion::{Criterion, criterion_group, criterion_main};
use huskarl::cache::{GrantTokenSource, InMemoryRefreshTokenStore, InMemoryTokenCache, TokenSource};
use huskarl::core::client_auth::ClientSecret;
use huskarl::core::secrets::{ProvidedSecret, SecretString};
use huskarl::grant::client_credentials::{ClientCredentialsGrant, ClientCredentialsGrantParameters};
use huskarl_reqwest::ReqwestClient;
use rampart_client::{RampartClient, TokenRequest};
use rampart_issuer::{Algorithm, Endpoint, LocalIssuer};

const ID: &str = "service";
const SECRET: &str = "service-secret";
const SCOPES: [&str; 2] = ["users:read", "users:write"];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Polls a call that has nothing to wait for: the same cost of driving a future for everyone.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("there should be a token already"),
    }
}

async fn huskarl_cache(issuer: &LocalIssuer) -> Result<impl TokenSource> {
    let grant = ClientCredentialsGrant::builder()
        .client_id(ID)
        .client_auth(ClientSecret::new(ProvidedSecret::new(SecretString::new(SECRET))))
        .token_endpoint(issuer.token_url().parse()?)
        .http_client(ReqwestClient::builder().build().await?)
        .build();
    let scope = SCOPES.map(str::to_owned).to_vec();
    let source = GrantTokenSource::builder()
        .grant(grant)
        .grant_parameters(ClientCredentialsGrantParameters::builder().scope(scope).build())
        .refresh_store(InMemoryRefreshTokenStore::default())
        .build();
    Ok(InMemoryTokenCache::builder().source(source).build())
}

async fn aliri_watcher(issuer: &LocalIssuer) -> Result<TokenWatcher> {
    let credentials = ClientCredentials { client_id: ID.into(), client_secret: SECRET.into() };
    let credentials = ClientCredentialsWithAudience {
        credentials: credentials.into(),
        audience: aliri::jwt::Audience::from(issuer.audience()),
    };
    let source = ClientCredentialsTokenSource::new(
        reqwest_of_aliri::Client::builder().no_proxy().build()?,
        issuer.token_url().parse()?,
        credentials,
        TokenLifetimeConfig::default(),
    );
    let jitter = RandomEarlyJitter::new(aliri_clock::DurationSecs(60));
    let back_off = ErrorBackoffConfig::default();
    Ok(TokenWatcher::spawn_from_token_source(source.using_form_data(), jitter, back_off).await?)
}

/// Leads requests for the service of azure_identity to the local issuer.
#[derive(Debug)]
struct ToIssuer {
    client: Arc<dyn HttpClient>,
    token_url: Url,
}

#[async_trait::async_trait]
impl HttpClient for ToIssuer {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut request = request.clone();
        *request.url_mut() = self.token_url.clone();
        self.client.execute_request(&request).await
    }
}

fn azure_credential(issuer: &LocalIssuer) -> Result<Arc<ClientSecretCredential>> {
    let mut cloud = CustomConfiguration::default();
    cloud.authority_host = "https://login.example.com".into();
    let transport = ToIssuer { client: new_http_client(None), token_url: issuer.token_url().parse()? };
    let client_options = ClientOptions {
        cloud: Some(Arc::new(cloud.into())),
        transport: Some(Transport::new(Arc::new(transport))),
        ..ClientOptions::default()
    };
    let options = Some(ClientSecretCredentialOptions { client_options });
    Ok(ClientSecretCredential::new("tenant", ID.into(), SECRET.into(), options)?)
}

fn token_caches(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let issuer = runtime.block_on(LocalIssuer::builder().algorithm(Algorithm::ES256).start()).unwrap();
    // Longer than any margin of any of them.
    issuer.token_lifetime(std::time::Duration::from_secs(24 * 3600));

    let rampart = RampartClient::builder(issuer.url(), ID, SECRET).build().unwrap();
    let request = TokenRequest::new(SCOPES);
    let azure = azure_credential(&issuer).unwrap();
    let (huskarl, aliri) = runtime.block_on(async {
        let huskarl = huskarl_cache(&issuer).await.unwrap();
        rampart.client_credentials_token(&SCOPES).await.unwrap();
        azure.get_token(&SCOPES, None).await.unwrap();
        huskarl.token().await.unwrap();
        (huskarl, aliri_watcher(&issuer).await.unwrap())
    });
    assert_eq!(issuer.requests(Endpoint::Token), 4, "each has asked once");

    let mut group = criterion.benchmark_group("cached token");
    group.bench_function("rampart-client, client_credentials_token", |bencher| {
        bencher.iter(|| {
            let token = at_once(rampart.client_credentials_token(black_box(&SCOPES))).unwrap();
            black_box(token.access_token.expose());
        });
    });
    group.bench_function("rampart-client, token of a request made before", |bencher| {
        bencher.iter(|| {
            let token = at_once(rampart.token(black_box(&request))).unwrap();
            black_box(token.access_token.expose());
        });
    });
    group.bench_function("azure_identity, ClientSecretCredential", |bencher| {
        bencher.iter(|| {
            let token = at_once(azure.get_token(black_box(&SCOPES), None)).unwrap();
            black_box(token.token.secret());
        });
    });
    group.bench_function("huskarl, InMemoryTokenCache", |bencher| {
        bencher.iter(|| {
            let token = at_once(black_box(&huskarl).token()).unwrap();
            black_box(token.access_token().token().expose_secret());
        });
    });
    group.bench_function("aliri_tokens, TokenWatcher", |bencher| {
        bencher.iter(|| {
            let token = black_box(&aliri).token();
            black_box(token.access_token().as_str());
        });
    });
    group.finish();
    assert_eq!(issuer.requests(Endpoint::Token), 4, "what was measured is calls without a request");
}

criterion_group!(benches, token_caches);
criterion_main!(benches);

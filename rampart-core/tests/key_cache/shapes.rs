//! Tokens of servers that no registry has, in the very shape in which the real ones were seen to make them.

use rampart_core::{AuthError, Grants, Issuer, Mark, RampartAuth};
use rampart_issuer::{LocalIssuer, TokenBuilder};
use serde_json::json;

const API: &str = "orders-api";

/// One that calls itself so.
async fn server(name: &str) -> LocalIssuer {
    let issuer = LocalIssuer::builder().audience(API).start().await.unwrap();
    issuer.issues_as(name);
    issuer
}

fn described(name: &str, server: &LocalIssuer) -> Issuer {
    Issuer::new(name, API).jwks_url(server.jwks_url())
}

async fn said(auth: &RampartAuth, token: &str) -> Result<String, AuthError> {
    auth.verify(token).await.map(|claims| claims.sub.clone())
}

/// Less what a token of Rampart says of its user.
fn bare(token: TokenBuilder) -> TokenBuilder {
    let person = ["org_id", "preferred_username", "email", "email_verified", "given_name", "family_name"];
    person.into_iter().fold(token, TokenBuilder::without)
}

const DEX: &str = "https://dex.example/dex";

/// No `typ`, and `at_hash` in every token, whatever it is for: one for the API and one that tells a client who its user is differ by `aud`.
fn of_dex(server: &LocalIssuer, audience: &str) -> String {
    let token = bare(server.token()).without_header("typ").sub("Cg0wLTM4NS0yODA4OS0wEgRtb2Nr").claim("aud", audience);
    let token = token.claim("at_hash", "JLXt0N-xTFiyCRRk-wYTcg").claim("email", "ada@example.com");
    token.claim("email_verified", true).claim("name", "Ada Lovelace").sign().unwrap()
}

#[tokio::test]
async fn tokens_of_dex_pass_where_their_mark_is_ignored_and_are_for_this_api() {
    let server = server(DEX).await;
    let auth = RampartAuth::of(described(DEX, &server).insecure_ignore_mark(Mark::AtHash)).unwrap();
    assert_eq!(said(&auth, &of_dex(&server, API)).await.as_deref(), Ok("Cg0wLTM4NS0yODA4OS0wEgRtb2Nr"));
    assert_eq!(said(&auth, &of_dex(&server, "web-app")).await, Err(AuthError::InvalidToken));
    // Its refresh tokens are none.
    let refresh = "ChlhcHkzd2VxcGR6dXh0cjZqbDZrZ2tqbHJ2EhlqNHJ1ZWx0bGRvbHFkcTZhdGNyNXV0cnBt";
    assert_eq!(said(&auth, refresh).await, Err(AuthError::InvalidToken));
    let strict = RampartAuth::of(described(DEX, &server)).unwrap();
    assert_eq!(said(&strict, &of_dex(&server, API)).await, Err(AuthError::InvalidToken));
}

const HYDRA: &str = "https://hydra.example";

/// `scp` is an array, and there is `ext`.
fn of_hydra(server: &LocalIssuer, audiences: &[&str]) -> TokenBuilder {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let token = bare(server.token()).sub("orders-service").claim("client_id", "orders-service").claim("aud", audiences);
    token
        .claim("scp", json!(["orders:read", "orders:write"]))
        .claim("ext", json!({}))
        .claim("nbf", now)
        .claim("jti", "4a7e5d2c-6f5b-4f2a-8a3e-8d1d5b6a7c90")
}

#[tokio::test]
async fn tokens_of_hydra_pass_where_they_are_asked_for_this_api() {
    let server = server(HYDRA).await;
    let auth = RampartAuth::of(described(HYDRA, &server)).unwrap();
    let claims = auth.verify(&of_hydra(&server, &[API]).sign().unwrap()).await.unwrap();
    assert_eq!(claims.scope, "orders:read orders:write");
    let id_token = of_hydra(&server, &["web-app"]).claim("at_hash", "JLXt0N-xTFiyCRRk-wYTcg").claim("nonce", "n-0S6");
    for refused in [
        // Nobody has asked for an audience.
        of_hydra(&server, &[]).sign().unwrap(),
        of_hydra(&server, &["other-api"]).sign().unwrap(),
        id_token.clone().sign().unwrap(),
        id_token.claim("aud", [API]).sign().unwrap(),
        // Its other kind of access token, and a refresh token.
        "ory_at_qZ5QxKzjdnbO9rXo0gMQBFzYc0b8Ez3mR2Zs0wAFpLI.2kmA3bq1R9wX".into(),
        "ory_rt_3vWnN2m4f5d6B7c8D9e0F1a2B3c4D5e6F7a8B9c0D1e.9xJkLmNoPqRs".into(),
    ] {
        assert_eq!(said(&auth, &refused).await, Err(AuthError::InvalidToken), "{refused}");
    }
}

const RAMPART: &str = "https://auth.example";

#[tokio::test]
async fn tokens_of_rampart_pass_for_its_front_ends_and_by_direct_login_where_that_is_said() {
    let server = server(RAMPART).await;
    let (by_code, direct) =
        (server.token().sub("ada").sign().unwrap(), server.token().sub("ada").direct_login().sign().unwrap());
    let preset = || Issuer::rampart(RAMPART, [API]).jwks_url(server.jwks_url());
    let auth = RampartAuth::of(preset()).unwrap();
    assert_eq!(said(&auth, &by_code).await.as_deref(), Ok("ada"));
    assert_eq!(said(&auth, &direct).await, Err(AuthError::InvalidToken));
    let both = RampartAuth::of(preset().direct_login()).unwrap();
    assert_eq!(said(&both, &direct).await.as_deref(), Ok("ada"));
    let id_token = server.id_token(&by_code).claim("nonce", "n-0S6").sign().unwrap();
    let challenge = server.mfa_challenge().sign().unwrap();
    for refused in [id_token, challenge] {
        assert_eq!(said(&both, &refused).await, Err(AuthError::InvalidToken), "{refused}");
    }
}

/// All three at once: each token goes to its own server's rules.
#[tokio::test]
async fn tokens_of_all_three_pass_one_object() {
    let (dex, hydra, rampart) = (server(DEX).await, server(HYDRA).await, server(RAMPART).await);
    let all = Grants::everything;
    let auth = RampartAuth::builder_of(Issuer::rampart(RAMPART, [API]).jwks_url(rampart.jwks_url()))
        .issuer(described(DEX, &dex).insecure_ignore_mark(Mark::AtHash).grants(all()))
        .issuer(described(HYDRA, &hydra).grants(all()))
        .build()
        .unwrap();
    auth.warm_up().await.unwrap();
    let tokens =
        [of_dex(&dex, API), of_hydra(&hydra, &[API]).sign().unwrap(), rampart.token().sub("ada").sign().unwrap()];
    for (token, iss) in tokens.iter().zip([DEX, HYDRA, RAMPART]) {
        assert_eq!(auth.verify(token).await.unwrap().iss, iss);
    }
    // What Dex may leave out, Rampart may not.
    let of_rampart = rampart.token().claim("at_hash", "JLXt0N-xTFiyCRRk-wYTcg").sign().unwrap();
    assert_eq!(said(&auth, &of_rampart).await, Err(AuthError::InvalidToken));
}

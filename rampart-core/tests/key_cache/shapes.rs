//! Tokens of servers that no registry has, in the very shape in which the real ones were seen to make them.

use rampart_core::{AuthError, Grants, Issuer, Mark, RampartAuth};
use rampart_issuer::{LocalIssuer, Shape};

const API: &str = "orders-api";

/// One that calls itself so.
async fn server(shape: Shape, name: &str) -> LocalIssuer {
    let issuer = LocalIssuer::builder().shape(shape).audience(API).start().await.unwrap();
    issuer.issues_as(name);
    issuer
}

fn described(name: &str, server: &LocalIssuer) -> Issuer {
    Issuer::new(name, API).jwks_url(server.jwks_url())
}

async fn said(auth: &RampartAuth, token: &str) -> Result<String, AuthError> {
    auth.verify(token).await.map(|claims| claims.sub.clone())
}

const DEX: &str = "https://dex.example/dex";

#[tokio::test]
async fn tokens_of_dex_pass_where_their_marks_are_ignored_and_are_for_this_api() {
    let server = server(Shape::Dex, DEX).await;
    let auth = RampartAuth::of(Issuer::dex(DEX, API).jwks_url(server.jwks_url())).unwrap();
    let of_machine = server.token();
    let of_user = server.token().sub("ada").claim("nonce", "n-0S6_WzA2Mj");
    assert!(said(&auth, &of_machine.sign().unwrap()).await.is_ok());
    assert_eq!(said(&auth, &of_user.sign().unwrap()).await.as_deref(), Ok("ada"));
    for refused in [
        of_user.clone().audience("web-app").sign().unwrap(),
        // For this API, too; but it came with a code.
        server.id_token(&of_user.sign().unwrap()).sign().unwrap(),
        server.refresh_token(),
    ] {
        assert_eq!(said(&auth, &refused).await, Err(AuthError::InvalidToken), "{refused}");
    }
    // One mark is not the other, and without the settings all are ID tokens.
    let narrow = RampartAuth::of(described(DEX, &server).insecure_ignore_mark(Mark::AtHash)).unwrap();
    let strict = RampartAuth::of(described(DEX, &server)).unwrap();
    assert!(said(&narrow, &of_machine.sign().unwrap()).await.is_ok());
    assert_eq!(said(&narrow, &of_user.sign().unwrap()).await, Err(AuthError::InvalidToken));
    assert_eq!(said(&strict, &of_machine.sign().unwrap()).await, Err(AuthError::InvalidToken));
}

const HYDRA: &str = "https://hydra.example";

#[tokio::test]
async fn tokens_of_hydra_pass_where_they_are_asked_for_this_api() {
    let server = server(Shape::Hydra, HYDRA).await;
    let auth = RampartAuth::of(described(HYDRA, &server)).unwrap();
    let good = server.token().claim("scp", ["orders:read", "orders:write"]).sign().unwrap();
    assert_eq!(auth.verify(&good).await.unwrap().scope, "orders:read orders:write");
    let id_token = server.id_token(&good);
    for refused in [
        // Nobody has asked for an audience.
        server.token().audience(Vec::<String>::new()).sign().unwrap(),
        server.token().audience(vec!["other-api"]).sign().unwrap(),
        id_token.clone().sign().unwrap(),
        id_token.audience(vec![API]).sign().unwrap(),
        // Its other kind of access token, and a refresh token.
        server.refresh_token().replace("ory_rt_", "ory_at_"),
        server.refresh_token(),
    ] {
        assert_eq!(said(&auth, &refused).await, Err(AuthError::InvalidToken), "{refused}");
    }
}

const RAMPART: &str = "https://auth.example";

#[tokio::test]
async fn tokens_of_rampart_pass_for_its_front_ends_and_by_direct_login_where_that_is_said() {
    let server = server(Shape::Rampart, RAMPART).await;
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
    for refused in [id_token, challenge, server.refresh_token()] {
        assert_eq!(said(&both, &refused).await, Err(AuthError::InvalidToken), "{refused}");
    }
}

/// All three at once: each token goes to its own server's rules.
#[tokio::test]
async fn tokens_of_all_three_pass_one_object() {
    let (dex, hydra, rampart) =
        (server(Shape::Dex, DEX).await, server(Shape::Hydra, HYDRA).await, server(Shape::Rampart, RAMPART).await);
    let all = Grants::everything;
    let auth = RampartAuth::builder_of(Issuer::rampart(RAMPART, [API]).jwks_url(rampart.jwks_url()))
        .issuer(described(DEX, &dex).insecure_ignore_mark(Mark::AtHash).grants(all()))
        .issuer(described(HYDRA, &hydra).grants(all()))
        .build()
        .unwrap();
    auth.warm_up().await.unwrap();
    let tokens = [&dex, &hydra, &rampart].map(|server| server.token().sign().unwrap());
    for (token, iss) in tokens.iter().zip([DEX, HYDRA, RAMPART]) {
        assert_eq!(auth.verify(token).await.unwrap().iss, iss);
    }
    // What Dex may leave out, Rampart may not.
    let of_rampart = rampart.token().claim("at_hash", "JLXt0N-xTFiyCRRk-wYTcg").sign().unwrap();
    assert_eq!(said(&auth, &of_rampart).await, Err(AuthError::InvalidToken));
}

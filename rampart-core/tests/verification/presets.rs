//! The presets, each with a token as its maker documents it, and with those that it must refuse.

use std::time::{SystemTime, UNIX_EPOCH};

use rampart_core::{AuthError, Grants, Issuer, IssuerSettings, RampartAuth, Settings};
use rampart_issuer::LocalIssuer;
use serde_json::{Map, Value, json};

/// A tenant of Microsoft Entra.
const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

/// A preset, a token of its issuer, and what becomes of the token when a claim is another.
struct Case {
    issuer: Issuer,
    /// But for the times.
    token: Value,
    sub: &'static str,
    roles: &'static [&'static str],
    scope: &'static str,
    /// Other claims, `null` for none, by which it is not for this API, or no access token.
    refused: Vec<Value>,
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let case = |issuer, token, refused| Case { issuer, token, sub: "user-1", roles: &[], scope: "", refused };
    let rampart = "https://auth.example.com";
    let keycloak = json!({
        "iss": "https://sso.example.com/realms/shop", "aud": "shop-api", "sub": "user-1", "typ": "Bearer", "azp": "shop-web", "acr": "1",
        "sid": "s", "realm_access": {"roles": ["offline_access", "admin"]}, "scope": "openid profile",
        "resource_access": {"shop-api": {"roles": ["editor", "admin"]}, "account": {"roles": ["manage-account"]}},
    });
    let kind = |typ: &str| json!({"typ": typ});
    vec![
        case(
            Issuer::rampart(rampart, ["shop-web", "shop-mobile"]),
            json!({"iss": rampart, "aud": ["shop-mobile"], "sub": "user-1", "org_id": "o"}),
            vec![json!({"aud": [rampart]}), json!({"aud": ["other"]}), json!({"at_hash": "x"}), json!({"nonce": "x"})],
        ),
        case(
            Issuer::rampart(rampart, ["shop-web"]).direct_login(),
            json!({"iss": rampart, "aud": rampart, "sub": "user-1"}),
            vec![json!({"aud": "shop-mobile"}), json!({"at_hash": "x"})],
        ),
        Case {
            roles: &["offline_access", "admin", "editor"],
            scope: "openid profile",
            ..case(
                Issuer::keycloak("https://sso.example.com/", "shop", "shop-api"),
                keycloak.clone(),
                vec![json!({"aud": "account"}), kind("ID"), kind("Refresh"), kind("Offline"), kind("Logout")],
            )
        },
        // A light-weight one.
        case(
            Issuer::keycloak("https://sso.example.com", "shop", "shop-api"),
            json!({"iss": "https://sso.example.com/realms/shop", "aud": ["shop-api"], "sub": "user-1", "typ": "Bearer"}),
            vec![json!({"iss": "https://sso.example.com/realms/other"})],
        ),
        Case {
            sub: "auth0|user-1",
            scope: "openid read:tasks",
            ..case(
                Issuer::auth0("https://example.eu.auth0.com/", "https://api.example.com"),
                json!({
                    "iss": "https://example.eu.auth0.com/", "sub": "auth0|user-1", "azp": "client", "scope": "openid read:tasks",
                    "aud": ["https://api.example.com", "https://example.eu.auth0.com/userinfo"], "permissions": ["read:tasks", "delete:all"],
                }),
                vec![json!({"aud": "client"}), json!({"iss": "https://example.eu.auth0.com"}), json!({"nonce": "x"})],
            )
        },
        Case {
            sub: "user@example.com",
            scope: "openid tasks.read",
            ..case(
                Issuer::okta("example.okta.com", "default", "api://default"),
                json!({
                    "ver": 1, "jti": "AT.x", "iss": "https://example.okta.com/oauth2/default", "aud": "api://default", "cid": "client",
                    "uid": "00u1", "scp": ["openid", "tasks.read"], "sub": "user@example.com",
                }),
                vec![json!({"aud": "client"}), json!({"iss": "https://example.okta.com"}), json!({"at_hash": "x"})],
            )
        },
        Case {
            roles: &["admins"],
            scope: "aws.cognito.signin.user.admin",
            ..case(
                Issuer::cognito("eu-central-1", "eu-central-1_EXAMPLE", ["web", "mobile"]),
                json!({
                    "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE", "client_id": "mobile", "sub": "user-1",
                    "token_use": "access", "scope": "aws.cognito.signin.user.admin", "cognito:groups": ["admins"], "username": "u",
                    "origin_jti": "o", "event_id": "e", "version": 2, "auth_time": 1,
                }),
                vec![
                    json!({"client_id": "other"}),
                    json!({"client_id": null}),
                    json!({"client_id": null, "aud": "web", "token_use": "id"}),
                    json!({"aud": "other"}),
                    json!({"token_use": "id"}),
                ],
            )
        },
        case(
            Issuer::clerk("clerk.example.com", "https://shop.example.com"),
            json!({
                "iss": "https://clerk.example.com", "azp": "https://shop.example.com", "sub": "user-1", "sid": "sess_1", "fva": [7, -1],
                "v": 2, "sts": "active",
            }),
            vec![json!({"azp": "https://evil.example.com"}), json!({"azp": null}), json!({"aud": "an-oauth-client"})],
        ),
        case(
            Issuer::cloudflare_access("example", "97e2aae1"),
            json!({
                "iss": "https://example.cloudflareaccess.com", "aud": ["97e2aae1"], "sub": "user-1", "type": "app", "country": "US",
                "email": "user@example.com", "identity_nonce": "n",
            }),
            vec![json!({"aud": ["other"]}), json!({"sub": "client:ci.access"}), json!({"sub": ""})],
        ),
        Case {
            sub: "client:ci.access",
            ..case(
                Issuer::cloudflare_access("example", "97e2aae1"),
                json!({
                    "iss": "https://example.cloudflareaccess.com", "aud": "97e2aae1", "sub": "", "type": "app",
                    "common_name": "ci.access",
                }),
                vec![json!({"common_name": null}), json!({"common_name": ""})],
            )
        },
        case(
            Issuer::firebase("example-1234"),
            json!({
                "iss": "https://securetoken.google.com/example-1234", "aud": "example-1234", "sub": "user-1", "user_id": "user-1",
                "auth_time": 1, "firebase": {"identities": {}, "sign_in_provider": "password"},
            }),
            vec![
                json!({"aud": "example-5678"}),
                json!({"iss": "https://securetoken.google.com/example-5678"}),
                json!({"sub": ""}),
            ],
        ),
        case(
            Issuer::supabase("https://example.supabase.co/"),
            json!({
                "iss": "https://example.supabase.co/auth/v1", "aud": "authenticated", "sub": "user-1", "role": "authenticated",
                "aal": "aal1", "session_id": "s", "is_anonymous": false, "user_metadata": {"roles": ["admin"]}, "app_metadata": {},
            }),
            vec![json!({"aud": "anon"}), json!({"iss": "supabase"})],
        ),
        Case {
            sub: "system:serviceaccount:default:shop",
            ..case(
                Issuer::kubernetes("https://kubernetes.default.svc.cluster.local", "my-api"),
                json!({
                    "iss": "https://kubernetes.default.svc.cluster.local", "aud": ["my-api"],
                    "sub": "system:serviceaccount:default:shop",
                    "kubernetes.io": {"namespace": "default", "serviceaccount": {"name": "shop", "uid": "u"}},
                }),
                vec![json!({"aud": ["https://kubernetes.default.svc.cluster.local"]}), json!({"aud": null})],
            )
        },
        Case {
            sub: "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
            roles: &["Approver"],
            scope: "access_as_user",
            ..case(
                Issuer::entra(TENANT, "6e74172b-be56-4843-9ff4-e66a39bb12e3"),
                json!({
                    "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
                    "aio": "a", "azp": "1f70fd23-3ab1-4f52-9ed3-8d1e5f0c3f3c", "azpacr": "0", "name": "Abe Lincoln",
                    "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474", "preferred_username": "abeli@example.com", "rh": "I",
                    "roles": ["Approver"], "scp": "access_as_user", "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
                    "tid": TENANT, "uti": "u", "ver": "2.0",
                }),
                vec![
                    json!({"aud": "00000003-0000-0000-c000-000000000000"}),
                    json!({"tid": "9188040d-6c67-4c5b-b112-36a304b66dad"}),
                    json!({"tid": null}),
                    json!({"tid": [TENANT]}),
                    json!({"iss": "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"}),
                    json!({"iss": format!("https://sts.windows.net/{TENANT}/"), "ver": "1.0"}),
                    json!({"nonce": "x"}),
                ],
            )
        },
        // A machine's.
        Case {
            roles: &["Tasks.Read.All"],
            ..case(
                Issuer::entra(TENANT, "6e74172b-be56-4843-9ff4-e66a39bb12e3"),
                json!({
                    "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
                    "azp": "client", "azpacr": "1", "oid": "user-1", "roles": ["Tasks.Read.All"], "sub": "user-1", "tid": TENANT, "ver": "2.0",
                }),
                vec![json!({"aud": "client"})],
            )
        },
        Case {
            sub: "77776025198584418",
            roles: &["admin"],
            ..case(
                Issuer::zitadel("https://shop.zitadel.cloud/", "69234237810729019", ["69629023906488334"]),
                json!({
                    "iss": "https://shop.zitadel.cloud", "aud": ["69234237810729234@shop", "69234237810729019"], "azp": "69234237810729234@shop",
                    "sub": "77776025198584418", "client_id": "69234237810729234@shop", "jti": "69234237813329048",
                    "urn:zitadel:iam:org:project:69234237810729019:roles": {
                        "admin": {"69629023906488334": "shop.example"}, "editor": {"69629023906480000": "partner.example"},
                    },
                    "urn:zitadel:iam:org:project:roles": {"owner": {"69629023906488334": "shop.example"}},
                    "urn:zitadel:iam:org:project:69234237810720000:roles": {"owner": {"69629023906488334": "shop.example"}},
                }),
                vec![
                    json!({"aud": ["69234237810729234@shop"]}),
                    json!({"iss": "https://other.zitadel.cloud"}),
                    json!({"at_hash": "x"}),
                    json!({"nonce": "x"}),
                ],
            )
        },
        Case {
            scope: "openid profile",
            ..case(
                Issuer::authentik("https://auth.example.com/", "shop", "shop-client"),
                json!({
                    "iss": "https://auth.example.com/application/o/shop/", "sub": "user-1", "aud": "shop-client", "azp": "shop-client",
                    "uid": "u", "nonce": "n", "auth_time": 1, "acr": "goauthentik.io/providers/oauth2/default", "amr": ["pwd"], "sid": "s",
                    "scope": "openid profile", "groups": ["admins"],
                }),
                vec![
                    // The ID token of the same sign-in, and that of a renewal.
                    json!({"azp": null, "uid": null}),
                    json!({"azp": null, "uid": null, "at_hash": "x"}),
                    json!({"at_hash": "x"}),
                    json!({"c_hash": "x"}),
                    json!({"aud": "other-client"}),
                    json!({"iss": "https://auth.example.com/application/o/other/"}),
                    json!({"iss": "https://auth.example.com/"}),
                ],
            )
        },
        case(
            Issuer::dex("https://dex.example.com/dex", "shop-api"),
            json!({
                "iss": "https://dex.example.com/dex", "sub": "user-1", "aud": ["shop-api", "shop-web"], "azp": "shop-web",
                "at_hash": "yy5XYxF1XRxLQxSoi1LQmA", "nonce": "n", "email": "user@example.com", "email_verified": true, "groups": ["admins"], "name": "User",
            }),
            vec![
                // The ID token of a front end that has not asked for the API.
                json!({"aud": "shop-web"}),
                json!({"c_hash": "x"}),
                json!({"iss": "https://dex.example.com"}),
            ],
        ),
        // As from One Tap, and as from the token endpoint for an app that asks for the server.
        case(
            Issuer::google(["web.apps.googleusercontent.com", "app.apps.googleusercontent.com"]),
            json!({
                "iss": "https://accounts.google.com", "azp": "web.apps.googleusercontent.com", "aud": "web.apps.googleusercontent.com",
                "sub": "user-1", "email": "user@example.com", "email_verified": true, "hd": "example.com", "nonce": "n", "jti": "j",
            }),
            vec![
                json!({"aud": "other.apps.googleusercontent.com"}),
                json!({"azp": "other.apps.googleusercontent.com"}),
                // A service account's, for the audience of its choice.
                json!({"azp": "107517467455664443766"}),
                json!({"azp": null}),
                json!({"azp": ["web.apps.googleusercontent.com"]}),
                json!({"c_hash": "x"}),
                json!({"iss": "accounts.google.com/"}),
            ],
        ),
        case(
            Issuer::google(["web.apps.googleusercontent.com", "app.apps.googleusercontent.com"]),
            json!({
                "iss": "accounts.google.com", "azp": "app.apps.googleusercontent.com", "aud": "web.apps.googleusercontent.com",
                "sub": "user-1", "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q",
            }),
            vec![json!({"azp": "other.apps.googleusercontent.com"})],
        ),
        Case {
            sub: "repo:octo-org@65/octo-repo@74:environment:prod",
            ..case(
                Issuer::github_actions("https://deploy.example.com", ["65", "66"]),
                json!({
                    "jti": "j", "sub": "repo:octo-org@65/octo-repo@74:environment:prod", "environment": "prod",
                    "aud": "https://deploy.example.com", "ref": "refs/heads/main", "repository": "octo-org/octo-repo",
                    "repository_owner": "octo-org", "actor_id": "12", "repository_visibility": "private", "repository_id": "74",
                    "repository_owner_id": "65", "run_id": "1", "run_attempt": "2", "runner_environment": "github-hosted",
                    "actor": "octocat", "workflow": "w", "event_name": "workflow_dispatch", "ref_type": "branch",
                    "job_workflow_ref": "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
                    "iss": "https://token.actions.githubusercontent.com",
                }),
                vec![
                    json!({"repository_owner_id": "64"}),
                    json!({"repository_owner_id": null}),
                    json!({"repository_owner_id": 65}),
                    json!({"repository_owner_id": ["65"]}),
                    json!({"aud": "https://github.com/octo-org"}),
                    json!({"iss": "https://token.actions.githubusercontent.com/octo-org"}),
                ],
            )
        },
        Case {
            sub: "project_path:my-group/my-project:ref_type:branch:ref:main",
            ..case(
                Issuer::gitlab("https://gitlab.example.com/", "https://deploy.example.com", ["72"]),
                json!({
                    "namespace_id": "72", "namespace_path": "my-group", "project_id": "20", "project_path": "my-group/my-project",
                    "user_id": "1", "user_login": "user", "user_access_level": "developer", "pipeline_id": "574", "pipeline_source": "push",
                    "job_id": "302", "ref": "main", "ref_type": "branch", "ref_protected": "true", "runner_id": 1,
                    "runner_environment": "self-hosted", "sha": "s", "jti": "j", "iss": "https://gitlab.example.com",
                    "sub": "project_path:my-group/my-project:ref_type:branch:ref:main", "aud": "https://deploy.example.com",
                }),
                vec![
                    json!({"namespace_id": "73"}),
                    json!({"namespace_id": null}),
                    json!({"namespace_id": 72}),
                    json!({"aud": "https://gitlab.example.com"}),
                    json!({"iss": "https://gitlab.com"}),
                ],
            )
        },
    ]
}

/// What is signed: these claims, with some of them otherwise, and good for now.
fn payload(token: &Value, otherwise: &Value) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims: Map<_, _> = token.as_object().unwrap().clone();
    claims.extend(json!({"iat": now, "nbf": now, "exp": now + 300}).as_object().unwrap().clone());
    claims.extend(otherwise.as_object().unwrap().clone());
    claims.retain(|_, value| !value.is_null());
    serde_json::to_vec(&claims).unwrap()
}

#[tokio::test]
async fn preset_accepts_a_token_of_the_documented_shape_and_no_other_of_its_issuer() {
    let keys = LocalIssuer::start().await.unwrap();
    for Case { issuer, token, sub, roles, scope, refused } in cases() {
        let auth = RampartAuth::of(issuer.jwks_url(keys.jwks_url())).unwrap();
        let sign = |otherwise: &Value| keys.token().raw_payload(payload(&token, otherwise)).sign().unwrap();
        let claims = auth.verify(&sign(&json!({}))).await.unwrap_or_else(|error| panic!("{token}: {error}"));
        assert_eq!((&*claims.sub, &*claims.scope), (sub, scope), "{token}");
        assert_eq!(claims.roles, roles, "{token}");
        for otherwise in refused {
            let error = auth.verify(&sign(&otherwise)).await.expect_err(&format!("{token} with {otherwise}"));
            assert!(
                matches!(error, AuthError::InvalidToken | AuthError::MissingClaim { .. }),
                "{otherwise}: {error:?}"
            );
        }
    }
}

/// Where the keys are looked for, unless the settings say so, is for the library; these say so.
#[test]
fn preset_is_an_issuer_that_can_be_changed_further() {
    let issuer = Issuer::keycloak("https://sso.example.com", "shop", "shop-api")
        .audiences(["shop-web"])
        .roles_claims(["/groups"])
        .jwks_url("http://keycloak:8080/realms/shop/protocol/openid-connect/certs")
        .allow_http(true)
        .grants(Grants::roles(["auditor"]));
    let shown = format!("{:?}", RampartAuth::of(issuer).unwrap());
    for part in ["https://sso.example.com/realms/shop", "\"shop-api\", \"shop-web\""] {
        assert!(shown.contains(part), "{shown}");
    }
}

/// Where the maker's page gives an address, it is the one that is asked.
#[test]
fn keys_of_a_preset_are_where_its_maker_says() {
    for (issuer, address) in [
        (Issuer::cloudflare_access("example", "a"), "https://example.cloudflareaccess.com/cdn-cgi/access/certs"),
        (Issuer::entra(TENANT, "a"), &*format!("https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys")),
        (Issuer::zitadel("https://shop.zitadel.cloud/", "p", ["o"]), "https://shop.zitadel.cloud/oauth/v2/keys"),
        (
            Issuer::authentik("https://auth.example.com/", "shop", "a"),
            "https://auth.example.com/application/o/shop/jwks/",
        ),
        (Issuer::google(["a"]), "https://www.googleapis.com/oauth2/v3/certs"),
        (Issuer::github_actions("a", ["1"]), "https://token.actions.githubusercontent.com/.well-known/jwks"),
        (Issuer::gitlab("https://gitlab.com/", "a", ["1"]), "https://gitlab.com/oauth/discovery/keys"),
    ] {
        let shown = format!("{issuer:?}");
        assert!(shown.contains(&format!("jwks_url: Some({address:?})")), "{shown}");
        RampartAuth::of(issuer).unwrap();
    }
}

#[test]
fn preset_without_what_it_needs_is_refused() {
    for (issuer, field) in [
        (Issuer::rampart("https://auth.example.com", [""; 0]), "audience"),
        (Issuer::cognito("eu-central-1", "pool", [""; 0]), "audience"),
        (Issuer::keycloak("", "shop", "shop-api"), "issuer_url"),
        (Issuer::auth0("", "api"), "issuer_url"),
        (Issuer::firebase(""), "audience"),
        (Issuer::keycloak("sso.example.com", "shop", "shop-api"), "issuer_url"),
        (Issuer::google([""; 0]), "audience"),
        (Issuer::zitadel("https://shop.zitadel.cloud", "project", [""; 0]), "roles_from_names"),
        (Issuer::zitadel("https://shop.zitadel.cloud", "", ["o"]), "audience"),
        (Issuer::github_actions("api", [""; 0]), "require_claim"),
        (Issuer::github_actions("api", [""]), "require_claim"),
        (Issuer::github_actions("", ["65"]), "audience"),
        (Issuer::gitlab("https://gitlab.com", "api", [""; 0]), "require_claim"),
        (Issuer::gitlab("https://gitlab.com", "api", [""]), "require_claim"),
        (Issuer::authentik("https://auth.example.com", "shop", ""), "audience"),
        (Issuer::dex("", "api"), "issuer_url"),
        (Issuer::entra(TENANT, ""), "audience"),
        (Issuer::entra("", "api"), "issuer_url"),
        (Issuer::entra("common", "api"), "issuer_url"),
        (Issuer::entra("example.onmicrosoft.com", "api"), "issuer_url"),
        (Issuer::entra(TENANT.to_uppercase(), "api"), "issuer_url"),
    ] {
        let shown = format!("{issuer:?}");
        assert_eq!(RampartAuth::of(issuer).unwrap_err().field(), field, "{shown}");
    }
}

fn written(issuer: &Value) -> Result<IssuerSettings, String> {
    serde_json::from_value(issuer.clone()).map_err(|error| error.to_string())
}

/// Every preset with its arguments, as in a file and in code.
#[test]
fn preset_in_a_file_is_the_one_in_code() {
    let several = ["a", "b"];
    let all = [
        (
            json!({"preset": "rampart", "url": "https://a.example", "client_ids": several}),
            Issuer::rampart("https://a.example", several),
        ),
        (
            json!({"preset": "keycloak", "base_url": "https://a.example", "keycloak_realm": "r~/", "audience": "b/~"}),
            Issuer::keycloak("https://a.example", "r~/", "b/~"),
        ),
        (json!({"preset": "auth0", "domain": "a.example", "audience": "b"}), Issuer::auth0("a.example", "b")),
        (
            json!({"preset": "okta", "domain": "a.example", "authorization_server": "s", "audience": "b"}),
            Issuer::okta("a.example", "s", "b"),
        ),
        (
            json!({"preset": "cognito", "region": "r", "pool_id": "p", "client_ids": several}),
            Issuer::cognito("r", "p", several),
        ),
        (json!({"preset": "clerk", "domain": "a.example", "authorized_party": "b"}), Issuer::clerk("a.example", "b")),
        (json!({"preset": "cloudflare_access", "team": "a", "audience": "b"}), Issuer::cloudflare_access("a", "b")),
        (json!({"preset": "firebase", "project": "p"}), Issuer::firebase("p")),
        (json!({"preset": "supabase", "project_url": "https://a.example"}), Issuer::supabase("https://a.example")),
        (
            json!({"preset": "kubernetes", "api_server": "https://a.example", "audience": "b"}),
            Issuer::kubernetes("https://a.example", "b"),
        ),
        (json!({"preset": "entra", "tenant_id": "t", "audience": "b"}), Issuer::entra("t", "b")),
        (
            json!({"preset": "zitadel", "url": "https://a.example", "project_id": "p~/", "organization_ids": several}),
            Issuer::zitadel("https://a.example", "p~/", several),
        ),
        (
            json!({"preset": "authentik", "url": "https://a.example", "application": "s", "audience": "b"}),
            Issuer::authentik("https://a.example", "s", "b"),
        ),
        (json!({"preset": "dex", "url": "https://a.example", "audience": "b"}), Issuer::dex("https://a.example", "b")),
        (json!({"preset": "google", "client_ids": several}), Issuer::google(several)),
        (
            json!({"preset": "github_actions", "audience": "b", "repository_owner_ids": several}),
            Issuer::github_actions("b", several),
        ),
        (
            json!({"preset": "gitlab", "url": "https://a.example", "audience": "b", "namespace_ids": several}),
            Issuer::gitlab("https://a.example", "b", several),
        ),
    ];
    let names: Vec<_> = all.iter().map(|(file, _)| file["preset"].as_str().unwrap()).collect();
    let said = written(&json!({"preset": "hunter2"})).unwrap_err();
    assert_eq!(said, format!("invalid value: another preset, expected one of {}", names.join(", ")));
    for (file, code) in &all {
        assert_eq!(format!("{:?}", Issuer::from(written(file).unwrap())), format!("{code:?}"), "{file}");
        let arguments: Vec<_> = file.as_object().unwrap().keys().filter(|name| *name != "preset").collect();
        for argument in &arguments {
            let mut file = file.clone();
            file.as_object_mut().unwrap().remove(*argument);
            assert_eq!(written(&file).unwrap_err(), format!("missing field `{argument}`"), "{file}");
        }
        for foreign in ["issuer_url", "audience", "pool_id", "project"] {
            let mut file = file.clone();
            let members = file.as_object_mut().unwrap();
            if !members.contains_key(foreign) {
                members.insert(foreign.into(), "hunter2".into());
                let said = written(&file).unwrap_err();
                assert!(said.starts_with(&format!("unknown field `{foreign}`, expected ")), "{said}");
                for argument in &arguments {
                    assert!(said.contains(&format!("`{argument}`")), "{said}");
                }
            }
        }
    }
    assert_eq!(written(&json!({"url": "https://a.example", "audience": "a"})).unwrap_err(), "missing field `preset`");
}

#[test]
fn what_stands_beside_a_preset_is_said_after_it() {
    let file = json!({
        "preset": "cognito", "region": "r", "pool_id": "p", "client_ids": ["a"], "audiences": ["b"], "roles_claims": ["/groups"],
        "allow_http": true, "jwks_url": "http://keys.example/", "grants": "nothing",
    });
    let code = Issuer::cognito("r", "p", ["a"])
        .audiences(["b"])
        .roles_claims(["/groups"])
        .allow_http(true)
        .jwks_url("http://keys.example/")
        .grants(Grants::nothing());
    assert_eq!(format!("{:?}", Issuer::from(written(&file).unwrap())), format!("{code:?}"));
    // Directly beside what binds the object, it is the first issuer.
    let mut file = file;
    file.as_object_mut().unwrap().insert("realm".into(), "shop".into());
    let Settings { realm, issuers, .. } = serde_json::from_value(file).unwrap();
    assert_eq!((realm.as_deref(), issuers.len()), (Some("shop"), 1));
    assert_eq!(format!("{:?}", Issuer::from(issuers[0].clone())), format!("{code:?}"));
}

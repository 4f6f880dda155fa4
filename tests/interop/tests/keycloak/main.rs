//! Keycloak: its genuine tokens in the three Task APIs. Each test has a realm of its own.

mod introspection;
mod logout;

use std::sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard};

use rampart_interop::answer::Answer;
use rampart_interop::apis::TaskApis;
use rampart_interop::cases;
use rampart_interop::keycloak::{AUDIENCE, CLIENT_ROLES, Keycloak, REALM_ROLES, Realm, SIGNING_KEY, audience};
use rampart_interop::server::Issuer;
use rampart_interop::token::{header, payload, sub, tampered};
use rampart_issuer::DpopKey;
use serde_json::{Value, json};

static KEYCLOAK: LazyLock<RwLock<Keycloak>> = LazyLock::new(|| RwLock::new(Keycloak::start()));

/// A realm on the running server, which is stopped by nobody meanwhile.
fn realm(name: &str) -> (Realm, RwLockReadGuard<'static, Keycloak>) {
    // Where the one that stops it has failed, the others say for themselves what that means for them.
    let keycloak = KEYCLOAK.read().unwrap_or_else(PoisonError::into_inner);
    (keycloak.realm(name), keycloak)
}

#[test]
fn clients_and_users_have_the_rights_that_their_tokens_give() {
    let (realm, _running) = realm("rights");
    let apis = TaskApis::of(&realm);

    let client = realm.client_tokens("web", "email:send");
    let client = client.access();
    apis.accept("a client", client, &sub(client));
    assert_eq!(apis.agreed("POST /api/emails/send", Some(client)), Answer::ok(r#"{"sent":true}"#));
    assert_eq!(apis.agreed("POST /api/tasks", Some(client)), Answer::insufficient_scope("tasks:write"));
    assert_eq!(apis.agreed("GET /api/admin/stats", Some(client)), Answer::insufficient_role("admin"));

    let ada = realm.user_tokens("web", "ada", "openid");
    let ada = ada.access();
    apis.accept("a user", ada, &sub(ada));
    let profile = format!(r#"{{"user_id":"{}","email":"ada@example.com","roles":["user"]}}"#, sub(ada));
    assert_eq!(apis.agreed("GET /api/profile", Some(ada)), Answer::ok(&profile));
    assert_eq!(apis.agreed("POST /api/emails/send", Some(ada)), Answer::insufficient_scope("email:send"));
    assert_eq!(apis.agreed("GET /api/admin/stats", Some(ada)), Answer::insufficient_role("admin"));

    let root = realm.user_tokens("web", "root", "openid email:send");
    let root = root.access();
    let stats = Answer::ok(r#"{"total_users":0,"total_tasks":0}"#);
    assert_eq!(apis.agreed("GET /api/admin/stats", Some(root)), stats);
    assert_eq!(apis.agreed("POST /api/emails/send", Some(root)), Answer::ok(r#"{"sent":true}"#));

    assert_eq!(apis.agreed("GET /api/data", None), Answer::unauthorized());
    assert_eq!(apis.agreed("GET /api/feed", None), Answer::ok(r#"{"feed":"public"}"#));
}

#[test]
fn users_who_sign_in_on_the_page_are_let_in() {
    let (realm, _running) = realm("page");
    let apis = TaskApis::of(&realm);
    let tokens = realm.browser_tokens("web", "ada");
    assert_eq!(payload(tokens.id())["nonce"], "once");
    apis.accept("after the page", tokens.access(), &sub(tokens.access()));
}

#[test]
fn roles_are_those_of_the_realm_and_of_the_client_as_configured() {
    let (realm, _running) = realm("roles");
    let users = ["ada", "root", "grace"].map(|user| realm.user_tokens("web", user, "openid"));
    let only = |pointer: &str| TaskApis::with(&realm, "roles_claims", json!([pointer]));
    let (of_both, of_realm, of_client) = (TaskApis::of(&realm), only(REALM_ROLES), only(CLIENT_ROLES));
    let everyone = [
        (&of_both, [vec!["user"], vec!["admin", "user"], vec!["admin", "user"]]),
        (&of_realm, [vec!["user"], vec!["admin", "user"], vec!["user"]]),
        (&of_client, [vec![], vec![], vec!["admin"]]),
    ];
    for (apis, roles) in everyone {
        for (tokens, roles) in users.iter().zip(roles) {
            let token = tokens.access();
            let profile: Value = serde_json::from_str(&apis.agreed("GET /api/profile", Some(token)).body).unwrap();
            // Keycloak gives them in no order.
            let mut found: Vec<_> =
                profile["roles"].as_array().unwrap().iter().map(|role| role.as_str().unwrap()).collect();
            found.sort_unstable();
            assert_eq!(found, roles, "{profile}");
            let admin = Answer::ok(r#"{"tasks":[],"total":0}"#);
            let expected = if roles.contains(&"admin") { admin } else { Answer::insufficient_role("admin") };
            assert_eq!(apis.agreed("GET /api/admin/tasks", Some(token)), expected);
        }
    }
}

#[test]
fn second_realm_is_accepted_too_and_grants_what_it_may() {
    let (first, running) = realm("first");
    let second = running.realm("second");
    let mut both = first.settings();
    let mut further = second.settings();
    further["grants"] = json!({"roles": ["user"], "scopes": ["email:send"]});
    both["issuers"] = json!([further]);
    let apis = TaskApis::start(&both);
    let of_first = first.user_tokens("web", "root", "openid email:send tasks:write");
    let of_second = second.user_tokens("web", "root", "openid email:send tasks:write");
    for tokens in [&of_first, &of_second] {
        apis.accept("each realm's token", tokens.access(), &sub(tokens.access()));
        assert_eq!(apis.agreed("POST /api/emails/send", Some(tokens.access())), Answer::ok(r#"{"sent":true}"#));
        for (what, token) in tampered(tokens.access()) {
            apis.refuse(what, &token, &Answer::invalid_token());
        }
    }
    let stats = Answer::ok(r#"{"total_users":0,"total_tasks":0}"#);
    assert_eq!(apis.agreed("GET /api/admin/stats", Some(of_first.access())), stats);
    assert_eq!(apis.agreed("GET /api/admin/stats", Some(of_second.access())), Answer::insufficient_role("admin"));
    assert_eq!(apis.agreed("POST /api/tasks", Some(of_second.access())), Answer::insufficient_scope("tasks:write"));
    let third = running.realm("third").user_tokens("web", "root", "openid");
    apis.refuse("of a realm that is not named", third.access(), &Answer::invalid_token());
}

#[test]
fn lightweight_tokens_are_let_in_with_their_scopes_and_without_roles() {
    let (realm, _running) = realm("lightweight");
    let lightweight = json!({"client.use.lightweight.access.token.enabled": "true"});
    realm.add_client("light", |client| client["attributes"] = lightweight.clone());
    realm.add_client("light-with-sub", |client| {
        client["attributes"] = lightweight.clone();
        let config = json!({"access.token.claim": "true", "lightweight.claim": "true"});
        let sub =
            json!({"name": "sub", "protocol": "openid-connect", "protocolMapper": "oidc-sub-mapper", "config": config});
        client["protocolMappers"] = json!([audience(AUDIENCE), sub]);
    });
    realm.add_client("light-without-audience", |client| {
        client["attributes"] = lightweight.clone();
        client["protocolMappers"] = json!([]);
    });
    let apis = TaskApis::of(&realm);

    let client = realm.client_tokens("light", "email:send");
    let user = realm.user_tokens("light-with-sub", "root", "email:send");
    for (what, token) in [("of a client", client.access()), ("of a user", user.access())] {
        assert_eq!(payload(token)["realm_access"], Value::Null);
        apis.accept(what, token, &sub(token));
        assert_eq!(apis.agreed("POST /api/emails/send", Some(token)), Answer::ok(r#"{"sent":true}"#), "{what}");
        assert_eq!(apis.agreed("GET /api/admin/stats", Some(token)), Answer::insufficient_role("admin"), "{what}");
    }
    // Of a user it does not even say the name, unless it is told to.
    let user = realm.user_tokens("light", "root", "email:send");
    apis.refuse("light-weight, of a user", user.access(), &Answer::missing_claim("sub"));

    let tokens = realm.client_tokens("light-without-audience", "email");
    apis.refuse("light-weight, without an audience", tokens.access(), &Answer::missing_claim("aud"));
}

#[test]
fn tokens_of_rfc_9068_are_let_in_and_can_be_required() {
    let (realm, _running) = realm("rfc9068");
    realm.add_client("rfc9068", |client| client["attributes"]["access.token.header.type.rfc9068"] = json!("true"));
    let [plain, typed] = ["web", "rfc9068"].map(|client| realm.user_tokens(client, "ada", "openid"));
    assert_eq!([&plain, &typed].map(|tokens| header(tokens.access())["typ"].clone()), [json!("JWT"), json!("at+jwt")]);
    let apis = TaskApis::of(&realm);
    apis.accept("plain", plain.access(), &sub(plain.access()));
    apis.accept("at+jwt", typed.access(), &sub(typed.access()));
    let strict = TaskApis::with(&realm, "require_at_jwt", json!(true));
    strict.accept("at+jwt, required", typed.access(), &sub(typed.access()));
    strict.refuse("plain, where at+jwt is required", plain.access(), &Answer::invalid_token());
}

#[test]
fn every_algorithm_is_accepted_where_it_is_allowed_and_secrets_never() {
    let (realm, _running) = realm("algorithms");
    // Those between them differ by a hash alone, and each costs the server a key.
    let usual = ["RS256", "RS512", "ES256", "ES384", "ES512"];
    let on_request = ["PS256", "PS512", "EdDSA"];
    let secrets = ["HS256"];
    let tokens = |algorithms: &[&'static str]| -> Vec<_> {
        let token = |algorithm: &&'static str| {
            let client = format!("signs-{algorithm}");
            realm.add_client(&client, |client| {
                client["attributes"]["access.token.signed.response.alg"] = json!(algorithm)
            });
            let tokens = realm.client_tokens(&client, "email");
            assert_eq!(header(tokens.access())["alg"], **algorithm);
            (*algorithm, tokens)
        };
        algorithms.iter().map(token).collect()
    };
    let [usual, on_request, secrets] = [tokens(&usual), tokens(&on_request), tokens(&secrets)];
    // All keys are there by now: Keycloak makes each when it is first used.
    let by_default = TaskApis::of(&realm);
    let asked_for = TaskApis::with(&realm, "algorithms", json!(["PS256", "PS512", "EdDSA"]));
    for (algorithm, tokens) in &usual {
        by_default.accept(algorithm, tokens.access(), &sub(tokens.access()));
        asked_for.refuse(algorithm, tokens.access(), &Answer::invalid_token());
    }
    for (algorithm, tokens) in &on_request {
        by_default.refuse(algorithm, tokens.access(), &Answer::invalid_token());
        asked_for.accept(algorithm, tokens.access(), &sub(tokens.access()));
    }
    for (algorithm, tokens) in &secrets {
        by_default.refuse(algorithm, tokens.access(), &Answer::invalid_token());
        asked_for.refuse(algorithm, tokens.access(), &Answer::invalid_token());
    }
}

#[test]
fn tokens_for_another_api_or_of_another_realm_are_refused() {
    let (realm, running) = realm("home");
    realm.add_client("without-audience", |client| client["protocolMappers"] = json!([]));
    realm.add_client("of-another-api", |client| client["protocolMappers"] = json!([audience("another-api")]));
    let abroad = running.realm("abroad");
    let apis = TaskApis::of(&realm);
    // The default of Keycloak, which every new user meets: no mapper, and `aud` is `account`.
    let without = realm.client_tokens("without-audience", "email");
    assert_eq!(payload(without.access())["aud"], "account");
    apis.refuse("without a mapper", without.access(), &Answer::invalid_token());
    let another = realm.user_tokens("of-another-api", "root", "openid tasks:write");
    apis.refuse("for another API", another.access(), &Answer::invalid_token());
    let foreign = abroad.user_tokens("web", "root", "openid tasks:write");
    apis.refuse("of another realm", foreign.access(), &Answer::invalid_token());
}

#[test]
fn client_without_the_basic_scope_has_no_sub_and_is_refused() {
    let (realm, _running) = realm("basic");
    realm.add_client("without-basic", |client| client["defaultClientScopes"] = json!(["roles"]));
    let tokens = realm.client_tokens("without-basic", "tasks:write");
    // A service account has one of its own even so.
    TaskApis::of(&realm).accept("a service account", tokens.access(), &sub(tokens.access()));
    let tokens = realm.user_tokens("without-basic", "ada", "openid");
    assert_eq!(payload(tokens.access())["sub"], Value::Null);
    TaskApis::of(&realm).refuse("a user", tokens.access(), &Answer::missing_claim("sub"));
}

#[test]
fn tampered_tokens_are_refused() {
    let (realm, _running) = realm("tampered");
    realm.add_client("signs-ES256", |client| client["attributes"]["access.token.signed.response.alg"] = json!("ES256"));
    for client in ["web", "signs-ES256"] {
        let tokens = realm.user_tokens(client, "ada", "openid");
        // Each begins without knowing the genuine token.
        let apis = TaskApis::of(&realm);
        cases::tampered_token_is_refused(&apis, client, tokens.access(), &sub(tokens.access()));
    }
}

#[test]
fn id_and_refresh_tokens_are_refused_also_by_the_api_that_they_name() {
    let (realm, _running) = realm("kinds");
    let tokens = realm.user_tokens("web", "root", "openid");
    assert_eq!(payload(tokens.id())["aud"], "web");
    let apis = [
        TaskApis::of(&realm),
        TaskApis::with(&realm, "audience", json!("web")),
        TaskApis::with(&realm, "audience", json!(realm.issuer())),
    ];
    for apis in &apis {
        cases::id_and_refresh_tokens_are_refused(apis, &tokens);
    }
    apis[1].accept("an access token for the same audience", tokens.access(), &sub(tokens.access()));
}

#[test]
fn expired_token_is_refused_as_such() {
    let (realm, _running) = realm("expiry");
    realm.add_client("brief", |client| client["attributes"]["access.token.lifespan"] = json!("1"));
    let tokens = realm.user_tokens("brief", "ada", "openid");
    cases::expired_token_is_refused_as_such(&realm, tokens.access());
}

#[test]
fn new_key_is_found_beside_the_one_before() {
    let (realm, _running) = realm("rotation");
    let apis = TaskApis::of(&realm);
    let before = realm.user_tokens("web", "ada", "openid");
    apis.accept("the first key", before.access(), &sub(before.access()));
    realm.add_key("second", 200);
    let after = realm.user_tokens("web", "ada", "openid");
    assert_ne!(header(after.access())["kid"], header(before.access())["kid"]);
    apis.accept("the second key", after.access(), &sub(after.access()));
    apis.accept("the first key, still published", before.access(), &sub(before.access()));
}

#[test]
fn tokens_of_a_withdrawn_key_are_refused_once_the_new_one_is_known() {
    let (realm, _running) = realm("withdrawal");
    let apis = TaskApis::of(&realm);
    let before = realm.user_tokens("web", "ada", "openid");
    apis.accept("the first key", before.access(), &sub(before.access()));
    realm.add_key("second", 200);
    realm.disable_key(SIGNING_KEY);
    let after = realm.user_tokens("web", "ada", "openid");
    apis.accept("the first key, as far as is known", before.access(), &sub(before.access()));
    apis.accept("the second key", after.access(), &sub(after.access()));
    apis.refuse("the first key, withdrawn", before.access(), &Answer::invalid_token());
}

#[test]
fn server_that_is_away_is_missed_only_by_those_who_never_knew_it() {
    let mut keycloak = KEYCLOAK.write().unwrap_or_else(PoisonError::into_inner);
    let realm = keycloak.realm("away");
    let [seen, unseen] = ["ada", "root"].map(|user| realm.user_tokens("web", user, "openid"));
    let tokens = [seen.access(), unseen.access()];
    let new = |_: &Keycloak| realm.user_tokens("web", "ada", "openid");
    let keycloak = &mut *keycloak;
    cases::server_that_is_away_is_missed_only_by_those_who_never_knew_it(keycloak, &realm.settings(), tokens, new);
}

#[test]
fn tokens_that_are_bound_to_a_key_pass_with_a_proof_of_it_and_as_nothing_else() {
    let (realm, _running) = realm("bound");
    realm.add_bound_client("bound");
    let (apis, key) = (TaskApis::of(&realm), DpopKey::generate().unwrap());
    let bound = realm.bound_client_tokens("bound", "tasks:write", &key);
    assert_eq!(payload(bound.access())["typ"], "DPoP");
    // A member of its own stands beside the registered one.
    assert_eq!(payload(bound.access())["cnf"], json!({"jkt": key.thumbprint(), "kc-jkt-type": "DPoP"}));
    cases::bound_token_is_refused_by_those_who_take_no_proofs(&apis, &bound, &key);
    let free = realm.client_tokens("web", "tasks:write");
    apis.accept("the same of a client whose tokens are not bound", free.access(), &sub(free.access()));
    cases::bound_token_passes_with_proofs(&realm, &bound, &key, &free);
}

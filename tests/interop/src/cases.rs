//! What is asserted of every server's tokens, or of those of several.

use std::time::{Duration, Instant};

use rampart_client::ClientError;
use rampart_issuer::DpopKey;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::apis::{Api, Credentials, PUBLIC_URL, TaskApis};
use crate::http::{Client, Tokens, revocation, revoke};
use crate::server::{Asked, Issuer, Server};
use crate::setup::Setup;
use crate::token::{header, payload, remaining, sub, tampered};

/// Longer than clocks may differ.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nothing that somebody makes of a genuine token is accepted, also not after the genuine one has been seen. `sub` is its user.
pub fn tampered_token_is_refused(apis: &TaskApis, what: &str, token: &str, sub: &str) {
    for seen in [false, true] {
        for (how, tampered) in tampered(token) {
            apis.refuse(&format!("{what}, {how}, seen: {seen}"), &tampered, &Answer::invalid_token());
        }
        apis.accept("the genuine one", token, sub);
    }
}

/// `tokens` gives those of a client for itself: the client `web` gets them signed with RS256, two others with what their names say.
pub fn every_algorithm_is_accepted_where_it_is_allowed(issuer: &impl Issuer, tokens: impl Fn(&str) -> Tokens) {
    let by_default = TaskApis::of(issuer);
    let asked_for = TaskApis::with(issuer, "algorithms", json!(["EdDSA"]));
    for (client, algorithm) in [("web", "RS256"), ("signs-ES256", "ES256"), ("signs-EdDSA", "EdDSA")] {
        let tokens = tokens(client);
        assert_eq!(header(tokens.access())["alg"], algorithm);
        let (accepts, refuses) =
            if algorithm == "EdDSA" { (&asked_for, &by_default) } else { (&by_default, &asked_for) };
        accepts.accept(algorithm, tokens.access(), client);
        refuses.refuse(algorithm, tokens.access(), &Answer::invalid_token());
    }
}

/// Neither of them is an access token, whichever API looks at it.
pub fn id_and_refresh_tokens_are_refused(apis: &TaskApis, tokens: &Tokens) {
    apis.refuse("an ID token", tokens.id(), &Answer::invalid_token());
    apis.refuse("a refresh token", tokens.refresh(), &Answer::invalid_token());
}

/// The token must live for a moment only: the server sets the time, so it has to pass.
pub fn expired_token_is_refused_as_such(issuer: &impl Issuer, token: &str) {
    let apis = TaskApis::with(issuer, "clock_tolerance_seconds", json!(0));
    std::thread::sleep(remaining(token));
    apis.refuse("expired", token, &Answer::token_expired());
}

/// What a server that is stopped and started again means to APIs that knew it, and to those that never did. `new` gives the tokens of
/// after that; `settings` are those of its issuer, of which the tokens `seen` and `unseen` are.
pub fn server_that_is_away_is_missed_only_by_those_who_never_knew_it<S: Server>(
    server: &mut S,
    settings: &Value,
    [seen, unseen]: [&str; 2],
    new: impl FnOnce(&S) -> Tokens,
) {
    let known = TaskApis::start(settings);
    known.accept("before the stop", seen, &sub(seen));

    server.stop();
    known.accept("a token seen before", seen, &sub(seen));
    known.accept("a token not seen before", unseen, &sub(unseen));
    known.refuse("a forged one", &tampered(unseen)[0].1, &Answer::invalid_token());
    let cold = TaskApis::start(settings);
    cold.refuse("nothing can be decided", seen, &Answer::unavailable());
    assert_eq!(cold.agreed("GET /api/data", None), Answer::unauthorized());

    server.start_again();
    let answer = cold.after(&Answer::unavailable(), "GET /api/data", seen);
    assert_eq!(answer, Answer::ok(&format!(r#"{{"user":"{}"}}"#, sub(seen))));
    known.accept("a token of before, after the start", seen, &sub(seen));
    let new = new(server);
    for apis in [known, cold] {
        apis.accept("a new token", new.access(), &sub(new.access()));
    }
}

/// Tokens that are bound to the key (RFC 9449) are no bearer tokens, also not where their key comes with them: that proves nothing to an
/// API that takes no proofs.
pub fn bound_token_is_refused_by_those_who_take_no_proofs(apis: &TaskApis, bound: &Tokens, key: &DpopKey) {
    let token = bound.access();
    assert_eq!((bound.token_type(), &payload(token)["cnf"]["jkt"]), ("DPoP", &json!(key.thumbprint())));
    apis.refuse("as a bearer token", token, &Answer::invalid_token());
    apis.have_logged("cnf is present");
    // To them the scheme is one that there is not: no token came.
    let proven = Credentials::Dpop(token, key);
    for (line, answer) in [
        ("GET /api/data", Answer::unauthorized()),
        ("GET /api/admin/stats", Answer::unauthorized()),
        ("POST /api/tasks", Answer::unauthorized_for("tasks:write")),
        ("POST /api/emails/send", Answer::unauthorized_for("email:send")),
        ("GET /api/feed", Answer::ok(r#"{"feed":"public"}"#)),
    ] {
        assert_eq!(apis.agreed_for(line, proven), answer, "{line}");
    }
}

/// Tokens that are bound to the key pass with a proof of it, once for each, and in no other way; `free` is bound to nothing.
pub fn bound_token_passes_with_proofs(issuer: &impl Issuer, bound: &Tokens, key: &DpopKey, free: &Tokens) {
    let (token, other) = (bound.access(), DpopKey::generate().unwrap());
    let apis = TaskApis::with_proofs(issuer, "accepted", false);
    let let_in = Answer::ok(&format!(r#"{{"user":"{}"}}"#, sub(token)));
    for _ in 0..2 {
        assert_eq!(apis.agreed_for("GET /api/data", Credentials::Dpop(token, key)), let_in);
    }
    let proof = key.proof("GET", &format!("{PUBLIC_URL}/api/data")).access_token(token).sign().unwrap();
    let proven = Credentials::Proven(token, &proof);
    assert_eq!(apis.agreed_for("GET /api/data", proven), let_in);
    assert_eq!(apis.agreed_for("GET /api/data", proven), Answer::invalid_proof());
    apis.refuse_for("a proof that was spent, for another address", proven, &Answer::invalid_proof());
    apis.refuse_for("no proof", Credentials::Proven(token, ""), &Answer::proof_missing());
    let stolen = Answer::invalid_token().offering_proofs("DPoP");
    apis.refuse_for("the proof of another key", Credentials::Dpop(token, &other), &stolen);
    apis.refuse("as a bearer token", token, &Answer::invalid_token().offering_proofs("Bearer"));
    apis.accept("a token that is bound to nothing", free.access(), &sub(free.access()));

    let required = TaskApis::with_proofs(issuer, "required", false);
    assert_eq!(required.agreed_for("GET /api/data", Credentials::Dpop(token, key)), let_in);
    assert_eq!(required.agreed("GET /api/data", Some(free.access())).status, 401);

    let with_nonces = TaskApis::with_proofs(issuer, "accepted", true);
    with_nonces.accept_with_nonces(token, &sub(token), |url, nonce| {
        let proof = key.proof("GET", url).access_token(token);
        nonce.map_or_else(|| proof.clone(), |nonce| proof.clone().nonce(nonce)).sign().unwrap()
    });
}

/// What the issuer has ended is refused: by an API that has not met the token at once, by one that has as soon as what it was told before is
/// no longer believed, which is a second in all these settings.
pub fn ends_at_the_issuer(setup: &Setup, apis: &TaskApis, token: &str, sub: &str) {
    setup.elsewhere().start().refuse("ended before it came", token, &Answer::invalid_token());
    let let_in = Answer::ok(&format!(r#"{{"user":"{sub}"}}"#));
    assert_eq!(apis.after(&let_in, "GET /api/data", token), Answer::invalid_token());
    apis.refuse("ended after it came", token, &Answer::invalid_token());
    apis.have_logged("the issuer says that the token is not active");
}

/// Where the issuer refuses to talk to the API, nobody is told that a token is bad, and the log says what to mend.
pub fn wrong_credentials_are_no_callers_fault(apis: &TaskApis, token: &str) {
    apis.refuse("nothing can be decided", token, &Answer::undecided());
    apis.have_logged("check endpoint, client_id and client_secret of the introspection");
    assert_eq!(apis.agreed("GET /api/data", None), Answer::unauthorized());
}

/// A token that is bound to the key (RFC 9449), whoever says so, passes with a proof of it for the very request and in no other way.
pub fn bound_token_passes_with_a_proof_alone(apis: &TaskApis, token: &str, key: &DpopKey, sub: &str) {
    let let_in = Answer::ok(&format!(r#"{{"user":"{sub}"}}"#));
    for _ in 0..2 {
        assert_eq!(apis.agreed_for("GET /api/data", Credentials::Dpop(token, key)), let_in);
    }
    let stolen = Answer::invalid_token().offering_proofs("DPoP");
    apis.refuse_for("the proof of another key", Credentials::Dpop(token, &DpopKey::generate().unwrap()), &stolen);
    apis.refuse_for("no proof", Credentials::Proven(token, ""), &Answer::proof_missing());
    apis.refuse("as a bearer token", token, &Answer::invalid_token().offering_proofs("Bearer"));
}

/// An issuer that is stopped and started again, and must be asked: `known` have met the token and believe for a while what they were told.
pub fn asked_server_that_is_away_is_no_callers_fault(
    server: &mut impl Server,
    known: &TaskApis,
    cold: &TaskApis,
    token: &str,
    sub: &str,
) {
    server.stop();
    known.accept("a token seen a moment ago", token, sub);
    cold.refuse("nothing can be decided", token, &Answer::undecided());
    assert_eq!(cold.agreed("GET /api/data", None), Answer::unauthorized());
    server.start_again();
    // It has forgotten its tokens.
    assert_eq!(cold.after(&Answer::undecided(), "GET /api/data", token), Answer::invalid_token());
    cold.have_logged("the issuer could not be asked about a token");
}

/// What the server has said about a session is in force at this API, which has met its token.
pub fn has_ended(api: &Api, token: &str, sub: &str) {
    let let_in = Answer::ok(&format!(r#"{{"user":"{sub}"}}"#));
    let bearer = Credentials::Bearer(token);
    // The server may send it after it has told the user that it is done.
    assert_eq!(api.after(&let_in, "GET /api/data", bearer), Answer::invalid_token());
    for line in ["GET /api/admin/stats", "GET /api/feed"] {
        assert_eq!(api.ask(line, bearer), Answer::invalid_token(), "{line}");
    }
}

/// Whoever signs in again is let in, once tokens are from after the end of the session, which is told by the second.
pub fn is_let_in_again(api: &Api, sub: &str, sign_in: impl Fn() -> Tokens) {
    let let_in = Answer::ok(&format!(r#"{{"user":"{sub}"}}"#));
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = api.ask("GET /api/data", Credentials::Bearer(sign_in().access()));
        if answer == let_in {
            return;
        }
        assert_eq!(answer, Answer::invalid_token());
        assert!(Instant::now() < end, "{sub} is still kept out");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Where a logout token is expected, neither another token nor a forged one is good, and no session ends.
pub fn logout_takes_no_other_token(apis: &TaskApis, logout_token: &str, tokens: &Tokens) {
    let others =
        [("an access token", tokens.access()), ("an ID token", tokens.id()), ("a refresh token", tokens.refresh())];
    let others = others.map(|(what, token)| (what, token.to_owned()));
    for (what, token) in tampered(logout_token).into_iter().chain(others) {
        let answer = apis.agreed_logout(&format!("logout_token={token}"));
        assert_eq!(answer, Answer::invalid_logout(), "{what}");
    }
    apis.accept("as before", tokens.access(), &sub(tokens.access()));
}

/// A client that revokes a token (RFC 7009): done is done, also a second time and where there never was such a token; and where the server refuses
/// to listen to the client, that is told.
pub fn revoking_says_whether_the_token_is_gone(issuer: &impl Asked, client: Client<'_>, token: &str) {
    for token in [token, token, "nonsense"] {
        revoke(&issuer.name(), client, token);
    }
    let refused = revocation(&issuer.name(), (client.0, "not-its-secret"), token).unwrap_err();
    assert!(matches!(refused, ClientError::NotRevoked { status: Some(401), .. }), "{refused}");
    assert!(!refused.to_string().contains(token), "{refused}");
}

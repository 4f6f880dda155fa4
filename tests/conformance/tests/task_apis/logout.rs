//! What the issuer says when somebody has signed out, on all three.

use rampart_issuer::TokenBuilder;

use crate::world::{Contract, World, ask_with, request};

const LINE: &str = "POST /backchannel-logout";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

fn logged_out(world: &World, token: &TokenBuilder) -> Contract {
    sent(world, &format!("logout_token={}", token.sign().unwrap()), FORM)
}

fn sent(world: &World, body: &str, headers: &str) -> Contract {
    world.agreed_on(LINE, |address| ask_with(address, &request(address, LINE, None, body), headers))
}

fn answer(status: u16, body: &str) -> Contract {
    Contract {
        status,
        content_type: (!body.is_empty()).then(|| "application/json".to_owned()),
        cache_control: Some("no-store".to_owned()),
        challenge: None,
        nonce: false,
        body: body.to_owned(),
    }
}

fn status_of(world: &World, token: &TokenBuilder) -> u16 {
    world.agreed("GET /api/profile", Some(&token.sign().unwrap()), None).status
}

#[test]
fn session_that_has_ended_at_the_issuer_has_ended_here() {
    let world = World::start(false).warm();
    let ada = |sid: &str| world.token("ada").sid(sid);
    let (here, elsewhere, without) = (ada("s-1"), ada("s-2"), world.token("ada"));
    let bob = world.token("bob").sid("s-3");
    for token in [&here, &elsewhere, &without, &bob] {
        assert_eq!(status_of(&world, token), 200);
    }
    let ended = world.issuer.logout_token().sub("ada").sid("s-1");
    assert_eq!(logged_out(&world, &ended), answer(200, ""));
    let statuses = |world: &World| [&here, &elsewhere, &without, &bob].map(|token| status_of(world, token));
    assert_eq!(statuses(&world), [401, 200, 401, 200], "a token that does not say which session it is of goes too");
    assert_eq!(logged_out(&world, &ended), answer(200, ""), "the issuer may say so again");
    assert_eq!(logged_out(&world, &world.issuer.logout_token().sub("ada").without("sid")), answer(200, ""));
    assert_eq!(statuses(&world), [401, 401, 401, 200]);
}

#[test]
fn logout_token_that_is_not_good_ends_nothing() {
    let world = World::start(false).warm();
    let ada = world.token("ada").sid("s-1");
    assert_eq!(status_of(&world, &ada), 200);
    let good = || world.issuer.logout_token().sub("ada").sid("s-1");
    let refused =
        answer(400, r#"{"error":"invalid_request","error_description":"The logout token is not valid","status":400}"#);
    for (what, token) in [
        ("tampered", good().tampered()),
        ("for another client", good().audience("another")),
        ("with a nonce", good().claim("nonce", "n-1")),
        ("without exp", good().without("exp")),
        ("long ago", good().issued_at(1_700_000_000).expires_in(120)),
        ("an access token", ada.clone()),
    ] {
        assert_eq!(logged_out(&world, &token), refused, "{what}");
    }
    let form = format!("logout_token={}", good().sign().unwrap());
    assert_eq!(sent(&world, &form, "Content-Type: application/json\r\n"), refused);
    assert_eq!(sent(&world, &form, ""), refused);
    assert_eq!(sent(&world, "", FORM), refused);
    assert_eq!(sent(&world, &format!("{form}&{form}"), FORM), refused);
    assert_eq!(status_of(&world, &ada), 200);
    assert_eq!(status_of(&world, &good()), 401, "nor is a logout token an access token");
    assert_eq!(world.agreed("GET /backchannel-logout", None, None).status, 405);
}

//! What the issuer is told.

use std::time::Duration;

use rampart_core::adapter::LogoutReply;
use rampart_core::{AuthError, RampartAuth, Revocations};
use rampart_issuer::{Endpoint, Fault, base64url};

use crate::ground::{FORM, Ground};
use crate::outages::Store;

fn shown(reply: &LogoutReply) -> (u16, Vec<(&str, &str)>, &str) {
    (reply.status(), reply.headers().collect(), reply.body())
}

const JSON: (&str, &str) = ("content-type", "application/json");
const UNCACHED: (&str, &str) = ("cache-control", "no-store");

/// RV18, RV25
#[tokio::test]
async fn request_is_one_form_with_one_logout_token() {
    let ground = Ground::new().await;
    let token = ground.logout().sign().unwrap();
    let good = format!("logout_token={token}");
    let refused = r#"{"error":"invalid_request","error_description":"The logout token is not valid","status":400}"#;
    for (types, body) in [
        (vec![FORM], String::new()),
        (vec![FORM], "logout_token=".into()),
        (vec![FORM], format!("{good}&{good}")),
        (vec![FORM], format!("{good}&logout_token=x")),
        (vec![FORM], format!("Logout_token={token}")),
        (vec!["application/json"], format!(r#"{{"logout_token":"{token}"}}"#)),
        (vec!["multipart/form-data; boundary=x"], good.clone()),
        (vec!["text/plain"], good.clone()),
        (vec![], good.clone()),
        (vec![FORM, FORM], good.clone()),
        (vec!["application/x-www-form-urlencodedx"], good.clone()),
    ] {
        let reply = ground.post(types.clone(), &body).await;
        assert_eq!(shown(&reply), (400, vec![JSON, UNCACHED], refused), "{types:?} {body}");
    }
    assert!(ground.is_signed_in().await);
    let reply = ground.post(["Application/X-WWW-Form-Urlencoded; charset=utf-8"], format!("a=b&{good}&state=x")).await;
    assert_eq!(shown(&reply), (200, vec![UNCACHED], ""));
    assert!(!ground.is_signed_in().await);
}

/// RV25
#[tokio::test]
async fn body_that_is_too_long_is_not_read() {
    let ground = Ground::new().await;
    let reply = ground.auth.backchannel_logout([FORM], None).await;
    let body = r#"{"error":"invalid_request","error_description":"The logout request is too long","status":413}"#;
    assert_eq!(shown(&reply), (413, vec![JSON, UNCACHED], body));
    let not_post = LogoutReply::not_post();
    let body = r#"{"error":"invalid_request","error_description":"A logout request is a POST","status":405}"#;
    assert_eq!(shown(&not_post), (405, vec![JSON, UNCACHED, ("allow", "POST")], body));
    let long = format!("logout_token={}", "a".repeat(20_000));
    assert_eq!(ground.post([FORM], long).await.status(), 400);
}

/// RV25
#[tokio::test(start_paused = true)]
async fn body_is_waited_for_ten_seconds_and_no_longer() {
    let after = |milliseconds| async move {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        "body"
    };
    assert_eq!(LogoutReply::in_time(after(9_999)).await, Ok("body"));
    let late = LogoutReply::in_time(after(10_001)).await.unwrap_err();
    let body =
        r#"{"error":"invalid_request","error_description":"The logout request has not come in time","status":408}"#;
    assert_eq!(shown(&late), (408, vec![JSON, UNCACHED], body));
}

/// RV25
#[test]
fn length_says_already_what_is_too_long() {
    for length in ["65536", "0", "-1", "x", "", "65537 "] {
        assert_eq!(LogoutReply::check_length(Some(length.as_bytes())), Ok(()), "{length}");
    }
    assert_eq!(LogoutReply::check_length(None), Ok(()));
    for length in ["65537", "18446744073709551615", "0000000000000000065537"] {
        assert_eq!(LogoutReply::check_length(Some(length.as_bytes())).unwrap_err().status(), 413, "{length}");
    }
}

/// RV26
#[tokio::test]
async fn logout_that_cannot_be_decided_is_for_later() {
    let ground = Ground::new().await;
    ground.issuer.inject(Endpoint::Jwks, Fault::status(500));
    let reply = ground.post([FORM], format!("logout_token={}", ground.logout().sign().unwrap())).await;
    let body = r#"{"error":"temporarily_unavailable","error_description":"The logout cannot be carried out now","status":503}"#;
    let (status, headers, told) = shown(&reply);
    assert_eq!((status, told), (503, body));
    assert!(headers.iter().any(|(name, _)| *name == "retry-after"), "{headers:?}");
    assert_eq!(ground.revocations.health().entries, 0);
    assert_eq!(ground.send(&ground.logout().without("events")).await, 400, "what could not hold asks for no keys");
}

/// RV26
#[tokio::test]
async fn logout_that_cannot_be_kept_is_for_later_and_all_of_it_in_force_here() {
    let revocations = Revocations::over(Store::full()).start().unwrap();
    revocations.loaded().await.unwrap();
    let ground = Ground::with(|builder| builder.revocations(revocations)).await;
    assert!(ground.is_signed_in().await && ground.verify(&ground.access().without("sid")).await.is_ok());
    assert_eq!(ground.send(&ground.logout()).await, 503);
    assert!(!ground.is_signed_in().await);
    assert_eq!(ground.verify(&ground.access().without("sid")).await, Err(AuthError::TokenRevoked));
    assert_eq!(ground.verify(&ground.access().sid("s-2")).await, Ok(()));
}

#[tokio::test]
async fn without_a_list_of_revocations_nobody_is_told_that_it_was_done() {
    let ground = Ground::new().await;
    let auth = RampartAuth::builder(ground.issuer.url(), ground.issuer.audience()).build().unwrap();
    let body = format!("logout_token={}", ground.logout().sign().unwrap());
    let reply = auth.backchannel_logout([FORM], Some(body.as_bytes())).await;
    let body = r#"{"error":"server_error","error_description":"Logout is not configured","status":500}"#;
    assert_eq!(shown(&reply), (500, vec![JSON, UNCACHED], body));
}

/// RV25
#[tokio::test]
async fn flood_of_made_up_key_ids_asks_the_issuer_no_more_than_tokens_may() {
    let ground = Ground::new().await;
    assert!(ground.is_signed_in().await);
    let before = ground.issuer.requests(Endpoint::Jwks);
    let payload = base64url(ground.logout().payload());
    let (mut refused, mut unavailable) = (0, 0);
    for n in 0..10_000 {
        // No key is there that could tell what the signature is worth.
        let header = base64url(format!(r#"{{"alg":"RS256","kid":"kid-{n}"}}"#));
        match ground.send_text(&format!("{header}.{payload}.AAAA")).await {
            400 => refused += 1,
            503 => unavailable += 1,
            other => panic!("{other}"),
        }
    }
    assert!(ground.issuer.requests(Endpoint::Jwks) - before <= 3);
    // Those few that were looked for are known to be none; of the others nobody knows, and one may be genuine.
    assert!(refused <= 3 && refused + unavailable == 10_000, "{refused} {unavailable}");
    assert!(ground.is_signed_in().await && ground.revocations.health().entries == 0);
    assert_eq!(ground.send(&ground.logout()).await, 200);
    // One of a key that is new is told to come again, as nobody can tell it from them, or is let in where the issuer may be asked again
    // by now. An issuer that is told 400 would not come again.
    ground.issuer.rotate().unwrap();
    let answer = ground.send(&ground.logout()).await;
    assert!([503, 200].contains(&answer), "{answer}");
}

//! The cache of verified tokens: a hit is exactly as strict as a verification.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{World, at_once, lasting, outliving, refused, seconds};
use crate::threads::ask_around;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rampart_core::adapter::{Authorization, Verification};
use rampart_core::{Algorithm, AuthError, RampartAuth, RampartAuthBuilder};
use rampart_issuer::base64url;
use serde_json::{Value, json};

/// The keys are at hand, so that every verdict is there at once.
fn offline(world: &World) -> RampartAuthBuilder {
    world.builder().static_jwks(world.issuer.jwks_json())
}

fn tokens_kept(auth: &RampartAuth) -> usize {
    number(auth, "TokenCache { tokens: ")
}

fn bytes_kept(auth: &RampartAuth) -> usize {
    number(auth, ", bytes: ")
}

fn number(auth: &RampartAuth, after: &str) -> usize {
    let debug = format!("{auth:?}");
    let rest = debug.split_once(after).unwrap().1;
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[tokio::test]
async fn hit_gives_the_same_claims_without_a_copy() {
    let world = World::new().await;
    let (auth, token) = (offline(&world).build().unwrap(), world.token());
    let first = at_once(&auth, &token).unwrap();
    for _ in 0..10 {
        assert!(Arc::ptr_eq(&first, &at_once(&auth, &token).unwrap()));
        assert!(Arc::ptr_eq(&first, &at_once(&auth.clone(), &token).unwrap()));
    }
    assert_eq!(tokens_kept(&auth), 1);
}

/// Each may have the claims under a counter of its own; but nobody has a copy of them, and they stop with the key, for all at once.
#[tokio::test]
async fn t02_removed_key_stops_a_token_that_many_threads_share() {
    fn on_threads(ask: impl Fn() + Sync) {
        std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| (0..50).for_each(|_| ask())))));
    }
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    let first = at_once(&auth, &token).unwrap();
    on_threads(|| assert_eq!(at_once(&auth, &token).unwrap().sub.as_ptr(), first.sub.as_ptr()));
    world.issuer.rotate().unwrap();
    auth.refresh_keys().await.unwrap();
    refused(auth.verify(&token).await);
    on_threads(|| refused(at_once(&auth, &token)));
}

#[tokio::test]
async fn nought_bytes_turn_the_cache_off() {
    let world = World::new().await;
    let (auth, token) = (offline(&world).token_cache_bytes(0).build().unwrap(), world.token());
    let (first, second) = (at_once(&auth, &token).unwrap(), at_once(&auth, &token).unwrap());
    assert!(first.sub.as_ptr() != second.sub.as_ptr());
    assert_eq!(*first.sub, *second.sub);
}

#[tokio::test]
async fn t01_hit_expires_exactly_as_the_token_does() {
    let world = World::new().await;
    let now = world.time.unix();
    world.time.wall_back(world.time.now().duration_since(std::time::UNIX_EPOCH).unwrap() - seconds(now));
    for tolerance in [0, 5] {
        let auth = offline(&world).clock_tolerance(seconds(tolerance)).build().unwrap();
        let token = world.issuer.token().at(world.time.unix()).expires_in(2).sign().unwrap();
        at_once(&auth, &token).unwrap();
        world.time.wall_ahead(seconds(2 + tolerance) - Duration::from_nanos(1));
        at_once(&auth, &token).unwrap();
        world.time.wall_ahead(Duration::from_nanos(1));
        assert_eq!(at_once(&auth, &token).unwrap_err(), AuthError::TokenExpired);
        world.time.wall_ahead(seconds(100_000));
        assert_eq!(at_once(&auth, &token).unwrap_err(), AuthError::TokenExpired);
    }
}

#[tokio::test]
async fn t01_token_that_many_threads_share_expires_for_all_at_once() {
    let world = World::new().await;
    let auth = offline(&world).clock_tolerance(Duration::ZERO).build().unwrap();
    let token = world.issuer.token().at(world.time.unix()).expires_in(60).sign().unwrap();
    let ask = || at_once(&auth, &token).map(drop);
    ask_around(
        || world.time.wall_ahead(seconds(60)),
        || assert_eq!(ask(), Ok(())),
        || assert_eq!(ask(), Err(AuthError::TokenExpired)),
    );
}

#[tokio::test]
async fn t01_hits_do_not_prolong_a_token() {
    let world = World::new().await;
    let auth = offline(&world).clock_tolerance(Duration::ZERO).build().unwrap();
    let token = world.issuer.token().at(world.time.unix()).expires_in(60).sign().unwrap();
    for _ in 0..59 {
        at_once(&auth, &token).unwrap();
        world.time.wall_ahead(seconds(1));
    }
    world.time.wall_ahead(seconds(1));
    assert_eq!(at_once(&auth, &token).unwrap_err(), AuthError::TokenExpired);
}

#[tokio::test]
async fn t02_removed_key_stops_cached_tokens() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    at_once(&auth, &token).unwrap();
    let new = world.issuer.rotate().unwrap();
    auth.refresh_keys().await.unwrap();
    refused(auth.verify(&token).await);
    // And it is a new verification when the key comes back.
    world.issuer.use_key(&new);
    at_once(&auth, &world.token()).unwrap();
}

#[tokio::test]
async fn t03_one_configuration_never_answers_for_another() {
    let world = World::new().await;
    let (token, id) = (world.token(), world.issuer.audience());
    let loose = offline(&world).build().unwrap();
    let again = |builder: RampartAuthBuilder| builder.static_jwks(world.issuer.jwks_json()).build().unwrap();
    // Keys that no accepted algorithm can use are no keys at all.
    let useless = world.builder().algorithms([Algorithm::RS256]).static_jwks(world.issuer.jwks_json()).build();
    assert_eq!(useless.unwrap_err().field(), "static_jwks");
    let stricter = [
        again(RampartAuth::builder(world.issuer.url(), "another-api")),
        again(RampartAuth::builder("https://other.example", id)),
        again(world.builder().require_at_jwt(true)),
        again(world.builder().max_token_bytes(100)),
    ];
    for auth in &stricter {
        at_once(&loose, &token).unwrap();
        assert!(at_once(auth, &token).is_err());
        at_once(&loose, &token).unwrap();
    }
    let exact = again(world.builder().clock_tolerance(Duration::ZERO));
    let just_expired = world.issuer.token().at(world.time.unix() - 100).expires_in(98).sign().unwrap();
    at_once(&loose, &just_expired).unwrap();
    assert_eq!(at_once(&exact, &just_expired).unwrap_err(), AuthError::TokenExpired);
    at_once(&loose, &just_expired).unwrap();
    let asks_more = again(world.builder().required_claims(["department"]));
    assert_eq!(at_once(&asks_more, &token).unwrap_err(), AuthError::missing_claim("department"));
    let late = again(world.builder().clock(|| std::time::SystemTime::UNIX_EPOCH + seconds(9_999_999_999)));
    assert_eq!(at_once(&late, &token).unwrap_err(), AuthError::TokenExpired);
}

/// X03.
#[tokio::test]
async fn t04_every_byte_of_the_token_counts() {
    let world = World::new().await;
    let (auth, token) = (offline(&world).build().unwrap(), world.token());
    at_once(&auth, &token).unwrap();
    for position in 0..token.len() {
        let mut forged = token.clone().into_bytes();
        forged[position] = if forged[position] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        assert!(at_once(&auth, &forged).is_err(), "byte {position} does not count");
    }
    for forged in [format!("{token} "), format!("{token}A"), format!("{token}="), format!(" {token}")] {
        refused(at_once(&auth, &forged));
    }
    refused(at_once(&auth, &token[..token.len() - 1]));
    assert_eq!(tokens_kept(&auth), 1, "failures are kept");
}

/// A known token needs no look at its characters; whatever else stands in the field does.
#[tokio::test]
async fn t04_characters_around_a_known_token_are_looked_at() {
    let world = World::new().await;
    let (auth, token) = (offline(&world).build().unwrap(), world.token());
    let ask = |value: &[u8]| auth.authenticate_optional([value]).now().unwrap().map(|claims| claims.is_some());
    let good = format!("Bearer {token}");
    for _ in 0..2 {
        assert_eq!(ask(good.as_bytes()), Ok(true));
        for end in [b",".as_slice(), b"\xe9", b"\0", b" x", b"\"", b";", b"=A"] {
            assert_eq!(ask(&[good.as_bytes(), end].concat()), Err(AuthError::InvalidToken), "{end:?}");
        }
        for beginning in ["Bearer", "Bearer ", "Bearer ,", "Bearer \"", "Bearer=", "Bearer\t"] {
            let is_good = ask(format!("{beginning}{token}").as_bytes()).is_ok_and(|is_good| is_good);
            assert_eq!(is_good, beginning == "Bearer ");
        }
        assert_eq!(ask(b"Bearer "), Err(AuthError::InvalidToken));
        assert_eq!(ask(b"Bearer"), Err(AuthError::InvalidToken));
    }
}

#[tokio::test]
async fn t04_signature_of_another_token_is_no_hit() {
    let world = World::new().await;
    let auth = offline(&world).build().unwrap();
    let (user, admin) = (lasting(&world.issuer), outliving(world.issuer.token().roles(["admin"])));
    at_once(&auth, &user).unwrap();
    at_once(&auth, &admin).unwrap();
    let (claims_of_admin, signature_of_user) = (admin.rsplit_once('.').unwrap().0, user.rsplit_once('.').unwrap().1);
    refused(at_once(&auth, &format!("{claims_of_admin}.{signature_of_user}")));
    let foreign = crate::support::key_named(world.issuer.key().kid());
    refused(at_once(&auth, &outliving(world.issuer.token().key(&foreign))));
}

#[tokio::test]
async fn t04_twin_signature_is_verified_on_its_own() {
    let world = World::new().await;
    let (auth, token) = (offline(&world).build().unwrap(), world.token());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut twin = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let negated = minus(&ORDER_OF_P256, &twin[32..]);
    twin[32..].copy_from_slice(&negated);
    let twin = format!("{signed}.{}", base64url(&twin));
    let claims = at_once(&auth, &token).unwrap();
    let claims_of_twin = at_once(&auth, &twin).unwrap();
    assert!(claims.sub.as_ptr() != claims_of_twin.sub.as_ptr());
    assert_eq!(tokens_kept(&auth), 2);
}

/// The order of the group of P-256 (FIPS 186-5): (r, n - s) is valid where (r, s) is.
const ORDER_OF_P256: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn minus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut borrow = false;
    let mut difference: Vec<u8> = a
        .iter()
        .zip(b)
        .rev()
        .map(|(a, b)| {
            let (first, under) = a.overflowing_sub(*b);
            let (second, under_again) = first.overflowing_sub(u8::from(borrow));
            borrow = under || under_again;
            second
        })
        .collect();
    difference.reverse();
    difference
}

#[tokio::test]
async fn t04_tokens_with_a_long_common_beginning_are_told_apart() {
    let world = World::new().await;
    let auth = offline(&world).build().unwrap();
    let tokens: Vec<_> = (0..200).map(|n| (n, outliving(world.issuer.token().claim("zz", n)))).collect();
    for _ in 0..2 {
        for (number, token) in &tokens {
            assert_eq!(at_once(&auth, token).unwrap().get::<u64>("zz").unwrap(), Some(*number));
        }
    }
    assert_eq!(tokens_kept(&auth), tokens.len());
}

#[tokio::test]
async fn t05_failures_are_not_kept() {
    let world = World::new().await;
    let (auth, token) = (offline(&world).build().unwrap(), world.token());
    let (signed, _) = token.rsplit_once('.').unwrap();
    let empty = bytes_kept(&auth);
    for number in 0..10_000_u32 {
        let mut signature = [7; 64];
        signature[..4].copy_from_slice(&number.to_be_bytes());
        refused(at_once(&auth, &format!("{signed}.{}", base64url(signature))));
    }
    assert_eq!((tokens_kept(&auth), bytes_kept(&auth)), (0, empty));
}

#[tokio::test]
async fn t05_refusal_from_before_a_rotation_does_not_stick() {
    let world = World::new().await;
    let auth = world.warm().await;
    let key = world.issuer.add_unpublished_key(rampart_issuer::Algorithm::ES256).unwrap();
    world.issuer.use_key(&key);
    let token = world.token();
    refused(auth.verify(&token).await);
    world.issuer.publish(key);
    auth.refresh_keys().await.unwrap();
    at_once(&auth, &token).unwrap();
    // The same where a key of that name was there, but another one.
    let replacement = crate::support::key_named(world.issuer.key().kid());
    let token = outliving(world.issuer.token().key(&replacement));
    refused(at_once(&auth, &token));
    world.issuer.remove_key(replacement.kid());
    world.issuer.publish(replacement);
    auth.refresh_keys().await.unwrap();
    at_once(&auth, &token).unwrap();
}

#[tokio::test]
async fn t06_token_without_a_sensible_end_is_never_kept() {
    let world = World::new().await;
    let auth = offline(&world).build().unwrap();
    let ends: [(Value, AuthError); 6] = [
        (json!(0), AuthError::TokenExpired),
        (Value::Null, AuthError::missing_claim("exp")),
        (json!(u64::MAX), AuthError::InvalidToken),
        (json!(-1), AuthError::InvalidToken),
        (json!(1e300), AuthError::InvalidToken),
        (json!("9999999999"), AuthError::InvalidToken),
    ];
    for (exp, error) in ends {
        let token = world.issuer.token().claim("exp", &exp).sign().unwrap();
        for _ in 0..2 {
            assert_eq!(at_once(&auth, &token).unwrap_err(), error, "exp {exp}");
        }
    }
    assert_eq!(tokens_kept(&auth), 0);
}

#[tokio::test]
async fn t07_no_token_shows_in_debug() {
    let world = World::new().await;
    let auth = offline(&world).build().unwrap();
    let token = outliving(world.issuer.token().sub("a-very-private-subject"));
    let head = Authorization::new([format!("Bearer {token}")]);
    let Verification::Ready(fresh) = auth.verification(&head) else { panic!("waits") };
    let kept = fresh.into_verified();
    for debug in [
        format!("{auth:?}"),
        format!("{auth:#?}"),
        format!("{kept:?}"),
        format!("{:?}", kept.by(&auth, &head)),
        format!("{head:?}"),
    ] {
        for part in token.split('.').chain(["a-very-private-subject"]) {
            assert!(!debug.contains(part), "{debug}");
        }
    }
}

#[tokio::test]
async fn t08_hit_is_refused_when_the_clock_steps_back_before_nbf_or_iat() {
    let world = World::new().await;
    let auth = offline(&world).clock_tolerance(seconds(5)).build().unwrap();
    let now = world.time.unix();
    let by_nbf = outliving(world.issuer.token().at(now - 1000).claim("nbf", now + 4));
    let by_iat = outliving(world.issuer.token().at(now + 4));
    for token in [&by_nbf, &by_iat] {
        at_once(&auth, token).unwrap();
        world.time.wall_back(seconds(30));
        refused(at_once(&auth, token));
        world.time.wall_ahead(seconds(30));
        at_once(&auth, token).unwrap();
    }
}

#[tokio::test]
async fn memory_is_bounded_by_bytes() {
    let world = World::new().await;
    let limit = 64 * 1024;
    let auth = offline(&world).token_cache_bytes(limit).build().unwrap();
    let filler = "x".repeat(2000);
    for number in 0..300 {
        let token = outliving(world.issuer.token().sub(&format!("user {number}")).claim("filler", &filler));
        at_once(&auth, &token).unwrap();
        assert!(bytes_kept(&auth) <= limit, "{} bytes", bytes_kept(&auth));
    }
    assert!((1..40).contains(&tokens_kept(&auth)), "{} tokens", tokens_kept(&auth));
}

#[tokio::test]
async fn token_that_does_not_fit_is_verified_each_time() {
    let world = World::new().await;
    let auth = offline(&world).token_cache_bytes(1).build().unwrap();
    let token = world.token();
    for _ in 0..3 {
        at_once(&auth, &token).unwrap();
    }
    assert_eq!(tokens_kept(&auth), 0);
}

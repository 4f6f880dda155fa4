//! P4: APIs whose own URL is another than that of the conformance suite.

use rampart_core::Dpop;

use super::common::*;

const GOOD: &str = "user-1";
const BAD: &str = "401 invalid_dpop_proof";

/// Asks an API with this URL at this path, with proofs that name these.
fn assert_all(public_url: &str, path: &'static str, expected: &str, named: &[&str]) {
    let ground = Ground::new(Dpop::accepted().public_url(public_url));
    for ground in [ground.without_cache(), ground] {
        let token = ground.bound();
        for htu in named {
            let proof = proof(&token).claim("htu", htu).sign().unwrap();
            let head = Request { path, ..Request::new("DPoP", &token, [proof]) };
            assert_eq!(said(&ground.auth, &head), expected, "{htu} at {public_url} {path}");
        }
    }
}

#[test]
fn dp20_other_spellings_of_the_same() {
    assert_all(API, "/orders%2F1", GOOD, &["https://api.example/orders%2f1", "https://api.example/%6frders%2F1"]);
    assert_all(API, "/orders%2f1", GOOD, &["https://api.example/orders%2F1"]);
    assert_all(
        API,
        "/",
        GOOD,
        &["https://api.example", "https://api.example/", "https://api.example?x=1", "HTTPS://API.EXAMPLE:443"],
    );
    assert_all(API, "/a/../orders", GOOD, &["https://api.example/orders", "https://api.example/a/../orders"]);
}

#[test]
fn dp21_others_that_look_like_it() {
    assert_all(API, "/orders/", BAD, &["https://api.example/orders%2F", "https://api.example/orders"]);
    assert_all(API, "/orders%2F1", BAD, &["https://api.example/orders/1"]);
}

#[test]
fn dp23_spellings_of_an_ip_address_are_other_names() {
    let others = [
        "https://0x7f.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
    ];
    assert_all("https://127.0.0.1", "/", BAD, &others);
    assert_all("https://127.0.0.1", "/", GOOD, &["https://127.0.0.1/"]);
}

#[test]
fn dp24_ipv6_hosts_are_compared_as_addresses() {
    let url = "https://[::1]:8443";
    let same = ["https://[::1]:8443/orders", "https://[0:0:0:0:0:0:0:1]:8443/orders", "https://[::0001]:8443/orders"];
    assert_all(url, "/orders", GOOD, &same);
    assert_all("https://[2001:db8::ab]", "/", GOOD, &["https://[2001:DB8::AB]/"]);
    let others = [
        "https://[::1%25eth0]:8443/orders",
        "https://[::ffff:127.0.0.1]:8443/orders",
        "https://[::2]:8443/orders",
        "https://[::1]/orders",
        "https://localhost:8443/orders",
    ];
    assert_all(url, "/orders", BAD, &others);
}

#[test]
fn dp30_prefix_that_a_proxy_takes_away_is_a_part_of_the_url() {
    let url = "https://api.example/v1";
    assert_all(url, "/orders", GOOD, &["https://api.example/v1/orders"]);
    assert_all(url, "/orders", BAD, &["https://api.example/orders", "https://api.example/v1/v1/orders"]);
    // One that comes unstripped.
    assert_all(url, "/v1/orders", GOOD, &["https://api.example/v1/v1/orders"]);
    assert_all(url, "/v1/orders", BAD, &["https://api.example/v1/orders"]);
}

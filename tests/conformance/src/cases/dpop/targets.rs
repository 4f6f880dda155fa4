//! Method and URL of a proof: DP15 to DP31.

use serde_json::{Value, json};

use crate::case::{App, Case};
use crate::credentials::Credentials;
use crate::fixture::Fixture;
use crate::sender::{API, Sender, bound};

use super::super::ADA;
use super::{each_claim, each_text, get, invalid_proof, sender, without};

const NO_SUCH_METHOD: &str = "Rocket knows the methods of RFC 9110 and PATCH, and answers 400 to others itself";
const FORM_METHOD: &str = "Rocket takes the method that will run from the _method of a form, before anybody else looks";
const RAW_TARGET: &str = "actix-web answers 400 to such a target itself";

pub(super) fn cases(_: &Fixture) -> Vec<Case> {
    let s = sender();
    let at_any = sender().at("/any");
    let any = |name, method: &'static str| Case::get(name, "/any").of(App::Dpop).method(method);
    let reused = |name, method| any(name, method).each([at_any.good()]).answers(invalid_proof());
    let right = |name, method| any(name, method).each([at_any.clone().method(method).good()]).passes(ADA);
    let form = |name| get(name).at("/any").form("_method=DELETE&x=y");
    let post = at_any.clone().method("POST").good();
    let delete = at_any.clone().method("DELETE").good();
    vec![
        get("dp15_other_methods")
            .each([without(&s, "htm")])
            .each(each_claim(&s, "htm", [Value::Null, json!(1), json!(["GET"]), json!(true)]))
            .each(each_text(&s, "htm", &["", "get", "Get", "GET ", " GET", "POST", "HEAD", "GET\0", "*"]))
            .answers(invalid_proof()),
        reused("dp16_proof_for_get_with_post", "POST"),
        reused("dp16_proof_for_get_with_delete", "DELETE"),
        reused("dp16_proof_for_get_with_an_own_method", "PURGE")
            .except("rocket", NO_SUCH_METHOD, |case| case.reaches_no_handler(&[400])),
        right("dp16_proof_for_post", "POST"),
        right("dp16_proof_for_delete", "DELETE"),
        right("dp16_proof_for_an_own_method", "PURGE")
            .except("rocket", NO_SUCH_METHOD, |case| case.reaches_no_handler(&[400])),
        any("dp16_other_method_in_a_header_means_nothing", "POST")
            .each([post.clone()])
            .line("X-HTTP-Method-Override: DELETE\r\nX-HTTP-Method: DELETE\r\nX-Original-Method: DELETE")
            .passes(ADA),
        any("dp16_other_method_in_a_header_is_not_the_one_that_counts", "POST")
            .each([delete.clone()])
            .line("X-HTTP-Method-Override: DELETE\r\nX-HTTP-Method: DELETE\r\nX-Original-Method: DELETE")
            .answers(invalid_proof()),
        get("dp17_head").method("HEAD").each([s.clone().method("HEAD").good()]).passes(ADA),
        get("dp17_head_with_a_proof_for_get").method("HEAD").each([s.good()]).answers(invalid_proof()),
        form("dp18_method_of_a_form_that_was_sent")
            .each([post])
            .passes(ADA)
            .except("rocket", FORM_METHOD, |case| case.answers(invalid_proof())),
        form("dp18_method_of_a_form_that_would_run")
            .each([delete])
            .answers(invalid_proof())
            .except("rocket", FORM_METHOD, |case| case.passes(ADA)),
        get("dp19_query_and_fragment_are_not_compared")
            .at("/protected?x=1")
            .each(each_text(
                &s,
                "htu",
                &[
                    "https://api.example/protected",
                    "https://api.example/protected?x=1",
                    "https://api.example/protected?y=2",
                    "https://api.example/protected?",
                    "https://api.example/protected#a",
                    "https://api.example/protected?x=1#a",
                    "https://api.example/protected#a?b",
                ],
            ))
            .passes(ADA),
        get("dp20_other_spellings_of_the_same")
            .each(each_text(
                &s,
                "htu",
                &[
                    "HTTPS://API.EXAMPLE/protected",
                    "https://api.example:443/protected",
                    "https://api.example:/protected",
                    "https://api.example/%70rotected",
                    "https://api.example/a/../protected",
                    "https://api.example/./protected",
                    "https://api.example/a/%2e%2e/protected",
                    "https://api.example/a/%2E./protected",
                    "https://api.example/../protected",
                ],
            ))
            .passes(ADA),
        get("dp21_others_that_look_like_it")
            .each(each_text(
                &s,
                "htu",
                &[
                    "https://api.example/Protected",
                    "https://api.example/protected/",
                    "https://api.example//protected",
                    "https://api.example/protected;v=1",
                    "https://api.example/protected%2F",
                    "https://api.example/protected%00",
                    "https://api.example/protected%20",
                    "https://api.example/protecte",
                    "https://api.example/protected/1",
                    "https://api.example/",
                    "https://api.example",
                    "https://api.example:8443/protected",
                    "https://api.example:0443/protected",
                    "http://api.example/protected",
                    "http://api.example:443/protected",
                    "https://api.example./protected",
                    "https://other.example/protected",
                    "https://evil.api.example/protected",
                    "https://api.example.evil.example/protected",
                    "https://api.test/protected",
                ],
            ))
            .answers(invalid_proof()),
        get("dp22_no_urls")
            .each([without(&s, "htu")])
            .each(each_claim(
                &s,
                "htu",
                [Value::Null, json!(1), json!(["https://api.example/protected"]), json!({}), json!(false)],
            ))
            .each(each_text(
                &s,
                "htu",
                &[
                    "",
                    "/protected",
                    "//api.example/protected",
                    "api.example/protected",
                    "*",
                    "wss://api.example/protected",
                    "https+x://api.example/protected",
                    "https://api.example/%zz",
                    "https://api.example/protected%",
                    "https://api.example/protected%2",
                    "https://api.example/prot\u{e9}cted",
                    "https://\u{e4}pi.example/protected",
                    "https://u@api.example/protected",
                    "https://u:p@api.example/protected",
                    "https://@api.example/protected",
                    "https://api.example@/protected",
                    "https://api.example:65536/protected",
                    "https://api.example:443:443/protected",
                ],
            ))
            .each(each_text(&s, "htu", &[&format!("https://api.example/protected?{}", "a".repeat(10 * 1024))]))
            .answers(invalid_proof()),
        get("dp23_what_lenient_parsers_mend")
            .each(each_text(
                &s,
                "htu",
                &[
                    "https:api.example/protected",
                    "https:/api.example/protected",
                    "https:///api.example/protected",
                    r"https:\\api.example\protected",
                    r"https://api.example\protected",
                    "https://api\t.example/protected",
                    "https://api.\nexample/protected",
                    "https://api.example/prot\tected",
                    "https://api.example/prot\nected",
                    " https://api.example/protected",
                    "https://api.example/protected ",
                    "\u{0}https://api.example/protected",
                    "https://api%2eexample/protected",
                    "https://%61pi.example/protected",
                    "https://\u{ff41}pi.example/protected",
                    "https://api\u{3002}example/protected",
                    "https://api.example/protected\u{0}",
                ],
            ))
            .answers(invalid_proof()),
        get("dp25_what_a_request_says_of_its_host_is_not_read")
            .host("evil.example")
            .line("X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 81\r\nX-Forwarded-Prefix: /v1")
            .line("Forwarded: host=evil.example;proto=http\r\nX-Original-URL: /admin\r\nX-Rewrite-URL: /admin")
            .each([s.good()])
            .passes(ADA),
        get("dp26_proof_for_the_host_that_a_thief_writes")
            .host("evil.example")
            .line("X-Forwarded-Host: evil.example\r\nForwarded: host=evil.example;proto=https\r\nX-Forwarded-Proto: https")
            .each(each_text(
                &s,
                "htu",
                &["https://evil.example/protected", "http://evil.example/protected", "http://evil.example:80/protected"],
            ))
            .answers(invalid_proof()),
        nested("dp30_full_path_below_a_prefix", "/custom/user", "/custom/user").over_http().passes(ADA),
        nested("dp30_full_path_in_a_layer", "/layered", "/layered").passes(ADA),
        nested("dp30_full_path_of_a_guard_in_a_layer", "/layered/scope-guard", "/layered/scope-guard")
            .passes("ada roles=admin scope=tasks:read tasks:write"),
        nested("dp30_full_path_below_two_prefixes", "/in-handler/scope", "/in-handler/scope")
            .passes("ada roles=admin scope=tasks:read tasks:write"),
        get("dp30_what_a_prefix_leaves_is_not_the_path")
            .at("/layered/policy")
            .each(each_text(
                &s.at("/layered/policy"),
                "htu",
                &["https://api.example/policy", "https://api.example/", "https://api.example/layered"],
            ))
            .answers(invalid_proof()),
        unnamed("dp31_options_of_everything", "OPTIONS", "*"),
        unnamed("dp31_connect", "CONNECT", "api.example:443"),
        unnamed("dp31_target_of_64_kib", "GET", Box::leak(format!("/{}", "a".repeat(64 * 1024)).into_boxed_str())),
        get("dp31_bytes_above_ascii_in_the_target")
            .at("/protected?\u{e9}")
            .over_http()
            .each([sender().at("/protected").good()])
            .passes(ADA)
            .except("actix", RAW_TARGET, |case| case.reaches_no_handler(&[400])),
        unnamed("dp31_bytes_above_ascii_in_the_path", "GET", "/protected/\u{e9}"),
    ]
}

/// A route below a prefix, with a proof for this path.
fn nested(name: &'static str, target: &'static str, path: &'static str) -> Case {
    let token = bound();
    let token = if target.starts_with("/in-handler") || target.ends_with("guard") {
        token.roles(["admin"]).scope("tasks:read tasks:write")
    } else {
        token
    };
    get(name).at(target).each([Sender::of(&token).at(path).good()])
}

/// A target that no proof names: no handler runs, whoever finds that out.
fn unnamed(name: &'static str, method: &'static str, target: &'static str) -> Case {
    let at = move |s: &Sender, url: String| {
        let proof = s.proof().claim("htm", method).claim("htu", url).sign().unwrap();
        Credentials::default().token("DPoP", &s.token).proof(proof)
    };
    let s = sender();
    get(name)
        .at(target)
        .method(method)
        .each([
            s.shows("the origin", move |s| at(s, API.to_owned())),
            s.shows("the target", move |s| at(s, target.get(..4000).unwrap_or(target).to_owned())),
            s.shows("both", move |s| at(s, format!("{API}{}", target.get(..4000).unwrap_or(target)))),
        ])
        .may_close()
        .reaches_no_handler(&[0, 400, 401, 404, 405, 414, 421, 431, 501])
}

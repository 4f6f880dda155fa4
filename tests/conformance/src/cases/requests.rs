//! Requests that a client library would tidy, or that try another way in: header lines, targets, methods, sizes.

use crate::case::Case;
use crate::fixture::Fixture;

use super::{ADA, invalid_token, missing_token};

const NO_SUCH_METHOD: &str = "Rocket knows the methods of RFC 9110 and PATCH, and answers 400 to others itself";

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let token = f.token().sign().unwrap();
    let get = |name| Case::get(name, "/protected");
    let line = |name, pattern: &str| get(name).line(pattern.replace('#', &token));
    let bytes = |name, before: &[u8], after: &[u8]| get(name).line([before, token.as_bytes(), after].concat());
    let missing = |name, pattern: &str| line(name, pattern).answers(missing_token());
    let path = |name, target| Case::get(name, target).reaches_no_handler(&[401, 404]);
    let method = |name, method| Case::get(name, "/any").method(method).answers(missing_token());
    let long = |length: usize| format!("Authorization: Bearer {}", "a".repeat(length));
    let mut cases = vec![
        bytes("h15_nul_after_the_token", b"Authorization: Bearer ", b"\0").reaches_no_handler(&[400]),
        bytes("h15_nul_before_the_scheme", b"Authorization: \0Bearer ", b"").reaches_no_handler(&[400]),
        bytes("h15_bare_carriage_return", b"Authorization: Bearer ", b"\rx").reaches_no_handler(&[400]),
        bytes("h15_folded_line", b"Authorization: Bearer ", b"\r\n x").reaches_no_handler(&[400]),
        bytes("h15_folded_after_the_scheme", b"Authorization: Bearer\r\n ", b"").reaches_no_handler(&[400]),
        line("h16_space_before_the_colon", "Authorization : Bearer #").reaches_no_handler(&[400]),
        line("h16_no_space_after_the_colon", "Authorization:Bearer #").passes(ADA),
        line("h16_name_in_lower_case", "authorization: Bearer #").passes(ADA),
        line("h16_name_in_upper_case", "AUTHORIZATION:Bearer #").passes(ADA),
        missing("h17_cookie", "Cookie: access_token=#; token=#; Authorization=Bearer #"),
        missing("h17_x_authorization", "X-Authorization: Bearer #"),
        missing("h17_x_forwarded_authorization", "X-Forwarded-Authorization: Bearer #"),
        missing("h17_proxy_authorization", "Proxy-Authorization: Bearer #"),
        missing("h17_x_access_token", "X-Access-Token: #"),
        missing("h17_name_with_an_underscore", "Authorization_: Bearer #"),
        missing("h17_websocket_protocol", "Sec-WebSocket-Protocol: bearer, #"),
        Case::get("h18_header_decides_over_the_query", "/protected?access_token=forged")
            .over_http()
            .bearer(&token)
            .passes(ADA),
        Case::get("h18_bad_header_is_not_mended_by_the_query", "/protected?access_token=x")
            .over_http()
            .bearer("forged")
            .answers(invalid_token()),
        line("h19_16_kib", &long(16 * 1024)).answers(invalid_token()),
        line("h19_64_kib", &long(64 * 1024)).answers(invalid_token()),
        line("h19_64_kib_of_another_scheme", &format!("Authorization: Basic {}", "a".repeat(64 * 1024)))
            .answers(missing_token()),
        line("h19_64_kib_of_spaces", &format!("Authorization: Bearer{}#", " ".repeat(64 * 1024))).passes(ADA),
        line("h19_64_kib_of_dots", &format!("Authorization: Bearer {}", ".".repeat(64 * 1024)))
            .answers(invalid_token()),
        // Beyond what the servers buffer; one that closes while the client still writes may not be heard.
        line("h19_1_mib", &long(1024 * 1024)).reaches_no_handler(&[0, 431]),
        method("h20_head", "HEAD"),
        method("h20_post", "POST"),
        method("h20_put", "PUT"),
        method("h20_patch", "PATCH"),
        method("h20_delete", "DELETE"),
        method("h20_options_without_cors", "OPTIONS"),
        method("h20_trace", "TRACE"),
        method("h20_unknown_method", "BREW")
            .except("rocket", NO_SUCH_METHOD, |case| case.reaches_no_handler(&[400])),
        method("h20_method_in_lower_case", "get")
            .except("rocket", NO_SUCH_METHOD, |case| case.reaches_no_handler(&[400])),
        Case::get("h20_other_method_with_a_token", "/any").method("DELETE").bearer(&token).passes(ADA),
        Case::get("h20_unknown_method_with_a_token", "/any")
            .method("BREW")
            .bearer(&token)
            .passes(ADA)
            .except("rocket", NO_SUCH_METHOD, |case| case.reaches_no_handler(&[400])),
        get("h20_websocket_upgrade")
            .line("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
            .answers(missing_token()),
        get("h20_http_2_upgrade")
            .line("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")
            // actix-web takes what follows such a request for another protocol's bytes.
            .may_close()
            .answers(missing_token()),
        get("h20_method_override").line("X-HTTP-Method-Override: OPTIONS\r\nX-Original-URL: /public").answers(missing_token()),
        path("h21_trailing_slash", "/protected/"),
        path("h21_double_slash", "//protected"),
        path("h21_upper_case", "/PROTECTED"),
        path("h21_escaped_slash", "/layered%2frole"),
        path("h21_escaped_slash_at_the_end", "/protected%2f"),
        path("h21_escaped_letter", "/%70rotected"),
        path("h21_dot_segment", "/./protected"),
        path("h21_up_and_down", "/public/../protected"),
        path("h21_path_parameter", "/protected;x"),
        path("h21_escaped_nul", "/protected%00"),
        path("h21_fragment", "/protected#public"),
        path("h21_absolute_form", "http://api.test/protected"),
        Case::get("h21_layer_with_a_trailing_slash", "/layered/role/").reaches_no_handler(&[401, 404]),
        Case::get("h21_unknown_path_is_404_without_a_token", "/unknown").reaches_no_handler(&[404]),
        Case::get("h21_unknown_path_below_a_layer_is_404", "/layered/unknown").reaches_no_handler(&[404]),
        Case::get("h21_unknown_path_is_404_with_a_bad_token", "/unknown").bearer("forged").reaches_no_handler(&[404]),
        Case::get("query_does_not_change_the_route", "/protected?a=b").over_http().bearer(&token).passes(ADA),
        get("form_with_a_good_header").form("access_token=x").bearer(&token).passes(ADA),
        get("h17_form").form("access_token=x&token=x").answers(missing_token()),
    ];
    // A target is a constant of the case; these hold a token, which is made anew each time.
    let query: &'static str = Box::leak(format!("/protected?access_token={token}&token={token}").into_boxed_str());
    let form: &'static str = Box::leak(format!("access_token={token}").into_boxed_str());
    cases.push(Case::get("h17_good_token_in_the_query", query).over_http().answers(missing_token()));
    cases.push(get("h17_good_token_in_a_form").form(form).answers(missing_token()));
    cases
}

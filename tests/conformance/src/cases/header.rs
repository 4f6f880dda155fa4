//! The `Authorization` header: what is a bearer token, what is none, what is refused (RFC 6750 section 2.1, RFC 9110 section 11.4).

use crate::case::Case;
use crate::fixture::Fixture;

use super::{ADA, invalid_token, missing_token, two_credentials};

const NOT_UTF_8: &str = "Rocket drops header values that are not UTF-8 before any guard runs";

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let token = f.token().sign().unwrap();
    let bad = f.token().key(&f.impostor).sign().unwrap();
    let get = |name| Case::get(name, "/protected");
    let with = |name, pattern: &str| get(name).value(pattern.replace('#', &token));
    let passes = |name, pattern: &str| with(name, pattern).passes(ADA);
    let missing = |name, pattern: &str| with(name, pattern).answers(missing_token());
    let invalid = |name, pattern: &str| with(name, pattern).answers(invalid_token());
    let two = |name, first: &str, second: &str| {
        with(name, first).value(second.replace('#', &token).replace('~', &bad)).answers(two_credentials())
    };
    let bytes = |name, before: &[u8], after: &[u8]| get(name).value([before, token.as_bytes(), after].concat());
    vec![
        passes("h02_scheme_in_lower_case", "bearer #"),
        passes("h02_scheme_in_upper_case", "BEARER #"),
        passes("h02_scheme_in_mixed_case", "bEaReR #"),
        invalid("h03_scheme_alone", "Bearer"),
        invalid("h04_scheme_and_a_space", "Bearer "),
        invalid("h04_scheme_and_spaces", "Bearer    "),
        missing("h05_empty_value", ""),
        missing("h05_white_space_alone", " \t "),
        passes("h06_two_spaces", "Bearer  #"),
        passes("h06_a_hundred_spaces", &format!("Bearer{}#", " ".repeat(100))),
        invalid("h07_tab_instead_of_the_space", "Bearer\t#"),
        invalid("h07_space_and_tab", "Bearer \t#"),
        missing("h08_glued_to_the_scheme", "Bearer#"),
        invalid("h08_colon", "Bearer:#"),
        invalid("h08_colon_and_space", "Bearer: #"),
        invalid("h08_equals_sign", "Bearer=#"),
        invalid("h08_comma", "Bearer,#"),
        passes("h09_trailing_space", "Bearer # "),
        passes("h09_trailing_tab", "Bearer #\t"),
        passes("h09_leading_white_space", " \tBearer #"),
        invalid("h10_two_tokens", "Bearer # #"),
        invalid("h10_scheme_twice", "Bearer Bearer #"),
        invalid("h10_list_of_two", "Bearer #, Bearer #"),
        invalid("h10_bearer_and_basic", "Bearer #,Basic x"),
        missing("h10_basic_and_bearer", "Basic x, Bearer #"),
        invalid("h10_parameter_after_the_token", "Bearer #; a=b"),
        two("h11_good_and_bad", "Bearer #", "Bearer ~"),
        get("h11_bad_and_good").bearer(&bad).bearer(&token).answers(two_credentials()),
        two("h11_the_same_twice", "Bearer #", "Bearer #"),
        two("h11_basic_and_bearer", "Basic dXNlcjpwYXNz", "Bearer #"),
        two("h11_bearer_and_basic", "Bearer #", "Basic dXNlcjpwYXNz"),
        two("h11_no_bearer_at_all", "Basic dXNlcjpwYXNz", "Digest x"),
        two("h11_empty_and_bearer", "", "Bearer #"),
        two("h11_bearer_and_empty", "Bearer #", ""),
        two("h11_three_values", "Bearer #", "Bearer #").value("Bearer x"),
        Case::get("h11_two_values_on_an_optional_route", "/optional")
            .value("Basic dXNlcjpwYXNz")
            .bearer(&token)
            .answers(two_credentials()),
        Case::get("h11_two_values_in_a_layer", "/layered").bearer(&token).bearer(&bad).answers(two_credentials()),
        Case::get("h11_two_values_in_an_optional_layer", "/layered/optional")
            .bearer(&token)
            .bearer(&token)
            .answers(two_credentials()),
        missing("h12_basic", "Basic dXNlcjpwYXNz"),
        missing("h12_digest", r#"Digest username="x", response="y""#),
        missing("h12_dpop", "DPoP #"),
        missing("h12_negotiate", "Negotiate x"),
        missing("h12_token_without_a_scheme", "#"),
        Case::get("h12_basic_on_an_optional_route", "/optional").value("Basic dXNlcjpwYXNz").passes("anonymous"),
        missing("h13_quoted_scheme", "\"Bearer\" #"),
        invalid("h13_quoted_token", "Bearer \"#\""),
        invalid("h13_bracketed_token", "Bearer <#>"),
        get("h14_bytes_above_ascii").value(b"Bearer \xff\xfe").answers(invalid_token()).except(
            "rocket",
            NOT_UTF_8,
            |case| case.answers(missing_token()),
        ),
        bytes("h14_byte_above_ascii_after_the_token", b"Bearer ", b"\xe9").answers(invalid_token()).except(
            "rocket",
            NOT_UTF_8,
            |case| case.answers(missing_token()),
        ),
        bytes("h14_utf_8_after_the_token", b"Bearer ", "é".as_bytes()).answers(invalid_token()),
        bytes("h14_no_break_space_first", b"\xc2\xa0Bearer ", b"").answers(missing_token()),
        bytes("h14_no_break_space_as_the_separator", b"Bearer\xc2\xa0", b"").answers(invalid_token()),
        missing("h14_full_width_scheme", "Ｂearer #"),
        Case::get("h14_bytes_above_ascii_on_an_optional_route", "/optional")
            .value(b"Bearer \xff\xfe")
            .answers(invalid_token())
            .except("rocket", NOT_UTF_8, |case| case.passes("anonymous")),
        get("h14_second_value_above_ascii").bearer(&token).value(b"Bearer \xff\xfe").answers(two_credentials()).except(
            "rocket",
            NOT_UTF_8,
            |case| case.passes(ADA),
        ),
        invalid("b64token_padding_alone", "Bearer ="),
        invalid("b64token_percent_escape", "Bearer a%41"),
        invalid("b64token_padded_token", "Bearer #="),
        invalid("b64token_tilde_after_the_token", "Bearer #~"),
    ]
}

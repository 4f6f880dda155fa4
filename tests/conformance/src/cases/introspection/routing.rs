//! Which tokens the issuer is asked about: IN15, IN20, IN22, IN24, IN32. Where one must not be, the issuer would say that it is active.

use rampart_client::{AnswerFormat, Question, TokenIntrospector};
use rampart_issuer::{SigningKey, TokenBuilder, base64url};

use crate::case::{App, Case};
use crate::credentials::Input;
use crate::fixture::{FIXTURE, NOW};
use crate::introspection::{CLIENT, IntrospectionApis, PREFIX, client};

use super::super::{invalid_token, token_expired};
use super::{ADA, get, issued, with};

pub(super) fn cases(apis: &IntrospectionApis) -> Vec<Case> {
    let token = || apis.token();
    let text = |text: &str| issued(format!("{text:.40}"), &token().text(text));
    let active = |what: &str, jwt: String| {
        token().text(jwt.as_str()).issue();
        with(what, jwt)
    };
    let jwt = |what: &str, jwt: TokenBuilder| active(what, jwt.sign().unwrap());
    let stranger = SigningKey::generate(rampart_issuer::Algorithm::ES256, apis.issuer.key().kid()).unwrap();
    let part = |header: &str| base64url(header);
    let cut = |good: &str| {
        let (signed, _) = good.rsplit_once('.').unwrap();
        format!("{signed}.")
    };
    let shaped = |name| get(name).of(App::OpaqueElsewhere);
    let long = "x".repeat(4096);
    let answer =
        FIXTURE.wait(client(&apis.issuer).introspect(Question::new(&token().issue(), AnswerFormat::Jwt))).unwrap();

    vec![
        shaped("in15_token_of_the_right_form").each([issued("prefix", &token().prefix(PREFIX))]).passes(ADA),
        shaped("in15_token_of_another_form")
            .each([
                issued("no prefix", &token()),
                issued("another", &token().prefix("ory_rt_")),
                issued("in capitals", &token().prefix("ORY_AT_")),
                text("x"),
                text(PREFIX),
                text(&format!("{PREFIX}short")),
                text(&format!("{PREFIX}{}", "x".repeat(100))),
                text(&format!("{PREFIX}{}", "x".repeat(8192))),
                text(&format!("{PREFIX}no!token/{long:.20}")),
                text(&format!("{PREFIX}a%20b{long:.20}")),
            ])
            .answers(invalid_token()),
        get("in20_good_jwt").each([jwt("of the issuer", apis.jwt())]).passes(ADA),
        get("in20_expired_jwt").each([jwt("expired", apis.jwt().at(NOW - 2000))]).answers(token_expired()),
        get("in20_bad_jwt")
            .each([
                jwt("by another key", apis.jwt().key(&stranger)),
                jwt("unknown kid", apis.jwt().key(&stranger).kid("nobody")),
                jwt("of another issuer", apis.jwt().issuer("https://other.example")),
                jwt("of nobody's", apis.jwt().without("iss")),
                jwt("for another API", apis.jwt().audience("other-api")),
                jwt("alg none", apis.jwt().header("alg", "none").raw_signature([])),
                jwt("alg HS256", apis.jwt().header("alg", "HS256")),
                active("no signature", cut(&apis.jwt().sign().unwrap())),
                active("nothing but a header", format!("{}..", part(r#"{"alg":"dir"}"#))),
                active("a header that breaks off", format!("{}.e30.c2ln", part(r#"{"alg":"ES256","#))),
                active("alg twice", format!("{}.e30.c2ln", part(r#"{"alg":"none","alg":"ES256"}"#))),
            ])
            .answers(invalid_token()),
        get("in20_opaque_token_where_nobody_is_asked")
            .of(App::Plain)
            .each([issued("opaque", &token()), issued("encrypted", &token().encrypted())])
            .answers(invalid_token()),
        get("in22_token_of_every_character_that_one_has")
            .each([text("a.b~c+d/e=="), text("00D-x_y.z"), text("../../etc/passwd"), text(&long)])
            .passes(ADA),
        get("in22_characters_that_no_token_has").each(no_tokens(&token)).answers(invalid_token()),
        get("in24_signed_answer_as_an_access_token")
            .each([
                active("genuine", answer),
                jwt(
                    "with all that an access token has",
                    apis.jwt().header("typ", "token-introspection+jwt").claim("aud", [apis.issuer.audience(), CLIENT]),
                ),
                jwt("the whole media type", apis.jwt().header("typ", "application/token-introspection+jwt")),
            ])
            .answers(invalid_token()),
        get("in32_encrypted_token_and_what_only_looks_like_a_jwt")
            .each([
                issued("five parts", &token().encrypted()),
                text("a.b.c"),
                text("a.b"),
                text("a.b.c.d"),
                text(".."),
                text(&format!("{}.e30.c2ln", part("{}"))),
                text(&format!("{}.e30.c2ln", part(r#"["alg"]"#))),
            ])
            .passes(ADA),
        get("in32_header_with_alg")
            .each([
                active("of another kind", format!("{}.e30.c2ln", part(r#"{"alg":"A256GCMKW","enc":"A256GCM"}"#))),
                active("alg that is null", format!("{}.e30.c2ln", part(r#"{"typ":"JWT","alg":null}"#))),
                active("alg by an escape", format!("{}.e30.c2ln", part(r#"{"\u0061lg":"ES256"}"#))),
                active("a part more", format!("{}.e30.c2ln.x", part(r#"{"alg":"ES256"}"#))),
                active("a dot more", format!("{}.e30.c2ln.", part(r#"{"alg":"ES256"}"#))),
                active("five parts without enc", format!("{}.e30.c2ln..", part(r#"{"alg":"ES256"}"#))),
                active("a part less", format!("{}.e30", part(r#"{"alg":"ES256"}"#))),
            ])
            .answers(invalid_token()),
    ]
}

/// The issuer would say of each that it is active.
fn no_tokens(token: &impl Fn() -> rampart_issuer::OpaqueBuilder) -> Vec<Input> {
    ["00D!AQEAQ", "a b", "a,b", "=a", "a=b", "\"a\"", "a:b", "gr\u{fc}\u{df}"]
        .map(|text| issued(text, &token().text(text)))
        .into()
}

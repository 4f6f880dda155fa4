//! How settings name claims: any name that a claim can have, by itself or as a JSON pointer, and nothing around it.

use crate::common::{Draft, builder, ready};
use crate::config::{accepted, fetching, refused};
use rampart_core::AuthError;

/// Their names are those of the issuer, who may write any. In a challenge stand only those that fit one.
#[test]
fn any_claim_can_be_required_whatever_its_name() {
    let names = [
        "email",
        "https://example.com/claim",
        "with space",
        "größe",
        "保管員",
        r#"a"b"#,
        r"CORP\Admins",
        "/größe/o'clock",
    ];
    accepted("claims", fetching().required_claims(names).build());
    for name in names {
        let auth = builder().required_claims([name]).build().unwrap();
        let missing = AuthError::missing_claim(name);
        assert_eq!(ready(auth.verify(&Draft::good().sign())).err(), Some(missing.clone()), "{name}");
        let rejection = auth.rejection(missing);
        let body = serde_json::from_str::<serde_json::Value>(rejection.body()).unwrap();
        assert!(body["error_description"].as_str().unwrap().contains(name), "{name}: {body}");
        let challenge = rejection.challenges().collect::<String>();
        assert!(challenge.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !challenge.contains('\\'), "{challenge}");
        assert_eq!(challenge.matches('"').count(), 6, "{challenge}");
        let fits = name.is_ascii() && !name.contains(['"', '\\']);
        assert_eq!(challenge.contains(name), fits, "{name}: {challenge}");
    }
    let auth = builder().required_claims(["größe"]).build().unwrap();
    assert!(ready(auth.verify(&Draft::good().claim("größe", "1").sign())).is_ok());
}

/// F12, F14: no claim would be found by such a name, so that every token would lack it.
#[test]
fn name_of_a_claim_is_the_name_alone() {
    for text in [
        "NAME\n",
        "NAME ",
        " NAME",
        "NAME\t",
        "NAME\r\n",
        "\"NAME\"",
        "'NAME'",
        "\u{feff}NAME",
        "NAME\u{200b}",
        "\u{a0}NAME",
    ] {
        let pointer = text.replace("NAME", "/roles");
        let told = [
            refused(&pointer, fetching().roles_claims([&pointer]).build(), "roles_claims"),
            refused(&pointer, fetching().scope_claim(&pointer).build(), "scope_claim"),
            refused(&pointer, fetching().audience_claim(&pointer).build(), "audience_claim"),
            refused(&pointer, fetching().subject_claim(&pointer).build(), "subject_claim"),
            refused(&pointer, fetching().permissions_claim(&pointer).build(), "permissions_claim"),
            refused(&pointer, fetching().roles_from_names(&*pointer).build(), "roles_from_names"),
            refused(&pointer, fetching().require_claim(&pointer, ["x"]).build(), "require_claim"),
            refused(&pointer, fetching().required_claims(["sub", &pointer]).build(), "required_claims"),
            refused(
                text,
                fetching().required_claims(["sub", &text.replace("NAME", "email")]).build(),
                "required_claims",
            ),
        ];
        for told in told {
            let says = ["white space around it", "stands in quotes", "invisible character"];
            assert!(says.iter().any(|says| told.contains(says)), "the remedy: {told}");
        }
    }
}

#[test]
fn claims_elsewhere_are_given_as_json_pointers() {
    for pointer in ["", "roles", "realm_access.roles", "realm_access/roles", "$.roles", "#/roles"] {
        let told = refused(pointer, fetching().roles_claims([pointer]).build(), "roles_claims");
        refused(pointer, fetching().scope_claim(pointer).build(), "scope_claim");
        if pointer == "realm_access.roles" {
            assert!(told.contains("/realm_access/roles"), "the remedy: {told}");
        }
    }
    let told = refused("a URL", fetching().roles_claims(["https://example.com/~roles"]).build(), "roles_claims");
    assert!(told.contains("/https:~1~1example.com~1~0roles"), "the remedy: {told}");
    refused("an empty name", fetching().roles_claims(["/"]).build(), "roles_claims");
    for pointer in ["/a~", "/a~2", "/~/b", "/https://example.com/~roles"] {
        let told = refused(pointer, fetching().roles_claims([pointer]).build(), "roles_claims");
        assert!(told.contains(pointer) && told.contains("~ is written ~0"), "the remedy: {told}");
        refused(pointer, fetching().scope_claim(pointer).build(), "scope_claim");
        refused(pointer, fetching().required_claims(["email", pointer]).build(), "required_claims");
    }
    refused("an empty name", fetching().required_claims(["email", "/"]).build(), "required_claims");
    for claim in ["/realm_access/roles", "/a~1b/c~0d", "/~1a", "a~b", "realm_access.roles"] {
        accepted(claim, fetching().required_claims([claim]).build());
    }
    for pointer in ["/roles", "/realm_access/roles", "/a~1b/c~0d", "/0"] {
        accepted(pointer, fetching().roles_claims([pointer]).scope_claim(pointer).build());
    }
}

/// Whatever users write of themselves says nothing about what they may do.
#[test]
fn cl08_claims_that_users_write_themselves_are_refused() {
    for pointer in [
        "/user_metadata/roles",
        "/user_metadata",
        "/a/unsafe_metadata/roles",
        "/unsafeMetadata/roles",
        "/https:~1~1shop.example~1user_metadata/roles",
        "/User-Metadata/0",
    ] {
        let told = [
            refused(pointer, fetching().roles_claims(["/roles", pointer]).build(), "roles_claims"),
            refused(pointer, fetching().scope_claim(pointer).build(), "scope_claim"),
            refused(pointer, fetching().audience_claim(pointer).build(), "audience_claim"),
            refused(pointer, fetching().subject_claim(pointer).build(), "subject_claim"),
            refused(pointer, fetching().permissions_claim(pointer).build(), "permissions_claim"),
            refused(pointer, fetching().require_claim(pointer, ["x"]).build(), "require_claim"),
        ];
        for told in told {
            assert!(told.contains("users write themselves") && !told.contains("insecure"), "{told}");
        }
        let asked_for = fetching().insecure_user_writable_claims();
        accepted(pointer, asked_for.roles_claims([pointer]).scope_claim(pointer).build());
        accepted("that it is there", fetching().required_claims([pointer]).build());
    }
    for pointer in
        ["/app_metadata/roles", "/public_metadata/roles", "/metadata/user", "/user/metadata", "/user_metadata2"]
    {
        accepted(pointer, fetching().roles_claims([pointer]).scope_claim(pointer).build());
    }
}

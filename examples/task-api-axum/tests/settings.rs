//! How the program is set up, which the three Task APIs share: what it cannot use ends it with the remedy.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// With nothing of the environment that the program reads but a port and these variables.
fn program(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_task-api-axum"));
    for name in ["RAMPART_CONFIG", "RAMPART_URL", "RAMPART_CLIENT_ID", "RAMPART_REALM"] {
        command.env_remove(name);
    }
    command.env("PORT", "0").env("RUST_LOG", "off").envs(variables.iter().copied()).stdin(Stdio::null());
    command
}

/// What it says as it ends.
fn refusal(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), b"".as_slice()));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn setting_that_cannot_be_used_names_its_variable_and_the_remedy() {
    let issuer = ("RAMPART_URL", "http://127.0.0.1:9");
    for (variables, said) in [
        (
            &[("RAMPART_URL", "'http://127.0.0.1:9'")] as &[_],
            "issuer_url: stands in quotes, which count as a part of it; remove them (it is read from RAMPART_URL)\n",
        ),
        (
            &[("RAMPART_URL", "https://{tenant}.example.com")],
            "issuer_url: holds { or }, as templates do, and no token comes from a template; write the issuer of one tenant, exactly as \
             it stands in the iss claim of its tokens (it is read from RAMPART_URL)\n",
        ),
        (
            &[issuer, ("RAMPART_CLIENT_ID", "\"task-api\"")],
            "audience: stands in quotes, which count as a part of it; remove them (it is read from RAMPART_CLIENT_ID)\n",
        ),
        (
            &[issuer, ("RAMPART_CLIENT_ID", "task-api,")],
            "audiences: is empty, so that it would not be checked; write what the tokens have in aud, such as the client ID of the \
             front end (it is read from RAMPART_CLIENT_ID)\n",
        ),
        (
            &[issuer, ("RAMPART_REALM", "\"tasks\"")],
            "realm: is empty, or has quotes, backslashes, control or non-ASCII characters; use plain words, or leave it out (it is \
             read from RAMPART_REALM)\n",
        ),
        (
            &[issuer, ("PORT", "abc")],
            "PORT is \"abc\", which is no port number: set it to 0 to 65535, or leave it out for 8000\n",
        ),
    ] {
        assert_eq!(refusal(&mut program(variables)), said, "{variables:?}");
    }
}

/// Nothing is taken for left out: a deployment whose setting went missing must not trust another issuer, or other tokens.
#[test]
fn variable_that_is_set_to_nothing_is_no_default() {
    let of = |name: &str, remedy: &str| {
        let said = format!("the environment variable {name} is set, but empty or no text: {remedy}\n");
        assert_eq!(refusal(program(&[("RAMPART_URL", "http://127.0.0.1:9")]).env(name, "")), said);
    };
    of(
        "RAMPART_URL",
        "set it to the URL of the issuer, exactly as in the iss claim of its tokens, or unset it to run with a local issuer",
    );
    of(
        "RAMPART_CLIENT_ID",
        "set it to the audience of the tokens, or to several separated by commas, or unset it for task-api",
    );
    of("RAMPART_REALM", "set it to plain words, or unset it for default");
    of("PORT", "set it to a port, 0 for a free one, or unset it for 8000");
}

#[test]
fn program_says_whose_tokens_it_accepts() {
    let variables = [("RAMPART_URL", "http://127.0.0.1:9"), ("RAMPART_CLIENT_ID", "shop-web, shop-mobile")];
    let mut child = program(&variables).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().take(2);
    let said: Vec<_> = lines.map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said[0].starts_with("Task API on axum: http://127.0.0.1:"), "{said:?}");
    assert_eq!(said[1], "It accepts the tokens of http://127.0.0.1:9 for shop-web,shop-mobile.");
}

/// ST02.
#[test]
fn file_and_a_variable_that_it_takes_the_place_of_are_one_too_many() {
    let config = ("RAMPART_CONFIG", concat!(env!("CARGO_MANIFEST_DIR"), "/../config-file/rampart.toml"));
    for name in ["RAMPART_URL", "RAMPART_CLIENT_ID", "RAMPART_REALM"] {
        for value in ["http://127.0.0.1:9", ""] {
            let said = format!(
                "RAMPART_CONFIG: is set together with {name}, which belongs into that file then; unset one of the two\n"
            );
            assert_eq!(refusal(&mut program(&[config, (name, value)])), said);
        }
    }
    let said = "RAMPART_CONFIG: is set, but empty: set it to the path of a file, or unset it\n";
    assert_eq!(refusal(&mut program(&[("RAMPART_CONFIG", "")])), said);
    let said = "/no/such.toml: cannot be read: No such file or directory (os error 2)\n";
    assert_eq!(refusal(&mut program(&[("RAMPART_CONFIG", "/no/such.toml")])), said);
}

#[test]
fn file_says_whose_tokens_are_accepted() {
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/task-api.toml");
    let text = "[auth]\nissuer_url = 'http://127.0.0.1:9'\naudience = 'task-api'\n[[auth.issuers]]\nissuer_url = 'http://127.0.0.1:8'\n\
                audience = 'task-api'\ngrants = 'nothing'\n";
    std::fs::write(file, text).unwrap();
    let mut child = program(&[("RAMPART_CONFIG", file)]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines().nth(1).unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(said, "It accepts the tokens of http://127.0.0.1:9, http://127.0.0.1:8, as RAMPART_CONFIG says.");
}

#[test]
fn argument_that_there_is_not_names_those_that_there_are() {
    for argument in ["--custom-error", "--dpop=accepted", "--dpop=", "dpop", ""] {
        let said = refusal(program(&[]).arg(argument));
        let begins = format!("{argument:?} is no argument of this program: there are --custom-errors,");
        assert!(said.starts_with(&begins) && said.contains(" --dpop or --dpop=required,"), "{said}");
    }
}

#[test]
fn file_says_itself_whether_tokens_may_be_bound() {
    let config = ("RAMPART_CONFIG", concat!(env!("CARGO_MANIFEST_DIR"), "/../config-file/rampart.toml"));
    for argument in ["--dpop", "--dpop=required"] {
        let said = refusal(program(&[config]).arg(argument));
        assert_eq!(
            said,
            "--dpop is given together with RAMPART_CONFIG: that file says it, in its section [auth.dpop]; leave out the argument\n"
        );
    }
}

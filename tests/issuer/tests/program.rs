//! The program that runs an issuer for development.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use support::get;

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rampart-issuer"));
    command.env("PORT", "0").env_remove("RAMPART_CLIENT_ID").stdin(Stdio::null());
    command
}

struct Program {
    child: Child,
    /// Line by line.
    printed: Vec<String>,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // To the last of it; nobody reads after that.
        let mut printed = Vec::new();
        for line in lines {
            let last = line.starts_with("Stop the issuer");
            printed.push(line);
            if last {
                break;
            }
        }
        Self { child, printed }
    }

    /// What follows `NAME=`.
    fn value(&self, name: &str) -> &str {
        let start = format!("{name}=");
        let values =
            self.printed.iter().filter_map(|line| line.trim_start().trim_start_matches("export ").strip_prefix(&start));
        let mut values = values.collect::<Vec<_>>();
        assert_eq!(values.len(), 1, "{name}: {:?}", self.printed);
        values.remove(0)
    }

    /// The claims of a token that it has printed, verified by the keys that it publishes; and the ID of the key.
    async fn verified(&self, name: &str) -> (Value, String) {
        let token = self.value(name);
        let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
        let keys: JwkSet =
            get(&format!("{}/.well-known/jwks.json", self.value("RAMPART_URL"))).await.json().await.unwrap();
        assert_eq!(keys.keys.len(), 1, "no key but the one that signs");
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[self.value("RAMPART_URL")]);
        validation.set_audience(&[self.value("RAMPART_CLIENT_ID").split(',').next().unwrap()]);
        let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
        (jsonwebtoken::decode(token, &key, &validation).unwrap().claims, kid)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn printed_tokens_are_good_and_each_opens_what_its_user_may_do() {
    let program = Program::start(&mut command());
    let [user, writer, admin] = ["USER_TOKEN", "WRITER_TOKEN", "ADMIN_TOKEN"].map(|name| program.verified(name));
    let [user, writer, admin] = [user.await.0, writer.await.0, admin.await.0];
    for claims in [&user, &writer, &admin] {
        assert_eq!(claims["aud"], json!(["task-api"]));
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3600);
    }
    assert_eq!(
        (&user["email"], &user["scope"], &user["roles"]),
        (&json!("ada@example.com"), &Value::Null, &Value::Null)
    );
    assert_eq!((&writer["sub"], &writer["email"]), (&json!("writer"), &json!("writer@example.com")));
    assert_eq!((&writer["scope"], &writer["roles"]), (&json!("tasks:write email:send"), &Value::Null));
    assert_eq!((&admin["sub"], &admin["email"]), (&json!("admin"), &json!("admin@example.com")));
    assert_eq!((&admin["scope"], &admin["roles"]), (&Value::Null, &json!(["admin"])));
}

/// An API that has the keys of the earlier start fetches a key whose ID it does not know; one with the same ID it would not.
#[tokio::test]
async fn each_start_has_a_key_with_an_id_of_its_own() {
    let (_, earlier) = Program::start(&mut command()).verified("USER_TOKEN").await;
    let (_, later) = Program::start(&mut command()).verified("USER_TOKEN").await;
    assert_ne!(earlier, later);
}

#[tokio::test]
async fn of_several_audiences_the_tokens_are_for_the_first() {
    let program = Program::start(command().env("RAMPART_CLIENT_ID", "shop-web, shop-mobile"));
    assert_eq!(program.value("RAMPART_CLIENT_ID"), "shop-web,shop-mobile", "a shell takes it as one word");
    assert_eq!(program.verified("USER_TOKEN").await.0["aud"], json!(["shop-web"]));
}

#[test]
fn what_it_cannot_use_ends_it_with_the_remedy() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let unset = "is set, but empty or no text: unset it for";
    for (command, said) in [
        (
            command().env("PORT", "abc"),
            "PORT is \"abc\", which is no port number: set it to 0 to 65535, or unset it for 9000\n",
        ),
        (command().env("PORT", ""), &format!("PORT {unset} 9000\n")),
        (command().env("RAMPART_CLIENT_ID", ""), &format!("RAMPART_CLIENT_ID {unset} task-api\n")),
        (command().arg("--port"), "unknown argument --port; --help says what there is\n"),
    ] {
        let output = command.output().unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), b"".as_slice()));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), said);
    }
    let said = String::from_utf8(command().env("PORT", &port).output().unwrap().stderr).unwrap();
    assert!(said.starts_with(&format!("cannot listen on 127.0.0.1:{port}: ")), "{said}");
    assert!(said.ends_with("; set PORT to another port, or to 0 for a free one\n"), "{said}");
}

#[test]
fn help_says_what_there_is_and_starts_nothing() {
    let output = command().arg("--help").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(said.contains("PORT") && said.contains("RAMPART_CLIENT_ID") && !said.contains("is running"), "{said}");
}

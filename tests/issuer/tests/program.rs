//! The program that runs an issuer for development.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by a panic")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken::dangerous::insecure_decode;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rampart_issuer::{Endpoint, Fault, base64url, jwk_thumbprint};
use serde_json::{Value, json};
use support::{client, get, issuer};

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rampart-issuer"));
    command.env("PORT", "0").env_remove("RAMPART_CLIENT_ID").env_remove("RAMPART_URL").stdin(Stdio::null());
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

/// A line of the program, as a shell reads it.
#[cfg(unix)]
fn words(line: &str) -> Vec<String> {
    let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}; {line}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[cfg(unix)]
#[tokio::test]
async fn curl_line_has_a_bound_token_and_a_proof_for_its_request() {
    let program = Program::start(&mut command());
    let url = program.value("RAMPART_URL");
    let mut thumbprints = std::collections::HashSet::new();
    for (arguments, how, htu, scope) in [
        (&["GET", "http://127.0.0.1:8000/api/profile?x=1#y"][..], &[][..], "/api/profile", json!(null)),
        (&["HEAD", "http://127.0.0.1:8000/it's"], &["--head"], "/it's", json!(null)),
        (&["POST", "http://127.0.0.1:8000", "tasks:write", "b"], &["-X", "POST"], "/", json!("tasks:write b")),
        (&["O'X", "http://127.0.0.1:8000/a/../b"], &["-X", "O'X"], "/b", json!(null)),
    ] {
        let output = command().env("RAMPART_URL", url).arg("dpop").args(arguments).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{arguments:?}");
        let line = String::from_utf8(output.stdout).unwrap();
        assert_eq!(line.lines().count(), 1, "{line}");
        let words = words(&line);
        let [options @ .., address, _, authorization, _, dpop] = words.as_slice() else { panic!("{line}") };
        assert_eq!(options, [&["-i"], how].concat());
        assert!(address.starts_with(&format!("http://127.0.0.1:8000{htu}")), "{address}");

        let token = authorization.strip_prefix("Authorization: DPoP ").unwrap();
        let claims = insecure_decode::<Value>(token).unwrap().claims;
        assert_eq!((&claims["sub"], &claims["aud"]), (&json!("service"), &json!(["task-api"])));
        assert_eq!(claims["scope"], scope);
        let proof = insecure_decode::<Value>(dpop.strip_prefix("DPoP: ").unwrap()).unwrap();
        let jwk = serde_json::to_value(proof.header.jwk.unwrap()).unwrap();
        assert_eq!(claims["cnf"], json!({"jkt": jwk_thumbprint(&jwk).unwrap()}));
        let ath = digest(&SHA256, token.as_bytes());
        assert_eq!((&proof.claims["htm"], &proof.claims["ath"]), (&json!(arguments[0]), &json!(base64url(ath))));
        assert_eq!(proof.claims["htu"], format!("http://127.0.0.1:8000{htu}"));
        assert!(thumbprints.insert(claims["cnf"].to_string()), "each line has a key of its own");
    }
}

#[tokio::test]
async fn curl_line_that_cannot_be_made_is_refused_with_the_remedy() {
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let closed = format!("http://127.0.0.1:{closed}");
    let issuer = issuer().await;
    let by_name = format!("http://localhost:{}", issuer.port());
    let request = ["GET", "http://127.0.0.1:8000/"];
    let usage = "dpop takes a method and a URL, such as: dpop GET http://127.0.0.1:8000/api/profile";
    let whole = "the URL must be a whole one, such as http://127.0.0.1:8000/api/profile";
    let fault = |status, body: &str| issuer.inject(Endpoint::Token, Fault::json(status, body));
    for (arguments, url, said) in [
        (&[][..], issuer.url(), usage.to_owned()),
        (&["GET"], issuer.url(), usage.to_owned()),
        (&["G T", "http://127.0.0.1:8000/"], issuer.url(), "\"G T\" is no method of HTTP".to_owned()),
        (&["GET", "/api/profile"], issuer.url(), whole.to_owned()),
        (&["GET", "ftp://127.0.0.1/"], issuer.url(), whole.to_owned()),
        (&request, "", "RAMPART_URL is set, but empty or no text: unset it for http://127.0.0.1:9000".to_owned()),
        (
            &request,
            "https://login.example",
            "RAMPART_URL is \"https://login.example\", but this is for a local issuer alone".to_owned(),
        ),
        (
            &request,
            "http://login.example",
            "RAMPART_URL is \"http://login.example\", but this is for a local issuer alone".to_owned(),
        ),
        (&request, &closed, format!("no issuer at {closed}: ")),
        (&request, &by_name, format!("{by_name} gives no bound token: status 400, The DPoP proof is for another URL")),
    ] {
        let output = command().env("RAMPART_URL", url).arg("dpop").args(arguments).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]), "{said}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.starts_with(&said), "{told}");
    }
    // A server that is none of ours, or knows no DPoP.
    for (status, body) in [(404, "<html>"), (200, r#"{"access_token":"t","token_type":"Bearer"}"#)] {
        fault(status, body);
        let output = command().env("RAMPART_URL", issuer.url()).arg("dpop").args(request).output().unwrap();
        let said = format!("{} gives no bound token: status {status}, it is no local issuer\n", issuer.url());
        assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(1), said));
    }
}

/// What a command prints that has asked this issuer, or what it says instead.
fn asked(url: &str, arguments: &[&str]) -> Result<String, String> {
    let output = command().env("RAMPART_URL", url).args(arguments).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    match (output.status.code(), &*out, &*err) {
        (Some(0), _, "") => Ok(out),
        (Some(1), "", _) => Err(err),
        _ => panic!("{out}{err}"),
    }
}

#[tokio::test]
async fn opaque_prints_a_token_that_the_issuer_knows() {
    let program = Program::start(&mut command());
    let url = program.value("RAMPART_URL");
    for (arguments, scope) in
        [(&["opaque"][..], json!(null)), (&["opaque", "tasks:write", "b"], json!("tasks:write b"))]
    {
        let printed = asked(url, arguments).unwrap();
        let token = printed.strip_suffix('\n').unwrap();
        let question = client().post(format!("{url}/oauth/introspect")).form(&[("token", token)]);
        let question = question.basic_auth("service", Some("service-secret"));
        let said: Value = question.send().await.unwrap().json().await.unwrap();
        assert_eq!((&said["active"], &said["sub"], &said["scope"]), (&json!(true), &json!("service"), &scope));
        assert_eq!(said["aud"], json!(["task-api"]));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn logout_line_sends_a_logout_token_to_the_api() {
    let program = Program::start(&mut command());
    let url = program.value("RAMPART_URL");
    let (user, _) = program.verified("USER_TOKEN").await;
    let null = Value::Null;
    for (about, sub, sid) in [
        (&[][..], &user["sub"], &null),
        (&["sub=it's"], &json!("it's"), &null),
        (&["sid=s=1"], &null, &json!("s=1")),
        (&["sid=s-1", "sub=admin"], &json!("admin"), &json!("s-1")),
    ] {
        let arguments = [&["logout", "http://127.0.0.1:8000/backchannel-logout"], about].concat();
        let words = words(&asked(url, &arguments).unwrap());
        let [options, address, data, form] = words.as_slice() else { panic!("{words:?}") };
        assert_eq!([&**options, address, data], ["-i", "http://127.0.0.1:8000/backchannel-logout", "-d"]);
        let jwt = insecure_decode::<Value>(form.strip_prefix("logout_token=").unwrap()).unwrap();
        assert_eq!(jwt.header.typ.as_deref(), Some("logout+jwt"));
        assert_eq!((&jwt.claims["iss"], &jwt.claims["aud"]), (&json!(url), &json!("task-api")));
        assert_eq!((&jwt.claims["sub"], &jwt.claims["sid"]), (sub, sid));
    }
}

#[tokio::test]
async fn opaque_and_logout_that_cannot_be_made_are_refused_with_the_remedy() {
    let issuer = issuer().await;
    let usage = "logout takes the URL for logout tokens, and whom it is about, such as: logout http://127.0.0.1:8000/backchannel-logout sub=admin\n";
    let whole = "the URL must be a whole one, such as http://127.0.0.1:8000/backchannel-logout\n";
    for (arguments, said) in [
        (&["logout"][..], usage),
        (&["logout", "http://127.0.0.1:8000/", "ada"], usage),
        (&["logout", "http://127.0.0.1:8000/", "user=ada"], usage),
        (&["logout", "/backchannel-logout"], whole),
        (&["logout", "ftp://127.0.0.1/"], whole),
    ] {
        assert_eq!(asked(issuer.url(), arguments), Err(said.to_owned()), "{arguments:?}");
    }
    issuer.inject(Endpoint::Token, Fault::json(200, r#"{"access_token":"a.b.c","token_type":"Bearer"}"#));
    issuer.inject(Endpoint::LogoutToken, Fault::status(404));
    let logout = ["logout", "http://127.0.0.1:8000/"];
    for (arguments, wanted, status) in [(&["opaque"][..], "opaque token", 200), (&logout, "logout token", 404)] {
        let said = format!("{} gives no {wanted}: status {status}, it is no local issuer\n", issuer.url());
        assert_eq!(asked(issuer.url(), arguments), Err(said));
        let said = "RAMPART_URL is \"https://login.example\", but this is for a local issuer alone";
        assert!(asked("https://login.example", arguments).unwrap_err().starts_with(said));
    }
}

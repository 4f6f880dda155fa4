//! The program itself, as it is run on a command line.
#![allow(clippy::unwrap_used, clippy::panic, clippy::string_slice, reason = "a test fails by a panic")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rampart_issuer::{Algorithm, LocalIssuer, TokenBuilder};

const VARIABLES: [&str; 5] = ["RAMPART_URL", "RAMPART_CLIENT_ID", "RAMPART_REALM", "RAMPART_CONFIG", "RUST_LOG"];
const RULES: [&str; 13] = ["V1", "V2", "V3", "V4", "V5", "V6", "V6b", "V7", "V8", "V9", "V10", "V11", "V12"];

/// Of an issuer, or of none.
fn command(issuer: Option<&LocalIssuer>, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verify-token"));
    for name in VARIABLES {
        command.env_remove(name);
    }
    if let Some(issuer) = issuer {
        command.env("RAMPART_URL", issuer.url()).env("RAMPART_CLIENT_ID", issuer.audience());
    }
    command.args(arguments);
    command
}

/// Its exit status, and what it says: to standard output and to standard error.
fn run(command: &mut Command, typed: &str) -> (Option<i32>, String, String) {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that reads nothing has closed it by now.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A file with these settings, which is gone afterwards.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("verify-token-{}-{name}.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(None, arguments);
        command.env("RAMPART_CONFIG", &self.0);
        command
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What is said of one rule: its state, and all lines about it.
fn rule<'s>(said: &'s str, name: &str) -> (&'s str, String) {
    let mut lines = said.lines().skip_while(|line| line.split_whitespace().next() != Some(name));
    let first = lines.next().unwrap_or_else(|| panic!("nothing of {name}: {said}"));
    let rest: Vec<_> = lines.take_while(|line| line.starts_with("     ")).collect();
    (first[5..17].trim(), format!("{first}\n{}", rest.join("\n")))
}

fn states(said: &str) -> Vec<&str> {
    RULES.iter().map(|name| rule(said, name).0).collect()
}

/// Those of a token that is refused by this rule, once there are keys.
fn refused_by(name: &str) -> Vec<&'static str> {
    let failed = RULES.iter().position(|rule| *rule == name).unwrap();
    let state = |at: usize| match at.cmp(&failed) {
        std::cmp::Ordering::Less => "passed",
        std::cmp::Ordering::Equal => "FAILED",
        std::cmp::Ordering::Greater => "not reached",
    };
    (0..RULES.len()).map(state).collect()
}

fn tampered(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    format!("{signed}.{first}{}", &signature[1..])
}

/// Where a shell or a log could keep it.
fn assert_not_shown(token: &str, shown: &str) {
    for part in token.split('.').filter(|part| part.len() > 10) {
        assert!(!shown.contains(part), "a part of the token: {shown}");
    }
}

#[tokio::test]
async fn good_token_is_shown_with_every_rule_and_its_claims_from_an_argument_as_from_standard_input() {
    let issuer = LocalIssuer::start().await.unwrap();
    let token = issuer.token().sub("ada").sign().unwrap();
    for (arguments, typed) in [(&[&*token] as &[_], ""), (&["-"], &*token), (&[], &format!("  {token}\n"))] {
        let (status, said, log) = run(&mut command(Some(&issuer), arguments), typed);
        assert_eq!((status, &*log), (Some(0), ""), "{said}");
        let head =
            format!("The token is good.\n\nissuer   {}\nkeys     1 key of the issuer\nV1   passed ", issuer.url());
        assert!(said.starts_with(&head), "{said}");
        assert_eq!(states(&said), ["passed"; 13], "{said}");
        assert!(said.contains("\nIts claims, as a handler gets them:\n{\n"), "{said}");
        assert!(said.contains("\"sub\": \"ada\""), "{said}");
        assert_not_shown(&token, &said);
    }
}

#[tokio::test]
async fn every_rule_that_fails_is_explained_with_what_the_token_says_and_what_is_accepted() {
    let issuer = LocalIssuer::start().await.unwrap();
    let stranger = issuer.add_unpublished_key(Algorithm::ES256).unwrap();
    let good = || issuer.token();
    let sign = |token: TokenBuilder| token.sign().unwrap();
    let url = issuer.url();
    let accepted = format!("accepted     {url:?}");
    let no_roles = r#"token        /roles {"admin":{}}"#;
    let no_aud = "hint         no aud; the token's client_id is \"web\": if the audience of this issuer stands there, set audience_claim";
    let cases: [(&str, String, &[&str]); 14] = [
        ("V1", "a,b".to_owned(), &["why          the Bearer credentials are not one b64token"]),
        (
            "V2",
            "forged".to_owned(),
            &[
                "does not have exactly three parts",
                "token        6 bytes, 1 part\n",
                "accepted     three parts, at most 16384 bytes",
            ],
        ),
        (
            "V3",
            sign(good().header("typ", "logout+jwt")),
            &["token        alg \"RS256\", typ \"logout+jwt\"", "typ none, JWT or at+jwt"],
        ),
        (
            "V4",
            sign(good().key(&stranger)),
            &["no key of the issuer has this kid", "token        kid \"es256-2\"", "accepted     1 key of"],
        ),
        ("V5", tampered(&sign(good())), &["why          the signature"]),
        ("V6", sign(good().raw_payload("[]")), &["why          the payload is not a JSON object"]),
        (
            "V6b",
            sign(good().without("aud").claim("client_id", "web")),
            &[no_aud, "missing      aud", "token        exp, iat, sub"],
        ),
        ("V7", sign(good().issuer("https://else.example")), &["token        iss \"https://else.example\"", &accepted]),
        (
            "V8",
            sign(good().audience(vec!["web"])),
            &["token        aud [\"web\"]", "accepted     \"task-api\"", "hint         with Rampart,"],
        ),
        (
            "V9",
            sign(good().at(1_700_000_000)),
            &["why          exp has passed", "token        exp 1700000900 (", " s ago)", "accepted     5 s"],
        ),
        ("V10", sign(good().sub("")), &["why          neither sub nor", "token        sub \"\""]),
        (
            "V11",
            sign(good().claim("roles", serde_json::json!({"admin": {}}))),
            &[no_roles, "set roles_from_names", "looked for   roles at /roles; scopes"],
        ),
        ("V12", sign(good().claim("typ", "Refresh")), &["this is a refresh token", "token        typ \"Refresh\""]),
        ("V12", sign(good().claim("at_hash", "x")), &["this is an ID token", "token        at_hash"]),
    ];
    for (name, token, explained) in cases {
        let (status, said, log) = run(&mut command(None, &["--issuer", url, "--audience", "task-api", "-"]), &token);
        assert_eq!(status, Some(1), "{name}: {said}{log}");
        assert!(said.starts_with("The token is refused: the access token "), "{name}: {said}");
        assert_eq!(states(&said), refused_by(name), "{name}: {said}");
        let (_, lines) = rule(&said, name);
        for part in explained {
            assert!(lines.contains(part), "{name}, {part}: {lines}");
        }
        assert!(!said.contains("insecure"), "{said}");
        assert_not_shown(&token, &format!("{said}{log}"));
    }
}

/// What the token says counts as little then as what anybody writes: what needs no key is said all the same.
#[tokio::test]
async fn issuer_that_is_away_is_no_verdict_but_for_what_no_key_could_mend() {
    let issuer = LocalIssuer::start().await.unwrap();
    let (good, expired) = (issuer.token().sign().unwrap(), issuer.token().at(1_700_000_000).sign().unwrap());
    issuer.stop();
    let (status, said, _) = run(&mut command(Some(&issuer), &[&good]), "");
    assert_eq!(status, Some(3), "{said}");
    assert!(said.starts_with("Nothing can be said: the keys of the issuer are not available"), "{said}");
    let mut open = refused_by("V4");
    open[3] = "OPEN";
    assert_eq!(states(&said), open, "{said}");
    assert!(said.contains("\nkeys     cannot be had: "), "{said}");

    let (status, said, _) = run(&mut command(Some(&issuer), &[&expired]), "");
    assert_eq!(status, Some(1), "{said}");
    let mut unverified = refused_by("V9");
    unverified[3..5].fill("no keys");
    unverified[5..9].fill("unverified");
    assert_eq!(states(&said), unverified, "{said}");

    let settings = format!(
        "[auth]\nissuer_url = {:?}\naudience = \"task-api\"\nrequire_claim = {{ pointer = \"/azp\", values = [\"web\"] }}\n",
        issuer.url()
    );
    let file = File::new("away", &settings);
    let (status, said, _) = run(&mut file.command(&["-"]), &good);
    assert_eq!(status, Some(1), "{said}");
    (unverified[9], unverified[10]) = ("unverified", "FAILED");
    assert_eq!(states(&said), unverified, "{said}");
    assert!(rule(&said, "V10").1.contains("accepted     /azp one of [\"web\"]"), "{said}");
}

#[tokio::test]
async fn of_several_issuers_of_a_file_the_token_names_one_or_nobody() {
    let mut issuers = Vec::new();
    for _ in 0..3 {
        issuers.push(LocalIssuer::start().await.unwrap());
    }
    let [one, other, nobody] = &*issuers else { panic!() };
    let file = File::new(
        "several",
        &format!(
            r#"
                [auth]
                issuer_url = "{}"
                audience = "task-api"
                [[auth.issuers]]
                issuer_url = "{}"
                audience = "shop"
                audience_claim = "/client_id"
                required_claims = ["email"]
                roles_claims = ["/realm_access/roles"]
                grants = {{ roles = ["auditor"] }}
            "#,
            one.url(),
            other.url()
        ),
    );
    let named = format!("issuer   {}, named by the token, of 2 issuers\n", other.url());
    let roles = serde_json::json!({"roles": ["admin", "auditor"]});
    let good = other.token().without("aud").claim("client_id", "shop").claim("realm_access", roles);
    let (status, said, log) = run(&mut file.command(&["-"]), &good.sign().unwrap());
    assert_eq!(status, Some(0), "{said}{log}");
    assert!(said.contains(&named), "{said}");
    assert_eq!(states(&said), ["passed"; 13], "{said}");
    for (name, line) in [
        ("V6b", "accepted     all of exp, aud or /client_id, sub, iat"),
        ("V8", "token        /client_id \"shop\""),
        ("V8", "accepted     \"shop\""),
        ("V10", "accepted     email present"),
        ("V11", "token        /realm_access/roles [\"admin\",\"auditor\"]"),
        ("V11", "granted      roles [\"auditor\"], scopes \"\""),
    ] {
        assert!(rule(&said, name).1.contains(line), "{line}: {said}");
    }

    let (status, said, _) = run(&mut file.command(&["-"]), &other.token().sign().unwrap());
    assert_eq!((status, states(&said)), (Some(1), refused_by("V8")), "{said}");
    assert!(said.contains(&named), "{said}");

    let (status, said, _) = run(&mut file.command(&["-"]), &nobody.token().sign().unwrap());
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("\nissuer   none of the 2 that are accepted\n"), "{said}");
    let mut expected = vec!["not reached"; 13];
    (expected[0], expected[7]) = ("passed", "FAILED");
    assert_eq!(states(&said), expected, "{said}");
    let (_, lines) = rule(&said, "V7");
    let accepted = format!("accepted     {:?} or {:?}", one.url(), other.url());
    assert!(lines.contains(&accepted) && lines.contains(&format!("token        iss {:?}", nobody.url())), "{lines}");

    let (status, said, _) = run(&mut file.command(&["-"]), "forged");
    assert_eq!((status, states(&said)), (Some(1), refused_by("V2")), "{said}");
    assert!(said.contains("\nissuer   not looked for, of the 2 that are accepted\n"), "{said}");
}

#[tokio::test]
async fn roles_that_stand_elsewhere_are_found() {
    let issuer = LocalIssuer::start().await.unwrap();
    let elsewhere = || issuer.token().claim("realm_access", serde_json::json!({"roles": ["admin"]}));
    let hint = "hint         no roles; names stand at /realm_access/roles: if they are the roles, set roles_claims";
    for (token, is_hinted) in [(elsewhere(), true), (elsewhere().roles(["user"]), false), (issuer.token(), false)] {
        let (status, said, _) = run(&mut command(Some(&issuer), &["-"]), &token.sign().unwrap());
        assert_eq!((status, rule(&said, "V11").1.contains(hint)), (Some(0), is_hinted), "{said}");
    }
}

/// A token is text of whoever has sent it.
#[tokio::test]
async fn nothing_of_a_token_disguises_what_a_terminal_shows() {
    let issuer = LocalIssuer::start().await.unwrap();
    let evil = "a\u{1b}[31m\u{9b}b\u{202e}\r\nV12  passed";
    for token in [issuer.token().name(evil).sub(evil), issuer.token().issuer(evil), issuer.token().kid(evil)] {
        let (_, said, log) = run(&mut command(Some(&issuer), &["-"]), &token.sign().unwrap());
        let misleads = |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
        assert!(!said.contains(misleads) && !log.contains(misleads), "{said:?}{log:?}");
        assert_eq!(said.lines().filter(|line| line.starts_with("V12 ")).count(), 1, "{said}");
    }
}

/// What replicas share is theirs: neither asked nor written to, and no verdict is silent about it.
#[tokio::test]
async fn whether_a_good_token_was_revoked_is_said_to_be_not_asked() {
    let issuer = LocalIssuer::start().await.unwrap();
    let (good, bad) = (issuer.token().sign().unwrap(), issuer.token().audience("another").sign().unwrap());
    let auth = format!("[auth]\nissuer_url = '{}'\naudience = '{}'\n", issuer.url(), issuer.audience());
    // A server that would take whoever asks for the first replica of all.
    let redis = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    redis.set_nonblocking(true).unwrap();
    let section =
        format!("[redis]\nurl = 'redis://{}'\nprefix = 'task-api:'\ninitialize = true\n", redis.local_addr().unwrap());
    let good_but = "The token is good, unless it was revoked: what [redis] in the file leads to is not asked.";
    for (name, text, verdict) in
        [("alone", auth.clone(), "The token is good."), ("replica", format!("{auth}{section}"), good_but)]
    {
        let file = File::new(&format!("revoked-{name}"), &text);
        let (status, said, log) = run(&mut file.command(&["-"]), &good);
        assert_eq!((status, said.lines().next()), (Some(0), Some(verdict)), "{said}{log}");
        let (state, lines) = rule(&said, "R1");
        assert_eq!(state, "not asked", "{said}");
        assert!(lines.contains("whether it was revoked") && lines.contains("send the token to the API"), "{lines}");

        let (status, said, _) = run(&mut file.command(&["-"]), &bad);
        assert_eq!((status, said.contains("R1 ")), (Some(1), false), "{said}");
        assert!(said.starts_with("The token is refused: "), "{said}");
    }
    let asked = redis.accept().map(drop).unwrap_err();
    assert_eq!(asked.kind(), std::io::ErrorKind::WouldBlock, "nobody has called");
}

/// A bound token is shown without its proof.
#[tokio::test]
async fn bound_token_is_told_as_such() {
    let issuer = LocalIssuer::start().await.unwrap();
    let bound = issuer.token().claim("cnf", serde_json::json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}));
    let (status, said, _) = run(&mut command(Some(&issuer), &["-"]), &bound.clone().sign().unwrap());
    assert_eq!((status, states(&said)), (Some(1), refused_by("V12")), "{said}");
    assert!(rule(&said, "V12").1.contains("cnf"), "{said}");

    let settings = |mode: &str| {
        let (url, audience) = (issuer.url(), issuer.audience());
        format!(
            "[auth]\nissuer_url = {url:?}\naudience = {audience:?}\n[auth.dpop]\nmode = {mode:?}\npublic_url = \"https://api.example\"\n"
        )
    };
    let file = File::new("dpop", &settings("required"));
    for (token, why) in [
        (bound.clone(), "the token is bound to a key, and no proof can be seen"),
        (issuer.token(), "the token is bound to no key, and dpop is required"),
    ] {
        let (status, said, _) = run(&mut file.command(&["-"]), &token.sign().unwrap());
        assert_eq!((status, states(&said)), (Some(1), vec!["passed"; 13]), "{said}");
        let (state, lines) = rule(&said, "P1");
        assert!(state == "FAILED" && lines.contains(why), "{lines}");
    }
}

#[tokio::test]
async fn issuer_of_the_command_line_is_the_only_one() {
    let [issuer, other] = [LocalIssuer::start().await.unwrap(), LocalIssuer::start().await.unwrap()];
    let token = issuer.token().sign().unwrap();
    let joined = (format!("--issuer={}", issuer.url()), "--audience=task-api");
    let further = ["--audience", "shop", "--issuer", issuer.url(), "--audience", "task-api", &token];
    for arguments in [&[&*joined.0, joined.1, &token] as &[_], &further, &[&token, &joined.0, joined.1]] {
        let (status, said, log) = run(&mut command(Some(&other), arguments), "");
        assert_eq!(status, Some(0), "{said}{log}");
    }
    let (_, said, _) = run(&mut command(Some(&other), &further), "");
    assert!(rule(&said, "V8").1.contains("accepted     \"shop\" or \"task-api\""), "{said}");
}

#[tokio::test]
async fn what_cannot_be_used_ends_it_with_the_remedy_and_without_a_verdict() {
    let issuer = LocalIssuer::start().await.unwrap();
    let token = issuer.token().sign().unwrap();
    let bearer = format!("Bearer {token}");
    let (start, end) = token.split_at(100);
    let wrapped = format!("{start}\n{end}");
    let white_space = "there is white space in the token: give it alone, in one line, and without the word Bearer\n";
    let one_token = "give one token, alone, or none; --help says more\n";
    for (arguments, typed, said) in [
        (&[&*bearer] as &[_], "", white_space),
        (&[], &*bearer, white_space),
        (&["-"], &*wrapped, white_space),
        (&["Bearer", &*token], "", one_token),
        (&["--verbose"], "", one_token),
        (&["--help", "me"], "", one_token),
        (
            &["--issuer", issuer.url(), &*token],
            "",
            "--issuer needs an --audience beside it: what the tokens have in aud\n",
        ),
        (&["--audience", "a", &*token], "", "--audience needs an --issuer beside it\n"),
        (
            &["--issuer", "--audience", "a"],
            "",
            "--issuer needs the URL of the issuer, exactly as in the iss claim of its tokens\n",
        ),
        (&["--audience="], "", "--audience needs the audience of the tokens\n"),
        (
            &["--issuer", "https://a.example", "--issuer", "https://b.example"],
            "",
            "--issuer is given twice; a file has room for several: RAMPART_CONFIG names it\n",
        ),
    ] {
        let said = (Some(2), String::new(), said.to_owned());
        assert_eq!(run(&mut command(Some(&issuer), arguments), typed), said, "{arguments:?}");
    }
    for (name, meaning) in [
        ("RAMPART_URL", "the URL of the issuer, exactly as in the iss claim of its tokens"),
        ("RAMPART_CLIENT_ID", "the audience of the tokens, with Rampart the client ID of the front end"),
    ] {
        let said = format!("the environment variable {name} is missing, empty or not UTF-8: set it to {meaning}\n");
        let said = (Some(2), String::new(), said);
        assert_eq!(run(command(Some(&issuer), &[&token]).env_remove(name), ""), said);
        assert_eq!(run(command(Some(&issuer), &[&token]).env(name, ""), ""), said);
    }
}

#[test]
fn without_anything_it_shows_what_becomes_of_three_tokens() {
    let (status, said, _) = run(&mut command(None, &[]), "");
    assert_eq!(status, Some(0), "{said}");
    let verdicts = said.lines().filter(|line| line.starts_with("The token is "));
    assert_eq!(
        verdicts.collect::<Vec<_>>(),
        [
            "The token is good.",
            "The token is refused: the access token expired (token_expired)",
            "The token is refused: the access token is not valid (invalid_token)",
        ]
    );
}

#[test]
fn help_says_what_there_is() {
    for argument in ["--help", "-h"] {
        let (status, said, log) = run(&mut command(None, &[argument]), "");
        assert_eq!((status, &*log), (Some(0), ""));
        for name in
            ["--issuer", "--audience", "RAMPART_URL", "RAMPART_CLIENT_ID", "RAMPART_CONFIG", "RUST_LOG", "Exit status"]
        {
            assert!(said.contains(name), "{name}: {said}");
        }
    }
}

#[tokio::test]
async fn verdict_stands_where_nobody_reads_it() {
    let issuer = LocalIssuer::start().await.unwrap();
    let token = issuer.token().sign().unwrap();
    let mut child = command(Some(&issuer), &["-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "as of `verify-token | head`");
}

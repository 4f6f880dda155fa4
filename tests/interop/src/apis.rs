//! The three Task APIs: the example programs as they are, each configured by a file, and asked the same.

use std::array;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rampart_issuer::DpopKey;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;

use crate::answer::Answer;
use crate::http::CLIENT;
use crate::process::Process;
use crate::server::Issuer;
use crate::setup::Setup;

/// Longer than an issuer that was away for a while is left in peace.
const PATIENCE: Duration = Duration::from_secs(120);

const NAMES: [&str; 3] = ["task-api-axum", "task-api-actix", "task-api-rocket"];

/// The programs of these names, once they are built.
static PROGRAMS: LazyLock<[PathBuf; 3]> = LazyLock::new(|| {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let mut build = Command::new(cargo);
    build.args(["build", "--locked", "--quiet", "--message-format", "json"]).current_dir(workspace);
    for name in NAMES {
        build.args(["--bin", name]);
    }
    let built = build.stderr(Stdio::inherit()).output().unwrap();
    assert!(built.status.success(), "the Task APIs cannot be built");
    let messages = String::from_utf8(built.stdout).unwrap();
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let programs: Vec<_> = messages.filter_map(|it| it["executable"].as_str().map(PathBuf::from)).collect();
    NAMES.map(|name| programs.iter().find(|program| program.ends_with(name)).unwrap().clone())
});

/// What a request brings.
#[derive(Clone, Copy, Debug)]
pub enum Credentials<'a> {
    /// Nothing.
    None,
    /// `Authorization: Bearer` with this token (RFC 6750).
    Bearer(&'a str),
    /// `Authorization: DPoP` with this token and this proof.
    Proven(&'a str, &'a str),
    /// `Authorization: DPoP` with this token, and a proof of this key that is made for the very request (RFC 9449 section 7).
    Dpop(&'a str, &'a DpopKey),
}

/// Where they are told that somebody has signed out.
pub const LOGOUT: &str = "/backchannel-logout";

/// A Task API on each framework; they end with this value.
#[derive(Debug)]
pub struct TaskApis([Api; 3]);

/// What those that take proofs are called by whoever makes one.
pub const PUBLIC_URL: &str = "https://api.example";

impl TaskApis {
    /// Starts them for the tokens of this issuer.
    pub fn of(issuer: &impl Issuer) -> Self {
        Setup::of(issuer).start()
    }

    /// Starts them for the tokens of this issuer, with one setting changed.
    pub fn with(issuer: &impl Issuer, setting: &str, value: Value) -> Self {
        Setup::of(issuer).setting(setting, value).start()
    }

    /// Starts them for the tokens of this issuer, bound ones too (`[auth.dpop]`, with this `mode`), whose proofs are for [`PUBLIC_URL`].
    pub fn with_proofs(issuer: &impl Issuer, mode: &str, nonces: bool) -> Self {
        Setup::of(issuer).proofs(mode, nonces).start()
    }

    /// Starts them with a file whose section `[auth]` has these settings.
    pub fn start(settings: &Value) -> Self {
        Setup::with(settings.clone()).start()
    }

    /// Starts them with this file, at these ports.
    pub fn at(ports: [u16; 3], file: &Path) -> Self {
        let mut apis = array::from_fn(|framework| Api::start(framework, file, ports[framework]));
        for api in &mut apis {
            api.process.wait_for(&format!("{}/health", api.url));
        }
        Self(apis)
    }

    /// Each of them.
    pub fn each(&self) -> &[Api; 3] {
        &self.0
    }

    /// Asks all three with this bearer token, if any, and gives the answer that they agree on.
    pub fn agreed(&self, line: &str, token: Option<&str>) -> Answer {
        self.agreed_for(line, token.map_or(Credentials::None, Credentials::Bearer))
    }

    /// Asks all three, and gives the answer that they agree on.
    pub fn agreed_for(&self, line: &str, credentials: Credentials<'_>) -> Answer {
        self.agreed_on(line, |api| api.ask(line, credentials))
    }

    /// Tells all three to revoke something, with the token of an administrator, and gives the answer that they agree on.
    pub fn agreed_revocation(&self, admin: &str, named: &Value) -> Answer {
        self.agreed_on(&named.to_string(), |api| {
            let request = CLIENT.post(format!("{}/api/admin/revocations", api.url)).bearer_auth(admin);
            request.json(named).send().unwrap().into()
        })
    }

    /// Sends all three this form as a server would that says that somebody has signed out, and gives the answer that they agree on.
    pub fn agreed_logout(&self, form: &str) -> Answer {
        self.agreed_on("a logout token", |api| {
            let request = CLIENT.post(format!("{}{LOGOUT}", api.url)).body(form.to_owned());
            request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").send().unwrap().into()
        })
    }

    fn agreed_on(&self, what: &str, ask: impl Fn(&Api) -> Answer) -> Answer {
        let [first, others @ ..] = self.0.each_ref().map(|api| (api.name, ask(api)));
        for (name, answer) in others {
            assert_eq!(answer, first.1, "{name} and {} differ about {what}", first.0);
        }
        first.1
    }

    /// Asserts that a bearer token is refused with this answer wherever it is looked at.
    pub fn refuse(&self, what: &str, token: &str, refusal: &Answer) {
        self.refuse_for(what, Credentials::Bearer(token), refusal);
    }

    /// Asserts that this answer comes wherever a token is looked at: by a guard, by one of roles, by one of scopes, and where none is
    /// needed.
    pub fn refuse_for(&self, what: &str, credentials: Credentials<'_>, refusal: &Answer) {
        let lines =
            ["GET /api/data", "GET /api/admin/stats", "POST /api/tasks", "POST /api/emails/send", "GET /api/feed"];
        for line in lines {
            assert_eq!(&self.agreed_for(line, credentials), refusal, "{what}: {line}");
        }
    }

    /// Asserts that a token lets its user in, and that a handler sees the user's name.
    pub fn accept(&self, what: &str, token: &str, sub: &str) {
        let answer = self.agreed("GET /api/data", Some(token));
        assert_eq!(answer, Answer::ok(&format!(r#"{{"user":"{sub}"}}"#)), "{what}");
        let answer = self.agreed("GET /api/feed", Some(token));
        assert_eq!(answer, Answer::ok(&format!(r#"{{"feed":"personalized","user":"{sub}"}}"#)), "{what}");
    }

    /// Asks each until it no longer gives this answer, and gives the one that they agree on then.
    pub fn after(&self, former: &Answer, line: &str, token: &str) -> Answer {
        self.after_for(former, line, Credentials::Bearer(token))
    }

    /// The same with whatever a request brings.
    pub fn after_for(&self, former: &Answer, line: &str, credentials: Credentials<'_>) -> Answer {
        for api in &self.0 {
            api.after(former, line, credentials);
        }
        self.agreed_for(line, credentials)
    }

    /// Asserts that each asks for a nonce of its own, and lets the token in once a proof has it.
    pub fn accept_with_nonces(&self, token: &str, sub: &str, mut proof: impl FnMut(&str, Option<&str>) -> String) {
        let url = format!("{PUBLIC_URL}/api/data");
        for api in &self.0 {
            let nonce = api.nonce("/api/data", token, &proof(&url, None));
            let proof = proof(&url, Some(&nonce));
            let answer = api.ask("GET /api/data", Credentials::Proven(token, &proof));
            assert_eq!(answer, Answer::ok(&format!(r#"{{"user":"{sub}"}}"#)), "{}", api.name);
        }
    }

    /// Asserts that the log of each gives this as the reason of what it has refused.
    pub fn have_logged(&self, why: &str) {
        for api in &self.0 {
            let said = api.process.said();
            assert!(said.contains(why), "{} has not logged {why:?}: {said}", api.name);
        }
    }
}

impl Drop for TaskApis {
    fn drop(&mut self) {
        // All at once; each is waited for when it is dropped itself.
        for api in &mut self.0 {
            api.process.tell_to_end();
        }
    }
}

/// One of the programs.
#[derive(Debug)]
pub struct Api {
    name: &'static str,
    url: String,
    process: Process,
}

impl Api {
    fn start(framework: usize, file: &Path, port: u16) -> Self {
        let name = NAMES[framework];
        let mut command = Command::new(&PROGRAMS[framework]);
        command.env("RAMPART_CONFIG", file).env("PORT", port.to_string()).env("RUST_LOG", "rampart=info");
        for name in ["RAMPART_URL", "RAMPART_CLIENT_ID", "RAMPART_REALM"] {
            command.env_remove(name);
        }
        let process = Process::spawn(&command, &file.with_file_name(format!("{name}.log")));
        Self { name, url: format!("http://127.0.0.1:{port}"), process }
    }

    /// Asks it until it no longer gives this answer, and gives the next one.
    pub fn after(&self, former: &Answer, line: &str, credentials: Credentials<'_>) -> Answer {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask(line, credentials);
            if answer != *former {
                return answer;
            }
            assert!(Instant::now() < end, "{} goes on to answer {former:?}", self.name);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Its answer; `line` is method and path.
    pub fn ask(&self, line: &str, credentials: Credentials<'_>) -> Answer {
        let (method, path) = line.split_once(' ').unwrap();
        let url = format!("{}{path}", self.url);
        let request = CLIENT.request(method.parse::<Method>().unwrap(), &url);
        let request = match credentials {
            Credentials::None => request,
            Credentials::Bearer(token) => request.bearer_auth(token),
            Credentials::Proven(token, proof) => {
                request.header(AUTHORIZATION, format!("DPoP {token}")).header("DPoP", proof)
            }
            Credentials::Dpop(token, key) => {
                let proof = key.proof(method, &format!("{PUBLIC_URL}{path}")).access_token(token).sign().unwrap();
                request.header(AUTHORIZATION, format!("DPoP {token}")).header("DPoP", proof)
            }
        };
        request.send().unwrap().into()
    }

    /// The nonce that it gives to whoever comes with this token and proof.
    fn nonce(&self, path: &str, token: &str, proof: &str) -> String {
        let request = CLIENT.get(format!("{}{path}", self.url));
        let response = request.header(AUTHORIZATION, format!("DPoP {token}")).header("DPoP", proof).send().unwrap();
        assert_eq!(response.status(), 401);
        let nonce = response.headers()["dpop-nonce"].to_str().unwrap().to_owned();
        assert_eq!(response.json::<Value>().unwrap()["error"], "use_dpop_nonce");
        nonce
    }
}

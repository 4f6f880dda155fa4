//! From the environment to something that can listen.

use std::io::{self, IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::SystemTime;

use config_file::{ConfigFile, ConfigFileError};
use rampart_core::{ConfigError, Dpop, DpopMode, DpopSettings, RampartAuth, Revocations};
use rampart_issuer::LocalIssuer;

use crate::LocalUser;
use crate::arguments::Arguments;

const DEFAULT_PORT: u16 = 8000;
const DEFAULT_AUDIENCE: &str = "task-api";
/// The variables whose place a configuration file takes.
const IN_PLACE_OF: [&str; 3] = ["RAMPART_URL", "RAMPART_CLIENT_ID", "RAMPART_REALM"];

/// Everything an application needs; keep it for as long as the server runs.
#[derive(Debug)]
pub struct Running {
    /// Verifies tokens.
    pub auth: RampartAuth,
    /// What was revoked, which `auth` goes by.
    pub revocations: Revocations,
    /// Bound to 127.0.0.1, not yet accepting.
    pub listener: TcpListener,
    /// The local issuer, where no other was given.
    pub issuer: Option<LocalIssuer>,
    /// Whether refusals are to have the form of [`custom_error`](crate::custom_error).
    pub custom_errors: bool,
    /// What `--dpop` says of tokens that are bound to a key.
    pub dpop: Option<DpopMode>,
}

/// Why the example does not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// An argument that there is not.
    Argument(String),
    /// `--dpop` together with a file.
    DpopAndFile,
    /// A setting cannot be used.
    Config(ConfigError),
    /// The configuration file cannot be used.
    File(ConfigFileError),
    /// A variable is set, but to nothing that can be read: its name, and the remedy.
    Variable(&'static str, &'static str),
    /// `PORT` is not a port.
    Port(String),
    /// The port is taken, or the issuer cannot be started.
    Io(u16, io::Error),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Argument(argument) => write!(
                f,
                "{argument:?} is no argument of this program: there are --custom-errors, which answers refusals in another form, and \
                 --dpop or --dpop=required, for tokens that are bound to a key; all else is set by the variables RAMPART_CONFIG or RAMPART_URL, \
                 RAMPART_CLIENT_ID and RAMPART_REALM, PORT and RUST_LOG"
            ),
            Self::DpopAndFile => write!(
                f,
                "--dpop is given together with RAMPART_CONFIG: that file says it, in its section [auth.dpop]; leave out the argument"
            ),
            Self::Config(error) => match of_variable(error.field()) {
                Some(variable) => write!(f, "{error} (it is read from {variable})"),
                None => write!(f, "{error}"),
            },
            Self::File(error) => write!(f, "{error}"),
            Self::Variable(name, remedy) => {
                write!(f, "the environment variable {name} is set, but empty or no text: {remedy}")
            }
            Self::Port(value) => write!(
                f,
                "PORT is {value:?}, which is no port number: set it to 0 to 65535, or leave it out for {DEFAULT_PORT}"
            ),
            Self::Io(port, error) => write!(
                f,
                "cannot listen on 127.0.0.1:{port}: {error}; set PORT to another port, or to 0 for a free one"
            ),
        }
    }
}

impl std::error::Error for StartError {}

/// Where a setting comes from.
fn of_variable(setting: &str) -> Option<&'static str> {
    match setting {
        "issuer_url" => Some("RAMPART_URL"),
        "audience" | "audiences" => Some("RAMPART_CLIENT_ID"),
        "realm" => Some("RAMPART_REALM"),
        _ => None,
    }
}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<ConfigFileError> for StartError {
    fn from(error: ConfigFileError) -> Self {
        Self::File(error)
    }
}

/// Reads `RAMPART_URL`, `RAMPART_CLIENT_ID` (default `task-api`; several separated by commas), `RAMPART_REALM` and `PORT` (default
/// 8000), and prints what can be tried. In place of the first three `RAMPART_CONFIG` may name a file: see [`config_file`].
///
/// Where `RAMPART_URL` is not set it starts a local issuer and prints curl lines with fresh tokens. A variable that is set to nothing is
/// an error, so that a deployment whose setting went missing does not trust an issuer that signs for whoever asks. `RUST_LOG` sets what is
/// logged; `rampart=info` unless given. The arguments are `--custom-errors`, and `--dpop` or `--dpop=required`, with which tokens that are
/// bound to a key pass with a proof.
///
/// # Errors
/// [`StartError`], with the variable or argument and the remedy.
pub async fn start(framework: &str) -> Result<Running, StartError> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "rampart=info".into());
    // Fails only where a subscriber is set already, which then stays.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let _ = log.with_ansi(io::stderr().is_terminal()).try_init();

    let Arguments { custom_errors, dpop } = Arguments::read(std::env::args_os().skip(1))?;
    let port = match variable("PORT", "set it to a port, 0 for a free one, or unset it for 8000")? {
        Some(port) => port.parse().map_err(|_| StartError::Port(port))?,
        None => DEFAULT_PORT,
    };
    let in_use = |error| StartError::Io(port, error);
    let file = ConfigFile::from_env(&IN_PLACE_OF)?;
    if file.is_some() && dpop.is_some() {
        return Err(StartError::DpopAndFile);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(in_use)?;
    listener.set_nonblocking(true).map_err(in_use)?;
    let address = listener.local_addr().map_err(in_use)?;
    let Settled { auth, revocations, accepts, issuer } = match file {
        Some(file) => of_file(&file)?,
        None => of_variables(dpop, address, in_use).await?,
    };
    if auth.warm_up().await.is_err() {
        eprintln!("The issuer does not answer yet. Requests get 503 until it does; nothing needs to be restarted.");
    }
    let title = format!("Task API on {framework}: http://{address}");
    let told = match &issuer {
        Some(issuer) => introduce(&title, address, issuer, dpop),
        None => writeln!(io::stdout(), "{title}\nIt accepts the tokens of {accepts}."),
    };
    match told {
        // Whoever reads may have gone by now; the API stays.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(in_use(error)),
        _ => {}
    }
    Ok(Running { auth, revocations, listener, issuer, custom_errors, dpop })
}

/// Whose tokens are accepted.
struct Settled {
    auth: RampartAuth,
    revocations: Revocations,
    /// The same in words.
    accepts: String,
    issuer: Option<LocalIssuer>,
}

fn of_file(file: &ConfigFile) -> Result<Settled, StartError> {
    let shared = file.shared()?;
    let auth = file.build(file.builder_sharing(&shared)?)?;
    let names: Vec<_> = auth.issuers().into_iter().map(|issuer| issuer.name).collect();
    let accepts = format!("{}, as {} says", names.join(", "), config_file::VARIABLE);
    Ok(Settled { auth, revocations: shared.revocations, accepts, issuer: None })
}

async fn of_variables(
    dpop: Option<DpopMode>,
    address: SocketAddr,
    in_use: impl Fn(io::Error) -> StartError,
) -> Result<Settled, StartError> {
    let audience = "set it to the audience of the tokens, or to several separated by commas, or unset it for task-api";
    let audiences =
        variable("RAMPART_CLIENT_ID", audience)?.unwrap_or_else(|| DEFAULT_AUDIENCE.into()).replace(", ", ",");
    let url = "set it to the URL of the issuer, exactly as in the iss claim of its tokens, or unset it to run with a local issuer";
    let (url, issuer) = match variable("RAMPART_URL", url)? {
        Some(url) => (url, None),
        None => {
            let audience = audiences.split(',').next().unwrap_or_default();
            let issuer = LocalIssuer::builder().audience(audience).start().await.map_err(in_use)?;
            (issuer.url().to_owned(), Some(issuer))
        }
    };
    let dpop = dpop.map(|mode| {
        // It listens on this machine alone, so that callers see this address. The keys of a local issuer are as new as this process: no
        // proof for one of its tokens can have been spent before.
        let dpop = Dpop::from(DpopSettings::new(mode)).public_url(format!("http://{address}"));
        dpop.insecure_trust_start(issuer.is_some())
    });
    let realm = variable("RAMPART_REALM", "set it to plain words, or unset it for default")?;
    let revocations = Revocations::new();
    let auth = auth(&url, &audiences, realm, dpop, revocations.clone())?;
    Ok(Settled { auth, revocations, accepts: format!("{url} for {audiences}"), issuer })
}

fn variable(name: &'static str, remedy: &'static str) -> Result<Option<String>, StartError> {
    let Some(value) = std::env::var_os(name) else { return Ok(None) };
    let value = value.into_string().ok().filter(|value| !value.is_empty());
    value.map(Some).ok_or(StartError::Variable(name, remedy))
}

/// As [`RampartAuth::from_env`] does, but for the issuer, which may be the local one, and the audience, which has a default here.
fn auth(
    issuer_url: &str,
    audiences: &str,
    realm: Option<String>,
    dpop: Option<Dpop>,
    revocations: Revocations,
) -> Result<RampartAuth, ConfigError> {
    let mut audiences = audiences.split(',');
    let first = audiences.next().unwrap_or_default();
    let mut builder = RampartAuth::builder(issuer_url, first).audiences(audiences).revocations(revocations);
    if let Some(realm) = realm {
        builder = builder.realm(realm);
    }
    if let Some(dpop) = dpop {
        builder = builder.dpop(dpop);
    }
    builder.build()
}

/// A line to try: path, token, what else curl is told, and the answer.
type Line<'a> = (&'a str, &'a str, &'a str, &'a str);

const MINE: &str = "-d '{\"title\":\"Mine\"}'";

const LINES: [Line<'_>; 11] = [
    ("/health", "", "", "200"),
    ("/api/profile", "", "", "401: no token"),
    ("/api/profile", "$USER_TOKEN", "", "200"),
    ("/api/profile", "forged", "", "401: not a token"),
    ("/api/tasks", "$USER_TOKEN", "", "200"),
    ("/api/tasks", "$USER_TOKEN", MINE, "403: no scope"),
    ("/api/tasks", "$WRITER_TOKEN", MINE, "201"),
    ("/api/emails/send", "$WRITER_TOKEN", "-X POST", "200"),
    ("/api/admin/stats", "$WRITER_TOKEN", "", "403: no role"),
    ("/api/admin/stats", "$ADMIN_TOKEN", "", "200"),
    ("/api/feed", "", "", "200: public"),
];

/// Where nothing passes that is bound to no key.
const LINES_OF_BOUND_TOKENS: [Line<'_>; 4] = [
    ("/health", "", "", "200"),
    ("/api/profile", "", "", "401: no token"),
    ("/api/profile", "$USER_TOKEN", "", "401: bound to no key"),
    ("/api/feed", "", "", "200: public"),
];

/// What can be tried with the local issuer.
fn introduce(title: &str, address: SocketAddr, issuer: &LocalIssuer, dpop: Option<DpopMode>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{title}")?;
    writeln!(out, "RAMPART_URL is not set, so a local issuer is running at {}\n", issuer.url())?;
    writeln!(out, "Tokens, valid for an hour (paste these lines into another terminal):")?;
    for (name, user) in [("USER", LocalUser::User), ("WRITER", LocalUser::Writer), ("ADMIN", LocalUser::Admin)] {
        writeln!(out, "  {name}_TOKEN={}", user.token(issuer).sign().map_err(io::Error::other)?)?;
    }
    writeln!(out, "\nThen try (-i shows the headers):")?;
    // The tokens from above, to the second, in which they may have been made.
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
    let writer = format!("-d '{{\"iss\":\"{}\",\"sub\":\"writer\",\"issued_before\":{now}}}'", issuer.url());
    let revoked = [
        ("/api/admin/revocations", "$ADMIN_TOKEN", &*writer, "204: from now on"),
        ("/api/profile", "$WRITER_TOKEN", "", "401: revoked"),
    ];
    let takes_bearers = dpop != Some(DpopMode::Required);
    let (lines, revoked) =
        if takes_bearers { (&LINES[..], &revoked[..]) } else { (&LINES_OF_BOUND_TOKENS[..], &revoked[..0]) };
    for (path, token, more, answer) in lines.iter().chain(revoked) {
        let token = if token.is_empty() { String::new() } else { format!(" -H \"Authorization: Bearer {token}\"") };
        let more = if more.is_empty() { String::new() } else { format!(" {more}") };
        writeln!(out, "  curl -i http://{address}{path}{token}{more}  # {answer}")?;
    }
    let command = format!("RAMPART_URL={} cargo run -q -p rampart-issuer", issuer.url());
    if takes_bearers {
        writeln!(out, "\nOr let the issuer say that somebody has signed out, here the admin:")?;
        writeln!(out, "  eval \"$({command} logout http://{address}/backchannel-logout sub=admin)\"  # 200")?;
    }
    if dpop.is_some() {
        let command = format!("{command} dpop");
        let api = format!("http://{address}/api");
        writeln!(out, "\nTokens that are bound to a key: each line takes one, makes a proof, and prints a curl line")?;
        writeln!(out, "(eval runs it; run twice, what it has printed is refused the second time):")?;
        writeln!(out, "  eval \"$({command} GET {api}/profile)\"  # 200")?;
        writeln!(out, "  eval \"$({command} POST {api}/tasks tasks:write)\" {MINE}  # 201")?;
    }
    out.flush()
}

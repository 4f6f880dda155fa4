//! From the environment to something that can listen.

use std::io::{self, IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use config_file::{ConfigFile, ConfigFileError};
use rampart_core::{ConfigError, RampartAuth};
use rampart_issuer::LocalIssuer;

use crate::LocalUser;

const DEFAULT_PORT: u16 = 8000;
const DEFAULT_AUDIENCE: &str = "task-api";
/// The variables whose place a configuration file takes.
const IN_PLACE_OF: [&str; 3] = ["RAMPART_URL", "RAMPART_CLIENT_ID", "RAMPART_REALM"];

/// Everything an application needs; keep it for as long as the server runs.
#[derive(Debug)]
pub struct Running {
    /// Verifies tokens.
    pub auth: RampartAuth,
    /// Bound to 127.0.0.1, not yet accepting.
    pub listener: TcpListener,
    /// The local issuer, where no other was given.
    pub issuer: Option<LocalIssuer>,
    /// Whether refusals are to have the form of [`custom_error`](crate::custom_error).
    pub custom_errors: bool,
}

/// Why the example does not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// An argument that there is not.
    Argument(String),
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
                "{argument:?} is no argument of this program: the only one is --custom-errors, which answers refusals in another \
                 form; all else is set by the variables RAMPART_CONFIG or RAMPART_URL, RAMPART_CLIENT_ID and RAMPART_REALM, PORT and RUST_LOG"
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
/// logged; `rampart=info` unless given. The one argument is `--custom-errors`.
///
/// # Errors
/// [`StartError`], with the variable or argument and the remedy.
pub async fn start(framework: &str) -> Result<Running, StartError> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "rampart=info".into());
    // Fails only where a subscriber is set already, which then stays.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let _ = log.with_ansi(io::stderr().is_terminal()).try_init();

    let custom_errors = custom_errors()?;
    let port = match variable("PORT", "set it to a port, 0 for a free one, or unset it for 8000")? {
        Some(port) => port.parse().map_err(|_| StartError::Port(port))?,
        None => DEFAULT_PORT,
    };
    let in_use = |error| StartError::Io(port, error);
    let Settled { auth, accepts, issuer } = match ConfigFile::from_env(&IN_PLACE_OF)? {
        Some(file) => of_file(&file)?,
        None => of_variables(in_use).await?,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(in_use)?;
    listener.set_nonblocking(true).map_err(in_use)?;
    let address = listener.local_addr().map_err(in_use)?;
    if auth.warm_up().await.is_err() {
        eprintln!("The issuer does not answer yet. Requests get 503 until it does; nothing needs to be restarted.");
    }
    let title = format!("Task API on {framework}: http://{address}");
    let told = match &issuer {
        Some(issuer) => introduce(&title, address, issuer),
        None => writeln!(io::stdout(), "{title}\nIt accepts the tokens of {accepts}."),
    };
    match told {
        // Whoever reads may have gone by now; the API stays.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(in_use(error)),
        _ => {}
    }
    Ok(Running { auth, listener, issuer, custom_errors })
}

/// Whose tokens are accepted.
struct Settled {
    auth: RampartAuth,
    /// The same in words.
    accepts: String,
    issuer: Option<LocalIssuer>,
}

fn of_file(file: &ConfigFile) -> Result<Settled, StartError> {
    let auth = file.auth()?;
    let names: Vec<_> = auth.issuers().into_iter().map(|issuer| issuer.name).collect();
    Ok(Settled { accepts: format!("{}, as {} says", names.join(", "), config_file::VARIABLE), auth, issuer: None })
}

async fn of_variables(in_use: impl Fn(io::Error) -> StartError) -> Result<Settled, StartError> {
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
    let auth = auth(&url, &audiences, variable("RAMPART_REALM", "set it to plain words, or unset it for default")?)?;
    Ok(Settled { auth, accepts: format!("{url} for {audiences}"), issuer })
}

fn variable(name: &'static str, remedy: &'static str) -> Result<Option<String>, StartError> {
    let Some(value) = std::env::var_os(name) else { return Ok(None) };
    let value = value.into_string().ok().filter(|value| !value.is_empty());
    value.map(Some).ok_or(StartError::Variable(name, remedy))
}

/// As [`RampartAuth::from_env`] does, but for the issuer, which may be the local one, and the audience, which has a default here.
fn auth(issuer_url: &str, audiences: &str, realm: Option<String>) -> Result<RampartAuth, ConfigError> {
    let mut audiences = audiences.split(',');
    let first = audiences.next().unwrap_or_default();
    let builder = RampartAuth::builder(issuer_url, first).audiences(audiences);
    match realm {
        Some(realm) => builder.realm(realm).build(),
        None => builder.build(),
    }
}

fn custom_errors() -> Result<bool, StartError> {
    let mut arguments = std::env::args_os().skip(1).peekable();
    let given = arguments.peek().is_some();
    match arguments.find(|argument| argument != "--custom-errors") {
        Some(unknown) => Err(StartError::Argument(unknown.to_string_lossy().into_owned())),
        None => Ok(given),
    }
}

/// What can be tried with the local issuer.
fn introduce(title: &str, address: SocketAddr, issuer: &LocalIssuer) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{title}")?;
    writeln!(out, "RAMPART_URL is not set, so a local issuer is running at {}\n", issuer.url())?;
    writeln!(out, "Tokens, valid for an hour (paste these lines into another terminal):")?;
    for (name, user) in [("USER", LocalUser::User), ("WRITER", LocalUser::Writer), ("ADMIN", LocalUser::Admin)] {
        writeln!(out, "  {name}_TOKEN={}", user.token(issuer).sign().map_err(io::Error::other)?)?;
    }
    writeln!(out, "\nThen try (-i shows the headers):")?;
    let mine = "-d '{\"title\":\"Mine\"}'";
    for (path, token, more, answer) in [
        ("/health", "", "", "200"),
        ("/api/profile", "", "", "401: no token"),
        ("/api/profile", "$USER_TOKEN", "", "200"),
        ("/api/profile", "forged", "", "401: not a token"),
        ("/api/tasks", "$USER_TOKEN", "", "200"),
        ("/api/tasks", "$USER_TOKEN", mine, "403: no scope"),
        ("/api/tasks", "$WRITER_TOKEN", mine, "201"),
        ("/api/emails/send", "$WRITER_TOKEN", "-X POST", "200"),
        ("/api/admin/stats", "$WRITER_TOKEN", "", "403: no role"),
        ("/api/admin/stats", "$ADMIN_TOKEN", "", "200"),
        ("/api/feed", "", "", "200: public"),
    ] {
        let token = if token.is_empty() { String::new() } else { format!(" -H \"Authorization: Bearer {token}\"") };
        let more = if more.is_empty() { String::new() } else { format!(" {more}") };
        writeln!(out, "  curl -i http://{address}{path}{token}{more}  # {answer}")?;
    }
    out.flush()
}

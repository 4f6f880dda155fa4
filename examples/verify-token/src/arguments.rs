//! The command line.

use std::ffi::OsString;

pub(crate) const USAGE: &str = "\
Verifies one access token, without a web framework, and explains every rule.

    cargo run --bin verify-token -- --issuer URL --audience A -        the token on standard input
    cargo run --bin verify-token -- --issuer URL --audience A TOKEN    the token, alone, where the shell's history may have it
    cargo run --bin verify-token -- TOKEN       whose tokens are accepted, the environment says; here too, - reads the token
    cargo run --bin verify-token                with no issuer named anywhere, tries three tokens of a local one

    --issuer URL         the issuer, exactly as in the iss claim of its tokens
    --audience A         the audience of the tokens; may be given again for a further one

With --issuer the environment is not asked. Without it:

    RAMPART_URL          the issuer
    RAMPART_CLIENT_ID    the audience of the tokens, or several separated by commas
    RAMPART_CONFIG       in their place: a file that says everything, with several issuers too
    RUST_LOG             what is logged; rampart=warn unless set

Shown is what the token says beside what is accepted; never the token itself. Whether it was revoked is not asked: what the section
[redis] of a file leads to is left alone.

Exit status: 0 the token is good, 1 it is not, 2 a setting or the input cannot be used, 3 the issuer's keys cannot be had.";

const MISTAKEN: &str = "give one token, alone, or none; --help says more";

/// What was given.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) help: bool,
    pub(crate) issuer: Option<String>,
    pub(crate) audiences: Vec<String>,
    /// Or `-` for standard input, which is read where none is given, too.
    pub(crate) token: Option<String>,
}

impl Arguments {
    pub(crate) fn names_issuer(&self) -> bool {
        self.issuer.is_some()
    }

    /// What is wrong never quotes an argument, which may be a token.
    pub(crate) fn read(arguments: impl Iterator<Item = OsString>) -> Result<Self, &'static str> {
        let mut given = Self::default();
        let mut rest = arguments.map(|argument| argument.to_string_lossy().into_owned());
        let is_named = |value: &String| !value.is_empty() && !value.starts_with("--");
        while let Some(argument) = rest.next() {
            let (name, joined) = match argument.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
                _ => (argument, None),
            };
            match name.as_str() {
                "--help" | "-h" if joined.is_none() => given.help = true,
                "--issuer" => {
                    let value = joined.or_else(|| rest.next()).filter(is_named);
                    let url = value
                        .ok_or("--issuer needs the URL of the issuer, exactly as in the iss claim of its tokens")?;
                    if given.issuer.replace(url).is_some() {
                        return Err("--issuer is given twice; a file has room for several: RAMPART_CONFIG names it");
                    }
                }
                "--audience" => {
                    let value = joined.or_else(|| rest.next()).filter(is_named);
                    given.audiences.push(value.ok_or("--audience needs the audience of the tokens")?);
                }
                token if joined.is_some() || (token.starts_with('-') && token != "-") => return Err(MISTAKEN),
                _ if given.token.is_some() => return Err(MISTAKEN),
                _ => given.token = Some(name),
            }
        }
        if given.help && (given.names_issuer() || given.token.is_some() || !given.audiences.is_empty()) {
            return Err(MISTAKEN);
        }
        match (given.names_issuer(), given.audiences.is_empty()) {
            (true, true) => Err("--issuer needs an --audience beside it: what the tokens have in aud"),
            (false, false) => Err("--audience needs an --issuer beside it"),
            _ => Ok(given),
        }
    }
}

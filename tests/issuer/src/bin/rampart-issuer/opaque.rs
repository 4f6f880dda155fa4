//! An opaque token, and the end of one's session: what an API asks the issuer about, and what it is told.

use std::ffi::OsString;

use url::Url;

use crate::running::Running;
use crate::{quoted, texts};

/// An opaque token with these scopes.
pub(crate) async fn token(scopes: &[OsString]) -> Result<String, String> {
    let scopes = texts(scopes).ok_or("opaque takes the scopes of the token, such as: opaque tasks:write")?;
    let issuer = Running::find()?;
    let form = [("grant_type", "client_credentials"), ("token_format", "opaque"), ("scope", &scopes.join(" "))];
    let answered = issuer.post("/oauth/token", &form, None).await?;
    // An issuer that does not know the parameter gives a JWT.
    let token = answered.member("access_token").filter(|token| !token.contains('.'));
    token.map(str::to_owned).ok_or_else(|| issuer.gives_no("opaque token", &answered))
}

/// The line that sends a logout token, for these arguments: the URL, and `sub=..` or `sid=..`.
pub(crate) async fn logout_line(arguments: &[OsString]) -> Result<String, String> {
    const USAGE: &str = "logout takes the URL for logout tokens, and whom it is about, such as: logout http://127.0.0.1:8000/backchannel-logout sub=admin";
    let arguments = texts(arguments);
    let Some([url, about @ ..]) = arguments.as_deref() else { return Err(USAGE.to_owned()) };
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or("the URL must be a whole one, such as http://127.0.0.1:8000/backchannel-logout")?;
    let about: Option<Vec<_>> = about.iter().map(|part| part.split_once('=')).collect();
    let about = about.filter(|about| about.iter().all(|(name, _)| ["sub", "sid"].contains(name))).ok_or(USAGE)?;
    let issuer = Running::find()?;
    let answered = issuer.post("/oauth/logout-token", &about, None).await?;
    let token = answered.member("logout_token").ok_or_else(|| issuer.gives_no("logout token", &answered))?;
    Ok(format!("curl -i {} -d {}", quoted(url.as_str()), quoted(&format!("logout_token={token}"))))
}

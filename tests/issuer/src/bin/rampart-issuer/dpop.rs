//! One request by curl, with a token that is bound to a new key, and a proof of that key.

use std::ffi::OsString;

use hyper::Method;
use rampart_issuer::{DpopKey, ProofBuilder};
use url::Url;

use crate::running::Running;
use crate::{quoted, texts};

/// The line for these arguments: the method, the URL, and the scopes of the token.
pub(crate) async fn curl_line(arguments: &[OsString]) -> Result<String, String> {
    let arguments = texts(arguments);
    let Some([method, url, scopes @ ..]) = arguments.as_deref() else {
        return Err("dpop takes a method and a URL, such as: dpop GET http://127.0.0.1:8000/api/profile".to_owned());
    };
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| format!("{method:?} is no method of HTTP"))?;
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or("the URL must be a whole one, such as http://127.0.0.1:8000/api/profile")?;
    let key = DpopKey::generate().map_err(|error| error.to_string())?;
    let token = bound_token(&key, &scopes.join(" ")).await?;
    let proof = signed(&key.proof(method.as_str(), url.as_str()).access_token(&token))?;
    let how = match method {
        Method::GET => String::new(),
        // With -X, curl waits for a body.
        Method::HEAD => " --head".to_owned(),
        _ => format!(" -X {}", quoted(method.as_str())),
    };
    let [url, token, proof] = [url.into(), format!("Authorization: DPoP {token}"), format!("DPoP: {proof}")];
    Ok(format!("curl -i{how} {} -H {} -H {}", quoted(&url), quoted(&token), quoted(&proof)))
}

fn signed(proof: &ProofBuilder) -> Result<String, String> {
    proof.sign().map_err(|error| error.to_string())
}

/// A token of the issuer that runs, for the client that it always has.
async fn bound_token(key: &DpopKey, scope: &str) -> Result<String, String> {
    let issuer = Running::find()?;
    let proof = signed(&key.proof("POST", &issuer.at("/oauth/token")))?;
    let form = [("grant_type", "client_credentials"), ("scope", scope)];
    let answered = issuer.post("/oauth/token", &form, Some(proof)).await?;
    let token = answered.member("access_token").filter(|_| answered.member("token_type") == Some("DPoP"));
    token.map(str::to_owned).ok_or_else(|| issuer.gives_no("bound token", &answered))
}

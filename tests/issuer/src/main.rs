//! Runs the local issuer and prints tokens to paste.

use std::io::{self, Write};

use rampart_issuer::LocalIssuer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let port = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| io::Error::other("PORT is not a port number; use 1 to 65535"))?,
        Err(_) => 9000,
    };
    // An API may accept several; a token is for one.
    let audiences = std::env::var("RAMPART_CLIENT_ID").unwrap_or_else(|_| "task-api".into());
    let audience = audiences.split(',').next().unwrap_or_default().trim();
    let issuer = LocalIssuer::builder().port(port).audience(audience).start().await?;
    let hour = issuer.token().expires_in(3600);
    let tokens = [
        ("USER_TOKEN", hour.clone()),
        ("WRITER_TOKEN", hour.clone().sub("writer").scope("tasks:write email:send")),
        ("ADMIN_TOKEN", hour.sub("admin").roles(["admin"])),
    ];
    let mut out = io::stdout().lock();
    writeln!(out, "A Rampart issuer for development is running at {}\n", issuer.url())?;
    writeln!(out, "  export RAMPART_URL={}\n  export RAMPART_CLIENT_ID={audiences}", issuer.url())?;
    writeln!(
        out,
        "\nTokens, valid for an hour (the writer has the scopes tasks:write and email:send, the admin the role admin):\n"
    )?;
    for (name, token) in tokens {
        writeln!(out, "  {name}={}", token.sign().map_err(io::Error::other)?)?;
    }
    writeln!(out, "\nFor the client credentials grant: client ID `service`, secret `service-secret`.")?;
    writeln!(
        out,
        "Paste these lines into another terminal. Stop the issuer with Ctrl-C; its keys and tokens end with it."
    )?;
    out.flush()?;
    tokio::signal::ctrl_c().await
}

//! Runs the local issuer and prints tokens to paste.

use std::io::{self, Write};

use rampart_issuer::Issuer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let port = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| io::Error::other("PORT is not a port number; use 1 to 65535"))?,
        Err(_) => 9000,
    };
    let audience = std::env::var("RAMPART_CLIENT_ID").unwrap_or_else(|_| "task-api".into());
    let issuer = Issuer::builder().port(port).audience(&audience).start().await?;
    let hour = issuer.token().expires_in(3600);
    let tokens = [
        ("a plain user", hour.clone()),
        ("a writer (tasks:write email:send)", hour.clone().sub("writer").scope("tasks:write email:send")),
        ("an admin", hour.sub("admin").roles(["admin"])),
    ];
    let mut out = io::stdout().lock();
    writeln!(out, "A Rampart issuer for development is running at {}\n", issuer.url())?;
    writeln!(out, "  export RAMPART_URL={}\n  export RAMPART_CLIENT_ID={audience}", issuer.url())?;
    writeln!(out, "\nFor the client credentials grant: client ID `service`, secret `service-secret`\n")?;
    for (who, token) in tokens {
        writeln!(out, "Token of {who}, valid for an hour:\n{}\n", token.sign().map_err(io::Error::other)?)?;
    }
    writeln!(out, "Stop it with Ctrl-C.")?;
    out.flush()?;
    tokio::signal::ctrl_c().await
}

//! A connection: made, checked and given up within a time, and closed when it is dropped.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisError, Value};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::address::{Address, Place};
use crate::bounded::Bounded;

/// How many calls wait to be written at once.
const CALLS: usize = 1024;

/// Any number of calls at once, in their order. A clone is another hand on the same connection.
#[derive(Clone)]
pub(crate) struct Connection {
    calls: MultiplexedConnection,
    _driver: Arc<Driver>,
}

struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What becomes of a call, and of an attempt to connect.
#[derive(Debug)]
pub(crate) enum Failed {
    Late,
    /// It reads its file.
    Loading,
    Redis(RedisError),
    Io(io::Error),
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Late => f.write_str("it does not answer in time"),
            Self::Loading => f.write_str("it is still loading its file"),
            Self::Redis(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl Connection {
    pub(crate) async fn open(
        address: &Address,
        tls: Option<&Arc<ClientConfig>>,
        patience: Duration,
    ) -> Result<Self, Failed> {
        timeout(patience, Self::open_at_leisure(address, tls)).await.unwrap_or(Err(Failed::Late))
    }

    async fn open_at_leisure(address: &Address, tls: Option<&Arc<ClientConfig>>) -> Result<Self, Failed> {
        let stream = dial(address, tls).await.map_err(Failed::Io)?;
        // Calls have deadlines of ours, which also count the time that they wait to be sent.
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_pipeline_buffer_size(CALLS);
        let (calls, driver) = MultiplexedConnection::new_with_config(&address.login, Bounded::new(stream), config)
            .await
            .map_err(Failed::Redis)?;
        let driver = Driver(tokio::spawn(driver).abort_handle());
        Ok(Self { calls, _driver: Arc::new(driver) })
    }

    /// The answer to one command; an error of the server is a failure.
    pub(crate) async fn ask(&self, command: &Cmd, patience: Duration) -> Result<Value, Failed> {
        let mut calls = self.calls.clone();
        let value = within(patience, calls.send_packed_command(command)).await?;
        value.extract_error().map_err(Failed::Redis)
    }

    /// The answers to commands that are sent together, errors of the server among them, each in its place.
    pub(crate) async fn ask_all<const N: usize>(
        &self,
        commands: &Pipeline,
        patience: Duration,
    ) -> Result<[Value; N], Failed> {
        let mut calls = self.calls.clone();
        let values = within(patience, calls.send_packed_commands(commands, 0, N)).await?;
        values.try_into().map_err(|_| Failed::Io(io::Error::new(io::ErrorKind::InvalidData, "an answer is missing")))
    }
}

async fn within<T>(patience: Duration, call: impl Future<Output = Result<T, RedisError>>) -> Result<T, Failed> {
    match timeout(patience, call).await {
        Ok(answered) => answered.map_err(Failed::Redis),
        Err(_) => Err(Failed::Late),
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

async fn dial(address: &Address, tls: Option<&Arc<ClientConfig>>) -> io::Result<Box<dyn Stream>> {
    match &address.place {
        Place::Tcp { host, port, .. } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            let Some(tls) = tls else { return Ok(Box::new(stream)) };
            let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
            Ok(Box::new(TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?))
        }
        #[cfg(unix)]
        Place::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
        #[cfg(not(unix))]
        Place::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

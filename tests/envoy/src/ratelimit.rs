//! Rate limit services: a real one, over a real Redis, and one that says what it is told to.

use std::fs;
use std::net::{SocketAddr, TcpListener as Bound};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::envoy::root;
use crate::leash::{Leash, script};
use crate::runtime::{block_on, runtime, until};

/// What a script of `bin` prints: a path, made or found.
fn path_of(name: &str) -> Result<PathBuf> {
    let output = Command::new(script(name)).stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().into())
}

fn folder(prefix: &str) -> Result<PathBuf> {
    let runs = root().join(".run");
    fs::create_dir_all(&runs)?;
    Ok(tempfile::Builder::new().prefix(prefix).tempdir_in(runs)?.keep())
}

/// A Redis on a port of its own, which it keeps when it is stopped and started again. It keeps nothing else.
pub struct Redis {
    port: u16,
    folder: PathBuf,
    server: Option<Leash>,
}

impl Redis {
    /// Starts one.
    pub fn start() -> Result<Self> {
        let port = Bound::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut redis = Self { port, folder: folder("redis-")?, server: None };
        redis.start_again()?;
        Ok(redis)
    }

    /// Stops it, as a crash would.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Starts it where it was, empty.
    pub fn start_again(&mut self) -> Result<()> {
        let log = self.folder.join("redis.log");
        let port = self.port.to_string();
        let leash = Leash::start(&path_of("find-redis")?, &log, |command| {
            command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.arg("--dir").arg(&self.folder);
        })?;
        until("Redis to be ready", || {
            ensure!(leash.ended()?.is_none(), "Redis ended: {}", fs::read_to_string(&log)?);
            Ok(fs::read_to_string(&log)?.contains("Ready to accept connections").then_some(()))
        })?;
        self.server = Some(leash);
        Ok(())
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

/// Limitador's engine over a Redis. Ends when dropped.
pub struct RateLimitService {
    address: SocketAddr,
    _process: Leash,
}

impl RateLimitService {
    /// Starts one with these limits, as `portcullis limits --format limitador` prints them.
    pub fn start(redis: &Redis, limits: &str) -> Result<Self> {
        let folder = folder("ratelimit-")?;
        let (file, log) = (folder.join("limits.yaml"), folder.join("service.log"));
        fs::write(&file, limits)?;
        let process = Leash::start(&path_of("build-ratelimit")?, &log, |command| {
            command.arg(redis.url()).arg(&file);
        })?;
        let address = until("the service's address", || {
            let said = fs::read_to_string(&log)?;
            ensure!(process.ended()?.is_none(), "the service ended: {said}");
            Ok(said.lines().next().and_then(|line| line.parse().ok()))
        })?;
        Ok(Self { address, _process: process })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// What an [`Oracle`] does when it is asked.
#[derive(Clone, Debug)]
pub enum Says {
    /// These bytes are the message.
    Message(Vec<u8>),
    /// The call ends with this gRPC status.
    Status(&'static str),
    /// An answer that is no gRPC at all.
    Html,
    /// The stream is reset.
    Reset,
    /// Nothing, ever.
    Nothing,
}

/// A rate limit service that says what it is told to, and keeps what it was asked. Stops when dropped.
pub struct Oracle {
    address: SocketAddr,
    says: Arc<Mutex<Says>>,
    asked: Arc<Mutex<Vec<Vec<u8>>>>,
    serving: JoinHandle<()>,
}

impl Oracle {
    /// One that says this.
    pub fn start(says: Says) -> Result<Self> {
        let listener = block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let (says, asked) = (Arc::new(Mutex::new(says)), Arc::<Mutex<Vec<Vec<u8>>>>::default());
        let (told, kept) = (Arc::clone(&says), Arc::clone(&asked));
        let serving = runtime().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                runtime().spawn(connection(stream, Arc::clone(&told), Arc::clone(&kept)));
            }
        });
        Ok(Self { address, says, asked, serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says this from now on.
    pub fn say(&self, says: Says) {
        *self.says.lock().unwrap_or_else(PoisonError::into_inner) = says;
    }

    /// The messages that it was asked with since the last time.
    pub fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn connection(stream: TcpStream, says: Arc<Mutex<Says>>, asked: Arc<Mutex<Vec<Vec<u8>>>>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let says = says.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let kept = Arc::clone(&asked);
        // The body is read beside: it comes only while this connection is looked at.
        runtime().spawn(answer(request, respond, says, kept));
    }
}

/// Keeps the question before it is answered, so that whoever has the answer finds it.
async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    says: Says,
    asked: Arc<Mutex<Vec<Vec<u8>>>>,
) {
    let mut body = request.into_body();
    let mut bytes = Vec::new();
    while let Some(Ok(chunk)) = body.data().await {
        let _ = body.flow_control().release_capacity(chunk.len());
        bytes.extend_from_slice(&chunk);
    }
    let message = bytes.get(5..).unwrap_or_default().to_vec();
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(message);
    match says {
        // A call that is never answered is kept open.
        Says::Nothing => {
            std::future::pending::<()>().await;
            drop(respond);
        }
        Says::Reset => respond.send_reset(h2::Reason::INTERNAL_ERROR),
        says => {
            let _ = say(says, respond);
        }
    }
}

fn say(says: Says, mut respond: SendResponse<Bytes>) -> Result<()> {
    let head = |status: u16, kind| Response::builder().status(status).header("content-type", kind).body(());
    let (message, status) = match says {
        Says::Message(message) => (Some(message), "0"),
        Says::Status(status) => (None, status),
        _ => {
            let mut send = respond.send_response(head(502, "text/html")?, false)?;
            send.send_data(Bytes::from_static(b"<html>no</html>"), true)?;
            return Ok(());
        }
    };
    let mut send = respond.send_response(head(200, "application/grpc")?, false)?;
    if let Some(message) = message {
        let mut framed = vec![0];
        framed.extend_from_slice(&u32::try_from(message.len())?.to_be_bytes());
        framed.extend_from_slice(&message);
        send.send_data(framed.into(), false)?;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    Ok(send.send_trailers(trailers)?)
}

//! An upstream that keeps every byte it was sent: the judge of what a filter let through and what it left alone.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::message::Headers;
use crate::runtime::{block_on, runtime};
use crate::wire::{Framing, Wire, parse_request};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The request target, as it was on the wire.
    pub path: String,
    /// In the order in which they came.
    pub headers: Headers,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// What came after a chunked body.
    pub trailers: Headers,
    /// The whole request, byte for byte.
    pub wire: Vec<u8>,
}

const CLOSE: &[u8] = b"connection: close\r\n";

/// An HTTP/1.1 server on a free loopback port that records requests. Stops when dropped.
pub struct Recorder {
    address: SocketAddr,
    record: Arc<Record>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Record {
    begun: AtomicUsize,
    bytes: AtomicUsize,
    whole: Mutex<Vec<Seen>>,
}

type Early = dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync;
type Answerer = dyn Fn(&Seen) -> Vec<u8> + Send + Sync;

impl Recorder {
    /// Answers every request with these bytes of HTTP/1.1. An answer that says `connection: close` ends its connection.
    pub fn answering(bytes: impl AsRef<[u8]>) -> Result<Self> {
        let bytes = bytes.as_ref().to_vec();
        Self::start(move |_| bytes.clone())
    }

    /// Answers with what `answer` makes of the request, as bytes of HTTP/1.1; closes the connection where that is nothing.
    pub fn start(answer: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> Result<Self> {
        Self::start_eager(|_| None, answer)
    }

    /// The same, but where `early` knows the request's target its answer is sent as soon as the head is there, and the
    /// body is read after.
    pub fn start_eager(
        early: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
        answer: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let record = Arc::<Record>::default();
        let kept = Arc::clone(&record);
        let (early, answer): (Arc<Early>, Arc<Answerer>) = (Arc::new(early), Arc::new(answer));
        let serving = runtime().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (record, early, answer) = (Arc::clone(&kept), Arc::clone(&early), Arc::clone(&answer));
                tokio::spawn(async move {
                    // A broken connection is the peer's business: what arrived whole was recorded.
                    let _ = serve(stream, &record, &*early, &*answer).await;
                });
            }
        });
        Ok(Self { address, record, serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes out the whole requests recorded so far.
    #[must_use]
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *lock(&self.record.whole))
    }

    /// How many requests have begun to arrive since the start, those that broke off included: for what must see nothing.
    #[must_use]
    pub fn begun(&self) -> usize {
        self.record.begun.load(Ordering::SeqCst)
    }

    /// How many bytes have arrived since the start, also of requests that broke off.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.record.bytes.load(Ordering::SeqCst)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, record: &Record, early: &Early, answer: &Answerer) -> Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.split();
    let mut wire = Wire::new(Counted { reader, bytes: &record.bytes });
    while let Some(head) = wire.head().await? {
        record.begun.fetch_add(1, Ordering::SeqCst);
        let (method, path, headers) = parse_request(&head)?;
        let answered = early(&path);
        if let Some(bytes) = &answered {
            writer.write_all(bytes).await?;
        }
        let body = wire.body(Framing::of(&headers, Framing::None)?).await?;
        let seen = Seen {
            method,
            path,
            headers,
            wire: [head, body.wire].concat(),
            body: body.content,
            trailers: body.trailers,
        };
        let bytes = if answered.is_some() { Vec::new() } else { answer(&seen) };
        lock(&record.whole).push(seen);
        if bytes.is_empty() {
            break;
        }
        writer.write_all(&bytes).await?;
        if bytes.windows(CLOSE.len()).any(|window| window == CLOSE) {
            break;
        }
    }
    Ok(())
}

/// A reader whose bytes are counted as they come.
struct Counted<'r, R> {
    reader: R,
    bytes: &'r AtomicUsize,
}

impl<R: AsyncRead + Unpin> AsyncRead for Counted<'_, R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.reader).poll_read(context, buffer))?;
        self.bytes.fetch_add(buffer.filled().len().saturating_sub(before), Ordering::SeqCst);
        Poll::Ready(Ok(()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

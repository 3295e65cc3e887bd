//! An upstream that keeps every byte it was sent: the judge of what a filter let through and what it left alone.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use tokio::io::AsyncWriteExt;
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

/// An HTTP/1.1 server on a free loopback port that records requests. Stops when dropped.
pub struct Recorder {
    address: SocketAddr,
    record: Arc<Record>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Record {
    begun: AtomicUsize,
    whole: Mutex<Vec<Seen>>,
}

type Answerer = Arc<dyn Fn(&Seen) -> Vec<u8> + Send + Sync>;

impl Recorder {
    /// Answers every request with these bytes of HTTP/1.1.
    pub fn answering(bytes: impl AsRef<[u8]>) -> Result<Self> {
        let bytes = bytes.as_ref().to_vec();
        Self::start(move |_| bytes.clone())
    }

    /// Answers with what `answer` makes of the request, as bytes of HTTP/1.1; closes the connection where that is nothing.
    pub fn start(answer: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> Result<Self> {
        let listener = block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let record = Arc::<Record>::default();
        let (kept, answer): (_, Answerer) = (Arc::clone(&record), Arc::new(answer));
        let serving = runtime().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (record, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                tokio::spawn(async move {
                    // A broken connection is the peer's business: what arrived whole was recorded.
                    let _ = serve(stream, &record, &answer).await;
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
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, record: &Record, answer: &Answerer) -> Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.split();
    let mut wire = Wire::new(reader);
    while let Some(head) = wire.head().await? {
        record.begun.fetch_add(1, Ordering::SeqCst);
        let (method, path, headers) = parse_request(&head)?;
        let body = wire.body(Framing::of(&headers, Framing::None)?).await?;
        let seen = Seen {
            method,
            path,
            headers,
            wire: [head, body.wire].concat(),
            body: body.content,
            trailers: body.trailers,
        };
        let bytes = answer(&seen);
        lock(&record.whole).push(seen);
        if bytes.is_empty() {
            break;
        }
        writer.write_all(&bytes).await?;
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

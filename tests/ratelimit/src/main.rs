//! A rate limit service for tests: Limitador's engine over a Redis, behind `envoy.service.ratelimit.v3`, with limits as
//! Limitador's own server reads them. It hands the engine what that server hands it: the request's descriptors under the
//! name `descriptors`, and at least one hit.
//!
//! `portcullis-ratelimit REDIS_URL LIMITS_FILE` prints the address that it listens on.

mod messages;

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use limitador::limit::{Context, Limit};
use limitador::storage::AsyncStorage;
use limitador::storage::redis::AsyncRedisStorage;
use limitador::{AsyncRateLimiter, AsyncRateLimiterBuilder};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};

use crate::messages::{Code, RateLimitRequest, RateLimitResponse};

const PATH: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |what| arguments.next().with_context(|| format!("{what} is missing"));
    let (redis, file) = (argument("the URL of a Redis")?, argument("the file with the limits")?);
    let limits: Vec<Limit> = serde_saphyr::from_str(&std::fs::read_to_string(file)?)?;
    ensure!(!limits.is_empty(), "there are no limits");

    let storage = AsyncStorage::with_counter_storage(Box::new(AsyncRedisStorage::new(&redis).await?));
    let limiter = AsyncRateLimiterBuilder::new(storage).build();
    for limit in limits {
        limiter.add_limit(limit);
    }
    let limiter = Arc::new(limiter);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream, limiter.clone()));
    }
}

/// A connection that breaks is no concern of the others.
async fn serve(stream: TcpStream, limiter: Arc<AsyncRateLimiter>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let limiter = limiter.clone();
        tokio::spawn(async move {
            if let Err(why) = answer(request, respond, &limiter).await {
                eprintln!("a call was not answered: {why}");
            }
        });
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    limiter: &AsyncRateLimiter,
) -> Result<()> {
    ensure!(request.uri().path() == PATH, "no such method: {}", request.uri().path());
    let mut body = request.into_body();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        bytes.extend_from_slice(&chunk);
    }
    // A message has a flag and four bytes of length in front.
    ensure!(bytes.len() >= 5, "no message");
    let verdict = judge(RateLimitRequest::decode(&bytes[5..])?, limiter).await;
    let head = Response::builder().header("content-type", "application/grpc").body(())?;
    let mut send = respond.send_response(head, false)?;
    let mut trailers = HeaderMap::new();
    match verdict {
        Ok(code) => {
            let message = RateLimitResponse { overall_code: code.into() }.encode_to_vec();
            let mut framed = BytesMut::new();
            framed.put_u8(0);
            framed.put_u32(u32::try_from(message.len())?);
            framed.extend_from_slice(&message);
            send.send_data(framed.freeze(), false)?;
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
        }
        Err(why) => {
            eprintln!("the storage says: {why}");
            trailers.insert("grpc-status", HeaderValue::from_static("14"));
        }
    }
    Ok(send.send_trailers(trailers)?)
}

async fn judge(request: RateLimitRequest, limiter: &AsyncRateLimiter) -> Result<Code> {
    let entries = |descriptor: messages::Descriptor| -> HashMap<String, String> {
        descriptor.entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
    };
    let descriptors = request.descriptors.into_iter().map(entries).collect();
    let mut context = Context::default();
    context.list_binding("descriptors".to_owned(), descriptors);
    let hits = u64::from(request.hits_addend.max(1));
    let checked = limiter.check_rate_limited_and_update(&request.domain.into(), &context, hits).await;
    let checked = checked.map_err(|why| anyhow!("{why}"))?;
    Ok(if checked.limited { Code::OverLimit } else { Code::Ok })
}

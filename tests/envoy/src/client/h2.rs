//! HTTP/2 on the crate `h2`, which leaves headers, frames and trailers to its caller.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use h2::client::SendRequest;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::Scheme;
use http::{Method, Uri, Version};

use super::Stream;
use crate::message::{Answer, Headers, Request};
use crate::runtime::runtime;

/// More than any test receives, so that no answer waits for a window.
const WINDOW: u32 = 16 << 20;

pub(super) struct Sender {
    requests: SendRequest<Bytes>,
    scheme: Scheme,
    authority: String,
}

impl Sender {
    pub(super) async fn new(stream: Stream, secure: bool, authority: &str) -> Result<Self> {
        let mut settings = h2::client::Builder::new();
        settings.initial_window_size(WINDOW).initial_connection_window_size(WINDOW);
        let (requests, connection) = settings.handshake(stream).await.context("HTTP/2 handshake")?;
        // Its end is seen by whoever waits for an answer; the connection closes when the last `Sender` is dropped.
        runtime().spawn(connection);
        let scheme = if secure { Scheme::HTTPS } else { Scheme::HTTP };
        Ok(Self { requests, scheme, authority: authority.to_owned() })
    }

    pub(super) async fn exchange(&mut self, request: &Request) -> Result<Answer> {
        let head = self.head(request)?;
        let bare = request.body.is_empty() && request.trailers.0.is_empty();
        let mut requests = self.requests.clone().ready().await?;
        let (answer, mut body) = requests.send_request(head, bare)?;
        if !bare {
            // A refusal may end the stream before the body is out: then the answer tells, not this.
            let _ = send_body(&mut body, request);
        }

        let (head, mut incoming) = answer.await.context("no answer")?.into_parts();
        let mut content = Vec::new();
        while let Some(data) = incoming.data().await {
            let data = data.context("the answer's body broke off")?;
            incoming.flow_control().release_capacity(data.len())?;
            content.extend_from_slice(&data);
        }
        let trailers = incoming.trailers().await?.unwrap_or_default();
        Ok(Answer {
            status: head.status.as_u16(),
            headers: from_map(&head.headers),
            body: content,
            trailers: from_map(&trailers),
        })
    }

    fn head(&self, request: &Request) -> Result<http::Request<()>> {
        let authority = request.authority.as_deref().unwrap_or(&self.authority);
        let target = [self.scheme.as_str().as_bytes(), b"://", authority.as_bytes(), &request.path].concat();
        let uri = Uri::from_maybe_shared(Bytes::from(target)).context("HTTP/2 cannot send this path")?;
        let kept = uri.path_and_query().map(|path| path.as_str().as_bytes());
        ensure!(
            kept == Some(&request.path),
            "HTTP/2 cannot send this path as it is; send it as raw HTTP/1.1"
        );
        let mut head = http::Request::new(());
        *head.method_mut() = Method::from_bytes(request.method.as_bytes())?;
        *head.version_mut() = Version::HTTP_2;
        *head.uri_mut() = uri;
        *head.headers_mut() = to_map(&request.headers)?;
        Ok(head)
    }
}

fn send_body(stream: &mut h2::SendStream<Bytes>, request: &Request) -> Result<()> {
    let without_trailers = request.trailers.0.is_empty();
    let last = request.body.len().saturating_sub(1);
    for (at, chunk) in request.body.iter().enumerate() {
        // Queued without waiting for the window: the bodies of tests are small enough to hold twice.
        stream.send_data(Bytes::copy_from_slice(chunk), without_trailers && at == last)?;
    }
    if !without_trailers {
        stream.send_trailers(to_map(&request.trailers)?)?;
    }
    Ok(())
}

fn to_map(headers: &Headers) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in &headers.0 {
        map.append(HeaderName::from_bytes(name)?, HeaderValue::from_bytes(value)?);
    }
    Ok(map)
}

fn from_map(map: &HeaderMap) -> Headers {
    Headers(map.iter().map(|(name, value)| (name.as_str().into(), value.as_bytes().to_vec())).collect())
}

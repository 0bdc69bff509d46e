//! One connection: the requests on it, and words for those that hyper ends without any.
//!
//! hyper answers what it cannot parse by a bare status, and a request whose headers never end
//! by nothing. Here both get their problem document. A refused connection is read on for a
//! moment, so that its caller sees the answer and not a reset.

use crate::limits::{HEAD_BYTES, HEADERS, LINGER, LINGER_BYTES, Limits};
use banyan_api::{Code, Problem};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::{Future, Pending, pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Timeout, timeout};
use tokio_util::sync::CancellationToken;

/// Serves one connection until its end, or until `stop` and the end of its request.
pub(crate) async fn serve(
    stream: TcpStream,
    router: axum::Router,
    limits: &Limits,
    stop: CancellationToken,
) {
    let service = hyper::service::service_fn(move |request: http::Request<_>| {
        let mut router = router.clone();
        let request = request.map(axum::body::Body::new);
        Box::pin(async move { tower::Service::call(&mut router, request).await })
    });
    let mut connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(Worded::new(stream, limits.write)), service);
    let ended = {
        let mut stopping = std::pin::pin!(stop.cancelled());
        let mut told = false;
        poll_fn(|context| {
            if !told && stopping.as_mut().poll(context).is_ready() {
                told = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            connection.poll_without_shutdown(context)
        })
        .await
    };
    let mut io = connection.into_parts().io.into_inner();
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
        if error.is_timeout() && io.is_inside_request {
            let words = bare_answer(Code::RequestTimeout);
            let _ = io.stream.write_all(&words).await;
        }
    }
    linger(io.stream).await;
}

/// Closes our side and reads on for a moment.
async fn linger(mut stream: TcpStream) {
    let drained = async {
        stream.shutdown().await?;
        let mut waste = [0u8; 4096];
        let mut left = LINGER_BYTES;
        while left > 0 {
            match stream.read(&mut waste).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        io::Result::Ok(())
    };
    // Whatever goes wrong here, the answer has been written and the connection is over.
    let _ = timeout(LINGER, drained).await;
}

/// A stream that puts a problem document where hyper writes a bare status.
struct Worded {
    stream: TcpStream,
    /// Bytes came since the last answer.
    is_inside_request: bool,
    /// Our words, while they are being written.
    words: Vec<u8>,
    /// How long writing may make no progress.
    patience: Duration,
    /// When that is over, while nothing can be written.
    stalled: Option<Pin<Box<Timeout<Pending<()>>>>>,
}

impl Worded {
    fn new(stream: TcpStream, patience: Duration) -> Worded {
        Worded {
            stream,
            is_inside_request: false,
            words: Vec::new(),
            patience,
            stalled: None,
        }
    }

    /// Writes what can be written; a caller that takes nothing for too long is given up.
    fn poll_bytes(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(context, bytes) {
            self.stalled = None;
            return Poll::Ready(written);
        }
        let patience = self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(timeout(patience, pending())));
        ready!(stalled.as_mut().poll(context)).ok();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_words(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.words.is_empty() {
            let words = std::mem::take(&mut self.words);
            let polled = self.poll_bytes(context, &words);
            self.words = words;
            let written = ready!(polled)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.words.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Worded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.is_inside_request |= buffer.filled().len() > before;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Worded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_words(context))?;
        self.is_inside_request = false;
        match bare_code(buffer) {
            None => self.poll_bytes(context, buffer),
            Some(code) => {
                self.words = bare_answer(code);
                Poll::Ready(Ok(buffer.len()))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_words(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_words(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Which bare status of hyper's this is. Our own answers to errors are never empty.
fn bare_code(written: &[u8]) -> Option<Code> {
    let head = std::str::from_utf8(written).ok()?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    if !head.contains("content-length: 0\r\n") {
        return None;
    }
    match status {
        "400" => Some(Code::MalformedRequest),
        "414" => Some(Code::UriTooLong),
        "431" => Some(Code::HeadersTooLarge),
        _ => None,
    }
}

/// A whole answer outside hyper, after which the connection ends.
fn bare_answer(code: Code) -> Vec<u8> {
    let detail = match code {
        Code::RequestTimeout => "the request's headers did not arrive in time",
        Code::HeadersTooLarge => "the request's headers are more, or longer, than is read",
        Code::UriTooLong => "the path and query are longer than is read",
        _ => "the request's line or headers are no HTTP/1.1",
    };
    let body = serde_json::to_string(&Problem::new(code, detail)).unwrap_or_default();
    let reason = http::StatusCode::from_u16(code.status())
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error");
    format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/problem+json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        code.status(),
        body.len()
    )
    .into_bytes()
}

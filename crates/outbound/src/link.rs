//! One HTTP/1.1 connection, driven by whoever uses it.
//!
//! The call that holds a link also polls its connection: no task stands between a request and
//! its answer, and none is left behind. It guarantees: a request that is handed back was never
//! begun to be written; anything else may have left.

use crate::limits::HEAD_BYTES;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body as _, Frame, Incoming};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use std::error::Error as _;
use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A request ready for a connection.
pub(crate) type Outgoing = http::Request<Full<Bytes>>;

/// A connection, with the means to use it.
pub(crate) struct Link {
    sender: SendRequest<Full<Bytes>>,
    /// None once the connection has ended. Boxed, since a link is moved several times a call.
    driver: Option<Driver>,
}

type Driver = Box<Connection<TokioIo<Stream>, Full<Bytes>>>;

/// Why a request got no answer.
pub(crate) enum Failed {
    /// It was handed back: not a byte of it was written.
    HandedBack(Box<Outgoing>, String),
    /// It may have left.
    Lost(String),
}

impl Link {
    /// A link over a connected stream.
    pub(crate) async fn new(stream: Stream) -> hyper::Result<Link> {
        let (sender, driver) = http1::Builder::new()
            .max_header_size(HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Link {
            sender,
            driver: Some(Box::new(driver)),
        })
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn send(
        &mut self,
        request: Outgoing,
    ) -> Result<http::Response<Incoming>, Failed> {
        let driver = &mut self.driver;
        let mut answer = pin!(self.sender.try_send_request(request));
        let result = poll_fn(|cx| {
            if let Poll::Ready(result) = answer.as_mut().poll(cx) {
                return Poll::Ready(result);
            }
            drive(driver, cx);
            answer.as_mut().poll(cx)
        });
        result
            .await
            .map_err(|mut error| match error.take_message() {
                Some(request) => Failed::HandedBack(Box::new(request), words(error.error())),
                None => Failed::Lost(words(error.error())),
            })
    }

    /// The next frame of the answer's body; none at its end.
    pub(crate) async fn frame(
        &mut self,
        body: &mut Incoming,
    ) -> Option<Result<Frame<Bytes>, String>> {
        let frame = poll_fn(|cx| {
            if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
                return Poll::Ready(frame);
            }
            drive(&mut self.driver, cx);
            Pin::new(&mut *body).poll_frame(cx)
        });
        frame
            .await
            .map(|frame| frame.map_err(|error| words(&error)))
    }

    /// Lets the connection look at its stream, without waiting: is it open, silent, and ready
    /// for a request? An idle connection that turned readable is closed, or has been sent an
    /// answer to nothing.
    pub(crate) async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| {
            drive(&mut self.driver, cx);
            Poll::Ready(self.driver.is_some() && self.sender.is_ready())
        })
        .await
    }
}

/// Polls a connection that has not ended. One that ends is dropped at once, which hands an
/// untouched request back to its sender.
fn drive(driver: &mut Option<Driver>, cx: &mut Context<'_>) {
    if let Some(connection) = driver
        && Pin::new(connection).poll(cx).is_ready()
    {
        // How it ended is told to the request, if there is one.
        *driver = None;
    }
}

/// An error in words, with what caused it.
fn words(error: &hyper::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// What bytes go over.
pub(crate) enum Stream {
    /// `http`.
    Plain(TcpStream),
    /// `https`.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// A link, and the server's side of it.
    async fn pair() -> (Link, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (Link::new(Stream::Plain(client)).await.unwrap(), server)
    }

    fn outgoing() -> Outgoing {
        let mut request = Outgoing::new(Full::new(Bytes::from_static(b"{}")));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static("/orders");
        request
    }

    #[tokio::test]
    async fn a_request_for_a_closed_connection_is_handed_back_whole() {
        let (mut link, mut server) = pair().await;
        server.shutdown().await.unwrap();
        tokio::task::yield_now().await;
        match link.send(outgoing()).await {
            Err(Failed::HandedBack(same, _)) => assert_eq!(same.uri(), outgoing().uri()),
            Err(Failed::Lost(message)) => panic!("{message}"),
            Ok(answer) => panic!("{answer:?}"),
        }
        drop(link);
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"", "nothing was written");
    }

    #[tokio::test]
    async fn a_link_is_ready_until_it_is_closed_or_spoken_on() {
        let (mut link, mut server) = pair().await;
        assert!(link.is_ready().await);
        server
            .write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
            .await
            .unwrap();
        tokio::task::yield_now().await;
        assert!(!link.is_ready().await);
    }
}

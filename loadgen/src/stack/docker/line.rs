//! The line to a Docker Engine: one connection for each question, bounded in size and in time.
//!
//! The client collects an answer whole before it reads it, so the bound is where the bytes come in.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bollard::errors::Error as EngineError;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Sleep, sleep};

/// The most bytes of an answer: some ten thousand containers.
const MOST_ANSWER: usize = 16 << 20;
/// How long a single question may take once the engine has been found to answer; a container that is
/// stopped has ten seconds to end.
const MOST_TIME: Duration = Duration::from_secs(30);

/// A client of the engine at `address`, which speaks HTTP on a unix socket or a port.
pub(super) fn client(address: &str) -> Result<Docker, EngineError> {
    let place = address.to_owned();
    let ask = move |request| ask(place.clone(), request);
    // What is left for the bound of the line, which says what it was about.
    let patience = 2 * MOST_TIME.as_secs();
    Docker::connect_with_custom_transport(ask, Some("http://docker"), patience, API_DEFAULT_VERSION)
}

/// Why a question had no answer, down to the cause.
pub(in crate::stack) fn reason(error: &EngineError) -> String {
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        let words = deeper.to_string();
        if !reason.contains(&words) {
            reason = format!("{reason}: {words}");
        }
        cause = deeper.source();
    }
    reason
}

/// An answer that lasts as long as whoever gives it has something to say: its head is bounded in time,
/// and who reads it bounds the rest.
pub(super) async fn stream(address: &str, path: &str) -> Result<Response<Incoming>, EngineError> {
    let asked = async {
        let line = TokioIo::new(connect(address).await?);
        let (mut sender, connection) = http1::handshake(line).await?;
        tokio::spawn(connection);
        let request = Request::get(path).header(HOST, "docker");
        let request = request.body(Empty::<Bytes>::new())?;
        Ok(sender.send_request(request).await?)
    };
    match tokio::time::timeout(MOST_TIME, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(EngineError::RequestTimeoutError),
    }
}

/// Connects, and returns when the head of the answer is there.
async fn ask(
    address: String,
    mut request: BollardRequest,
) -> Result<Response<Incoming>, EngineError> {
    let stream = connect(&address).await?;
    let line = TokioIo::new(Line::over(stream, MOST_ANSWER, MOST_TIME));
    let (mut sender, connection) = http1::handshake(line).await?;
    // Its end is told to whoever reads the answer.
    tokio::spawn(connection);
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let path: Uri = path.parse().map_err(|error| EngineError::IOError {
        err: io::Error::new(io::ErrorKind::InvalidInput, error),
    })?;
    *request.uri_mut() = path;
    let host = HeaderValue::from_static("docker");
    request.headers_mut().entry(HOST).or_insert(host);
    Ok(sender.send_request(request).await?)
}

/// The port of an engine's address, as `HOST:PORT`; none where it is a socket.
pub(super) fn authority(address: &str) -> Option<&str> {
    let authority = address
        .strip_prefix("tcp://")
        .or_else(|| address.strip_prefix("http://"))?;
    Some(authority.trim_end_matches('/'))
}

/// Connects to a socket or a port.
pub(super) async fn connect(address: &str) -> io::Result<Box<dyn Stream>> {
    Ok(match address.strip_prefix("unix://") {
        Some(path) => Box::new(UnixStream::connect(path).await?),
        None => Box::new(TcpStream::connect(authority(address).unwrap_or(address)).await?),
    })
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that fails where more comes than an answer may have, or for longer.
struct Line {
    stream: Box<dyn Stream>,
    /// How many bytes may still come.
    left: usize,
    over: Pin<Box<Sleep>>,
}

impl Line {
    fn over(stream: Box<dyn Stream>, most: usize, within: Duration) -> Self {
        Self {
            stream,
            left: most,
            over: Box::pin(sleep(within)),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.over.as_mut().poll(context).is_ready() {
            let words = format!("its answer took longer than {MOST_TIME:?}");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, words)));
        }
        if self.left == 0 {
            let words = format!("its answer is longer than {} MiB", MOST_ANSWER >> 20);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, words)));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        self.left = self.left.saturating_sub(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex, repeat};

    use super::*;

    #[tokio::test]
    async fn no_more_is_read_than_an_answer_may_have() {
        let (ours, theirs) = duplex(1_024);
        tokio::spawn(async move {
            let (_, mut writer) = tokio::io::split(theirs);
            tokio::io::copy(&mut repeat(b' '), &mut writer).await
        });
        let mut line = Line::over(Box::new(ours), 10_000, MOST_TIME);
        let mut read = Vec::new();
        let error = line.read_to_end(&mut read).await.expect_err("an end");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!((10_000..20_000).contains(&read.len()), "{}", read.len());
    }

    #[tokio::test]
    async fn nor_is_waited_for_longer() {
        let (ours, mut theirs) = duplex(1_024);
        theirs.write_all(b"[").await.expect("room for a byte");
        let mut line = Line::over(Box::new(ours), 10_000, Duration::from_millis(50));
        let mut read = Vec::new();
        let error = line.read_to_end(&mut read).await.expect_err("an end");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(read, b"[");
    }

    #[test]
    fn a_port_is_told_from_a_socket() {
        assert_eq!(authority("tcp://10.0.0.7:2375/"), Some("10.0.0.7:2375"));
        assert_eq!(authority("unix:///s"), None);
    }
}

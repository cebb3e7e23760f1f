//! One request to something unknown, bounded in time and bytes.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderMap};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The most that is read of an answer's body.
const BODY_LIMIT: usize = 64 * 1024;
/// The most that is read of an answer's head.
const HEAD_LIMIT: usize = 16 * 1024;

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Empty where it was longer than the limit, or did not end.
    pub(super) body: Bytes,
}

/// Connects, and tells why it cannot.
pub(super) async fn connect(
    addresses: &[SocketAddr],
    within: Duration,
) -> Result<TcpStream, String> {
    match tokio::time::timeout(within, TcpStream::connect(addresses)).await {
        Ok(connected) => connected.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no connection within {within:?}")),
    }
}

/// Asks for `path` over a connection of its own, and tells what was wrong with the answer.
pub(super) async fn get(
    stream: TcpStream,
    host: &str,
    path: &str,
    within: Duration,
) -> Result<Answer, String> {
    match tokio::time::timeout(within, exchange(stream, host, path)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no answer to a request within {within:?}")),
    }
}

async fn exchange(stream: TcpStream, host: &str, path: &str) -> Result<Answer, String> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_LIMIT)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| in_words(&error))?;
    let request = Request::get(path)
        .header(HOST, host)
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let talk = async {
        let answer = sender.send_request(request).await;
        let (head, body) = answer.map_err(|error| in_words(&error))?.into_parts();
        let body = Limited::new(body, BODY_LIMIT).collect().await;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body
                .map(http_body_util::Collected::to_bytes)
                .unwrap_or_default(),
        })
    };
    tokio::pin!(talk);
    let mut connection = std::pin::pin!(connection);
    // The connection does the reading and writing; it may end before the answer is taken.
    tokio::select! {
        answer = &mut talk => answer,
        _ = &mut connection => talk.await,
    }
}

fn in_words(error: &hyper::Error) -> String {
    if error.is_parse() {
        "its answer is not HTTP".to_owned()
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        "it closed the connection without an answer".to_owned()
    } else {
        error.to_string()
    }
}

//! One exchange on a place of a socket.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream};
use http::header::{HeaderMap, HeaderValue};

use super::pool::{InFlight, Place};
use crate::model::{Cause, ErrorClass, NameSource};
use crate::traffic::Call;
use crate::transport::http1::{MOST_BODY, ProtocolError};
use crate::transport::{
    After, Answer, ClientOptions, Connection, Failure, KEPT, Messages, Streams, TRIES_HEADER,
    tries_in,
};

/// A place on a socket.
#[derive(Debug)]
pub(in crate::transport) struct Http2Connection {
    place: Place,
    messages: Messages,
    names: NameSource,
    timeout: Duration,
    is_shared: bool,
    /// Whether an answer has begun.
    begun: Cell<bool>,
    named: Vec<u8>,
    body: Vec<u8>,
    cut: bool,
}

impl Http2Connection {
    pub(super) fn new(place: Place, options: &ClientOptions, is_shared: bool) -> Self {
        Self {
            place,
            messages: options.messages.clone(),
            names: options.names.clone(),
            timeout: options.timeout,
            is_shared,
            begun: Cell::new(false),
            named: Vec::with_capacity(KEPT),
            body: Vec::with_capacity(KEPT),
            cut: false,
        }
    }

    fn failed(&self, error: h2::Error) -> Failure {
        let within = self.begun.get();
        Failure::http2(error, within).at(within, None)
    }

    async fn talk(&mut self, call: Call) -> Result<Answer, Failure> {
        let _in_flight = InFlight::on(&self.place.0);
        let (response, stream, body) = self.send(call)?;
        let response = with_body(response, stream, body).await;
        let response = response.map_err(|error| self.failed(error))?;
        self.begun.set(true);
        let (status, tries) = self.read_head(response.status(), response.headers());
        self.read_body(response.into_body()).await?;
        Ok(Answer {
            status,
            tries,
            after: if self.place.0.has_ended() {
                After::PeerCloses
            } else {
                After::Reuse
            },
        })
    }

    fn send(&self, call: Call) -> Result<(ResponseFuture, SendStream<Bytes>, Bytes), Failure> {
        let made = self.messages.http2(call);
        let (request, body) =
            made.map_err(|_| Failure::said(ErrorClass::Protocol, Cause::Unknown, REFUSED))?;
        let mut sender = self.place.0.sender.borrow_mut();
        // What was not taken was not looked at either.
        let (response, stream) = sender
            .send_request(request, body.is_empty())
            .map_err(|_| Failure::said(ErrorClass::Closed, Cause::Unprocessed, ENDED))?;
        Ok((response, stream, body))
    }

    fn read_head(&mut self, status: http::StatusCode, headers: &HeaderMap) -> (u16, u16) {
        let header = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
        if let Some(name) = self.names.header().and_then(header) {
            self.named.extend_from_slice(&name[..name.len().min(KEPT)]);
        }
        (status.as_u16(), header(TRIES_HEADER).map_or(0, tries_in))
    }

    async fn read_body(&mut self, mut body: RecvStream) -> Result<(), Failure> {
        let mut length = 0;
        while let Some(chunk) = body.data().await {
            let chunk = chunk.map_err(|error| self.failed(error))?;
            length += chunk.len() as u64;
            if length > MOST_BODY {
                return Err(Failure::protocol(ProtocolError::BodyTooLong, &[]));
            }
            let room = (KEPT - self.body.len()).min(chunk.len());
            self.body.extend_from_slice(&chunk[..room]);
            self.cut |= room < chunk.len();
            let given_back = body.flow_control().release_capacity(chunk.len());
            given_back.map_err(|error| self.failed(error))?;
        }
        // An answer ends with its trailers.
        body.trailers().await.map_err(|error| self.failed(error))?;
        Ok(())
    }
}

const ENDED: &str = "the server ended the connection before the request was sent";
const REFUSED: &str = "the request holds what HTTP/2 does not allow";

/// Sends the body while the answer is awaited: a server may answer before it has read all.
async fn with_body(
    response: ResponseFuture,
    stream: SendStream<Bytes>,
    body: Bytes,
) -> Result<http::Response<RecvStream>, h2::Error> {
    if body.is_empty() {
        return response.await;
    }
    let mut response = pin!(response);
    let mut sending = pin!(send_body(stream, body));
    tokio::select! {
        biased;
        answered = &mut response => return answered,
        sent = &mut sending => sent?,
    }
    response.await
}

async fn send_body(mut stream: SendStream<Bytes>, mut body: Bytes) -> Result<(), h2::Error> {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let room = poll_fn(|cx| stream.poll_capacity(cx)).await;
        let Some(room) = room else { return Ok(()) };
        let next = body.split_to(room?.min(body.len()));
        stream.send_data(next, body.is_empty())?;
    }
    Ok(())
}

impl Connection for Http2Connection {
    async fn exchange(&mut self, sent: Instant, call: Call) -> Result<Answer, Failure> {
        self.begun.set(false);
        self.named.clear();
        self.body.clear();
        self.cut = false;
        let (deadline, within) = (sent + self.timeout, self.timeout);
        match tokio::time::timeout_at(deadline.into(), self.talk(call)).await {
            Ok(answer) => answer,
            Err(_) if self.begun.get() => Err(Failure::late(ErrorClass::BodyTimeout, within)),
            Err(_) => Err(Failure::late(ErrorClass::Timeout, within)),
        }
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.place.0.poll_ended(cx)
    }

    fn named_header(&self) -> &[u8] {
        &self.named
    }

    fn short_body(&self) -> &[u8] {
        if self.cut { &[] } else { &self.body }
    }

    fn body_start(&self) -> &[u8] {
        &self.body
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }

    fn streams(&self) -> Option<Streams> {
        Some(self.place.0.streams())
    }
}

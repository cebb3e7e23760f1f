//! The load's own client: connections over whatever the target speaks.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::http1::Http1Connection;
use super::http2::{Http2Connection, Pool};
use super::wire::Wire;
use super::{
    Answer, Connection, Failure, Message, Messages, Place, RequestParts, Streams, Tls, Transport,
};
use crate::model::{Cause, ErrorClass, NameSource, Protocol};
use crate::traffic::Call;

/// What a client needs to know.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    pub place: Place,
    /// Absent in the clear.
    pub tls: Option<Tls>,
    /// Absent where the target decides: HTTP/1.1 in the clear, over TLS what the handshake says.
    pub protocol: Option<Protocol>,
    pub messages: Messages,
    /// What to look for in answers.
    pub names: NameSource,
    /// Whether connections are used more than once.
    pub keep_alive: bool,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

impl ClientOptions {
    /// One `GET` in the clear, over connections that are kept: 2 s to connect, 5 s for an answer, and
    /// the replica's name in the body.
    #[must_use]
    pub fn get(address: SocketAddr, host: &str, path: &str) -> Self {
        let message = Message::new(&RequestParts {
            method: "GET",
            path,
            host,
            headers: &[],
            body: None,
            secure: false,
            keep_alive: true,
        });
        Self {
            place: Place::of(&[address]),
            tls: None,
            protocol: None,
            messages: message.into(),
            names: NameSource::Body,
            keep_alive: true,
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
        }
    }
}

/// Makes connections to one target for one thread and group.
#[derive(Debug)]
pub struct Client {
    options: Arc<ClientOptions>,
    /// What the target was found to speak.
    spoken: Cell<Option<Protocol>>,
    pool: Rc<Pool>,
    /// Held while a connection is made that others may share.
    opening: Mutex<()>,
}

/// A connection made by a [`Client`].
#[derive(Debug)]
pub struct ClientConnection(Kind);

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "the engine boxes it whole, and the usual one is the large one"
)]
enum Kind {
    Http1(Http1Connection),
    Http2(Http2Connection),
}

impl Client {
    /// A client for one thread: its connections live in that thread's runtime.
    #[must_use]
    pub fn new(options: Arc<ClientOptions>) -> Self {
        let spoken = match (options.protocol, &options.tls) {
            (Some(protocol), _) => Some(protocol),
            (None, None) => Some(Protocol::Http1),
            (None, Some(_)) => None,
        };
        Self {
            options,
            spoken: Cell::new(spoken),
            pool: Rc::default(),
            opening: Mutex::default(),
        }
    }

    async fn place(&self) -> Result<Kind, Failure> {
        if self.spoken.get() == Some(Protocol::Http1) || !self.options.keep_alive {
            return self.open().await;
        }
        // Whoever comes while a connection is made may find a place on it, rather than make its own.
        let _opening = self.opening.lock().await;
        match self.pool.place(&self.options) {
            Some(shared) => Ok(Kind::Http2(shared)),
            None => self.open().await,
        }
    }

    async fn open(&self) -> Result<Kind, Failure> {
        let (wire, protocol) = self.wire().await?;
        self.spoken.set(Some(protocol));
        let options = &self.options;
        Ok(match protocol {
            Protocol::Http1 => Kind::Http1(Http1Connection::new(
                wire,
                &options.messages,
                &options.names,
                options.timeout,
            )),
            Protocol::Http2 => {
                let opened = self.pool.open(wire, options).await;
                Kind::Http2(opened.map_err(|failure| self.without_http2(failure))?)
            }
        })
    }

    /// In the clear nobody has said beforehand that the server speaks HTTP/2: one that ends the
    /// connection at its first bytes does not.
    fn without_http2(&self, failure: Failure) -> Failure {
        let ended = [ErrorClass::Protocol, ErrorClass::Closed, ErrorClass::Reset];
        if self.options.tls.is_some() || !ended.contains(&failure.class) {
            return failure;
        }
        let words = "the server does not speak HTTP/2 in the clear, with prior knowledge";
        Failure::said(ErrorClass::Protocol, Cause::NoSuchProtocol, words)
    }

    async fn wire(&self) -> Result<(Wire, Protocol), Failure> {
        let ClientOptions {
            place,
            tls,
            protocol,
            ..
        } = &*self.options;
        let socket = place.open().await.map_err(Failure::connecting)?;
        let Some(tls) = tls else {
            return Ok((Wire::Plain(socket), protocol.unwrap_or(Protocol::Http1)));
        };
        let (stream, spoken) = tls.handshake(socket).await?;
        if *protocol == Some(Protocol::Http2) && spoken != Protocol::Http2 {
            let words = "the server does not speak HTTP/2: it named no protocol in the handshake";
            return Err(Failure::said(ErrorClass::Tls, Cause::NoSuchProtocol, words));
        }
        Ok((Wire::Tls(Box::new(stream)), spoken))
    }
}

impl Transport for Client {
    type Connection = ClientConnection;

    async fn connect(&self) -> Result<ClientConnection, Failure> {
        let within = self.options.connect_timeout;
        match tokio::time::timeout(within, self.place()).await {
            Ok(made) => made.map(ClientConnection),
            Err(_) => Err(Failure::late(ErrorClass::ConnectTimeout, within)),
        }
    }
}

impl Connection for ClientConnection {
    #[inline]
    async fn exchange(&mut self, sent: Instant, call: Call) -> Result<Answer, Failure> {
        match &mut self.0 {
            Kind::Http1(connection) => connection.exchange(sent, call).await,
            Kind::Http2(connection) => connection.exchange(sent, call).await,
        }
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Kind::Http1(connection) => connection.poll_closed(cx),
            Kind::Http2(connection) => connection.poll_closed(cx),
        }
    }

    #[inline]
    fn named_header(&self) -> &[u8] {
        match &self.0 {
            Kind::Http1(connection) => connection.named_header(),
            Kind::Http2(connection) => connection.named_header(),
        }
    }

    #[inline]
    fn short_body(&self) -> &[u8] {
        match &self.0 {
            Kind::Http1(connection) => connection.short_body(),
            Kind::Http2(connection) => connection.short_body(),
        }
    }

    fn body_start(&self) -> &[u8] {
        match &self.0 {
            Kind::Http1(connection) => connection.body_start(),
            Kind::Http2(connection) => connection.body_start(),
        }
    }

    fn is_shared(&self) -> bool {
        match &self.0 {
            Kind::Http1(_) => false,
            Kind::Http2(connection) => connection.is_shared(),
        }
    }

    #[inline]
    fn streams(&self) -> Option<Streams> {
        match &self.0 {
            Kind::Http1(_) => None,
            Kind::Http2(connection) => connection.streams(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::SocketAddr;

    use super::*;

    /// A server that begins an answer and never stops sending its body.
    fn endless() -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            let _ = client.read(&mut [0; 1024]);
            let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            // Ends when the client has had enough.
            while client.write_all(&[b'x'; 16 * 1024]).is_ok() {}
        });
        address
    }

    fn client(address: SocketAddr) -> Client {
        Client::new(Arc::new(ClientOptions {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_millis(200),
            ..ClientOptions::get(address, "g", "/")
        }))
    }

    #[test]
    fn a_body_without_end_meets_the_time_out_however_fast_it_comes() {
        let client = client(endless());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let answer = runtime.block_on(async {
            let task = async {
                let mut connection = client.connect().await.expect("a connection");
                connection.exchange(Instant::now(), Call::default()).await
            };
            tokio::task::LocalSet::new().run_until(task).await
        });
        let class = answer.map_err(|failure| failure.class);
        assert_eq!(class, Err(ErrorClass::BodyTimeout));
    }
}

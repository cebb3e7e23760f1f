//! The embedded proxy as a child process: HTTP/1.1, routed by the `Host` header.
//!
//! It does what `nginx.conf` does, so that a run says the same about either: strict turns,
//! 421 for an unknown host, `X-Upstream` on every answer, and a count of its own.

mod balance;
mod counter;
mod forward;
mod group;

pub(super) use counter::{PATH as COUNTER_PATH, requests};

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use self::forward::Forwarder;
use self::group::Groups;
use super::arguments::Arguments;
use super::child;
use crate::model::{Policy, Retries};

/// How long a client may take to send the head of a request; NGINX's default.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// How long to wait before accepting again when the machine is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// What a proxy child was told.
struct Told {
    parent: i32,
    peers: Vec<(String, SocketAddr)>,
    policy: Policy,
    retries: Retries,
    timeout: Duration,
    /// Where clients are served, and where its own count is.
    listen: Vec<SocketAddr>,
}

/// Proxies until the parent lets go.
pub(super) fn main(arguments: Arguments<impl Iterator<Item = String>>) -> Result<(), String> {
    let told = Told::read(arguments)?;
    child::run(told.parent, |lifeline| async move {
        let groups = Arc::new(Groups::new(&told.peers, &told.policy)?);
        let mut addresses = told.listen.iter().copied();
        let front = child::listen(addresses.next()).await?;
        let status = child::listen(addresses.next()).await?;
        child::announce(&[address(&front)?, address(&status)?])?;
        let forwarder = Forwarder::new(Arc::clone(&groups), told.timeout, told.retries);
        let forwarder = Arc::new(forwarder);
        let heed = |line: &str| {
            if let Err(reason) = groups.heed(line) {
                eprintln!("`{line}`: {reason}");
            }
        };
        tokio::select! {
            // Nothing is under way any more when the parent lets go.
            () = lifeline.heed(heed) => {}
            () = accept(front, |connection| proxied(connection, Arc::clone(&forwarder))) => {}
            () = accept(status, |connection| counter::served(connection, Arc::clone(&groups))) => {}
        }
        Ok(())
    })
}

impl Told {
    fn read(mut arguments: Arguments<impl Iterator<Item = String>>) -> Result<Self, String> {
        let mut told = Self {
            parent: 0,
            peers: Vec::new(),
            policy: Policy::round_robin(),
            retries: Retries::default(),
            listen: Vec::new(),
            timeout: Duration::from_secs(30),
        };
        while let Some(flag) = arguments.next()? {
            match flag.name.as_str() {
                "--parent" => told.parent = flag.parse()?,
                "--policy" => told.policy = flag.parse()?,
                "--timeout-ms" => told.timeout = Duration::from_millis(flag.parse()?),
                "--retries" => told.retries = flag.parse()?,
                "--listen" => told.listen.push(flag.parse()?),
                "--peer" => {
                    let told_of = peer(&flag.value);
                    let refused = |reason| format!("--peer {}: {reason}", flag.value);
                    told.peers.push(told_of.map_err(refused)?);
                }
                _ => return Err(flag.unknown()),
            }
        }
        Ok(told)
    }
}

/// `GROUP=ADDRESS`
fn peer(text: &str) -> Result<(String, SocketAddr), String> {
    let parts = text.rsplit_once('=');
    let (group, address) = parts.ok_or_else(|| "is not GROUP=ADDRESS".to_owned())?;
    let address = address.parse();
    Ok((
        group.to_owned(),
        address.map_err(|error: std::net::AddrParseError| error.to_string())?,
    ))
}

fn address(listener: &TcpListener) -> Result<SocketAddr, String> {
    listener.local_addr().map_err(|error| error.to_string())
}

/// Accepts for ever; each connection is a task.
async fn accept<F>(listener: TcpListener, serve: impl Fn(Connection) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                // Without it an answer may wait for the acknowledgement of the last one. It
                // can only fail on a connection that is already gone.
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve(Connection { stream, client }));
            }
            // Out of descriptors, or the client gave up while waiting: neither ends the proxy.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// One client's connection.
struct Connection {
    stream: TcpStream,
    client: SocketAddr,
}

impl Connection {
    /// Answers the requests of this connection one after the other, until it ends.
    async fn answer<F, B>(self, answer: impl Fn(Request<hyper::body::Incoming>) -> F)
    where
        F: Future<Output = Response<B>>,
        B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
    {
        // An error here is the client's: it went away or spoke no HTTP. It has been told.
        let _ = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(
                TokioIo::new(self.stream),
                service_fn(|request| {
                    let answer = answer(request);
                    async move { Ok::<_, Infallible>(answer.await) }
                }),
            )
            .await;
    }
}

async fn proxied(connection: Connection, forwarder: Arc<Forwarder>) {
    let client = connection.client.ip();
    connection
        .answer(|request| forwarder.forward(request, client))
        .await;
}

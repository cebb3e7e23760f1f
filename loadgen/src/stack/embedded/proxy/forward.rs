//! Forwards one request: picks a peer, sends it there, and passes the answer on.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http_body_util::{Either, Empty};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::{PathAndQuery, Scheme};
use hyper::{Request, Response, StatusCode, Uri, Version};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::group::{Group, Groups, Peer};
use crate::model::Retries;

/// A request's body: the client's, or none, which can be sent again.
type Sent = Either<Incoming, Empty<Bytes>>;
/// An answer's body: a replica's, or none, where the proxy itself answers.
type Answer = Response<Either<Incoming, Empty<Bytes>>>;

const X_UPSTREAM: HeaderName = HeaderName::from_static("x-upstream");

/// How long a replica may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Headers that are between two neighbours and go no further.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Sends requests on, over connections that it keeps.
pub(super) struct Forwarder {
    groups: Arc<Groups>,
    client: Client<HttpConnector, Sent>,
    timeout: Duration,
    retries: Retries,
}

/// A peer that gave no answer.
enum NoAnswer {
    /// It took no connection, so it has not seen the request.
    NotConnected,
    /// It may have seen the request.
    Broken,
    /// It took too long.
    TimedOut,
}

impl Forwarder {
    /// `timeout` is what a replica has for the head of an answer.
    pub(super) fn new(groups: Arc<Groups>, timeout: Duration, retries: Retries) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self {
            groups,
            client,
            timeout,
            retries,
        }
    }

    /// The answer to a request of `client`, whatever happens.
    pub(super) async fn forward(&self, request: Request<Incoming>, client: IpAddr) -> Answer {
        let host = host_of(&request);
        match self.groups.arrived(host) {
            Some(group) => self.try_peers(request, group, client).await,
            None => own_answer(StatusCode::MISDIRECTED_REQUEST),
        }
    }

    /// Tries each peer once at most: another one only where [`Retries`] says so, and where the request
    /// can be sent a second time.
    async fn try_peers(&self, request: Request<Incoming>, group: &Group, client: IpAddr) -> Answer {
        let (mut parts, body) = request.into_parts();
        drop_hop_by_hop(&mut parts.headers);
        let mut body = Some(body);
        let repeatable =
            parts.method.is_idempotent() && body.as_ref().is_some_and(Incoming::is_end_stream);
        let mut tried: Vec<&Peer> = Vec::new();
        let mut status = StatusCode::BAD_GATEWAY;
        let pass = group.pass(client);
        for peer in pass.iter() {
            tried.push(peer);
            peer.tries.fetch_add(1, Ordering::Relaxed);
            let body = match body.take() {
                Some(body) if !repeatable => Either::Left(body),
                _ => Either::Right(Empty::new()),
            };
            match self.send(&parts, body, peer).await {
                Ok(answer) => return passed_on(answer, &tried),
                Err(NoAnswer::NotConnected) if repeatable && self.retries != Retries::Off => {}
                Err(NoAnswer::Broken) if repeatable && self.retries == Retries::On => {}
                Err(NoAnswer::NotConnected | NoAnswer::Broken) => break,
                Err(NoAnswer::TimedOut) => {
                    status = StatusCode::GATEWAY_TIMEOUT;
                    break;
                }
            }
        }
        let mut answer = own_answer(status);
        set_upstream(answer.headers_mut(), &tried);
        answer
    }

    async fn send(
        &self,
        parts: &Parts,
        body: Sent,
        peer: &Peer,
    ) -> Result<Response<Incoming>, NoAnswer> {
        let mut request = Request::new(body);
        request.method_mut().clone_from(&parts.method);
        *request.uri_mut() = uri_at(peer, &parts.uri);
        *request.version_mut() = Version::HTTP_11;
        request.headers_mut().clone_from(&parts.headers);
        match tokio::time::timeout(self.timeout, self.client.request(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.is_connect() => Err(NoAnswer::NotConnected),
            Ok(Err(_)) => Err(NoAnswer::Broken),
            Err(_) => Err(NoAnswer::TimedOut),
        }
    }
}

/// The host a request is for: that of its target, if it has one, else the header's.
fn host_of(request: &Request<Incoming>) -> &str {
    let header = || request.headers().get(header::HOST)?.to_str().ok();
    request.uri().host().or_else(header).unwrap_or_default()
}

/// The same path and query at a peer.
fn uri_at(peer: &Peer, uri: &Uri) -> Uri {
    let path = uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(peer.authority.clone());
    parts.path_and_query = Some(path);
    // With all three parts given it cannot fail.
    Uri::from_parts(parts).unwrap_or_default()
}

fn passed_on(answer: Response<Incoming>, tried: &[&Peer]) -> Answer {
    let mut answer = answer.map(Either::Left);
    drop_hop_by_hop(answer.headers_mut());
    set_upstream(answer.headers_mut(), tried);
    answer
}

fn own_answer(status: StatusCode) -> Answer {
    let mut answer = Response::new(Either::Right(Empty::new()));
    *answer.status_mut() = status;
    answer
}

/// Names every peer that was tried, the last one being the one that answered, as NGINX does.
fn set_upstream(headers: &mut HeaderMap, tried: &[&Peer]) {
    let name = match tried {
        [] => return,
        [peer] => peer.name.clone(),
        several => {
            let names: Vec<_> = several.iter().map(|peer| peer.authority.as_str()).collect();
            match HeaderValue::from_str(&names.join(", ")) {
                Ok(names) => names,
                Err(_) => return,
            }
        }
    };
    headers.insert(X_UPSTREAM, name);
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    // Those that `Connection` names are between neighbours, too.
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // `close` and `keep-alive` are no headers' names here.
        .filter(|name: &HeaderName| headers.contains_key(name))
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

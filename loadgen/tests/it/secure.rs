//! Targets behind TLS, over HTTP/1.1 and HTTP/2: certificates, names, tries, and the same ways to
//! fail as in the clear.

use std::fs;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::NoClientAuth;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;

use super::found::all;
use super::program::{Ended, Program, test};
use super::reading::{ended_with, identities_hold};

pub(super) type Body = http_body_util::combinators::BoxBody<Bytes, std::io::Error>;

/// One request as the server saw it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) version: Version,
    /// HTTP/2's `:authority`.
    authority: Option<String>,
    host: Option<String>,
    agent: Option<String>,
}

/// A TLS server with a certificate of its own, which nobody trusts by itself.
pub(super) struct Secure {
    pub(super) address: SocketAddr,
    pub(super) certificate: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Handshakes that were completed.
    n_connections: Arc<AtomicU64>,
}

/// Serves with a certificate for `name`, speaking `protocols`; what `answer` says, or nothing.
pub(super) fn secure<A, F>(name: &str, protocols: &[&str], answer: A) -> Secure
where
    A: Fn(u64) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, std::io::Error>> + Send + 'static,
{
    secure_for(Arc::new(NoClientAuth), name, protocols, answer)
}

/// The same, for whom `clients` takes.
pub(super) fn secure_for<A, F>(
    clients: Arc<dyn ClientCertVerifier>,
    name: &str,
    protocols: &[&str],
    answer: A,
) -> Secure
where
    A: Fn(u64) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, std::io::Error>> + Send + 'static,
{
    serve((clients, 200), name, protocols, answer)
}

/// The same, with so many streams at once on a connection.
fn with_streams<A, F>(streams: u32, name: &str, protocols: &[&str], answer: A) -> Secure
where
    A: Fn(u64) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, std::io::Error>> + Send + 'static,
{
    serve((Arc::new(NoClientAuth), streams), name, protocols, answer)
}

fn serve<A, F>(
    (clients, streams): (Arc<dyn ClientCertVerifier>, u32),
    name: &str,
    protocols: &[&str],
    answer: A,
) -> Secure
where
    A: Fn(u64) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, std::io::Error>> + Send + 'static,
{
    let own = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let secure = Secure {
        address: listener.local_addr().unwrap(),
        certificate: own.cert.pem(),
        seen: Arc::default(),
        n_connections: Arc::default(),
    };
    let seen = Arc::clone(&secure.seen);
    let n_connections = Arc::clone(&secure.n_connections);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        let server = Server {
            acceptor,
            seen,
            n_connections,
            streams,
        };
        runtime.block_on(server.accept(listener, answer));
    });
    secure
}

/// What every connection is served with.
#[derive(Clone)]
struct Server {
    acceptor: TlsAcceptor,
    seen: Arc<Mutex<Vec<Seen>>>,
    n_connections: Arc<AtomicU64>,
    streams: u32,
}

impl Server {
    async fn accept<A, F>(self, listener: std::net::TcpListener, answer: A)
    where
        A: Fn(u64) -> F + Copy + Send + Sync + 'static,
        F: Future<Output = Result<Response<Body>, std::io::Error>> + Send + 'static,
    {
        let listener = TcpListener::from_std(listener).unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(self.clone().serve(stream, answer));
        }
    }

    async fn serve<A, F>(self, stream: tokio::net::TcpStream, answer: A)
    where
        A: Fn(u64) -> F + Copy + Send + Sync + 'static,
        F: Future<Output = Result<Response<Body>, std::io::Error>> + Send + 'static,
    {
        let Ok(stream) = self.acceptor.accept(stream).await else {
            return;
        };
        self.n_connections.fetch_add(1, Ordering::Relaxed);
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let service = service_fn(|request: Request<Incoming>| answer(self.see(&request)));
        let stream = TokioIo::new(stream);
        // A connection that ends badly is what some tests are about.
        if h2 {
            let mut server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            server.max_concurrent_streams(self.streams);
            let _ = server.serve_connection(stream, service).await;
        } else {
            let server = hyper::server::conn::http1::Builder::new();
            let _ = server.serve_connection(stream, service).await;
        }
    }

    /// Keeps what came, and tells how many came before it.
    fn see(&self, request: &Request<Incoming>) -> u64 {
        let header = |name: &str| {
            let value = request.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        let mut seen = self.seen.lock().unwrap();
        seen.push(Seen {
            version: request.version(),
            authority: request.uri().authority().map(ToString::to_string),
            host: header("host"),
            agent: header("user-agent"),
        });
        seen.len() as u64 - 1
    }
}

/// An answer from replica `a`, for which the proxy tried two.
pub(super) async fn good(_: u64) -> Result<Response<Body>, std::io::Error> {
    Ok(answer_of(
        Full::from("\"a\"").map_err(|never| match never {}).boxed(),
    ))
}

fn answer_of(body: Body) -> Response<Body> {
    Response::builder()
        .header("x-upstream", "10.0.0.1:80, 10.0.0.2:80")
        .header("x-name", "b")
        .body(body)
        .unwrap()
}

impl Secure {
    /// A run against it by the name that is in its certificate, or another.
    fn at(&self, name: &str) -> Program {
        test("--rps 40 --policy none")
            .words(&format!("--target https://{name}:{}", self.address.port()))
    }

    /// The same, trusting its certificate.
    pub(super) fn trusted(&self, name: &str) -> Program {
        let program = self.at(name);
        fs::write(program.place().join("ca.pem"), &self.certificate).unwrap();
        program.words("--cacert ca.pem")
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// Everything of a good run is there.
#[track_caller]
pub(super) fn all_is_well(ended: &Ended, replica: &str) {
    ended_with(ended, 0);
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    assert_eq!(group.requests.succeeded, 40, "{:?}", group.errors);
    assert_eq!(group.status, [("200".to_owned(), 40)].into());
    assert_eq!(group.replicas.len(), 1, "{:?}", group.replicas);
    assert_eq!(group.replicas[0].id, replica);
    let retried = all(&record, "retried-requests");
    assert_eq!(retried.len(), 1, "{:#?}", record.findings);
}

#[test]
fn a_certificate_that_nobody_trusts_is_an_error_before_the_load_that_names_both_remedies() {
    let server = secure("localhost", &["h2", "http/1.1"], good);
    let ended = server.at("localhost").run();
    ended.refused(
        3,
        &["https://localhost:", "certificate", "UnknownIssuer"],
        &["--cacert", "--insecure"],
    );
    assert_eq!(server.seen(), [], "nothing was asked of it");
    assert!(!ended.folder().join("record.json").exists());
}

#[test]
fn a_certificate_for_another_name_is_told_apart() {
    let server = secure("other.test", &["http/1.1"], good);
    let ended = server.trusted("localhost").run();
    ended.refused(
        3,
        &["certificate", "localhost", "other.test"],
        &["--insecure"],
    );
    // Unless the group bears that name: then it is the group's own certificate.
    let ended = server.trusted("localhost").words("--host other.test").run();
    all_is_well(&ended, "a");
}

#[test]
fn a_certificate_file_that_is_none_is_refused() {
    let server = secure("localhost", &["http/1.1"], good);
    let program = server.at("localhost").words("--cacert none.pem");
    fs::write(program.place().join("none.pem"), "nothing").unwrap();
    program
        .run()
        .refused(2, &["none.pem", "no certificate"], &["PEM"]);
    let program = server.at("localhost").words("--cacert gone.pem");
    program
        .run()
        .refused(2, &["gone.pem", "No such file"], &["PEM"]);
}

#[test]
fn http_1_over_tls_works_with_either_flag() {
    let server = secure("localhost", &["http/1.1"], good);
    all_is_well(&server.trusted("localhost").run(), "a");
    all_is_well(&server.at("127.0.0.1").words("--insecure").run(), "a");
    let header = server
        .trusted("localhost")
        .words("--replica-id header:x-name");
    all_is_well(&header.run(), "b");
    let seen = server.seen();
    assert!(seen.iter().all(|one| one.version == Version::HTTP_11));
}

#[test]
fn http_2_is_spoken_where_the_target_speaks_it() {
    let server = secure("localhost", &["h2", "http/1.1"], good);
    all_is_well(&server.trusted("localhost").run(), "a");
    all_is_well(&server.at("127.0.0.1").words("--insecure").run(), "a");
    let seen = server.seen();
    assert!(seen.iter().all(|one| one.version == Version::HTTP_2));
}

#[test]
fn a_group_is_named_the_same_way_in_either_version() {
    for (protocol, version) in [("h2", Version::HTTP_2), ("http/1.1", Version::HTTP_11)] {
        let server = secure("localhost", &[protocol], good);
        all_is_well(
            &server
                .trusted("localhost")
                .words("--host app-group-1")
                .run(),
            "a",
        );
        let seen = server.seen();
        // One request more than was planned: the one that asks before the load.
        assert_eq!(seen.len(), 41);
        let group = Some("app-group-1".to_owned());
        let agent = Some(concat!("loadgen/", env!("CARGO_PKG_VERSION")).to_owned());
        let expected = match version {
            // A `Host` header beside it would make the request malformed.
            Version::HTTP_2 => Seen {
                version,
                authority: group,
                host: None,
                agent,
            },
            _ => Seen {
                version,
                authority: None,
                host: group,
                agent,
            },
        };
        for one in seen {
            assert_eq!(one, expected);
        }
    }
}

/// Whatever follows the first answer, which is the probe's, fails by this class.
#[track_caller]
fn all_fail_by<A, F>(answer: A, words: &str, [in_http_2, in_http_1]: [&str; 2])
where
    A: Fn(u64) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, std::io::Error>> + Send + 'static,
{
    for (protocol, class) in [("h2", in_http_2), ("http/1.1", in_http_1)] {
        let server = secure("localhost", &[protocol], answer);
        let ended = server.trusted("localhost").words(words).run();
        ended_with(&ended, 99);
        let record = ended.record();
        identities_hold(&record);
        let group = &record.groups[0];
        let expected = [(class.to_owned(), 40)].into();
        assert_eq!(group.errors, expected, "{protocol}: {:?}", group.status);
        assert_eq!(group.response_time.count, 40, "errors are in the histogram");
    }
}

#[test]
fn no_answer_in_time_is_a_time_out() {
    let silent = |number| async move {
        if number > 0 {
            std::future::pending::<()>().await;
        }
        good(number).await
    };
    all_fail_by(silent, "--timeout 1s", ["timeout"; 2]);
}

#[test]
fn an_answer_that_does_not_end_in_time_is_a_body_time_out() {
    let endless = |number| async move {
        if number == 0 {
            return good(number).await;
        }
        let part = futures_util::stream::iter([Ok(hyper::body::Frame::data("\"a".into()))]);
        let never = futures_util::stream::pending();
        let parts = futures_util::StreamExt::chain(part, never);
        Ok(answer_of(BodyExt::boxed(http_body_util::StreamBody::new(
            parts,
        ))))
    };
    all_fail_by(endless, "--timeout 1s", ["body-timeout"; 2]);
}

#[test]
fn an_answer_that_ends_half_way_is_no_answer() {
    let broken = |number| async move {
        if number == 0 {
            return good(number).await;
        }
        let part = Ok(hyper::body::Frame::data("\"a".into()));
        let parts = futures_util::stream::iter([part, Err(std::io::Error::other("broken"))]);
        let body = http_body_util::StreamBody::new(parts);
        Ok(answer_of(body.boxed()))
    };
    all_fail_by(broken, "", ["reset", "closed"]);
}

#[test]
fn a_target_that_does_not_speak_tls_is_told_before_the_load() {
    // What listens there takes connections, and closes them in the middle of the handshake.
    let server = super::fake::serve(super::fake::Caller::close);
    let ended = test("--rps 40 --policy none --insecure")
        .words(&format!("--target https://{}", server.address))
        .run();
    ended.refused(
        3,
        &["https://127.0.0.1:", "gave no answer"],
        &["--target", "TLS"],
    );
}

/// An answer that takes 50 ms.
async fn slow(nth: u64) -> Result<Response<Body>, std::io::Error> {
    tokio::time::sleep(Duration::from_millis(50)).await;
    good(nth).await
}

#[test]
fn a_limit_of_streams_opens_more_connections_and_is_no_service_time() {
    let server = with_streams(2, "localhost", &["h2"], slow);
    let ended = server
        .trusted("localhost")
        .words("--rps 100 --connections 64 --replica-id header:x-name")
        .run();
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    assert_eq!(group.requests.succeeded, 100, "{:?}", group.errors);
    // Five are in flight at 100/s: three connections of two, and the question before the load.
    let opened = server.n_connections.load(Ordering::Relaxed);
    assert_eq!(group.connections.opened + 1, opened);
    assert!(group.connections.opened >= 3, "{:?}", group.connections);
    assert_eq!(group.connections.stream_limit, 2);
    assert_eq!(group.connections.most_streams, 2);
    // Half of them took what the server took, and none waited in a queue of ours unseen.
    assert!(
        group.service_time.p50 < 100_000_000,
        "{}",
        group.service_time.p50
    );
    let told = record
        .certificate
        .items
        .iter()
        .find(|item| item.name.contains("on one connection"));
    assert!(
        told.is_some_and(|item| item.budget.contains("allows no more")),
        "{told:?}"
    );
}

#[test]
fn the_wait_for_a_stream_is_the_clients_queue() {
    let server = with_streams(1, "localhost", &["h2"], slow);
    let ended = server
        .trusted("localhost")
        .words("--rps 60 --connections 1 --threads 1 --replica-id header:x-name")
        .run();
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    assert!(group.requests.succeeded > 15, "{:?}", group.errors);
    // 20 a second are answered of 60 that are due: the last of a second waits for most of two.
    assert!(
        group.service_time.p50 < 100_000_000,
        "{}",
        group.service_time.p50
    );
    assert!(
        group.connection_wait.p99 > 500_000_000,
        "{}",
        group.connection_wait.p99
    );
    let queued = all(&record, "queued-arrivals");
    assert_eq!(queued.len(), 1, "{:#?}", record.findings);
    assert!(
        queued[0].message.contains("allows 1 request at once"),
        "{queued:?}"
    );
}

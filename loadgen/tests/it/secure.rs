//! Targets behind TLS, over HTTP/1.1 and HTTP/2: certificates, names, tries, and the same ways to
//! fail as in the clear.

use std::fs;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

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

use super::program::{Ended, Program, test};
use super::reading::{ended_with, found, identities_hold};

type Body = http_body_util::combinators::BoxBody<Bytes, std::io::Error>;

/// One request as the server saw it.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    version: Version,
    /// HTTP/2's `:authority`.
    authority: Option<String>,
    host: Option<String>,
    agent: Option<String>,
}

/// A TLS server with a certificate of its own, which nobody trusts by itself.
struct Secure {
    address: SocketAddr,
    certificate: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// Serves with a certificate for `name`, speaking `protocols`; what `answer` says, or nothing.
fn secure<A, F>(name: &str, protocols: &[&str], answer: A) -> Secure
where
    A: Fn(u64) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, std::io::Error>> + Send + 'static,
{
    let own = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
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
    };
    let seen = Arc::clone(&secure.seen);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(accept(listener, acceptor, seen, answer));
    });
    secure
}

async fn accept<A, F>(
    listener: std::net::TcpListener,
    acceptor: TlsAcceptor,
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: A,
) where
    A: Fn(u64) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, std::io::Error>> + Send + 'static,
{
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let service = service_fn(move |request: Request<Incoming>| {
                let header = |name: &str| {
                    let value = request.headers().get(name)?;
                    Some(value.to_str().unwrap().to_owned())
                };
                let mut seen = seen.lock().unwrap();
                seen.push(Seen {
                    version: request.version(),
                    authority: request.uri().authority().map(ToString::to_string),
                    host: header("host"),
                    agent: header("user-agent"),
                });
                answer(seen.len() as u64 - 1)
            });
            let stream = TokioIo::new(stream);
            // A connection that ends badly is what some tests are about.
            if h2 {
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(stream, service).await;
            } else {
                let server = hyper::server::conn::http1::Builder::new();
                let _ = server.serve_connection(stream, service).await;
            }
        });
    }
}

/// An answer from replica `a`, for which the proxy tried two.
async fn good(_: u64) -> Result<Response<Body>, std::io::Error> {
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
    fn trusted(&self, name: &str) -> Program {
        let program = self.at(name);
        fs::write(program.place().join("ca.pem"), &self.certificate).unwrap();
        program.words("--cacert ca.pem")
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// Everything of a good run is there.
#[track_caller]
fn all_is_well(ended: &Ended, replica: &str) {
    ended_with(ended, 0);
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    assert_eq!(group.requests.succeeded, 40, "{:?}", group.errors);
    assert_eq!(group.status, [("200".to_owned(), 40)].into());
    assert_eq!(group.replicas.len(), 1, "{:?}", group.replicas);
    assert_eq!(group.replicas[0].id, replica);
    let retried = found(&record, "retried-requests");
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

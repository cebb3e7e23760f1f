//! How the load shows itself: a certificate of its own, the version of HTTP, a connection for each
//! request, and what connects over a unix socket.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use hyper::Version;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use loadgen::model::{Protocol, StackChoice};
use loadgen::record::Record;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;

use super::fake::{Caller, serve};
use super::found::all;
use super::program::{Ended, Program, loadgen, test};
use super::reading::{ended_with, identities_hold};
use super::secure::{self, Secure, good, secure};

/// A client's certificate and key, in files.
pub(super) struct Own {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    place: tempfile::TempDir,
    der: CertificateDer<'static>,
}

pub(super) fn own() -> Own {
    of("client.test")
}

fn of(name: &str) -> Own {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut asked = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    (asked.distinguished_name).push(rcgen::DnType::CommonName, name);
    let own = asked.self_signed(&key).unwrap();
    let place = tempfile::tempdir().unwrap();
    let signing = key;
    let (certificate, key) = (place.path().join("own.pem"), place.path().join("own.key"));
    fs::write(&certificate, own.pem()).unwrap();
    fs::write(&key, signing.serialize_pem()).unwrap();
    Own {
        certificate,
        key,
        place,
        der: own.der().clone(),
    }
}

impl Own {
    fn words(&self) -> String {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        format!("--cert {certificate} --key {key}")
    }
}

/// A server that talks to this client alone.
pub(super) fn only_for(own: &Own, protocols: &[&str]) -> Secure {
    let mut roots = RootCertStore::empty();
    roots.add(own.der.clone()).unwrap();
    let provider = Arc::new(default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    secure::secure_for(clients.build().unwrap(), "localhost", protocols, good)
}

#[test]
fn a_server_that_wants_a_certificate_gets_it() {
    for protocol in ["h2", "http/1.1"] {
        let own = own();
        let server = only_for(&own, &[protocol]);
        let ended = server.trusted("localhost").words(&own.words()).run();
        secure::all_is_well(&ended, "a");
        let StackChoice::External(external) = &ended.record().plan.stack else {
            panic!("{:?}", ended.record().plan.stack);
        };
        let shown = external.identity.as_ref().unwrap();
        assert_eq!(
            (&shown.certificate, &shown.key),
            (&own.certificate, &own.key)
        );
    }
}

#[test]
fn a_server_that_wants_one_in_vain_is_told_with_the_flags() {
    for protocol in ["h2", "http/1.1"] {
        let server = only_for(&own(), &[protocol]);
        let ended = server.trusted("localhost").run();
        ended.refused(3, &["alert CertificateRequired"], &["--cert and --key"]);
        // Another's is none either.
        let ended = server
            .trusted("localhost")
            .words(&of("other.test").words())
            .run();
        ended.refused(3, &["alert UnknownCA"], &["--cert", "who signed it"]);
    }
}

#[test]
fn what_is_no_certificate_and_key_has_its_own_message() {
    let (one, other) = (own(), own());
    let file = |name: &str, text: &str| {
        let path = one.place.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let huge = file("huge", "");
    File::options()
        .write(true)
        .open(&huge)
        .unwrap()
        .set_len((4 << 20) + 1)
        .unwrap();
    let gone = one.place.path().join("gone");
    let encrypted = file(
        "encrypted",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let (empty, device) = (file("empty", ""), PathBuf::from("/dev/zero"));
    let server = only_for(&one, &["http/1.1"]);
    let refused = |certificate: &Path, key: &Path, message: &[&str], hint: &str| {
        let words = format!("--cert {} --key {}", certificate.display(), key.display());
        let ended = server.trusted("localhost").words(&words).run();
        ended.refused(2, message, &[hint]);
    };
    let (certificate, key) = (one.certificate.as_path(), one.key.as_path());
    refused(
        &gone,
        key,
        &["certificate file", "gone", "No such file"],
        "--cert",
    );
    refused(
        &huge,
        key,
        &["certificate file", "4,194,305 bytes"],
        "4 MiB",
    );
    refused(&device, key, &["certificate file", "a device"], "--cert");
    refused(
        &empty,
        key,
        &["certificate file", "no certificate in it"],
        "CERTIFICATE",
    );
    refused(
        certificate,
        &gone,
        &["key file", "gone", "No such file"],
        "--key",
    );
    refused(
        certificate,
        &huge,
        &["key file", "4,194,305 bytes"],
        "4 MiB",
    );
    refused(
        certificate,
        &empty,
        &["key file", "no private key in it"],
        "PRIVATE KEY",
    );
    refused(
        certificate,
        &encrypted,
        &["key file", "encrypted"],
        "passphrase",
    );
    refused(
        certificate,
        &other.key,
        &["own.key does not belong to the certificate in", "own.pem"],
        "--cert",
    );
}

#[test]
fn one_without_the_other_or_in_the_clear_is_refused() {
    for (words, message, hint) in [
        (
            "https://a --cert x",
            "--cert is given without --key",
            "--key FILE",
        ),
        (
            "https://a --key x",
            "--key is given without --cert",
            "--cert FILE",
        ),
        ("http://a --cert x --key y", "http://a is none", "https://"),
        ("unix:/a --cert x --key y", "unix:/a is none", "https://"),
        (
            "--cert x --key y",
            "--cert is for external stacks",
            "--target",
        ),
    ] {
        loadgen(words).run().refused(2, &[message], &[hint]);
    }
}

#[test]
fn the_version_of_http_is_the_one_that_is_asked_for() {
    let versions = |server: &Secure| -> Vec<Version> {
        let mut seen: Vec<_> = server.seen().iter().map(|seen| seen.version).collect();
        seen.dedup();
        seen
    };
    for (words, version) in [
        ("--http 1.1", Version::HTTP_11),
        ("--http 2", Version::HTTP_2),
        ("", Version::HTTP_2),
    ] {
        let server = secure("localhost", &["h2", "http/1.1"], good);
        let ended = server.trusted("localhost").words(words).run();
        secure::all_is_well(&ended, "a");
        assert_eq!(versions(&server), [version], "{words}");
    }
    for (words, speaks) in [("--http 2", "http/1.1"), ("--http 1.1", "h2")] {
        let server = secure("localhost", &[speaks], good);
        let ended = server.trusted("localhost").words(words).run();
        ended.refused(3, &["https://localhost:"], &["--http"]);
        assert_eq!(server.seen(), []);
    }
}

/// A server of HTTP/2 in the clear, for those who know it.
fn knowing() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            let answer = service_fn(|request: Request<Incoming>| async move {
                assert_eq!(request.version(), Version::HTTP_2);
                let body = http_body_util::Full::<Bytes>::from("\"a\"");
                Ok::<_, std::convert::Infallible>(Response::new(body))
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), answer));
        }
    };
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(serve);
    });
    address
}

#[track_caller]
fn all_answered(ended: &Ended) -> Record {
    ended_with(ended, 0);
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    assert_eq!(group.requests.succeeded, 40, "{:?}", group.error_reasons);
    record
}

fn at(target: &str) -> Program {
    test("--rps 40 --policy none").words(&format!("--target {target}"))
}

fn answers(mut caller: Caller) {
    while caller.asked().is_some() && caller.answer("ok") {}
}

#[test]
fn http_2_in_the_clear_is_with_prior_knowledge_or_refused() {
    let record = all_answered(&at(&format!("http://{}", knowing())).words("--http 2").run());
    assert_eq!(record.plan.http, Some(Protocol::Http2));
    let connections = record.groups[0].connections;
    // One for each generator thread, and a few where requests meet.
    assert!(connections.opened < 40, "{connections:?}");
    assert!(connections.stream_limit > 0, "{connections:?}");
    // What an HTTP/1.1 server makes of the first bytes: an error, a closed connection.
    for behave in [answers as fn(Caller), bad_request, Caller::close] {
        let target = serve(behave);
        let ended = at(&format!("http://{}", target.address))
            .words("--http 2")
            .run();
        ended.refused(3, &["does not speak HTTP/2 in the clear"], &["--http"]);
    }
    loadgen("--stack embedded --http 2").run().refused(
        2,
        &["embedded proxy speaks HTTP/1.1 alone"],
        &["--http"],
    );
    let ended = loadgen("--http 3").run();
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("1.1, 2"), "{}", ended.stderr);
}

fn bad_request(mut caller: Caller) {
    caller.asked();
    caller.say("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    caller.close();
}

#[test]
fn without_keep_alive_each_request_has_a_connection() {
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&heads);
    let target = serve(move |mut caller| {
        while let Some(asked) = caller.asked() {
            seen.lock().unwrap().push(asked.head);
            // It would keep the connection.
            caller.answer("ok");
        }
    });
    let address = format!("http://{}", target.address);
    let record = all_answered(&at(&address).words("--no-keep-alive").run());
    assert!(!record.plan.keep_alive);
    let connections = record.groups[0].connections;
    assert_eq!(connections.opened, 40, "{connections:?}");
    assert_eq!(connections.closed_by_peer + connections.let_go, 0);
    // And the one that asked before the load.
    assert_eq!((target.connections(), target.requests()), (41, 41));
    for head in heads.lock().unwrap().iter() {
        assert!(head.contains("\r\nConnection: close\r\n"), "{head}");
    }
    assert!(all(&record, "no-keep-alive").is_empty());
}

#[test]
fn without_keep_alive_each_request_has_a_handshake() {
    for protocol in ["h2", "http/1.1"] {
        let server = secure("localhost", &[protocol], good);
        let ended = server.trusted("localhost").words("--no-keep-alive").run();
        secure::all_is_well(&ended, "a");
        let record = ended.record();
        let connections = record.groups[0].connections;
        assert_eq!(connections.opened, 40, "{protocol}: {connections:?}");
        // What it waited for is what was asked for.
        for finding in all(&record, "queued-arrivals") {
            assert!(finding.message.contains("--no-keep-alive"), "{finding:?}");
        }
    }
}

#[test]
fn an_embedded_stack_is_loaded_without_keep_alive_too() {
    let ended = test("--stack embedded --host app-group-1 --rps 40 --no-keep-alive").run();
    let record = all_answered(&ended);
    assert_eq!(record.groups[0].connections.opened, 40);
}

/// A server at a socket, and the heads that it has read.
pub(super) fn at_socket(path: &Path) -> Arc<Mutex<Vec<String>>> {
    let listener = UnixListener::bind(path).unwrap();
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&heads);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, seen) = (stream.unwrap(), Arc::clone(&seen));
            std::thread::spawn(move || answer_over(stream, &seen));
        }
    });
    heads
}

fn answer_over(stream: UnixStream, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or_default() == 0 {
                return;
            }
        }
        seen.lock().unwrap().push(head);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\"a\"";
        if reader.get_mut().write_all(answer).is_err() {
            return;
        }
    }
}

#[test]
fn a_unix_socket_is_loaded_from_its_path() {
    let program = test("--rps 40 --policy none unix:app.sock:/items?page=2");
    let heads = at_socket(&program.place().join("app.sock"));
    let record = all_answered(&program.run());
    assert_eq!(record.stack.target, "unix:app.sock");
    assert_eq!(record.groups[0].host, "localhost");
    assert_eq!(record.groups[0].replicas[0].id, "a");
    let heads = heads.lock().unwrap();
    assert_eq!(heads.len(), 41);
    for head in heads.iter() {
        assert!(
            head.starts_with("GET /items?page=2 HTTP/1.1\r\nHost: localhost\r\n"),
            "{head}"
        );
    }
}

#[test]
fn a_unix_socket_has_groups_and_connections_of_one_request_too() {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("app.sock");
    let heads = at_socket(&socket);
    let ended = at(&format!("unix://{}", socket.display()))
        .words("--host app-group-1 --no-keep-alive")
        .run();
    let record = all_answered(&ended);
    assert_eq!(record.groups[0].connections.opened, 40);
    let head = heads.lock().unwrap()[0].clone();
    assert!(head.contains("\r\nHost: app-group-1\r\n"), "{head}");
    // A run is repeated from its plan.
    let again = loadgen("run --progress none --out run")
        .word(ended.folder().to_str().unwrap())
        .run();
    assert_eq!(again.record().groups[0].requests.succeeded, 40);
}

#[test]
fn a_socket_that_is_none_is_refused_with_its_reason() {
    at("unix:gone.sock").run().refused(
        3,
        &["nothing listens at unix:gone.sock"],
        &["path behind unix:"],
    );
    let program = at("unix:left.sock");
    drop(UnixListener::bind(program.place().join("left.sock")).unwrap());
    program.run().refused(
        3,
        &["nothing listens at unix:left.sock"],
        &["curl -v --unix-socket left.sock"],
    );
    let long = format!("unix:/{}", "x".repeat(120));
    for (target, reason) in [
        ("unix:", "names no unix socket"),
        ("unix:/a.sock:/items", "belongs into --path"),
        (long.as_str(), "107 bytes"),
    ] {
        at(target).run().refused(2, &[reason], &["unix:"]);
    }
}

#[test]
fn a_plan_file_says_the_same() {
    let own = own();
    let server = only_for(&own, &["h2"]);
    let target = format!("https://localhost:{}", server.address.port());
    let text = |path: &Path| format!("{:?}", path.display().to_string());
    let plan = format!(
        "target = {target:?}\nhttp = \"2\"\nno-keep-alive = true\ninsecure = true\n\
         policy = \"none\"\ncert = {}\nkey = {}\nuser = \"me:pw\"\nrps = 40\n\
         duration = \"1s\"\nwarmup = \"0s\"\n",
        text(&own.certificate),
        text(&own.key)
    );
    let program = loadgen("run plan.toml --out run --progress none");
    fs::write(program.place().join("plan.toml"), &plan).unwrap();
    let ended = program.run();
    let record = ended.record();
    assert_eq!(record.groups[0].requests.succeeded, 40, "{ended:?}");
    assert_eq!(record.groups[0].connections.opened, 40);
    // And what is printed of it is what it said, but for the password.
    let printed = loadgen("plan").word(ended.folder().to_str().unwrap()).run();
    for line in plan.lines().filter(|line| !line.starts_with("user")) {
        assert!(printed.stdout.contains(line), "no {line}: {printed:?}");
    }
    assert!(printed.stdout.contains("user = \"me\"\n"), "{printed:?}");
}

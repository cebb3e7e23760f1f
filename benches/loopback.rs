//! The hot path end to end on loopback, beside hyper's and reqwest's clients on the same server.
//!
//! Each client has one connection and one thread, and the server a thread of its own: what is
//! measured is one exchange, there and back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use loadgen::traffic::Call;
use loadgen::transport::{self, ClientOptions, Connection as _, Transport as _};
use tokio::runtime::Runtime;

/// A replica on a free port, in a thread that ends with the process.
fn server() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener
        .set_nonblocking(true)
        .expect("a non-blocking listener");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        runtime().block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let options = app::Options {
                id: "782bf3ef4322".into(),
                ..app::Options::default()
            };
            app::serve(listener, options, std::future::pending()).await
        })
    });
    address
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn exchange(c: &mut Criterion) {
    let address = server();
    let url = format!("http://{address}/?example=test");
    let mut group = c.benchmark_group("exchange");

    let runtime = runtime();
    let transport = transport::Client::new(Arc::new(ClientOptions::get(
        address,
        "app-group-1",
        "/?example=test",
    )));
    let mut connection = runtime.block_on(transport.connect()).expect("a connection");
    group.bench_function("loadgen", |b| {
        b.iter(|| {
            runtime
                .block_on(connection.exchange(Instant::now(), Call::default()))
                .expect("an answer")
                .status
        });
    });

    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let uri: hyper::Uri = url.parse().expect("a URI");
    group.bench_function("hyper", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let answer = client.get(uri.clone()).await.expect("an answer");
                answer
                    .into_body()
                    .collect()
                    .await
                    .expect("a body")
                    .to_bytes()
                    .len()
            })
        });
    });

    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    group.bench_function("reqwest", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let answer = client.get(&url).send().await.expect("an answer");
                answer.bytes().await.expect("a body").len()
            })
        });
    });
    group.finish();
}

criterion_group!(benches, exchange);
criterion_main!(benches);

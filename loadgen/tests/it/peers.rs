//! Servers of this process, for what no proxy of ours does: a balancer of connections, and a service
//! that never says the same twice.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::spawn;

use super::fake::{self, Fake};
use super::run::Run;

/// A run against a server of this process.
#[track_caller]
pub fn run(target: SocketAddr, replicas: &[SocketAddr], words: &str) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.args(["--host", "group", "--warmup", "0s", "--target"]);
    command.arg(format!("http://{target}"));
    for replica in replicas {
        command.arg(format!("--replica=group=http://{replica}/metrics"));
    }
    command.args(words.split_whitespace());
    Run::start(command).end()
}

/// A replica that takes some 20 ms for an answer, so that connections are in use. It ends with
/// this process.
pub fn replica(id: &str) -> SocketAddr {
    let options = app::Options {
        id: id.to_owned(),
        service_time: Some("exp:20ms".parse().unwrap()),
        ..app::Options::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            app::serve(listener, options, std::future::pending()).await
        })
    });
    address
}

/// Picks a replica for each connection in turn from `picks`, and passes bytes.
pub fn balancer(replicas: &[SocketAddr], picks: &[usize]) -> SocketAddr {
    let picked: Vec<SocketAddr> = picks.iter().map(|place| replicas[*place]).collect();
    let picked = Arc::new((picked, AtomicU64::new(0)));
    serve(move |client| {
        let (addresses, number) = &*picked;
        let number = number.fetch_add(1, Ordering::Relaxed) as usize;
        let server = TcpStream::connect(addresses[number % addresses.len()]).unwrap();
        server.set_nodelay(true).unwrap();
        let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
        spawn(move || pass(back.0, back.1));
        pass(client, server);
    })
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    // An end that is gone ends the other one, too.
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}

/// Answers each request with a word that it has never said.
pub fn talker() -> Fake {
    let said = AtomicU64::new(0);
    fake::serve(move |mut caller| {
        while caller.asked().is_some() {
            let word = format!("word{}", said.fetch_add(1, Ordering::Relaxed));
            if !caller.answer(&word) {
                return;
            }
        }
    })
}

/// Answers one request for each connection.
pub fn closer() -> Fake {
    fake::serve(|mut caller| {
        if caller.asked().is_some() {
            caller.answer_with("Connection: close\r\n", "\"closer\"");
        }
        caller.close();
    })
}

/// Serves each connection in a thread of its own, as long as this process lives.
fn serve(behave: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let behave = Arc::new(behave);
    spawn(move || {
        for client in listener.incoming().flatten() {
            client.set_nodelay(true).unwrap();
            let behave = Arc::clone(&behave);
            spawn(move || behave(client));
        }
    });
    address
}

//! Every line of ours in `docs/coming-from.md` is taken from the page and run as it stands, but that
//! its service is one of this test, and a second is enough.

use std::fs;
use std::net::{SocketAddr, TcpListener};

use super::program::loadgen;
use super::shown::{at_socket, only_for, own};

const PAGE: &str = include_str!("../../../docs/coming-from.md");

/// Where the page's services are: in the clear, for a client that shows its certificate, at a socket.
const SERVICE: &str = "127.0.0.1:8080";
const PRIVATE: &str = "localhost:8443";
const SOCKET: &str = "unix:/run/app.sock";

/// The last column of each row that has a command of ours.
fn lines() -> Vec<&'static str> {
    let cell = |row: &'static str| {
        let command = row.rsplit_once("| `loadgen ")?.1;
        command.strip_suffix("` |")
    };
    PAGE.lines().filter_map(cell).collect()
}

/// A replica on a free port, for as long as the test's process lives.
fn service() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let options = app::Options::default();
            app::serve(listener, options, std::future::pending()).await
        })
    });
    address
}

#[test]
fn each_line_of_the_page_runs() {
    let service = service().to_string();
    let own = own();
    let private = only_for(&own, &["h2", "http/1.1"]);
    let port = private.address.port();
    let lines = lines();
    assert!(lines.len() > 20, "{lines:?}");
    for line in lines {
        let services = [SERVICE, PRIVATE, SOCKET];
        assert!(services.iter().any(|one| line.contains(one)), "{line}");
        let ours = (line.replace(SERVICE, &service))
            .replace(PRIVATE, &format!("localhost:{port}"))
            .replace(SOCKET, "unix:app.sock");
        let program = loadgen("").line(&ours);
        let place = program.place().to_owned();
        at_socket(&place.join("app.sock"));
        fs::write(place.join("ca.pem"), &private.certificate).unwrap();
        fs::copy(&own.certificate, place.join("own.pem")).unwrap();
        fs::copy(&own.key, place.join("own.key")).unwrap();
        // The last of a repeated flag counts.
        let ended = program.words("-d 1s --warmup 0s -q -o run").run();
        // 4: this machine may be too busy to be believed.
        assert!(matches!(ended.code, Some(0 | 4)), "{line}: {ended:?}");
        let record = ended.record();
        let counts = &record.groups[0].requests;
        assert!(counts.succeeded > 0, "{line}: {counts:?}");
        assert_eq!(counts.failed, 0, "{line}: {ended:?}");
    }
}

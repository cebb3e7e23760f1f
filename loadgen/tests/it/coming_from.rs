//! Every line of ours in `docs/coming-from.md` is taken from the page and run as it stands, but that
//! its service is one of this test, and a second is enough.

use std::net::{SocketAddr, TcpListener};

use super::program::loadgen;

const PAGE: &str = include_str!("../../../docs/coming-from.md");

/// Where the page's service is.
const SERVICE: &str = "http://127.0.0.1:8080";

/// The last column of each row that has a command of ours.
fn lines() -> Vec<&'static str> {
    let cell = |row: &'static str| {
        let command = row.rsplit_once("| `loadgen ")?.1;
        command.strip_suffix("` |")
    };
    PAGE.lines().filter_map(cell).collect()
}

/// The words of a command line, as a shell takes them apart.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    assert!(!quoted, "{line}");
    words
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
    let service = format!("http://{}", service());
    let lines = lines();
    assert!(lines.len() > 20, "{lines:?}");
    for line in lines {
        assert!(line.starts_with(SERVICE), "{line}");
        let mut program = loadgen("");
        for word in words(&line.replace(SERVICE, &service)) {
            program = program.word(&word);
        }
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

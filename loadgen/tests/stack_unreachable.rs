//! Targets and engines that are not there, or are not what they should be.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use loadgen::model::StackKind;
use loadgen::stack::{
    Choice, ExitClass, External, Stack, StackError, Wanted, Warning, bring_up, ps,
};

/// Serves `answer` to everyone who asks, for as long as the test lives.
fn serve(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // Read the request first, or the kernel resets the connection on closing it.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
        }
    });
    address
}

/// A port that nobody listens on: it was free a moment ago.
fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn external(target: &str, replicas: &[(&str, String)]) -> Wanted {
    let mut wanted = Wanted::new(Choice::External(External {
        target: target.to_owned(),
        replicas: replicas
            .iter()
            .map(|(group, url)| ((*group).to_owned(), url.clone()))
            .collect(),
        ..External::default()
    }));
    wanted.timeouts.probe = Duration::from_millis(300);
    wanted
}

async fn refused(wanted: &Wanted) -> StackError {
    bring_up(wanted).await.err().unwrap()
}

#[tokio::test]
async fn nothing_listening_is_told_with_the_target() {
    let target = format!("http://{}", closed_port());
    let error = refused(&external(&target, &[])).await;
    assert!(
        matches!(error, StackError::NothingListens { .. }),
        "{error}"
    );
    assert!(error.to_string().contains(&target), "{error}");
    assert_eq!(error.exit_class(), ExitClass::Unreachable);
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn a_target_that_speaks_no_http_is_told_from_one_that_is_not_there() {
    for (answer, reason) in [
        (
            b"SSH-2.0-OpenSSH_9.2\r\n".as_slice(),
            "its answer is not HTTP",
        ),
        (b"", "it closed the connection without an answer"),
    ] {
        let target = serve(answer).to_string();
        let error = refused(&external(&target, &[])).await;
        assert!(matches!(error, StackError::NoHttp { .. }), "{error}");
        assert!(error.to_string().ends_with(reason), "{error}");
    }
}

#[tokio::test]
async fn a_target_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let error = refused(&external(&target, &[])).await;
    assert!(error.to_string().contains("within 300ms"), "{error}");
}

#[tokio::test]
async fn an_endless_head_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"X-More: and more\r\n").is_ok() {}
    });
    let error = refused(&external(&target, &[])).await;
    assert!(matches!(error, StackError::NoHttp { .. }), "{error}");
}

#[tokio::test]
async fn an_unknown_group_is_a_warning_where_the_stack_is_not_ours() {
    let target = serve(b"HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n");
    let mut wanted = external(&target.to_string(), &[]);
    wanted.groups = vec!["app-group-9".to_owned()];
    let stack = bring_up(&wanted).await.unwrap();
    assert_eq!(
        stack.warnings(),
        [Warning::GroupNotServed {
            group: "app-group-9".to_owned(),
            status: 421
        }]
    );
    assert_eq!(stack.topology().kind, StackKind::External);
    assert_eq!(stack.topology().groups, ["app-group-9"]);
}

#[tokio::test]
async fn replicas_are_asked_for_their_names_and_else_go_by_their_address() {
    let named = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n\"782bf3ef4322\"");
    let nameless = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    let gone = closed_port();
    let pages = [named, nameless, gone].map(|address| ("g", address.to_string()));
    let stack = bring_up(&external(&named.to_string(), &pages))
        .await
        .unwrap();
    let ids: Vec<_> = ids(&stack);
    assert_eq!(
        ids,
        [
            "782bf3ef4322".to_owned(),
            nameless.to_string(),
            gone.to_string()
        ]
    );
    let page = &stack.topology().replicas[0].metrics_url;
    assert_eq!(*page, format!("http://{named}/metrics"));
    assert_eq!(stack.topology().groups, ["g"]);
}

fn ids(stack: &Stack) -> Vec<String> {
    let replicas = stack.topology().replicas.iter();
    replicas.map(|replica| replica.id.0.clone()).collect()
}

#[tokio::test]
async fn two_replicas_of_one_name_are_refused() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\"a\"";
    let pages = [serve(answer), serve(answer)].map(|address| ("g", address.to_string()));
    let error = refused(&external(&pages[0].1, &pages)).await;
    assert!(
        matches!(error, StackError::DuplicateReplica { .. }),
        "{error}"
    );
    assert!(
        error.to_string().ends_with("both call themselves a"),
        "{error}"
    );
}

#[tokio::test]
async fn an_address_with_a_path_is_a_usage_error() {
    let error = refused(&external("http://127.0.0.1:1/api", &[])).await;
    assert_eq!(error.exit_class(), ExitClass::Usage);
    assert!(error.to_string().contains("--path"), "{error}");
}

#[tokio::test]
async fn without_an_engine_compose_says_where_it_looked() {
    let mut wanted = Wanted::new(Choice::Compose);
    wanted.engine = Some("unix:///nowhere/docker.sock".to_owned());
    for error in [refused(&wanted).await, ps(&wanted).await.unwrap_err()] {
        assert_eq!(
            error.to_string(),
            "no Docker Engine answers at unix:///nowhere/docker.sock: there is no such socket"
        );
        assert_eq!(error.exit_class(), ExitClass::Unreachable);
    }
    wanted.engine = Some("ssh://elsewhere".to_owned());
    assert_eq!(refused(&wanted).await.exit_class(), ExitClass::Usage);
}

#[tokio::test]
async fn without_an_engine_auto_takes_the_embedded_stack_and_says_why() {
    let mut wanted = auto("unix:///nowhere/docker.sock");
    wanted.embedded.program = Some(env!("CARGO_BIN_EXE_loadgen").into());
    let stack = bring_up(&wanted).await.unwrap();
    assert_eq!(
        stack.topology().why,
        "embedded stack: no Docker Engine answers at unix:///nowhere/docker.sock: there is no such socket"
    );
    assert!(!stack.outlives_us());
    stack.take_down().await;
}

#[tokio::test]
async fn an_engine_that_hangs_costs_auto_no_more_than_its_share() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let wanted = auto(&format!("unix://{}", socket.display()));
    let since = Instant::now();
    let stack = bring_up(&wanted).await.unwrap();
    assert_eq!(stack.topology().kind, StackKind::Embedded);
    assert!(
        stack.topology().why.contains("300ms"),
        "{}",
        stack.topology().why
    );
    assert!(
        since.elapsed() < Duration::from_secs(2),
        "{:?}",
        since.elapsed()
    );
    stack.take_down().await;
}

fn auto(engine: &str) -> Wanted {
    let mut wanted = Wanted::new(Choice::Auto);
    wanted.engine = Some(engine.to_owned());
    wanted.embedded.program = Some(env!("CARGO_BIN_EXE_loadgen").into());
    wanted
}

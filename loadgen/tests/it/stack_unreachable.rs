//! Engines that are not there, or are not what they should be.

use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use loadgen::model::StackKind;
use loadgen::model::{External, StackChoice};
use loadgen::stack::{ExitClass, StackError, StackSpec, bring_up, ps};

use super::fake::{Fake, serve};

fn external(target: &str) -> StackSpec {
    StackSpec::new(StackChoice::External(External {
        target: target.to_owned(),
        ..External::default()
    }))
}

async fn refused(wanted: &StackSpec) -> StackError {
    bring_up(wanted).await.err().unwrap()
}

#[tokio::test]
async fn an_address_with_a_path_is_a_usage_error() {
    let error = refused(&external("http://127.0.0.1:1/api")).await;
    assert_eq!(error.exit_class(), ExitClass::Usage);
    assert!(error.to_string().contains("--path"), "{error}");
}

#[tokio::test]
async fn without_an_engine_compose_says_where_it_looked() {
    let mut wanted = StackSpec::new(StackChoice::Compose);
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

fn auto(engine: &str) -> StackSpec {
    let mut wanted = StackSpec::new(StackChoice::Auto);
    wanted.engine = Some(engine.to_owned());
    wanted.embedded.program = Some(env!("CARGO_BIN_EXE_loadgen").into());
    // Whatever project the environment names.
    wanted.project.name = None;
    wanted
}

/// A Docker Engine that knows nothing but a list of containers.
fn engine_with(containers: String) -> Fake {
    serve(move |mut caller| {
        while let Some(asked) = caller.asked() {
            let body = if asked.path.contains("/containers/json") {
                containers.as_str()
            } else {
                r#"{"ApiVersion":"1.41","Version":"20.10"}"#
            };
            if !caller.answer_with("Content-Type: application/json\r\n", body) {
                return;
            }
        }
    })
}

/// A running proxy and replica of a compose project, as the engine lists them.
fn listed(project: &str) -> String {
    let container = |role: &str| {
        format!(
            r#"{{"Id":"{project}{role}000000000000","Image":"nginx:1.30","State":"running","Status":"Up",
            "Labels":{{"com.docker.compose.project":"{project}","loadgen.role":"{role}","loadgen.group":"g",
            "com.docker.compose.project.working_dir":"/srv/{project}"}}}}"#
        )
    };
    format!("{},{}", container("proxy"), container("replica"))
}

#[tokio::test]
async fn with_two_stacks_up_auto_names_both_and_takes_neither() {
    let engine = engine_with(format!("[{},{}]", listed("one"), listed("two")));
    let mut wanted = auto(&format!("tcp://{}", engine.address));
    wanted.timeouts.engine = Duration::from_secs(5);
    let error = refused(&wanted).await;
    assert_eq!(
        error.to_string(),
        "several compose projects are running: one (/srv/one) and two (/srv/two)"
    );
    assert!(error.hint().unwrap().contains("COMPOSE_PROJECT_NAME"));
}

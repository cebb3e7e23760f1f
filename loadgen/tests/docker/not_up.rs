//! A compose stack that does not come up: what is said of it, and that a port in use leaves no container.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use loadgen::model::StackChoice;
use loadgen::stack::{Project, StackError, StackSpec, bring_up};

pub const TESTS: [(&str, fn()); 3] = [
    ("a_held_port_is_named", || run(held_port())),
    ("a_replica_that_cannot_start_is_quoted", || {
        run(cannot_start());
    }),
    ("a_build_that_fails_shows_its_last_lines", || {
        run(build_fails());
    }),
];

/// The compose project: this repository, or another folder with the same file.
fn folder() -> PathBuf {
    std::env::var_os("LOADGEN_TEST_PROJECT").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")),
        PathBuf::from,
    )
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(test);
}

fn wanted(name: &str, http_port: &str) -> StackSpec {
    let mut wanted = StackSpec::new(StackChoice::Compose);
    let variable = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    wanted.project = Project {
        directory: folder(),
        name: Some(format!("loadgen-{name}-{}", std::process::id())),
        variables: [
            ("HTTP_PORT", http_port),
            ("STATUS_PORT", ""),
            ("METRICS_PORTS", ""),
        ]
        .map(variable)
        .to_vec(),
        files: Vec::new(),
    };
    wanted
}

/// Removes a project also when the test that made it has failed.
struct Sweep(String);

impl Drop for Sweep {
    fn drop(&mut self) {
        for id in containers(&self.0).split_whitespace() {
            let _ = Command::new("docker")
                .args(["rm", "-f", id])
                .stdout(Stdio::null())
                .status();
        }
        let _ = Command::new("docker")
            .args(["network", "rm", &format!("{}_default", self.0)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

/// The ids of a project's containers, also of those that do not run.
fn containers(project: &str) -> String {
    let filter = format!("label=com.docker.compose.project={project}");
    let found = Command::new("docker")
        .args(["ps", "-aq", "--filter", &filter])
        .output();
    found.map_or_else(
        |error| panic!("{error}"),
        |found| String::from_utf8_lossy(&found.stdout).into_owned(),
    )
}

async fn held_port() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let wanted = wanted("held", &port.to_string());
    let name = wanted.project.name.clone().unwrap();
    let _sweep = Sweep(name.clone());
    let error = bring_up(&wanted).await.err().unwrap();
    assert!(
        matches!(error, StackError::PortHeld { port: told, .. } if told == port),
        "{error}"
    );
    assert_eq!(containers(&name), "", "nothing stays behind");
}

async fn cannot_start() {
    let mut wanted = wanted("start", "");
    let _sweep = Sweep(wanted.project.name.clone().unwrap());
    let args = ("APP_GROUP_1_ARGS".to_owned(), "--nonsense".to_owned());
    wanted.project.variables.push(args);
    let error = bring_up(&wanted).await.err().unwrap();
    assert!(
        matches!(
            error,
            StackError::NotStarted { .. } | StackError::NotReady { .. }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("--nonsense"), "{error}");
}

async fn build_fails() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("docker-compose.yml", "services: {a: {build: .}}\n"),
        ("Dockerfile", "FROM scratch\nCOPY nothing-of-this-name /\n"),
    ];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut wanted = wanted("build", "");
    let _sweep = Sweep(wanted.project.name.clone().unwrap());
    wanted.project.directory = folder.path().to_owned();
    let error = bring_up(&wanted).await.err().unwrap();
    assert!(matches!(error, StackError::BuildFailed { .. }), "{error}");
    assert!(
        error.to_string().contains("nothing-of-this-name"),
        "{error}"
    );
}

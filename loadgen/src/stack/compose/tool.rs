//! Runs the compose tool, shows what it says, and makes a sentence of how it failed.

use std::collections::VecDeque;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use crate::stack::{Project, StackError};

/// How many of the tool's last lines an error shows, and how much of each.
const TAIL_LINES: usize = 12;
const LINE_BYTES: usize = 400;

/// A build from nothing takes minutes; what takes longer hangs.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// How long the tool may take to say its version.
const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// The compose tool of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    /// `docker compose`, version 2.
    Plugin,
    /// `docker-compose`, version 1.
    Standalone,
}

/// What every command is about.
pub(super) struct Scene<'a> {
    pub(super) project: &'a Project,
    /// The address of the engine that was asked what runs.
    pub(super) engine: &'a str,
    /// Gets each line of output.
    pub(super) output: Option<fn(&str)>,
}

impl Tool {
    /// The tool there is, the plugin first.
    pub(super) async fn find() -> Result<Self, StackError> {
        for tool in [Self::Plugin, Self::Standalone] {
            let mut command = tool.command();
            command
                .arg("version")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true);
            let status = tokio::time::timeout(VERSION_LIMIT, command.status()).await;
            if matches!(status, Ok(Ok(status)) if status.success()) {
                return Ok(tool);
            }
        }
        Err(StackError::ComposeMissing)
    }

    /// The arguments that bring everything up; version 1 cannot wait.
    pub(super) const fn up(self) -> &'static [&'static str] {
        match self {
            Self::Plugin => &["up", "-d", "--build", "--wait"],
            Self::Standalone => &["up", "-d", "--build"],
        }
    }

    fn command(self) -> Command {
        match self {
            Self::Plugin => {
                let mut command = Command::new("docker");
                command.arg("compose");
                command
            }
            Self::Standalone => Command::new("docker-compose"),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Plugin => "docker compose",
            Self::Standalone => "docker-compose",
        }
    }

    /// Runs one command in the project's folder to its end.
    pub(super) async fn run<S: AsRef<str>>(
        self,
        scene: &Scene<'_>,
        words: &[S],
    ) -> Result<(), StackError> {
        let files = scene.project.files_there();
        if files.is_empty() {
            check_folder(&scene.project.directory)?;
        }
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        let said = format!("{} {}", self.name(), words.join(" "));
        let mut command = self.command();
        if let Some(name) = &scene.project.name {
            command.args(["-p", name]);
        }
        for file in files {
            command.args(["-f", file]);
        }
        let variables = scene
            .project
            .variables
            .iter()
            .map(|(name, value)| (name, value));
        command
            .args(&words)
            .envs(variables)
            .env("DOCKER_HOST", scene.engine)
            .current_dir(&scene.project.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut tail = Tail::default();
        let ended = tokio::time::timeout(LIMIT, follow(command, &mut tail, scene.output)).await;
        match ended {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(sentence(
                scene.engine,
                said,
                &status.to_string(),
                &tail.text(),
            )),
            Ok(Err(error)) => Err(sentence(scene.engine, said, &error.to_string(), "")),
            Err(_) => Err(sentence(
                scene.engine,
                said,
                "no end within half an hour",
                &tail.text(),
            )),
        }
    }
}

/// Whether a folder is a compose project.
pub(super) fn has_compose_file(folder: &Path) -> bool {
    folder.join("docker-compose.yml").is_file()
}

fn check_folder(folder: &Path) -> Result<(), StackError> {
    if has_compose_file(folder) {
        Ok(())
    } else {
        let directory = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        Err(StackError::NoComposeFile {
            directory: directory.display().to_string(),
        })
    }
}

/// Reads both streams to their ends, so that the tool never waits for a reader.
async fn follow(
    mut command: Command,
    tail: &mut Tail,
    output: Option<fn(&str)>,
) -> std::io::Result<ExitStatus> {
    let mut child = command.spawn()?;
    let (sender, mut lines) = tokio::sync::mpsc::channel(16);
    if let Some(stream) = child.stdout.take() {
        tokio::spawn(split(stream, sender.clone()));
    }
    if let Some(stream) = child.stderr.take() {
        tokio::spawn(split(stream, sender.clone()));
    }
    drop(sender);
    while let Some(line) = lines.recv().await {
        if let Some(output) = output {
            output(&line);
        }
        tail.push(line);
    }
    child.wait().await
}

/// Sends a stream on line by line, with the lines cut to a bearable length.
async fn split(mut stream: impl AsyncRead + Unpin, lines: tokio::sync::mpsc::Sender<String>) {
    let mut chunk = [0; 4096];
    let mut line = Vec::new();
    loop {
        let n = stream.read(&mut chunk).await.unwrap_or(0);
        for byte in &chunk[..n] {
            match byte {
                b'\n' | b'\r' => {
                    let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                    line.clear();
                    if !text.is_empty() && lines.send(text).await.is_err() {
                        return;
                    }
                }
                byte if line.len() < LINE_BYTES => line.push(*byte),
                _ => {}
            }
        }
        if n == 0 {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if !text.is_empty() {
                // An error means that nobody listens any more.
                let _ = lines.send(text).await;
            }
            return;
        }
    }
}

#[derive(Default)]
struct Tail(VecDeque<String>);

impl Tail {
    fn push(&mut self, line: String) {
        if self.0.len() == TAIL_LINES {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }

    fn text(&self) -> String {
        let lines: Vec<_> = self.0.iter().map(|line| format!("  {line}")).collect();
        lines.join("\n")
    }
}

/// What went wrong, by the words of the tool and of the engine behind it.
fn sentence(engine: &str, command: String, status: &str, tail: &str) -> StackError {
    let says = |words: &[&str]| words.iter().any(|words| tail.contains(words));
    if says(&["all ports are allocated"]) {
        return StackError::PortsExhausted;
    }
    if let Some(port) = held_port(tail) {
        return StackError::PortHeld { port, holder: None };
    }
    if says(&["permission denied while trying to connect"]) {
        return StackError::EnginePermission {
            address: engine.to_owned(),
        };
    }
    if says(&[
        "Cannot connect to the Docker daemon",
        "Couldn't connect to Docker daemon",
    ]) {
        return StackError::EngineNotRunning {
            address: engine.to_owned(),
            reason: "the compose tool could not connect".to_owned(),
        };
    }
    let tail = tail.to_owned();
    if [
        "failed to solve",
        "failed to build",
        "returned a non-zero code",
        "pull access denied",
        "manifest unknown",
        "failed to resolve",
        "Dockerfile",
    ]
    .iter()
    .any(|words| tail.contains(words))
    {
        return StackError::BuildFailed { command, tail };
    }
    StackError::ComposeFailed {
        command,
        status: status.to_owned(),
        tail,
    }
}

/// The port in "listen tcp4 127.0.0.1:80: bind: address already in use" and its kin: the
/// last number after a colon before the complaint.
fn held_port(text: &str) -> Option<u16> {
    let complaints = ["address already in use", "port is already allocated"];
    let line = text
        .lines()
        .find(|line| complaints.iter().any(|complaint| line.contains(complaint)))?;
    let end = complaints
        .iter()
        .find_map(|complaint| line.find(complaint))?;
    line[..end].rsplit(':').find_map(|part| {
        let digits = part
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(part.len());
        part[..digits].parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_held_port_is_read_from_each_wording() {
        for (text, port) in [
            (
                "Error response from daemon: driver failed programming external connectivity on \
                 endpoint x-nginx-1 (8f3a): Error starting userland proxy: listen tcp4 \
                 127.0.0.1:80: bind: address already in use",
                80,
            ),
            (
                "Bind for 0.0.0.0:9101 failed: port is already allocated",
                9101,
            ),
            (
                "failed to bind host port 127.0.0.1:8081/tcp: address already in use",
                8081,
            ),
        ] {
            assert_eq!(held_port(text), Some(port), "{text}");
        }
        assert_eq!(held_port("no such thing"), None);
    }

    #[test]
    fn a_failed_build_shows_the_last_lines_of_the_command() {
        let mut tail = Tail::default();
        for n in 0..100 {
            tail.push(format!("step {n}"));
        }
        tail.push("failed to solve: rust:1.95: not found".to_owned());
        let error = sentence(
            "unix:///e",
            "docker compose up".into(),
            "exit status: 1",
            &tail.text(),
        );
        assert!(matches!(error, StackError::BuildFailed { .. }));
        let text = error.to_string();
        assert!(
            text.contains("step 99") && text.contains("not found"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1 + TAIL_LINES);
    }

    #[tokio::test]
    async fn a_folder_without_a_compose_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project {
            directory: folder.path().to_owned(),
            ..Project::default()
        };
        let scene = Scene {
            project: &project,
            engine: "unix:///e",
            output: None,
        };
        let error = Tool::Plugin.run(&scene, &["up"]).await.unwrap_err();
        assert!(matches!(error, StackError::NoComposeFile { .. }), "{error}");
    }

    #[tokio::test]
    async fn lines_are_cut_and_the_last_needs_no_end() {
        let text = format!("one\r\n\n{}\nlast", "x".repeat(10_000));
        let (sender, mut lines) = tokio::sync::mpsc::channel(16);
        split(text.as_bytes(), sender).await;
        let mut found = Vec::new();
        while let Some(line) = lines.recv().await {
            found.push(line.len());
        }
        assert_eq!(found, [3, LINE_BYTES, 4]);
    }
}

//! The local engine: workers that are processes of this program on this machine.
//!
//! Each holds on to its standard input: when that ends, because we let go of it or are no longer
//! there, it stops sending and ends. So no worker outlives whoever started it.

use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::super::RunError;
use super::super::worker::wall_ms;
use super::crew::{Asked, KEPT, PATIENCE, Said, in_a_line, tail};
use crate::workers::Lines;

/// The workers that run, or have run.
pub(super) struct Processes(Vec<Process>);

struct Process {
    child: Child,
    /// It ends when this is let go.
    lifeline: Option<ChildStdin>,
    complaints: Option<JoinHandle<String>>,
    has_ended: bool,
}

impl Processes {
    /// Starts them, gives each its job, and listens.
    pub(super) async fn start(
        asked: &Asked,
        job: &str,
        said: mpsc::Sender<Said>,
    ) -> Result<Self, RunError> {
        let mut processes = Vec::new();
        for n in 0..asked.workers {
            let process = Process::start(n, asked, said.clone());
            processes.push(process.map_err(|reason| RunError::Worker {
                n,
                reason: reason.to_string(),
            })?);
        }
        for process in &mut processes {
            if let Some(lifeline) = &mut process.lifeline {
                // One that is gone is heard to have ended.
                let _ = lifeline.write_all(job.as_bytes()).await;
            }
        }
        Ok(Self(processes))
    }

    /// Asks all of them to end.
    pub(super) fn let_go(&mut self) {
        for process in &mut self.0 {
            drop(process.lifeline.take());
        }
    }

    pub(super) fn kill(&mut self, n: u32) {
        if let Some(process) = self.0.get_mut(n as usize) {
            // One that has ended needs no more.
            let _ = process.child.start_kill();
        }
    }

    /// Ends all of them, and waits for it.
    pub(super) async fn kill_all(&mut self) {
        for process in &mut self.0 {
            let _ = process.child.kill().await;
        }
    }

    pub(super) fn has_ended(&self, n: u32) -> bool {
        self.0
            .get(n as usize)
            .is_none_or(|process| process.has_ended)
    }

    /// How a worker ended whose lines are over, in words.
    pub(super) async fn ended(&mut self, n: u32) -> String {
        let Some(process) = self.0.get_mut(n as usize) else {
            return String::new();
        };
        process.has_ended = true;
        let waited = tokio::time::timeout(PATIENCE, process.child.wait()).await;
        let how = match waited {
            Ok(Ok(status)) => format!("its process ended, {status}"),
            Ok(Err(error)) => format!("nothing is known of its process: {error}"),
            Err(_) => "its lines ended, and its process did not".to_owned(),
        };
        let _ = process.child.start_kill();
        let complaints = match process.complaints.take() {
            Some(complaints) => tokio::time::timeout(PATIENCE, complaints).await,
            None => return how,
        };
        match complaints {
            Ok(Ok(complaints)) if !complaints.trim().is_empty() => {
                format!("{how}: {}", complaints.trim())
            }
            _ => how,
        }
    }
}

impl Process {
    fn start(n: u32, asked: &Asked, said: mpsc::Sender<Said>) -> std::io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["worker", "-", "--until-input-ends"])
            .args(["--index", &n.to_string()])
            .args(["--of", &asked.workers.to_string()])
            .args(["--run-id", &asked.run])
            .arg("--start-at")
            .arg(humantime::format_rfc3339_nanos(asked.start).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Not in the terminal's group: Ctrl-C is for us, who then let go of it.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        if let Some(lines) = child.stdout.take() {
            tokio::spawn(listen(n, lines, said));
        }
        let complaints = child.stderr.take().map(|from| tokio::spawn(keep_end(from)));
        Ok(Self {
            lifeline: child.stdin.take(),
            child,
            complaints,
            has_ended: false,
        })
    }
}

/// Passes on the lines of a worker, and its end.
async fn listen(n: u32, mut from: impl AsyncRead + Unpin, said: mpsc::Sender<Said>) {
    let (mut lines, mut piece) = (Lines::default(), vec![0; 64 << 10]);
    let tell = async |line| {
        let read_at_ms = wall_ms();
        let said = said
            .send(Said {
                n,
                line,
                read_at_ms,
            })
            .await;
        said.is_ok()
    };
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        for line in lines.push(&piece[..length]) {
            if !tell(Some(line)).await {
                return;
            }
        }
    }
    if let Some(line) = lines.finish() {
        tell(Some(line)).await;
    }
    tell(None).await;
}

/// Reads what a worker says to people, so that it never has to wait, and keeps the end of it.
async fn keep_end(mut from: impl AsyncRead + Unpin) -> String {
    let (mut kept, mut piece) = (Vec::new(), [0; 1_024]);
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        tail(&mut kept, &piece[..length], KEPT);
    }
    in_a_line(&kept)
}

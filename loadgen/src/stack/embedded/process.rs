//! One child as its parent sees it: started, awaited, asked to end.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;

use super::supervisor::Supervisor;
use crate::stack::StackError;

/// How much of what a child complains about is kept: its end.
const KEPT_COMPLAINTS: usize = 2048;

/// The longest line a child may announce itself with.
const MAX_ANNOUNCEMENT: usize = 256;

/// A child that runs, or has run.
pub(super) struct ChildProcess {
    /// What it is called, for people.
    pub(super) name: String,
    /// Its place among the supervisor's children.
    pub(super) order: usize,
    lifeline: Option<ChildStdin>,
    announcements: pipe::Receiver,
    complaints: Arc<Mutex<Vec<u8>>>,
    listener: JoinHandle<()>,
}

/// The command that makes this program a child of `role`.
pub(super) fn command(program: &Path, role: &str) -> Command {
    let mut command = Command::new(program);
    command
        .arg(role)
        .arg("--parent")
        .arg(std::process::id().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Not in the terminal's group: Ctrl-C is for the parent, which then stops the load,
        // stores what was measured, and only then lets go of its children.
        .process_group(0);
    command
}

impl ChildProcess {
    pub(super) async fn start(
        supervisor: &Supervisor,
        name: String,
        command: Command,
    ) -> Result<Self, StackError> {
        let refused = |error: io::Error| StackError::NotStarted {
            name: name.clone(),
            reason: error.to_string(),
        };
        let pipes = supervisor.start(command).await.map_err(refused)?;
        let announcements =
            pipe::Receiver::from_owned_fd(OwnedFd::from(pipes.announcements)).map_err(refused)?;
        let complaints_end =
            pipe::Receiver::from_owned_fd(OwnedFd::from(pipes.complaints)).map_err(refused)?;
        let complaints = Arc::default();
        let listener = tokio::spawn(collect(complaints_end, Arc::clone(&complaints)));
        Ok(Self {
            name,
            order: pipes.order,
            lifeline: Some(pipes.lifeline),
            announcements,
            complaints,
            listener,
        })
    }

    /// Waits until the child says that it listens, at so many addresses.
    pub(super) async fn ready(
        &mut self,
        within: Duration,
        addresses: usize,
    ) -> Result<(), StackError> {
        let Ok(line) = tokio::time::timeout(within, self.first_line()).await else {
            return Err(StackError::NotReady {
                name: self.name.clone(),
                waited: within,
                reason: self.complaint(),
            });
        };
        if line.is_some_and(|line| announced(&line) == Some(addresses)) {
            return Ok(());
        }
        // The reason comes through another pipe, and a little later.
        self.ended(Duration::from_millis(200)).await;
        Err(StackError::NotStarted {
            name: self.name.clone(),
            reason: self.complaint(),
        })
    }

    /// Writes a line to its standard input.
    pub(super) fn tell(&mut self, line: &str) -> io::Result<()> {
        match &mut self.lifeline {
            Some(input) => writeln!(input, "{line}"),
            None => Ok(()),
        }
    }

    /// Asks the child to end.
    pub(super) fn let_go(&mut self) {
        drop(self.lifeline.take());
    }

    /// Waits until the child has ended, for so long.
    pub(super) async fn ended(&mut self, within: Duration) {
        let mut ignored = [0; 64];
        let end = async {
            while let Ok(1..) = self.announcements.read(&mut ignored).await {}
            if !self.listener.is_finished() {
                // It cannot panic, and nobody aborts it.
                let _ = (&mut self.listener).await;
            }
        };
        let _ = tokio::time::timeout(within, end).await;
    }

    /// The end of what the child wrote to standard error.
    pub(super) fn complaint(&self) -> String {
        let kept = self
            .complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&kept);
        match text.trim() {
            "" => "it gave no reason".to_owned(),
            reason => reason.to_owned(),
        }
    }

    async fn first_line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            match self.announcements.read_u8().await {
                Ok(b'\n') => return String::from_utf8(line).ok(),
                Ok(byte) if line.len() < MAX_ANNOUNCEMENT => line.push(byte),
                _ => return None,
            }
        }
    }
}

/// How many addresses `ready ADDRESS…` has.
fn announced(line: &str) -> Option<usize> {
    let words = line.strip_prefix("ready ")?.split(' ');
    let addresses: Option<Vec<SocketAddr>> = words.map(|word| word.parse().ok()).collect();
    addresses.map(|addresses| addresses.len())
}

/// Reads what a child complains about for as long as it runs, so that it never has to wait
/// for a reader, and keeps the end of it.
async fn collect(mut from: pipe::Receiver, kept: Arc<Mutex<Vec<u8>>>) {
    let mut chunk = [0; 1024];
    while let Ok(n @ 1..) = from.read(&mut chunk).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&chunk[..n]);
        let surplus = kept.len().saturating_sub(KEPT_COMPLAINTS);
        kept.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_is_of_addresses_alone() {
        assert_eq!(announced("ready 127.0.0.1:80"), Some(1));
        assert_eq!(announced("ready 127.0.0.1:80 127.0.0.1:81"), Some(2));
        for line in ["127.0.0.1:80", "ready x", "ready 127.0.0.1:80 x", ""] {
            assert_eq!(announced(line), None, "{line}");
        }
    }
}

//! Runs a command of somebody else's for an event: bounded in time, its output bounded in size.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::StackError;

/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How much of its output is kept: its beginning.
const KEPT: usize = 4096;

/// Runs a command line in a shell. Gives away what it said; an error where its exit code is not 0.
pub(super) async fn run(command: &str) -> Result<String, StackError> {
    let failed = |reason: String| StackError::Event {
        whom: format!("`{command}`"),
        reason,
    };
    let child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C is for us, who store what was measured.
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut child = child.map_err(|error| failed(error.to_string()))?;
    let (output, complaints) = (child.stdout.take(), child.stderr.take());
    let whole = async { tokio::join!(kept(output), kept(complaints), child.wait()) };
    let Ok((output, complaints, ended)) = tokio::time::timeout(LIMIT, whole).await else {
        return Err(failed(format!("it took longer than {LIMIT:?}")));
    };
    let said = format!("{output}{complaints}").trim().to_owned();
    match ended {
        Ok(status) if status.success() => Ok(said),
        Ok(status) if said.is_empty() => Err(failed(status.to_string())),
        Ok(status) => Err(failed(format!("{status}: {said}"))),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// The beginning of what comes; the rest is read and dropped, so that nobody waits for a reader.
async fn kept(from: Option<impl AsyncRead + Unpin>) -> String {
    let mut kept = Vec::new();
    let mut chunk = [0; 4096];
    if let Some(mut from) = from {
        while let Ok(n @ 1..) = from.read(&mut chunk).await {
            let room = KEPT.saturating_sub(kept.len()).min(n);
            kept.extend_from_slice(&chunk[..room]);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_command_says_is_kept_and_its_exit_code_judged() {
        assert_eq!(run("echo done; echo so >&2").await.expect("0"), "done\nso");
        let error = run("echo no; exit 3").await.expect_err("3").to_string();
        assert!(error.contains("exit status: 3: no"), "{error}");
    }

    #[tokio::test]
    async fn only_the_beginning_of_much_output_is_kept() {
        let said = run("yes | head -c 100000").await.expect("0");
        assert!(said.len() <= KEPT, "{}", said.len());
    }
}

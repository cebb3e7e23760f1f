//! Crashes a replica in its container.

use std::process::Command;

/// The death of the process, which is what a crash is: `docker kill` counts as by hand.
pub fn crash(id: &str) {
    let kill = "kill -9 $(cat /proc/1/task/1/children)";
    let mut command = Command::new("docker");
    let output = command.args(["exec", id, "sh", "-c", kill]).output();
    let output = output.unwrap();
    // 137 where the shell went down with the container.
    let done = matches!(output.status.code(), Some(0 | 137));
    assert!(done, "{output:?}");
}

//! Says whether tests through containers can run here, and makes trials that say so too.

use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};

/// Variables that make a missing engine a failure: in CI an ignored test is a hole in the gate.
const REQUIRING: [&str; 2] = ["CI", "LOADGEN_REQUIRE_DOCKER"];

/// Whether the tests must run, whatever is missing.
pub fn is_required() -> bool {
    let is_set = |name: &&str| std::env::var_os(name).is_some();
    REQUIRING.iter().any(is_set)
}

/// Why tests through containers are passed over here, if they are.
pub fn obstacle() -> Option<String> {
    let answers = |words: &[&str]| {
        let mut command = Command::new("docker");
        let command = command.args(words).stdout(Stdio::null());
        let status = command.stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if is_required() {
        None
    } else if !answers(&["info"]) {
        Some("no Docker Engine answers".to_owned())
    } else if !answers(&["compose", "version"]) {
        Some("no compose plugin".to_owned())
    } else {
        None
    }
}

/// A test, reported as ignored where something is in its way.
pub fn trial(name: &str, obstacle: Option<&String>, test: fn()) -> Trial {
    let trial = Trial::test(name, move || {
        test();
        Ok::<(), Failed>(())
    });
    match obstacle {
        Some(why) => trial.with_kind(why).with_ignored_flag(true),
        None => trial,
    }
}

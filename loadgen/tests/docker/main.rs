//! Through containers: the compose stack from `loadgen up` to `loadgen down`, and a proxy that
//! misbehaves.
//!
//! Where no Docker Engine answers every test is reported as ignored, with the reason, and in CI
//! that is a failure. Each project has a name and ports of its own, and is removed whatever
//! happens. The machine may be busy: findings and counts are asserted, and never how long
//! something took.

mod ask;
mod commands;
mod crash;
mod engine;
mod events;
mod experiments;
mod machines;
mod not_up;
mod project;
#[expect(dead_code, reason = "`it` uses all of it")]
#[path = "../support/mod.rs"]
mod support;
mod swarm;
mod through_nginx;

use std::process::ExitCode;

use engine::{is_required, obstacle, trial};
use libtest_mimic::{Arguments, Trial};

/// The one of the project's own that wants an image of the load generator too; a Swarm's tasks are of it.
const INSIDE: &str = "a_run_inside_the_network_agrees_too";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They share stacks, and leave them as the next one wants them.
    arguments.test_threads = Some(1);
    let conclusion = libtest_mimic::run(&arguments, trials());
    commands::sweep();
    project::sweep();
    machines::sweep();
    conclusion.exit_code()
}

fn trials() -> Vec<Trial> {
    let skipped = obstacle();
    if let Some(why) = &skipped {
        eprintln!("the tests through containers are ignored: {why}");
    }
    let stale = skipped.is_none() && !is_required() && !commands::image_is_ours();
    let stale = stale.then(|| {
        "the image loadgen is not of this source: docker compose build loadgen".to_owned()
    });
    let tests = commands::TESTS.into_iter().chain(not_up::TESTS);
    let tests = tests.chain(through_nginx::TESTS).chain(events::TESTS);
    let tests = tests.chain(experiments::TESTS).chain(swarm::TESTS);
    let trial = |(name, test): (&str, fn())| {
        let stale = stale
            .as_ref()
            .filter(|_| name == INSIDE || name.starts_with("swarm_"));
        trial(name, skipped.as_ref().or(stale), test)
    };
    tests.map(trial).collect()
}

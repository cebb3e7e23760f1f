//! Stacks that really misbehave, and what loadgen says of them.
//!
//! What a proxy does is shown through NGINX in containers; where no Docker Engine answers, those
//! tests are reported as ignored, with the reason, and in CI that is a failure. What a replica, a
//! second balancer or the generator does is shown on processes of this machine, always. The
//! machine may be busy: findings and counts are asserted, and never how long something took.

#[path = "../support/ask.rs"]
mod ask;
#[path = "../support/crash.rs"]
mod crash;
#[path = "../support/engine.rs"]
mod engine;
#[path = "../support/run.rs"]
mod run;
#[path = "../schema/mod.rs"]
mod schema;

mod alone;
mod found;
mod peers;
mod project;
mod through_nginx;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The tests through NGINX share one stack, and leave it as the next one wants it.
    arguments.test_threads = Some(1);
    let skipped = engine::obstacle();
    if let Some(why) = &skipped {
        eprintln!("the tests through NGINX are ignored: {why}");
    }
    let trial = |(name, test): (&str, fn())| engine::trial(name, None, test);
    let mut trials: Vec<Trial> = alone::TESTS.into_iter().map(trial).collect();
    let trial = |(name, test): (&str, fn())| engine::trial(name, skipped.as_ref(), test);
    trials.extend(through_nginx::TESTS.into_iter().map(trial));
    let conclusion = libtest_mimic::run(&arguments, trials);
    project::sweep();
    conclusion.exit_code()
}

//! A load for a cluster that starts its workers by itself.

use std::time::Duration;

use super::launch::{Launch, WorkerEngine};
use super::{PlanSource, RunError, collect, load};
use crate::workers::Job;

/// What each of so many workers is given, and how long it takes at most from the start of the load.
pub async fn job(source: PlanSource, workers: u32) -> Result<(Job, Duration), RunError> {
    let topology = collect::topology(&source).await?;
    let plan = source.resolve(&topology)?;
    let launch = Launch {
        workers,
        start_in: Duration::ZERO,
        allow_skew: false,
        engine: WorkerEngine::Local,
    };
    launch.check(&plan).await?;
    let longest = load::job(&plan, &[]).longest().into();
    let user = plan.user.as_ref();
    let password = user.and_then(|user| user.password().map(str::to_owned));
    let job = Job {
        plan,
        topology,
        password,
    };
    Ok((job, longest))
}

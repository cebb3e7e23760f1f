//! How much CPU time the containers have used, and how many CPUs they can keep busy.

use std::time::Duration;

use bollard::models::HostConfig;
use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::StreamExt as _;
use futures_util::future::join_all;

use super::Compose;
use super::discover::{id_of, name_of};
use super::engine::{Container, Inspection};
use crate::model::{CpuReading, Nanos, Role};
use crate::stack::docker::Engine;

/// How long an engine may take to tell it. It is a figure beside others: a run does not wait for it.
const LIMIT: Duration = Duration::from_secs(2);
/// What NGINX calls a process that does nothing but answer requests.
const NGINX_WORKER: &str = "nginx: worker process";
/// What it adds to one that ends.
const ENDING: &str = "is shutting down";
/// The time over which the kernel counts a quota where nobody says another, in microseconds.
const USUAL_PERIOD: i64 = 100_000;

/// What the engine counts of a container.
struct Used {
    seconds: f64,
    /// The CPUs of its machine.
    cpus: u32,
}

impl Compose {
    /// The CPU time of each container that runs; what cannot be read is left out.
    pub(in crate::stack) async fn cpu(&self) -> Vec<CpuReading> {
        let read = async {
            let found = self.find().await.ok().flatten()?;
            let replicas = (found.replicas.iter()).map(|one| self.read(one, Role::Replica));
            let proxy = found.proxy.iter().map(|one| self.read(one, Role::Proxy));
            let read = (join_all(replicas), join_all(proxy));
            let (replicas, proxy) = futures_util::future::join(read.0, read.1).await;
            Some(proxy.into_iter().chain(replicas).flatten().collect())
        };
        let read = tokio::time::timeout(LIMIT, read).await;
        read.ok().flatten().unwrap_or_default()
    }

    async fn read(&self, container: &Container, role: Role) -> Option<CpuReading> {
        if !container.running {
            return None;
        }
        let inspection = self.engine.inspect(container).await.ok()?;
        let workers = match role {
            Role::Proxy => self.engine.workers(container).await,
            Role::Replica => None,
        };
        let used = self.engine.used(container).await?;
        let cpus = inspection
            .cpus
            .unwrap_or(f64::INFINITY)
            .min(used.cpus.into());
        let workers = workers.filter(|workers| f64::from(*workers) <= cpus);
        Some(CpuReading {
            role,
            name: match role {
                Role::Proxy => name_of(container),
                Role::Replica => id_of(container, &inspection).0,
            },
            started_at: inspection.started_at,
            at: Nanos::from(self.opened.elapsed()),
            used_s: used.seconds,
            of: workers.map_or(cpus, f64::from),
            workers,
        })
    }
}

impl Engine {
    /// The CPU time that a container has used.
    async fn used(&self, container: &Container) -> Option<Used> {
        // The engine measures for a second where it is not told to look once.
        let options = StatsOptionsBuilder::new().stream(false).one_shot(true);
        let mut stats = Box::pin(self.docker.stats(&container.id, Some(options.build())));
        let cpu = stats.next().await?.ok()?.cpu_stats?;
        let nanos = cpu.cpu_usage?.total_usage?;
        Some(Used {
            seconds: Duration::from_nanos(nanos).as_secs_f64(),
            cpus: cpu.online_cpus.filter(|cpus| *cpus > 0)?,
        })
    }

    /// How many workers of NGINX run in a container; none where it is another proxy, or the engine does
    /// not tell.
    async fn workers(&self, container: &Container) -> Option<u32> {
        let listed = self.docker.top_processes(&container.id, None).await.ok()?;
        workers(&listed.processes?)
    }
}

/// NGINX's workers among the rows of a list of processes.
fn workers(rows: &[Vec<String>]) -> Option<u32> {
    let is_worker = |row: &&Vec<String>| {
        row.iter()
            .any(|cell| cell.starts_with(NGINX_WORKER) && !cell.ends_with(ENDING))
    };
    let count = rows.iter().filter(is_worker).count();
    u32::try_from(count).ok().filter(|count| *count > 0)
}

impl Inspection {
    /// How many CPUs a quota or a set of CPUs leaves a container; none where nothing holds it.
    pub(super) fn cpus_of(limits: &HostConfig) -> Option<f64> {
        let nano_cpus = limits.nano_cpus.filter(|cpus| *cpus > 0);
        let quota = limits.cpu_quota.filter(|quota| *quota > 0);
        let period = limits.cpu_period.filter(|period| *period > 0);
        let set = limits.cpuset_cpus.as_deref().and_then(cpus_in);
        let by = [
            nano_cpus.map(|cpus| cpus as f64 / 1e9),
            quota.map(|quota| quota as f64 / period.unwrap_or(USUAL_PERIOD) as f64),
            set.map(f64::from),
        ];
        by.into_iter().flatten().reduce(f64::min)
    }
}

/// How many CPUs are in a list such as `0-2,5`; none where it is no such list.
fn cpus_in(list: &str) -> Option<u32> {
    let count = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        last.checked_sub(first)?.checked_add(1)
    };
    let mut parts = list.split(',').map(count);
    parts.try_fold(0u32, |sum, count| sum.checked_add(count?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_those_that_answer_requests() {
        let row = |command: &str| vec!["root".to_owned(), "17".to_owned(), command.to_owned()];
        let rows = [
            "nginx: master process nginx -g daemon off;",
            "nginx: worker process",
            "nginx: worker process",
            "nginx: worker process is shutting down",
            "nginx: cache manager process",
        ];
        assert_eq!(workers(&rows.map(row)), Some(2));
        assert_eq!(workers(&[row("haproxy -f /etc/haproxy.cfg")]), None);
        assert_eq!(workers(&[]), None);
    }

    #[test]
    fn cpus_are_those_that_the_tightest_limit_leaves() {
        let limits = |nano_cpus, cpu_quota, cpu_period, cpus: Option<&str>| HostConfig {
            nano_cpus,
            cpu_quota,
            cpu_period,
            cpuset_cpus: cpus.map(ToOwned::to_owned),
            ..HostConfig::default()
        };
        for (limits, expected) in [
            (limits(None, None, None, None), None),
            (limits(Some(0), Some(-1), Some(0), Some("")), None),
            (limits(Some(500_000_000), None, None, None), Some(0.5)),
            (limits(None, Some(10_000), Some(100_000), None), Some(0.1)),
            (limits(None, Some(10_000), None, Some("0")), Some(0.1)),
            (limits(None, None, None, Some("0-2,5")), Some(4.0)),
            (limits(None, None, None, Some("2-0")), None),
            (limits(None, None, None, Some("0-4294967295")), None),
        ] {
            assert_eq!(Inspection::cpus_of(&limits), expected);
        }
    }
}

//! What the kernel says of CPU time that this process wanted and did not get.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rustix::param::clock_ticks_per_second;

use super::clock::thread_cpu_time;
use crate::model::Nanos;
use crate::recorder::CpuTime;

/// Sums since the kernel began to count; `None` where it does not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Contention {
    /// The time for which this process's control group was held back by its quota.
    pub throttled: Option<Nanos>,
    /// The time of all CPUs that a hypervisor gave to others.
    pub stolen: Option<Nanos>,
}

/// Reads both.
pub fn read() -> Contention {
    Contention {
        throttled: throttled(),
        stolen: stolen(),
    }
}

/// What was added between two readings.
pub fn grown(before: Option<Nanos>, after: Option<Nanos>) -> Option<Nanos> {
    Some(after?.since(before?))
}

/// The CPU time that the calling thread had, and the time for which it could have run and did not.
pub fn thread_time() -> CpuTime {
    CpuTime {
        used: thread_cpu_time(),
        waited: run_delay().unwrap_or_default(),
    }
}

/// The second number of `schedstat`: nanoseconds on a run queue. Without an allocation.
fn run_delay() -> Option<Nanos> {
    let mut text = [0; 96];
    let mut file = fs::File::open("/proc/thread-self/schedstat").ok()?;
    let length = file.read(&mut text).ok()?;
    let text = std::str::from_utf8(&text[..length]).ok()?;
    text.split_ascii_whitespace()
        .nth(1)?
        .parse()
        .ok()
        .map(Nanos)
}

/// `throttled_usec` of this process's control group and of every one above it: a quota may be set at
/// any of them, and holds back once.
fn throttled() -> Option<Nanos> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let unified = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let root = Path::new("/sys/fs/cgroup");
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Some(path) = unified {
        let inside = root.join(path.trim_start_matches('/'));
        folders.extend(
            inside
                .ancestors()
                .take_while(|at| at.starts_with(root))
                .map(Path::to_owned),
        );
    }
    // Version 1 counts in nanoseconds, in a tree of its own.
    let of_cpu = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let is_cpu = controllers.split(',').any(|name| name == "cpu");
        is_cpu.then(|| root.join("cpu").join(path.trim_start_matches('/')))
    };
    folders.extend(groups.lines().filter_map(of_cpu));
    let times = folders.iter().filter_map(|folder| {
        let text = fs::read_to_string(folder.join("cpu.stat")).ok()?;
        throttled_in(&text)
    });
    times.max()
}

fn throttled_in(text: &str) -> Option<Nanos> {
    let value = |name: &str| -> Option<u64> {
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(key, _)| *key == name)?.1.trim().parse().ok()
    };
    let micros = value("throttled_usec").map(|micros| micros.saturating_mul(1_000));
    micros.or_else(|| value("throttled_time")).map(Nanos)
}

fn stolen() -> Option<Nanos> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    stolen_in(&text, clock_ticks_per_second())
}

/// The eighth number of the first line.
fn stolen_in(text: &str, ticks_per_second: u64) -> Option<Nanos> {
    let all = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: u64 = all.split_ascii_whitespace().nth(7)?.parse().ok()?;
    let nanos =
        u128::from(ticks) * u128::from(Nanos::SECOND.0) / u128::from(ticks_per_second.max(1));
    u64::try_from(nanos).ok().map(Nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_control_groups_are_read() {
        let second = "usage_usec 5\nnr_periods 4\nnr_throttled 2\nthrottled_usec 1500\n";
        assert_eq!(throttled_in(second), Some(Nanos(1_500_000)));
        let first = "nr_periods 4\nnr_throttled 2\nthrottled_time 1500\n";
        assert_eq!(throttled_in(first), Some(Nanos(1_500)));
        assert_eq!(throttled_in("usage_usec 5\n"), None);
    }

    #[test]
    fn stolen_time_is_the_eighth_number() {
        let text = "cpu  1 2 3 4 5 6 7 250 9 10\ncpu0 1 2\n";
        assert_eq!(stolen_in(text, 100), Some(Nanos(2_500_000_000)));
        assert_eq!(stolen_in("cpu  1 2 3\n", 100), None);
        assert_eq!(stolen_in("", 100), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_thread_has_used_some_time() {
        assert!(thread_time().used > Nanos::ZERO);
        assert!(run_delay().is_some());
    }
}

//! The `process_*` family, as the Python client exposes it, to the nanosecond where
//! the kernel tells: a restart within one second must be visible in the start time.

use std::collections::HashMap;
use std::fs;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, Gauge, Metric, MetricFamily, MetricType};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::family::family;

const CPU: (&str, &str) = (
    "process_cpu_seconds_total",
    "Total user and system CPU time spent in seconds.",
);
const START: (&str, &str) = (
    "process_start_time_seconds",
    "Start time of the process since unix epoch in seconds.",
);
const VIRTUAL: (&str, &str) = (
    "process_virtual_memory_bytes",
    "Virtual memory size in bytes.",
);
const RESIDENT: (&str, &str) = (
    "process_resident_memory_bytes",
    "Resident memory size in bytes.",
);
const OPEN: (&str, &str) = ("process_open_fds", "Number of open file descriptors.");
const MOST: (&str, &str) = (
    "process_max_fds",
    "Maximum number of open file descriptors.",
);

/// Reads `/proc/self` when asked. What the kernel does not tell is left out.
#[derive(Debug)]
pub(crate) struct Process {
    descs: Vec<Desc>,
    start_time: Option<f64>,
}

impl Process {
    pub(crate) fn new() -> prometheus::Result<Self> {
        let descs = [CPU, START, VIRTUAL, RESIDENT, OPEN, MOST]
            .into_iter()
            .map(|(name, help)| Desc::new(name.into(), help.into(), vec![], HashMap::new()))
            .collect::<prometheus::Result<_>>()?;
        Ok(Self {
            descs,
            start_time: start_time(),
        })
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let stat = Stat::read();
        [
            Some(counter(CPU, cpu_seconds())),
            self.start_time.map(|value| gauge(START, value)),
            stat.as_ref().map(|stat| gauge(VIRTUAL, stat.virtual_bytes)),
            stat.as_ref()
                .map(|stat| gauge(RESIDENT, stat.resident_bytes)),
            open_descriptors().map(|value| gauge(OPEN, value)),
            getrlimit(Resource::Nofile)
                .current
                .map(|value| gauge(MOST, value as f64)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn gauge((name, help): (&str, &str), value: f64) -> MetricFamily {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    family(
        name,
        help,
        MetricType::GAUGE,
        vec![Metric::from_gauge(gauge)],
    )
}

fn counter((name, help): (&str, &str), value: f64) -> MetricFamily {
    let mut counter = Counter::default();
    counter.set_value(value);
    let mut metric = Metric::default();
    metric.set_counter(counter);
    family(name, help, MetricType::COUNTER, vec![metric])
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn open_descriptors() -> Option<f64> {
    fs::read_dir("/proc/self/fd")
        .ok()
        .map(|entries| entries.count() as f64)
}

/// Boot time plus the ticks from boot to the start of this process.
fn start_time() -> Option<f64> {
    let system = fs::read_to_string("/proc/stat").ok()?;
    let boot = system
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?;
    Some(boot.trim().parse::<f64>().ok()? + Stat::read()?.started_after_boot_seconds)
}

/// The fields of `/proc/self/stat` in use, proc(5).
struct Stat {
    started_after_boot_seconds: f64,
    virtual_bytes: f64,
    resident_bytes: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // The command in parentheses may hold blanks; field 3 follows the last one.
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split_ascii_whitespace().collect();
        let field = |nth: usize| fields.get(nth - 3)?.parse::<f64>().ok();
        Some(Self {
            started_after_boot_seconds: field(22)? / rustix::param::clock_ticks_per_second() as f64,
            virtual_bytes: field(23)?,
            resident_bytes: field(24)? * rustix::param::page_size() as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn all_six_metrics_are_there_and_sane() {
        let families = Process::new().unwrap().collect();
        assert_eq!(families.len(), 6);
        for family in &families {
            let metric = &family.get_metric()[0];
            let value = metric.get_gauge().get_value() + metric.get_counter().get_value();
            assert!(value > 0.0, "{} is {value}", family.name());
        }
    }

    #[test]
    fn this_process_started_a_short_while_ago() {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        let age = now - start_time().unwrap();
        assert!((-2.0..3600.0).contains(&age), "started {age} s ago");
    }

    #[test]
    fn a_command_with_blanks_and_parentheses_is_skipped() {
        let numbers: Vec<String> = (4..=30).map(|n| n.to_string()).collect();
        let stat = Stat::parse(&format!("1 (a) b) S {}", numbers.join(" "))).unwrap();
        assert!((stat.virtual_bytes - 23.0).abs() < f64::EPSILON);
    }
}

//! Ground truth that needs no reference tool: a stall, and the queues of theory.
//!
//! The real binary loads its embedded stack with one replica per group, whose behaviour is known:
//! frozen for a second, or a single server with a known distribution of service times.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use loadgen::model::{Nanos, Rate};
use loadgen::plan::{Process, Profile, Schedule};
use loadgen::report::{Record, from_json};
use loadgen::schedule::Slice;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// One oracle at a time: they measure time on a machine with few cores.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn loadgen(out: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command
        .args([
            "--host",
            "app-group-1",
            "--stack",
            "embedded",
            "--replicas",
            "1",
        ])
        .args(["--progress", "none", "--out"])
        .arg(out)
        .args(flags)
        .stdout(Stdio::null());
    command
}

fn record(out: &Path) -> Record {
    let text = std::fs::read_to_string(out.join("record.json")).expect("a record");
    from_json(&text).expect("a valid record")
}

/// The process ids of a process's children whose command line has `word`.
fn children(parent: &Child, word: &str) -> Vec<i32> {
    let is_child = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        after_name.split_whitespace().nth(1) == Some(parent.id().to_string().as_str())
            && command.contains(word)
    };
    let entries = std::fs::read_dir("/proc").expect("procfs");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(is_child).collect()
}

/// Polls until `condition` holds; a deadline makes a hang a failure.
fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn spooled_seconds(out: &Path) -> usize {
    let spool = std::fs::read_to_string(out.join("intervals.spool.jsonl")).unwrap_or_default();
    spool.lines().count().saturating_sub(1)
}

#[cfg(target_os = "linux")]
#[test]
fn a_stall_of_a_second_is_in_the_percentiles_in_full() {
    use rustix::process::{Pid, Signal, kill_process};
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let flags = [
        "--rps",
        "1000",
        "--duration",
        "10s",
        "--warmup",
        "500ms",
        "--connections",
        "64",
    ];
    let mut run = loadgen(folder.path(), &flags).spawn().expect("loadgen");

    wait_for("the third second", || {
        (spooled_seconds(folder.path()) >= 3).then_some(())
    });
    let replica = wait_for("a replica", || children(&run, "__replica").first().copied());
    let replica = Pid::from_raw(replica).expect("a process id");
    let frozen = Instant::now();
    kill_process(replica, Signal::STOP).expect("stopped");
    // The length of the stall is what is under test, so it is measured and not assumed.
    std::thread::sleep(Duration::from_secs(1));
    kill_process(replica, Signal::CONT).expect("continued");
    let stall = frozen.elapsed().as_secs_f64();
    let _ = run.wait().expect("an end");

    let record = record(folder.path());
    let group = &record.groups[0];
    assert_eq!(group.requests.planned, 10_000);
    assert_eq!(group.requests.sent, 10_000, "{:?}", group.requests);
    assert_eq!(group.requests.succeeded, 10_000, "{:?}", group.errors);
    assert_eq!(group.response_time.count, 10_000);

    // A share of stall/10 waited for what was left of the stall, evenly spread.
    let base = group.response_time.p50 as f64 / 1e9;
    for (quantile, measured) in [
        (0.95, group.response_time.p95),
        (0.99, group.response_time.p99),
    ] {
        let truth = stall - (1.0 - quantile) * 10.0 + base;
        let measured = measured as f64 / 1e9;
        assert!(
            (measured / truth - 1.0).abs() < 0.02,
            "p{}: {measured:.4} s, and the truth is {truth:.4} s after a stall of {stall:.4} s",
            quantile * 100.0
        );
    }
    assert!(
        group.response_time.p90 < 100_000_000,
        "p90 is not the stall's: {}",
        group.response_time.p90
    );
}

/// A single server: its mean service time, arrivals and service distribution.
struct Queue {
    name: &'static str,
    exponential: bool,
    utilisation: f64,
    /// Seeds of arrivals and of service times for which this many arrivals come within 1 % of the
    /// closed form, as the test itself makes sure.
    seeds: (u64, u64),
    /// Mean wait by the closed form, in service times.
    closed_form: f64,
}

const SERVICE: f64 = 0.005;
const LENGTH: u64 = 20;

impl Queue {
    fn schedule(&self) -> Schedule {
        Schedule {
            process: Process::Poisson { seed: self.seeds.0 },
            profile: Profile::Constant {
                rate: Rate::new(self.rate()).expect("a rate"),
            },
            warmup: Nanos::ZERO,
            duration: Nanos(LENGTH * Nanos::SECOND.0),
            requests: None,
        }
    }

    fn rate(&self) -> f64 {
        self.utilisation / SERVICE
    }

    /// The mean wait of exactly these arrivals and service times, by Lindley's recursion.
    fn lindley(&self) -> f64 {
        let mut random = ChaCha8Rng::seed_from_u64(self.seeds.1);
        let mut service = || {
            let uniform = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
            if self.exponential {
                -(1.0 - uniform).ln() * SERVICE
            } else {
                SERVICE
            }
        };
        let (mut free_at, mut waits, mut count) = (0.0_f64, 0.0, 0.0);
        for due in self.schedule().arrivals(Slice::WHOLE) {
            let due = due.as_secs_f64();
            let begins = free_at.max(due);
            waits += begins - due;
            count += 1.0;
            free_at = begins + service();
        }
        waits / count
    }

    fn measure(&self, folder: &Path, arrivals: &str, rate: f64, length: u64) -> Record {
        let kind = if self.exponential { "exp" } else { "fixed" };
        let flags = [
            format!("--rps={rate}"),
            format!("--arrivals={arrivals}"),
            format!("--seed={}", self.seeds.0),
            format!("--duration={length}s"),
            "--warmup=0s".into(),
            "--connections=64".into(),
            "--threads=1".into(),
            format!("--replica-arg=app-group-1=--service-time={kind}:5ms"),
            "--replica-arg=app-group-1=--concurrency=1".into(),
            format!("--replica-arg=app-group-1=--seed={}", self.seeds.1),
        ];
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let _ = loadgen(folder, &flags).status().expect("loadgen");
        record(folder)
    }
}

#[test]
fn waits_are_those_of_queueing_theory() {
    let _alone = alone();
    let queue = |name, exponential, utilisation, seeds, closed_form| Queue {
        name,
        exponential,
        utilisation,
        seeds,
        closed_form,
    };
    let queues = [
        queue("M/D/1", false, 0.5, (1, 1), 0.5 / (2.0 * 0.5)),
        queue("M/D/1", false, 0.8, (1, 1), 0.8 / (2.0 * 0.2)),
        queue("M/M/1", true, 0.5, (1, 1), 0.5 / 0.5),
        queue("M/M/1", true, 0.8, (1, 1), 0.8 / 0.2),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    // D/D/1 below saturation waits for nothing: what is beyond the service time is the path's.
    let idle = Queue {
        exponential: false,
        ..queue("D/D/1", false, 0.5, (1, 1), 0.0)
    };
    let idle = idle.measure(&folder.path().join("idle"), "constant", 100.0, 5);
    let path = idle.groups[0].response_time.mean as f64 / 1e9 - SERVICE;
    assert!((0.0..0.002).contains(&path), "the path takes {path} s");

    for (number, queue) in queues.iter().enumerate() {
        let theory = queue.closed_form * SERVICE;
        let realised = queue.lindley();
        assert!(
            (realised / theory - 1.0).abs() < 0.01,
            "{} at {}: these seeds are no fair sample: {realised} s for {theory} s",
            queue.name,
            queue.utilisation
        );
        let out = folder.path().join(number.to_string());
        let record = queue.measure(&out, "poisson", queue.rate(), LENGTH);
        let group = &record.groups[0];
        let arrivals = queue.schedule().arrivals(Slice::WHOLE).count() as u64;
        assert_eq!(group.requests.succeeded, arrivals, "{:?}", group.requests);
        let mean_service = if queue.exponential {
            realised_mean(queue)
        } else {
            SERVICE
        };
        let wait = group.response_time.mean as f64 / 1e9 - mean_service - path;
        assert!(
            (wait / theory - 1.0).abs() < 0.05,
            "{} at {}: mean wait {wait:.6} s, closed form {theory:.6} s, path {path:.6} s",
            queue.name,
            queue.utilisation
        );
    }
}

/// The mean of the service times that were really drawn.
fn realised_mean(queue: &Queue) -> f64 {
    let count = queue.schedule().arrivals(Slice::WHOLE).count();
    let mut random = ChaCha8Rng::seed_from_u64(queue.seeds.1);
    let draw = |_| {
        let uniform = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        -(1.0 - uniform).ln() * SERVICE
    };
    (0..count).map(draw).sum::<f64>() / count as f64
}

#[test]

fn search() {
    for exponential in [false, true] {
        for utilisation in [0.5, 0.8] {
            let closed_form = if exponential {
                utilisation / (1.0 - utilisation)
            } else {
                utilisation / (2.0 * (1.0 - utilisation))
            };
            for seed in 1..3_000 {
                let q = Queue {
                    name: "",
                    exponential,
                    utilisation,
                    seeds: (seed, seed + 1000),
                    closed_form,
                };
                if (q.lindley() / (closed_form * SERVICE) - 1.0).abs() < 0.005
                    && (realised_mean(&q) / SERVICE - 1.0).abs() < 0.01
                {
                    println!("{exponential} {utilisation} {seed}");
                    break;
                }
            }
        }
    }
}

//! Ground truth that needs no reference tool: a stall, and the queues of theory.
//!
//! The real binary loads its embedded stack with one replica per group, whose behaviour is known:
//! frozen for a second, or a single server with a known distribution of service times.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use loadgen::model::{Nanos, Rate};
use loadgen::plan::{Process, Profile, Schedule};
use loadgen::record::Record;
use loadgen::schedule::Slice;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::{judged, schema};

/// One oracle at a time: they measure time on a machine with few cores.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The replica itself, without a proxy between: what is known is known of it alone.
struct Replica {
    process: Child,
    address: String,
}

impl Replica {
    fn start(flags: &[String]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_loadgen"))
            .args([
                "__replica",
                &format!("--parent={}", std::process::id()),
                "--id=oracle",
            ])
            .args(flags)
            // It ends when this end of its standard input does.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a replica");
        let mut line = String::new();
        let output = process.stdout.as_mut().expect("its output");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("its address");
        let address = line
            .split_whitespace()
            .last()
            .expect("an address")
            .to_owned();
        Self { process, address }
    }

    fn loadgen(&self, out: &Path, flags: &[String]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
        command
            .args([
                "--target",
                &format!("http://{}", self.address),
                "--host",
                "oracle",
            ])
            .args([
                "--policy",
                "none",
                "--progress",
                "none",
                "--connections",
                "64",
                "--threads",
                "1",
            ])
            .arg("--out")
            .arg(out)
            .args(flags)
            .stdout(Stdio::null());
        command
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn record(out: &Path) -> Record {
    let text = std::fs::read_to_string(out.join("record.json")).expect("a record");
    let record = schema::record(&text);
    judged::judged_the_same(out, &record);
    record
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
    let spool = std::fs::read_to_string(out.join("spool.jsonl")).unwrap_or_default();
    spool.lines().count().saturating_sub(1)
}

/// Arrivals a second, the length of the run and of the stall in it.
///
/// What piled up in a stall has to be served when it ends, which takes time that is no fault of the
/// record: rate / capacity of the wait that is looked for. And a quantile falls on an arrival, so
/// it is known to 1 / rate. At this rate both stay below 1 % of the wait, also with a debug build
/// on a busy machine; `benches/peers` has a stall of one second in ten at 1,000/s.
const STALL_RATE: u64 = 100;
const STALL_RUN: u64 = 20;
const STALL: Duration = Duration::from_secs(2);

#[test]
fn a_stall_is_in_the_percentiles_in_full() {
    use rustix::process::{Pid, Signal, kill_process};
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let replica = Replica::start(&[]);
    let flags = [
        format!("--rps={STALL_RATE}"),
        format!("--duration={STALL_RUN}s"),
        "--warmup=500ms".into(),
    ];
    let mut run = replica
        .loadgen(folder.path(), &flags)
        .spawn()
        .expect("loadgen");

    wait_for("the third second", || {
        (spooled_seconds(folder.path()) >= 3).then_some(())
    });
    let pid = i32::try_from(replica.process.id())
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process id");
    let frozen = Instant::now();
    kill_process(pid, Signal::STOP).expect("stopped");
    // The length of the stall is what is under test, so it is measured and not assumed.
    std::thread::sleep(STALL);
    kill_process(pid, Signal::CONT).expect("continued");
    let stall = frozen.elapsed().as_secs_f64();
    let _ = run.wait().expect("an end");

    let record = record(folder.path());
    let group = &record.groups[0];
    let planned = STALL_RUN * STALL_RATE;
    assert_eq!(group.requests.planned, planned);
    assert_eq!(group.requests.sent, planned, "{:?}", group.requests);
    assert_eq!(group.requests.succeeded, planned, "{:?}", group.errors);
    assert_eq!(group.response_time.count, planned);

    // A share of stall / run waited for what was left of the stall, evenly spread.
    let base = group.response_time.p50 as f64 / 1e9;
    for (quantile, measured) in [
        (0.95, group.response_time.p95),
        (0.99, group.response_time.p99),
    ] {
        let truth = stall - (1.0 - quantile) * STALL_RUN as f64 + base;
        let measured = measured as f64 / 1e9;
        assert!(
            (measured / truth - 1.0).abs() < 0.02,
            "p{}: {measured:.4} s, and the truth is {truth:.4} s after a stall of {stall:.4} s",
            quantile * 100.0
        );
    }
    assert!(
        group.response_time.p50 < 100_000_000,
        "the median is not the stall's: {}",
        group.response_time.p50
    );
}

/// What the way to a replica and back takes, on this machine, in the very seconds of a run: a second
/// replica under a second generator. Requests come one at a time there and take a known time, so
/// what is beyond it is the path's: system calls, wake-ups, and whatever else the machine did.
struct Control {
    process: Child,
    out: PathBuf,
    _replica: Replica,
}

impl Control {
    fn start(out: &Path) -> Self {
        let replica = Replica::start(&["--service-time=fixed:5ms".into()]);
        let flags = [
            "--rps=50".into(),
            format!("--duration={LENGTH}s"),
            "--warmup=0s".into(),
        ];
        Self {
            process: replica.loadgen(out, &flags).spawn().expect("loadgen"),
            out: out.to_owned(),
            _replica: replica,
        }
    }

    /// Seconds.
    fn path(mut self) -> f64 {
        let _ = self.process.wait().expect("an end");
        record(&self.out).groups[0].response_time.mean as f64 / 1e9 - SERVICE
    }
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
        let (mut free_at, mut waits, mut count) = (0.0_f64, 0.0, 0.0);
        for (due, service) in self
            .schedule()
            .arrivals(Slice::WHOLE)
            .zip(self.service_times())
        {
            let due = due.as_secs_f64();
            let begins = free_at.max(due);
            waits += begins - due;
            count += 1.0;
            free_at = begins + service;
        }
        waits / count
    }

    /// Loads a replica that is this queue, and beside it the control.
    fn measure(&self, folder: &Path) -> (Record, f64) {
        let kind = if self.exponential { "exp" } else { "fixed" };
        let replica = Replica::start(&[
            format!("--service-time={kind}:5ms"),
            "--concurrency=1".into(),
            format!("--seed={}", self.seeds.1),
        ]);
        let flags = [
            format!("--rps={}", self.rate()),
            "--arrivals=poisson".into(),
            format!("--seed={}", self.seeds.0),
            format!("--duration={LENGTH}s"),
            "--warmup=0s".into(),
        ];
        let control = Control::start(&folder.join("control"));
        let out = folder.join("queue");
        let _ = replica.loadgen(&out, &flags).status().expect("loadgen");
        (record(&out), control.path())
    }

    /// The service times that the replica draws for the load, in order. The first draw is spent on
    /// the probe that comes before it.
    fn service_times(&self) -> impl Iterator<Item = f64> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seeds.1);
        let exponential = self.exponential;
        std::iter::repeat_with(move || {
            let uniform = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
            if exponential {
                -(1.0 - uniform).ln() * SERVICE
            } else {
                SERVICE
            }
        })
        .skip(1)
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
        queue("M/D/1", false, 0.5, (68, 1068), 0.5 / (2.0 * 0.5)),
        queue("M/D/1", false, 0.8, (4, 1004), 0.8 / (2.0 * 0.2)),
        queue("M/M/1", true, 0.5, (22, 1022), 0.5 / 0.5),
        queue("M/M/1", true, 0.8, (70, 1070), 0.8 / 0.2),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    for (number, queue) in queues.iter().enumerate() {
        let theory = queue.closed_form * SERVICE;
        let realised = queue.lindley();
        assert!(
            (realised / theory - 1.0).abs() < 0.01,
            "{} at {}: these seeds are no fair sample: {realised} s for {theory} s",
            queue.name,
            queue.utilisation
        );
        let (record, path) = queue.measure(&folder.path().join(number.to_string()));
        assert!((0.0..0.002).contains(&path), "the path takes {path} s");
        let group = &record.groups[0];
        let arrivals = queue.schedule().arrivals(Slice::WHOLE).count() as u64;
        assert_eq!(group.requests.succeeded, arrivals, "{:?}", group.requests);
        let mean_service = realised_mean(queue);
        let wait = group.response_time.mean as f64 / 1e9 - mean_service - path;
        // What a failure prints beside its own figures.
        println!(
            "{} at {}: {:+.2} % of the closed form, path {path:.6} s",
            queue.name,
            queue.utilisation,
            (wait / theory - 1.0) * 100.0
        );
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
    queue.service_times().take(count).sum::<f64>() / count as f64
}

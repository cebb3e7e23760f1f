//! A transport without a network: each attempt and each exchange does what a test says.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use loadgen::engine::{self, Clock, GroupJob, Job, Observer, Stop};
use loadgen::model::{ErrorClass, Nanos, Progress, Rate};
use loadgen::recorder::{Phase, Recording, Tally, Window};
use loadgen::schedule::{Load, Process, Profile, Schedule};
use loadgen::traffic::Call;
use loadgen::transport::{After, Answer, Connection, Failure, Transport};
use tokio::sync::watch;

/// What an attempt to connect, or an exchange, does.
#[derive(Clone, Copy, Debug)]
pub struct Act<T> {
    /// How long it takes, while others go on.
    pub takes: Duration,
    /// How long it keeps the whole thread, before that.
    pub blocks: Duration,
    /// How it ends.
    pub ends: Result<T, ErrorClass>,
}

/// An answer with this status on a connection that lasts.
pub fn status(status: u16) -> Act<Answer> {
    act(Ok(Answer {
        status,
        tries: 1,
        after: After::Reuse,
    }))
}

/// Ends like this, at once.
pub fn act<T>(ends: Result<T, ErrorClass>) -> Act<T> {
    Act {
        takes: Duration::ZERO,
        blocks: Duration::ZERO,
        ends,
    }
}

impl<T> Act<T> {
    pub fn taking(self, millis: u64) -> Self {
        let takes = Duration::from_millis(millis);
        Self { takes, ..self }
    }

    pub fn blocking(self, blocks: Duration) -> Self {
        Self { blocks, ..self }
    }

    async fn carry_out(self) -> Result<T, ErrorClass> {
        let until = Instant::now() + self.blocks;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        if !self.takes.is_zero() {
            tokio::time::sleep(self.takes).await;
        }
        self.ends
    }
}

/// What has happened so far.
#[derive(Debug, Default)]
pub struct Book {
    attempts: AtomicU64,
    exchanges: AtomicU64,
    in_flight: AtomicU64,
    most_in_flight: AtomicU64,
    /// The connection, by number, that each exchange was on.
    used: Mutex<Vec<u64>>,
}

impl Book {
    /// Attempts to connect.
    pub fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::SeqCst)
    }

    /// The most exchanges that were in flight at once.
    pub fn most_in_flight(&self) -> u64 {
        self.most_in_flight.load(Ordering::SeqCst)
    }

    /// The connection that each exchange was on, in order.
    pub fn used(&self) -> Vec<u64> {
        self.used.lock().unwrap().clone()
    }
}

type Told<T> = Arc<dyn Fn(u64) -> Act<T> + Send + Sync>;

/// The transport: told by number what each attempt and each exchange does.
#[derive(Clone)]
pub struct Fake {
    pub book: Arc<Book>,
    connect: Told<()>,
    exchange: Told<Answer>,
}

/// A connection of it.
pub struct FakeConnection {
    number: u64,
    fake: Fake,
}

impl Fake {
    /// Connects at once, and does this for each exchange, by its number from 0.
    pub fn new(exchange: impl Fn(u64) -> Act<Answer> + Send + Sync + 'static) -> Self {
        Self {
            book: Arc::default(),
            connect: Arc::new(|_| act(Ok(()))),
            exchange: Arc::new(exchange),
        }
    }

    /// Does this for each attempt to connect, by its number from 0.
    pub fn connecting(self, connect: impl Fn(u64) -> Act<()> + Send + Sync + 'static) -> Self {
        Self {
            connect: Arc::new(connect),
            ..self
        }
    }

    /// Runs a load on it to its end.
    pub fn run(&self, job: &Job) -> Recording {
        self.run_until(job, std::future::pending())
    }

    /// Runs a load on it, and stops it when `stop` is over; checks what always holds.
    pub fn run_until(
        &self,
        job: &Job,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Recording {
        let (sender, stopped) = watch::channel(Stop::No);
        // It ends with the process where the run ends before it.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap();
            runtime.block_on(stop);
            let _ = sender.send(Stop::Soon);
        });
        let mut seconds = Seconds(vec![Tally::default(); job.groups.len()]);
        let fake = self.clone();
        let transport = move |_| Ok(fake.clone());
        let recording = engine::run(job, transport, &mut seconds, &stopped).expect("a run");
        for (group, seconds) in recording.groups.iter().zip(&seconds.0) {
            let total = &group.measured;
            identities_hold(total);
            let (whole, parts) = (&total.counts, &seconds.counts);
            assert_eq!(whole, parts, "the seconds add up to the whole");
            // Histograms are too long to be shown.
            assert!(total == seconds, "so do their histograms");
        }
        recording
    }
}

/// The identities of the contract.
#[track_caller]
pub fn identities_hold(tally: &Tally) {
    let counts = &tally.counts;
    assert_eq!(counts.planned, counts.sent + counts.dropped, "{counts:?}");
    let finished = counts.succeeded + counts.failed;
    assert!(counts.sent >= finished, "{counts:?}");
    for histogram in [&tally.response, &tally.service, &tally.lag] {
        assert_eq!(histogram.count(), finished, "{counts:?}");
    }
    let told: u64 = counts.status.values().chain(counts.errors.values()).sum();
    assert_eq!(told, finished, "{counts:?}");
}

/// Adds up the seconds as they come.
struct Seconds(Vec<Tally>);

impl Observer for Seconds {
    fn begin(&mut self, _: Clock, _: Nanos) {}

    fn window(&mut self, window: &Window) {
        if window.phase == Phase::Measured {
            self.0[window.group].add(&window.tally);
        }
    }

    fn progress(&mut self, _: &Progress) {}
}

impl Transport for Fake {
    type Connection = FakeConnection;

    async fn connect(&self) -> Result<FakeConnection, Failure> {
        let number = self.book.attempts.fetch_add(1, Ordering::SeqCst);
        (self.connect)(number).carry_out().await?;
        Ok(FakeConnection {
            number,
            fake: self.clone(),
        })
    }
}

/// Counts down also where an exchange is given up.
struct InFlight(Arc<Book>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Connection for FakeConnection {
    async fn exchange(&mut self, _sent: Instant, _call: Call) -> Result<Answer, Failure> {
        let book = Arc::clone(&self.fake.book);
        let now = book.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        book.most_in_flight.fetch_max(now, Ordering::SeqCst);
        book.used.lock().unwrap().push(self.number);
        let number = book.exchanges.fetch_add(1, Ordering::SeqCst);
        let _in_flight = InFlight(book);
        Ok((self.fake.exchange)(number).carry_out().await?)
    }

    fn poll_closed(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn named_header(&self) -> &[u8] {
        b""
    }

    fn short_body(&self) -> &[u8] {
        b"\"replica\""
    }
}

/// A constant rate for so many milliseconds, on one thread and so many connections.
pub fn open(rate: f64, millis: u64, connections: usize) -> Job {
    let duration = Nanos(millis * 1_000_000);
    let schedule = Schedule {
        process: Process::Constant,
        profile: Profile::Constant {
            rate: Rate::new(rate).expect("a rate"),
        },
        warmup: Nanos::ZERO,
        duration,
        requests: None,
    };
    of(Load::Open { schedule }, duration, connections)
}

/// A closed loop for so many milliseconds.
pub fn closed(requests: Option<u64>, millis: u64, connections: usize) -> Job {
    let duration = Nanos(millis * 1_000_000);
    of(Load::Closed { requests }, duration, connections)
}

fn of(load: Load, duration: Nanos, connections: usize) -> Job {
    let group = GroupJob::new("group", load, connections);
    Job {
        patience: Duration::from_secs(30),
        connect_patience: Duration::from_secs(5),
        ..Job::new(vec![group], duration)
    }
}

/// The same with a warm-up before it.
pub fn warmed_up(mut job: Job, millis: u64) -> Job {
    job.warmup = Nanos(millis * 1_000_000);
    for group in &mut job.groups {
        if let Load::Open { schedule } = &mut group.load {
            schedule.warmup = job.warmup;
        }
    }
    job
}

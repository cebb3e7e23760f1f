//! Counts heap allocations on a generator thread, of which none may belong to a request, and the
//! bytes that are held, which may not grow with the number of requests.

#![expect(
    unsafe_code,
    reason = "an allocator that counts is an unsafe trait to implement"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use loadgen::engine::{Clock, GroupJob, Job, Observer, Stop, run};
use loadgen::model::{Nanos, Progress, Rate};
use loadgen::recorder::Window;
use loadgen::schedule::{Load, Process, Profile, Schedule};
use loadgen::traffic::{
    Call, Choice, Data, Log, Order, Replay, Replayed, RequestText, Table, Template, Traffic, Values,
};
use loadgen::transport::{
    After, Answer, Client, ClientConnection, ClientOptions, Connection, Failure, Messages,
    Transport,
};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static EXCHANGES: Cell<u64> = const { Cell::new(0) };
}

/// Bytes that are held by all threads, now and at the most.
static HELD: AtomicI64 = AtomicI64::new(0);
static MOST_HELD: AtomicI64 = AtomicI64::new(0);

/// One test at a time: what is counted is the whole process's.
static ALONE: Mutex<()> = Mutex::new(());

/// The system's allocator, which counts for the thread that asks, and bytes for all of them.
struct Counting;

fn hold(bytes: usize) {
    let bytes = bytes.cast_signed() as i64;
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST_HELD.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: every call is passed on unchanged to the system's allocator; counting touches only a
// thread-local number without a destructor, and allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        hold(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size().cast_signed() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Exchanges after which everything is warm, and exchanges that are looked at.
const WARM: u64 = 2_000;
const LOOKED_AT: u64 = 10_000;

static AT_WARM: AtomicU64 = AtomicU64::new(0);
static AT_END: AtomicU64 = AtomicU64::new(0);

/// The hot path, which notes the thread's allocations as exchanges go by.
struct Noting(Client);
struct NotingConnection(ClientConnection);

impl Transport for Noting {
    type Connection = NotingConnection;

    async fn connect(&self) -> Result<NotingConnection, Failure> {
        self.0.connect().await.map(NotingConnection)
    }
}

impl Connection for NotingConnection {
    fn exchange(
        &mut self,
        sent: Instant,
        call: Call,
    ) -> impl Future<Output = Result<Answer, Failure>> {
        let n_exchanges = EXCHANGES.get() + 1;
        EXCHANGES.set(n_exchanges);
        if n_exchanges == WARM {
            AT_WARM.store(ALLOCATIONS.get(), Ordering::Relaxed);
        } else if n_exchanges == WARM + LOOKED_AT {
            AT_END.store(ALLOCATIONS.get(), Ordering::Relaxed);
        }
        self.0.exchange(sent, call)
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_closed(cx)
    }

    fn named_header(&self) -> &[u8] {
        self.0.named_header()
    }

    fn short_body(&self) -> &[u8] {
        self.0.short_body()
    }
}

struct Nobody;

impl Observer for Nobody {
    fn begin(&mut self, _: Clock, _: Nanos) {}
    fn window(&mut self, _: &Window) {}
    fn progress(&mut self, _: &Progress) {}
}

fn job(load: Load, duration: Nanos) -> Job {
    let group = GroupJob::new("g", load, 16);
    Job::new(vec![group], duration)
}

fn replica() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("non-blocking");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let options = app::Options {
                id: "replica".into(),
                ..app::Options::default()
            };
            app::serve(listener, options, std::future::pending()).await
        })
    });
    address
}

/// Two requests, both of which differ by arrival.
fn mix() -> Traffic {
    let data: Arc<[Data]> = Arc::new([Data {
        name: "users".into(),
        order: Order::Random,
        table: Table::read(b"id\n7\n8000\n").expect("a table"),
    }]);
    let text = |text: &str| Template::read(text.as_bytes(), &data).expect(text);
    let request = |name: &str| RequestText {
        name: name.into(),
        method: "GET".into(),
        path: text("/?{seq}={users.id}"),
        headers: vec![("x-request-id".into(), text("{uuid}"))],
        body: Some(text("{\"page\":{seq % 50}}")),
    };
    Traffic {
        choice: Choice::new(&[3, 1], Order::InTurn, 1),
        requests: [request("one"), request("other")].into(),
        values: Values {
            seed: 1,
            group: 0,
            data: Arc::clone(&data),
        },
    }
}

#[test]
fn a_request_on_the_hot_path_allocates_nothing() {
    allocates_nothing(None);
}

#[test]
fn a_request_that_is_filled_in_allocates_nothing() {
    allocates_nothing(Some(mix()));
}

#[test]
fn a_request_that_is_replayed_allocates_nothing() {
    allocates_nothing(Some(replay()));
}

/// A log of two methods, whose paths have different lengths.
fn replay() -> Traffic {
    let lines = |n: u32| format!("1 GET - /?n={}\n1 OPTIONS - /{n}\n", n * n);
    let text: String = (0..500).map(lines).collect();
    let log: Log = text.parse().expect("a log");
    let replay = Replay::of(&log, None, 1.0);
    let data: Arc<[Data]> = [Replay::paths(&log, None)].into();
    let path = Template::read(b"{log.path}", &data).expect("a path");
    let request = |one: &Replayed| RequestText {
        name: one.name.clone(),
        method: one.method.clone(),
        path: path.clone(),
        headers: Vec::new(),
        body: None,
    };
    assert_eq!(replay.names.len(), 2);
    Traffic {
        choice: replay.choice(),
        requests: replay.names.iter().map(request).collect(),
        values: Values {
            data,
            ..Values::default()
        },
    }
}

fn allocates_nothing(mix: Option<Traffic>) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let address = replica();
    let schedule = Schedule {
        process: Process::Constant,
        profile: Profile::Constant {
            rate: Rate::new(5_000.0).expect("a rate"),
        },
        warmup: Nanos::ZERO,
        duration: Nanos(3 * Nanos::SECOND.0),
        requests: None,
    };
    let mut job = job(Load::Open { schedule }, Nanos(3 * Nanos::SECOND.0));
    let mut options = ClientOptions::get(address, "g", "/");
    if let Some(mix) = mix {
        options.messages = Messages::new(&mix, "g", false, true);
        job.groups[0].requests = mix.names();
        job.groups[0].choice = mix.choice;
    }
    let options = Arc::new(options);
    let transport = move |_| Ok(Noting(Client::new(Arc::clone(&options))));
    let (_stop, stopped) = tokio::sync::watch::channel(Stop::No);
    let recording = run(&job, transport, &mut Nobody, &stopped).expect("a run");
    let measured = &recording.groups[0].measured;
    // A replica knows no such paths as the replayed ones.
    assert_eq!(measured.counts.succeeded + measured.counts.failed, 15_000);
    if measured.requests.contains_key("other") {
        assert_eq!(
            measured.requests["other"].counts.sent.abs_diff(3_750) / 10,
            0
        );
    }

    let allocated = AT_END.load(Ordering::Relaxed) - AT_WARM.load(Ordering::Relaxed);
    // Each second that passes is handed over in new histograms, which is some dozens of
    // allocations; connections that a busy machine makes late are a few more.
    assert!(
        allocated < LOOKED_AT / 10,
        "{allocated} allocations for {LOOKED_AT} requests"
    );
    assert!(AT_WARM.load(Ordering::Relaxed) > 0, "the allocator counts");
}

/// Answers at once, from one replica.
struct Immediate;

impl Transport for Immediate {
    type Connection = Self;

    async fn connect(&self) -> Result<Self, Failure> {
        Ok(Self)
    }
}

impl Connection for Immediate {
    async fn exchange(&mut self, _sent: Instant, _call: Call) -> Result<Answer, Failure> {
        Ok(Answer {
            status: 200,
            tries: 1,
            after: After::Reuse,
        })
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

/// The most bytes held at once, beyond those held before, in a run of so many requests.
fn most_held_for(requests: u64) -> i64 {
    let duration = Nanos(600 * Nanos::SECOND.0);
    let load = Load::Closed {
        requests: Some(requests),
    };
    let job = job(load, duration);
    let before = HELD.load(Ordering::Relaxed);
    MOST_HELD.store(before, Ordering::Relaxed);
    let (_stop, stopped) = tokio::sync::watch::channel(Stop::No);
    let recording = run(&job, |_| Ok(Immediate), &mut Nobody, &stopped).expect("a run");
    assert_eq!(recording.groups[0].measured.response.count(), requests);
    MOST_HELD.load(Ordering::Relaxed) - before
}

/// The seventh trap of load generators (the other nine are in `engine/traps.rs`): memory that
/// grows with the requests makes long runs impossible, and slows down those before that.
#[test]
fn trap_7_every_sample_kept() {
    const FEW: u64 = 10_000;
    const MANY: u64 = 3_000_000;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (few, many) = (most_held_for(FEW), most_held_for(MANY));
    // The many take some seconds, and a second that is handed over is held twice for a moment:
    // half a megabyte for each of the histograms. A sample would have at least eight bytes.
    let bound = 4 << 20;
    assert!(bound < (MANY - FEW).cast_signed() * 8 / 4);
    assert!(
        many - few < bound,
        "{few} bytes for {FEW} requests, and {many} for {MANY}"
    );
}

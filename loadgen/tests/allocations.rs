//! Counts heap allocations on a generator thread: none may belong to a request.

#![expect(
    unsafe_code,
    reason = "an allocator that counts is an unsafe trait to implement"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use loadgen::engine::{Arrivals, GroupLoad, Load, NameSource, Observer, Stop, run};
use loadgen::model::{ErrorClass, Nanos, Progress, Rate};
use loadgen::plan::{Process, Profile, Schedule};
use loadgen::recorder::Interval;
use loadgen::transport::http1::{Http1, Http1Connection, request_bytes};
use loadgen::transport::{Answer, Connection, Transport, Watch};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static EXCHANGES: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, which counts for the thread that asks.
struct Counting;

// SAFETY: every call is passed on unchanged to the system's allocator; counting touches only a
// thread-local number without a destructor, and allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
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
struct Noting(Http1);
struct NotingConnection(Http1Connection);

impl Transport for Noting {
    type Connection = NotingConnection;

    async fn connect(&self) -> Result<NotingConnection, ErrorClass> {
        self.0.connect().await.map(NotingConnection)
    }
}

impl Connection for NotingConnection {
    fn exchange(&mut self, sent: Instant) -> impl Future<Output = Result<Answer, ErrorClass>> {
        let n_exchanges = EXCHANGES.get() + 1;
        EXCHANGES.set(n_exchanges);
        if n_exchanges == WARM {
            AT_WARM.store(ALLOCATIONS.get(), Ordering::Relaxed);
        } else if n_exchanges == WARM + LOOKED_AT {
            AT_END.store(ALLOCATIONS.get(), Ordering::Relaxed);
        }
        self.0.exchange(sent)
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
    fn interval(&mut self, _: &Interval) {}
    fn progress(&mut self, _: &Progress) {}
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

#[test]
fn a_request_on_the_hot_path_allocates_nothing() {
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
    let load = Load {
        groups: vec![GroupLoad {
            host: "g".into(),
            arrivals: Arrivals::Open(schedule),
            connections: 16,
        }],
        threads: 1,
        warmup: Nanos::ZERO,
        duration: Nanos(3 * Nanos::SECOND.0),
        patience: Duration::from_secs(5),
        connect_patience: Duration::from_secs(2),
        spin: false,
        name_source: NameSource::Body,
    };
    let transport = move |_| {
        Ok(Noting(Http1 {
            addresses: vec![address].into(),
            method: "GET".into(),
            request: request_bytes("GET", "/", "g", &[], None).into(),
            watch: Watch::default(),
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
        }))
    };
    let (_stop, stopped) = tokio::sync::watch::channel(Stop::No);
    let recording = run(&load, transport, &mut Nobody, &stopped).expect("a run");
    assert_eq!(recording.totals[0].1.counts.succeeded, 15_000);

    let allocated = AT_END.load(Ordering::Relaxed) - AT_WARM.load(Ordering::Relaxed);
    // Each second that passes is handed over in new histograms, which is some dozens of
    // allocations; connections that a busy machine makes late are a few more.
    assert!(
        allocated < LOOKED_AT / 10,
        "{allocated} allocations for {LOOKED_AT} requests"
    );
    assert!(AT_WARM.load(Ordering::Relaxed) > 0, "the allocator counts");
}

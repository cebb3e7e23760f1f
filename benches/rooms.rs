//! What a request passes through, piece by piece: schedule, decoder, replica lookup, recorder.

use std::hint::black_box;
use std::sync::mpsc;

use benches::{REPLICAS, run, schedule, service_times};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use loadgen::engine::name_in;
use loadgen::model::{Grid, NameSource, Nanos, Outcome};
use loadgen::recorder::{CpuTime, Finished, Histogram, Names, Recorder, RecorderOptions, Tally};
use loadgen::schedule::{Process, Slice};
use loadgen::transport::http1::{Decoder, Step};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 31 Jan 2026 12:00:00 GMT\r\n\
Content-Type: application/json\r\nContent-Length: 14\r\nConnection: keep-alive\r\n\
X-Upstream: 172.18.0.3:80\r\n\r\n\"782bf3ef4322\"";

fn schedules(c: &mut Criterion) {
    let mut group = c.benchmark_group("schedule");
    group.throughput(Throughput::Elements(10_000));
    for (name, process) in [
        ("constant", Process::Constant),
        ("poisson", Process::Poisson { seed: 1 }),
    ] {
        let schedule = schedule(10_000.0, 1, process);
        group.bench_function(name, |b| {
            b.iter(|| {
                schedule
                    .arrivals(Slice::WHOLE)
                    .map(|due| due.0)
                    .fold(0, u64::wrapping_add)
            });
        });
    }
    group.finish();
}

fn decoder(c: &mut Criterion) {
    let mut decoder = Decoder::new("GET", NameSource::Body);
    c.bench_function("decoder/answer", |b| {
        b.iter(|| {
            decoder.begin();
            assert!(matches!(
                decoder.decode(black_box(ANSWER)),
                Ok(Step::Done(_))
            ));
            name_in(decoder.short_body()).len()
        });
    });
}

fn lookup(c: &mut Criterion) {
    let mut names = Names::default();
    let mut turn = REPLICAS.iter().cycle();
    c.bench_function("names/of four in turn", |b| {
        b.iter(|| names.index_of(black_box(turn.next().unwrap_or(&"").as_bytes())));
    });
    let many: Vec<String> = (0..64).map(|n| format!("replica-{n:04}")).collect();
    let mut names = Names::default();
    let mut at = 0;
    c.bench_function("names/of sixty-four at random", |b| {
        b.iter(|| {
            at = (at * 5 + 3) % many.len();
            names.index_of(black_box(many[at].as_bytes()))
        });
    });
}

fn recorder(c: &mut Criterion) {
    let (out, _windows) = mpsc::channel();
    let options = RecorderOptions {
        thread: 0,
        groups: vec![Vec::new()],
        measured_from: Nanos::ZERO,
        grid: Grid::seconds(),
        most_names: Names::MOST,
        cpu_clock: CpuTime::default,
    };
    let mut recorder = Recorder::new(options, out);
    let mut times = service_times();
    let mut turn = REPLICAS.iter().cycle();
    c.bench_function("recorder/one request", |b| {
        b.iter(|| {
            let due = Nanos(500_000_000);
            recorder.planned(0, 0, due);
            recorder.sent(0, 0, due);
            let sent = due.plus(Nanos(20_000));
            let finished = Finished {
                request: 0,
                due,
                released: sent,
                sent,
                done: sent.plus(times.next().unwrap_or_default()),
                outcome: Outcome::Answered { status: 200 },
                name: turn.next().unwrap_or(&"").as_bytes(),
                tries: 1,
                previous: None,
            };
            recorder.finished(0, black_box(finished));
        });
    });
}

fn merge(c: &mut Criterion) {
    let recording = run(5_000.0, 2).recording;
    let tally = &recording.groups[0].measured;
    c.bench_function("merge/tally of four replicas", |b| {
        b.iter_batched_ref(
            Tally::default,
            |sum| sum.add(black_box(tally)),
            BatchSize::LargeInput,
        );
    });
    let histogram = &tally.response;
    c.bench_function("merge/histogram", |b| {
        let mut sum = Histogram::new();
        b.iter(|| sum.add(black_box(histogram)));
    });
}

criterion_group!(benches, schedules, decoder, lookup, recorder, merge);
criterion_main!(benches);

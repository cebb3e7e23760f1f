//! What happens around a run: reading pages, judging, and drawing a record of ten minutes.

use std::hint::black_box;

use benches::{judged, metrics_page, plan, recording, ten_minutes};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loadgen::report;

fn exposition(c: &mut Criterion) {
    let page = metrics_page();
    let mut group = c.benchmark_group("exposition");
    group.throughput(Throughput::Bytes(page.len() as u64));
    group.bench_function("parse a page", |b| {
        b.iter(|| loadgen::scrape::parse(black_box(&page)).map(|page| page.samples.len()));
    });
    group.finish();
}

fn checks(c: &mut Criterion) {
    let plan = plan(500.0, 600);
    let (recording, _) = recording(&plan, 500.0);
    c.bench_function("checks/ten minutes, four replicas", |b| {
        b.iter(|| judged(black_box(&plan), black_box(&recording)));
    });
}

fn rendering(c: &mut Criterion) {
    let record = ten_minutes();
    let json = report::to_json(&record);
    let mut group = c.benchmark_group("report of ten minutes");
    group.sample_size(10);
    group.bench_function("to json", |b| {
        b.iter(|| report::to_json(black_box(&record)).len());
    });
    group.bench_function("from json", |b| {
        b.iter(|| report::from_json(black_box(&json)).is_ok());
    });
    group.bench_function("every file", |b| {
        b.iter(|| report::files(black_box(&record)).len());
    });
    group.finish();
}

criterion_group!(benches, exposition, checks, rendering);
criterion_main!(benches);

//! What happens around a run: reading pages, judging, and drawing a record of ten minutes.

use std::hint::black_box;

use benches::{metrics_page, run, ten_minutes};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loadgen::checks::judge;
use loadgen::store::{self, Folder};
use loadgen::{record, report};

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
    let evidence = run(500.0, 600).evidence();
    c.bench_function("checks/ten minutes, four replicas", |b| {
        b.iter(|| judge(black_box(&evidence)));
    });
}

fn rendering(c: &mut Criterion) {
    let (_, record) = ten_minutes();
    let json = record::to_json(&record);
    let mut group = c.benchmark_group("report of ten minutes");
    group.sample_size(10);
    group.bench_function("to json", |b| {
        b.iter(|| record::to_json(black_box(&record)).len());
    });
    group.bench_function("from json", |b| {
        b.iter(|| record::from_json(black_box(&json)).is_ok());
    });
    group.bench_function("every file", |b| {
        b.iter(|| record::to_json(&record).len() + report::files(black_box(&record)).count());
    });
    group.finish();
}

/// What 200 stored runs of ten minutes add to the end of a run.
fn list(c: &mut Criterion) {
    let place = tempfile::tempdir().expect("a folder");
    let reports = place.path().join("reports");
    let (evidence, record) = ten_minutes();
    let mut last = reports.clone();
    for n in 0..200 {
        last = reports.join(format!("run-{n:03}"));
        let folder = Folder::create(Some(last.clone()), &evidence.plan).expect("a folder");
        folder.keep(&record, &evidence).expect("stored");
    }
    c.bench_function("list of 200 runs", |b| {
        b.iter(|| {
            let (folder, runs) = store::runs_beside(&last).expect("runs");
            store::write_list(&folder, &report::render_index(&runs)).expect("written");
        });
    });
}

criterion_group!(benches, exposition, checks, rendering, list);
criterion_main!(benches);

//! Workers that delivered, that did not, and one that was late among many.

use super::scene::{Scene, scene};
use crate::model::Nanos;
use crate::record::{Code, Quantiles, Severity, WorkerRecord, WorkerState};
use crate::recorder::Histogram;

fn worker(n: u32, lag_us: u64) -> WorkerRecord {
    let mut times = Histogram::new();
    for _ in 0..500 {
        times.record(Nanos(lag_us * 1_000));
    }
    WorkerRecord {
        n,
        node: format!("node-{n}"),
        state: WorkerState::Done,
        planned: 500,
        sent: 500,
        release_lag: Quantiles::of(&times),
        ..WorkerRecord::default()
    }
}

fn sent_by(workers: Vec<WorkerRecord>) -> Scene {
    Scene {
        workers,
        ..scene(2, 500, 10, |k| (k % 2) as usize)
    }
}

#[test]
fn workers_that_all_delivered_are_an_item_and_no_finding() {
    let judgement = sent_by(vec![worker(0, 30), worker(1, 40)]).judge();
    let items = judgement.certificate.items.iter();
    let delivered = items
        .clone()
        .find(|item| item.name == "workers that delivered");
    let delivered = delivered.expect("an item");
    assert_eq!(
        (delivered.observed.as_str(), delivered.ok),
        ("2 of 2", true)
    );
    let mut codes = judgement.findings.iter().map(|finding| &finding.code);
    assert!(!codes.any(|code| *code == Code::LostWorker || *code == Code::GeneratorLag));
    let alone = sent_by(Vec::new()).judge();
    assert_eq!(alone.certificate.items.len() + 2, items.count());
}

#[test]
fn a_worker_that_did_not_deliver_makes_the_run_invalid_and_is_named() {
    for (state, said) in [
        (
            WorkerState::Lost,
            "worker 1 on node-1 was lost after second 3: why; 200 of its 500 arrivals",
        ),
        (
            WorkerState::Corrupt,
            "worker 1 on node-1 said what does not add up after second 3: why",
        ),
        (
            WorkerState::Late,
            "worker 1 on node-1 came too late, and sent nothing: why; 200 of its",
        ),
    ] {
        let lost = WorkerRecord {
            state,
            second: Some(3),
            reason: Some("why".into()),
            unsent: 200,
            ..worker(1, 30)
        };
        let judgement = sent_by(vec![worker(0, 30), lost]).judge();
        let mut findings = judgement.findings.iter();
        let finding = findings.find(|finding| finding.code == Code::LostWorker);
        let finding = finding.expect("a finding");
        assert!(finding.message.starts_with(said), "{}", finding.message);
        assert!(finding.hint.is_some());
        assert_eq!(finding.severity, Severity::Invalid);
        assert_eq!(judgement.verdict.exit_code, 4);
    }
}

#[test]
fn a_worker_that_is_late_by_itself_is_named_though_the_sum_of_all_is_in_time() {
    let judgement = sent_by(vec![worker(0, 30), worker(1, 90_000), worker(2, 30)]).judge();
    let mut findings = judgement.findings.iter();
    let finding = findings.find(|finding| finding.code == Code::GeneratorLag);
    let finding = finding.expect("a finding");
    assert!(
        finding
            .message
            .starts_with("worker 1 on node-1 released 100.0 %"),
        "{}",
        finding.message
    );
}

//! A session measures as often as it is asked, on one stack, and each record is of its own plan.

use std::path::Path;
use std::time::Duration;

use loadgen::model::{Rate, StackKind};
use loadgen::plan::{PlanSpec, StackAsked};
use loadgen::record::{CountVerdict, Record};
use loadgen::runner::{EventSink, Session, SessionOptions, Signals};
use loadgen::stack::StackSpec;

use super::judged::judged_the_same;

fn spec(rate: f64, path: &str) -> PlanSpec {
    PlanSpec {
        rps: Rate::new(rate).ok(),
        duration: Some(Duration::from_secs(1)),
        path: Some(path.into()),
        host: vec!["app-group-1".parse().unwrap()],
        stack: Some(StackAsked::Kind(StackKind::Embedded)),
        counter: Some("http_requests_total{handler=\"/\"}".parse().unwrap()),
        ..PlanSpec::default()
    }
}

#[track_caller]
fn is_right(record: &Record, folder: &Path, planned: u64, path: &str) {
    let group = &record.groups[0];
    assert_eq!(group.requests.planned, planned);
    assert_eq!(group.requests.succeeded, planned);
    assert_eq!(group.crosscheck.verdict, CountVerdict::Agree);
    assert_eq!(group.crosscheck.replicas, Some(planned));
    assert_eq!(group.crosscheck.proxy, Some(planned));
    assert_eq!(record.plan.request.path(), path);
    judged_the_same(folder, record);
}

#[tokio::test]
async fn two_plans_measured_on_one_stack_have_right_records_both() {
    let place = tempfile::tempdir().unwrap();
    let mut signals = Signals::listen().unwrap();
    let mut events: EventSink = Box::new(|_| {});
    let mut stack = StackSpec::new(spec(1.0, "/").stack_choice().unwrap());
    stack.embedded.program = Some(env!("CARGO_BIN_EXE_loadgen").into());
    let opened = Session::open(&stack, None, &mut events, &mut signals).await;
    let mut session = opened.unwrap_or_else(|error| panic!("{error}"));
    for (n, rate, path) in [(1, 30.0, "/?first"), (2, 50.0, "/?second")] {
        let plan = spec(rate, path).resolve(session.topology()).unwrap();
        let folder = place.path().join(n.to_string());
        let options = SessionOptions {
            launch: None,
            out: Some(folder.clone()),
            ..SessionOptions::default()
        };
        let measured = session
            .measure(&plan, options, &mut events, &mut signals)
            .await;
        let measured = measured.unwrap_or_else(|error| panic!("{error}"));
        is_right(&measured.record, &folder, rate as u64, path);
    }
    session.close().await;
}

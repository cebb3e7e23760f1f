//! When connections are opened, which of them is used, and what happens when one ends.

use loadgen::model::{ErrorClass, Nanos};
use loadgen::transport::{After, Answer};

use crate::transport::{Act, Fake, act, closed, open, status};

/// A good answer on a connection that ends with it.
fn last_answer() -> Act<Answer> {
    act(Ok(Answer {
        status: 200,
        tries: 1,
        after: After::PeerCloses,
    }))
}

#[test]
fn connections_are_opened_only_when_arrivals_need_them() {
    let fake = Fake::new(|_| status(200));
    let recording = fake.run(&open(100.0, 1_000, 64));
    let opened = recording.groups[0].measured.counts.connections.opened;
    // One would do; a busy machine that meets several arrivals late takes a few.
    assert!((1..32).contains(&opened), "{opened} opened");
    assert_eq!(opened, fake.book.attempts());

    // Ten arrivals are in flight at a time, and so ten connections at least are needed.
    let fake = Fake::new(|_| status(200).taking(100));
    let recording = fake.run(&open(100.0, 1_000, 64));
    let opened = recording.groups[0].measured.counts.connections.opened;
    assert!((10..=64).contains(&opened), "{opened} opened");
}

#[test]
fn never_more_connections_than_the_limit() {
    let fake = Fake::new(|_| status(200).taking(100));
    let recording = fake.run(&open(200.0, 500, 5));
    assert_eq!(recording.groups[0].measured.counts.succeeded, 100);
    assert_eq!(fake.book.most_in_flight(), 5);
    assert_eq!(fake.book.attempts(), 5);
}

#[test]
fn the_connection_used_last_is_used_next() {
    // The first answers are slow, so that many connections are open; then one would do.
    let fake = Fake::new(|number| status(200).taking(if number < 16 { 200 } else { 0 }));
    fake.run(&open(100.0, 2_000, 64));
    let used = fake.book.used();
    assert!(fake.book.attempts() >= 8, "{}", fake.book.attempts());
    // Arrivals that a stall of the machine brings at once may take others, and which was
    // used last is another then; taken in turn, every one would be another.
    let later = &used[100..];
    let changes = later.windows(2).filter(|two| two[0] != two[1]).count();
    assert!(changes < later.len() / 2, "{changes} changes: {later:?}");
}

#[test]
fn a_server_that_is_down_meets_no_more_attempts_than_arrivals() {
    for millis in [0, 100] {
        let fake = Fake::new(|_| status(200))
            .connecting(move |_| act(Err(ErrorClass::Connect)).taking(millis));
        let recording = fake.run(&open(100.0, 1_000, 8));
        let counts = &recording.groups[0].measured.counts;
        assert_eq!(counts.errors, [(ErrorClass::Connect, 100)].into());
        assert_eq!(fake.book.attempts(), 100, "one for each arrival");
        assert_eq!(counts.connections.refused, 100);
    }
}

#[test]
fn a_server_that_goes_down_behind_its_last_answer_meets_no_storm() {
    // Each answer ends its connection, and after ten of them nobody listens.
    let fake = Fake::new(|_| last_answer()).connecting(|attempt| match attempt {
        0..10 => act(Ok(())),
        _ => act(Err(ErrorClass::Connect)),
    });
    let recording = fake.run(&open(100.0, 1_000, 8));
    let counts = &recording.groups[0].measured.counts;
    assert_eq!(counts.succeeded + counts.failed, 100, "{counts:?}");
    assert!(counts.succeeded <= 10, "{counts:?}");
    // One for each arrival, and one for each connection that was replaced in advance.
    assert!(fake.book.attempts() <= 110, "{}", fake.book.attempts());
}

#[test]
fn a_closed_loop_backs_off_from_a_server_that_is_down() {
    let fake = Fake::new(|_| status(200)).connecting(|_| act(Err(ErrorClass::Connect)));
    let recording = fake.run(&closed(None, 1_000, 4));
    let counts = &recording.groups[0].measured.counts;
    // 10, 20, 40 … ms between the attempts of each connection: at most eight in a second.
    assert!((4..=4 * 8).contains(&counts.failed), "{counts:?}");
    assert_eq!(fake.book.attempts(), counts.failed);
}

#[test]
fn a_reconnection_is_in_the_response_time_and_not_in_the_service_time() {
    // One connection, which each answer ends, and a new one takes 40 ms: 25 a second.
    let fake = Fake::new(|_| last_answer()).connecting(|_| act(Ok(())).taking(40));
    let recording = fake.run(&open(50.0, 1_000, 1));
    let tally = &recording.groups[0].measured;
    assert_eq!(tally.counts.succeeded, 50);
    assert_eq!(tally.counts.connections.closed_by_peer, 50, "as announced");
    assert!(
        tally.response.min() >= Nanos(39_000_000),
        "{}",
        tally.response.min()
    );
    let median = tally.service.quantile(0.5);
    assert!(median < Nanos(20_000_000), "{median}");
    // 50 connections take 2 s, so the last arrival waited for one.
    assert!(
        tally.response.max() >= Nanos(990_000_000),
        "{}",
        tally.response.max()
    );
}

#[test]
fn a_replaced_connection_is_ready_before_the_next_arrival() {
    let fake = Fake::new(|_| last_answer()).connecting(|_| act(Ok(())).taking(20));
    let recording = fake.run(&open(10.0, 1_000, 1));
    let tally = &recording.groups[0].measured;
    assert_eq!(tally.counts.succeeded, 10);
    // 100 ms lie between two arrivals, so only the first had to wait; on a busy machine, some.
    let quick = tally.response.count() - tally.response.count_above(Nanos(18_000_000));
    assert!(quick >= 1, "{quick} of {}", tally.response.count());
}

#[test]
fn an_arrival_that_waited_too_long_is_dropped_and_told() {
    let fake = Fake::new(|_| status(200).taking(100));
    let mut load = open(100.0, 1_000, 1);
    load.patience = std::time::Duration::from_millis(300);
    let recording = fake.run(&load);
    let counts = &recording.groups[0].measured.counts;
    assert_eq!(counts.planned, 100);
    // Ten a second, and what waits for at most 300 ms when the last has come.
    assert!(counts.dropped >= 80, "{counts:?}");
    assert!(counts.succeeded >= 3, "{counts:?}");
}

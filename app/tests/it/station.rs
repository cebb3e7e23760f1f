//! Service times and slots, as a client sees them.

use std::time::{Duration, Instant};

use app::Options;
use tokio::task::JoinSet;

use crate::client::{ask, options};

/// When each of `n_requests`, sent together, was answered; in order of the answers.
async fn departures(options: &Options, n_requests: usize) -> Vec<Duration> {
    let router = app::router(options);
    let mut answers = JoinSet::new();
    let started = Instant::now();
    for _ in 0..n_requests {
        let router = router.clone();
        answers.spawn(async move {
            ask(&router, "GET", "/").await;
            started.elapsed()
        });
    }
    answers.join_all().await.into_iter().collect()
}

#[tokio::test]
async fn one_slot_answers_one_after_the_other() {
    let options = Options {
        service_time: Some("fixed:40ms".parse().unwrap()),
        concurrency: Some(1.try_into().unwrap()),
        ..options("a")
    };
    let mut departures = departures(&options, 5).await;
    departures.sort();
    for (nth, departure) in (1..).zip(departures) {
        assert!(
            departure >= Duration::from_millis(40) * nth,
            "{nth}: {departure:?}"
        );
    }
}

#[tokio::test]
async fn without_slots_all_are_answered_together() {
    let service_time = Some("fixed:100ms".parse().unwrap());
    let options = Options {
        service_time,
        ..options("a")
    };
    for departure in departures(&options, 20).await {
        // Twenty in a queue would take two seconds; a busy machine may take its time.
        assert!(departure >= Duration::from_millis(100), "{departure:?}");
        assert!(departure < Duration::from_secs(1), "{departure:?}");
    }
}

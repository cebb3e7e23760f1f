//! A generator thread that cannot set itself up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use loadgen::engine::{Clock, EngineError, Observer, Stop, run};
use loadgen::model::{Nanos, Progress};
use loadgen::recorder::Window;

use crate::transport::{Fake, open, status};

struct Nobody;

impl Observer for Nobody {
    fn begin(&mut self, _: Clock, _: Nanos) {}
    fn window(&mut self, _: &Window) {}
    fn progress(&mut self, _: &Progress) {}
}

#[test]
fn a_thread_that_cannot_be_set_up_ends_the_run_before_any_request() {
    let fake = Fake::new(|_| status(200));
    let made = Arc::new(AtomicU64::new(0));
    let transport = {
        let (fake, made) = (fake.clone(), Arc::clone(&made));
        // The second that is asked for, whichever thread that is.
        move |_| match made.fetch_add(1, Ordering::SeqCst) {
            1 => Err("no certificate".to_owned()),
            _ => Ok(fake.clone()),
        }
    };
    let mut load = open(50.0, 60_000, 8);
    load.threads = 3;
    let (_stop, stopped) = tokio::sync::watch::channel(Stop::No);
    let began = Instant::now();
    let error = run(&load, transport, &mut Nobody, &stopped).expect_err("no run");
    assert!(matches!(&error, EngineError::SetUp { reason, .. } if reason == "no certificate"));
    // The load would have taken a minute.
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(fake.book.attempts(), 0, "nobody was asked for anything");
}

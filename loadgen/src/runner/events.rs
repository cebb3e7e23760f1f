//! Carries out a plan's events at their instants, and reads the counters before each: a crash takes
//! with it what was counted.

use std::cell::RefCell;

use futures_util::future::join_all;
use tokio::sync::oneshot;

use crate::engine::Clock;
use crate::model::{Deed, Nanos, Topology};
use crate::plan::Plan;
use crate::record::{Happened, Look};
use crate::scrape::Scraper;
use crate::stack::Stack;

/// How long before an event the counters are read.
const AHEAD: Nanos = Nanos(300_000_000);

/// Where the events of one measurement take place.
pub(super) struct Stage<'a> {
    stack: &'a Stack,
    scraper: &'a Scraper,
    happened: RefCell<Vec<Happened>>,
    looks: RefCell<Vec<Look>>,
}

/// The measured part's own time.
#[derive(Clone, Copy)]
struct Time {
    clock: Clock,
    measured_from: Nanos,
}

impl Time {
    fn now(self) -> Nanos {
        self.clock.now().since(self.measured_from)
    }

    async fn until(self, at: Nanos) {
        let instant = self.clock.instant(self.measured_from.plus(at));
        tokio::time::sleep_until(instant.into()).await;
    }
}

impl<'a> Stage<'a> {
    /// A stage on which nothing has happened yet. `deeds` are those of the plan's events.
    pub(super) fn new(
        plan: &Plan,
        deeds: Vec<Deed>,
        stack: &'a Stack,
        scraper: &'a Scraper,
    ) -> Self {
        let topology = stack.topology();
        let events = plan.events.iter().cloned().zip(deeds);
        let planned = events.map(|(event, deed)| Happened::planned(event, deed, topology));
        Self {
            stack,
            scraper,
            happened: RefCell::new(planned.collect()),
            looks: RefCell::default(),
        }
    }

    /// Carries out every event, once the time line begins.
    pub(super) async fn play(
        &self,
        begun: oneshot::Receiver<(Clock, Nanos)>,
        say: impl Fn(String),
    ) {
        let Ok((clock, measured_from)) = begun.await else {
            return;
        };
        let time = Time {
            clock,
            measured_from,
        };
        let count = self.happened.borrow().len();
        let say = &say;
        let events = (0..count).map(|place| async move {
            let at = self.happened.borrow()[place].asked.at;
            tokio::join!(self.look_ahead(time, at), self.event(time, place, say));
        });
        join_all(events).await;
    }

    /// What happened, and the counters that were read meanwhile, in order of time.
    pub(super) fn close(self) -> (Vec<Happened>, Vec<Look>) {
        let mut looks = self.looks.into_inner();
        looks.sort_by(|a, b| a.counters.taken_at.total_cmp(&b.counters.taken_at));
        (self.happened.into_inner(), looks)
    }

    async fn look_ahead(&self, time: Time, at: Nanos) {
        time.until(at.minus(AHEAD)).await;
        let counters = self.scraper.snapshot(&self.topology().await).await;
        self.looks.borrow_mut().push(Look {
            counters,
            ..Look::default()
        });
    }

    /// The replicas as they are now; as they were where nobody can say.
    async fn topology(&self) -> Topology {
        let now = self.stack.topology_now().await;
        now.unwrap_or_else(|_| self.stack.topology().clone())
    }

    async fn event(&self, time: Time, place: usize, say: &impl Fn(String)) {
        let (asked, deed) = {
            let happened = &self.happened.borrow()[place];
            (happened.asked.clone(), happened.deed.clone())
        };
        time.until(asked.at).await;
        say(format!("event {}: {deed}", place + 1));
        self.note(place, |happened| happened.began = Some(time.now()));
        let outcome = self.stack.carry_out(&deed).await;
        let outcome = match (outcome, asked.until) {
            (Ok(_), Some(until)) => {
                time.until(until).await;
                self.stack.undo(&deed).await.map(|()| String::new())
            }
            (outcome, _) => outcome,
        };
        let done = time.now();
        if matches!(deed, Deed::Scale { .. }) {
            let replicas = deed.targets(&self.topology().await);
            self.note(place, |happened| happened.replicas = replicas);
        }
        match outcome {
            Ok(output) => {
                say(format!("event {}: done", place + 1));
                self.note(place, |happened| {
                    (happened.done, happened.output) = (Some(done), output);
                });
            }
            Err(error) => {
                say(format!("event {} failed: {error}", place + 1));
                self.note(place, |happened| happened.failed = Some(error.to_string()));
            }
        }
    }

    fn note(&self, place: usize, note: impl FnOnce(&mut Happened)) {
        note(&mut self.happened.borrow_mut()[place]);
    }
}

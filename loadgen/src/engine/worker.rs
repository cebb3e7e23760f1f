//! One connection's life: it waits for an order, carries it out, records it, and waits again.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use super::Clock;
use super::dispatch::{Dispatch, Order};
use super::identity::{NameSource, name_of};
use crate::model::{ErrorClass, Nanos, Outcome};
use crate::recorder::{Finished, Recorder};
use crate::transport::{Connection, Transport};

/// What the workers of one thread share. One thread, so no lock.
pub struct Shared {
    /// The run's time line.
    pub clock: Clock,
    /// The thread's recorder.
    pub recorder: RefCell<Recorder>,
    /// How long an arrival may wait for a connection.
    pub patience: Nanos,
    /// Where an answer names its replica.
    pub name_source: NameSource,
}

/// What releases a closed loop's requests.
pub struct ClosedLoop {
    /// When the first may be sent.
    pub from: Nanos,
    /// When the last may be sent.
    pub until: Nanos,
    /// When the measured part begins.
    pub measured_from: Nanos,
    /// Requests of the measured part this thread may still send.
    pub left: Cell<u64>,
    /// Set when the run is to end early.
    pub stopped: Cell<bool>,
}

/// A connection as a worker hands it around: its buffers are too large to be moved for a request.
type Open<T> = Box<<T as Transport>::Connection>;

/// The wait after a failed attempt to connect in closed loop, doubled each time.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// One worker: a place for one connection.
pub struct Worker<T: Transport> {
    /// What the thread's workers share.
    pub shared: Rc<Shared>,
    /// The group's place in the plan.
    pub group: usize,
    /// This worker's place among the group's.
    pub number: usize,
    /// Makes its connections.
    pub transport: Rc<T>,
    /// The group's queue.
    pub dispatch: Rc<Dispatch>,
}

impl<T: Transport> Worker<T> {
    /// Carries out orders until there are no more.
    pub async fn open_loop(self) {
        let mut connection = None;
        loop {
            match self.next(&mut connection).await {
                Order::Connect => connection = self.connect_for_queue().await,
                Order::Closed => {
                    connection = None;
                    self.shared.recorder.borrow_mut().closed_by_peer(self.group);
                }
                Order::Send(due) => {
                    let now = self.shared.clock.now();
                    if now.since(due) > self.shared.patience {
                        self.shared.recorder.borrow_mut().dropped(self.group, due);
                    } else {
                        connection = self.send(due, now, connection).await;
                    }
                }
                Order::End => return,
            }
        }
    }

    async fn next(&self, connection: &mut Option<Open<T>>) -> Order {
        let mut waiting = false;
        poll_fn(|cx| match connection {
            Some(open) => {
                (self.dispatch).poll_warm(self.number, &mut waiting, cx, |cx| open.poll_closed(cx))
            }
            None => self.dispatch.poll_cold(self.number, &mut waiting, cx),
        })
        .await
    }

    /// Sends one request now; gives the connection back when it can be used again. A connection whose
    /// end was announced is replaced at once, so that the next arrival need not wait for it.
    async fn send(&self, due: Nanos, now: Nanos, connection: Option<Open<T>>) -> Option<Open<T>> {
        let Some(mut connection) = connection else {
            // An order to send goes only to a worker with a connection; were that ever untrue,
            // the arrival must not be lost.
            self.fail(due, due, ErrorClass::Connect);
            return None;
        };
        match self.exchange(due, now, &mut connection).await {
            Next::Reuse => Some(connection),
            Next::Drop => None,
            Next::Replace => {
                drop(connection);
                self.shared.recorder.borrow_mut().closed_by_peer(self.group);
                if self.dispatch.ended() {
                    None
                } else {
                    self.connect().await.ok()
                }
            }
        }
    }

    /// One request and its answer, with its three instants; `sent` is the clock's last reading.
    async fn exchange(&self, due: Nanos, sent: Nanos, connection: &mut T::Connection) -> Next {
        let shared = &*self.shared;
        shared.recorder.borrow_mut().sent(self.group, due);
        let answer = connection.exchange(shared.clock.instant(sent)).await;
        let done = shared.clock.now();
        let (outcome, name, tries, next) = match answer {
            Ok(answer) => (
                Outcome::Answered {
                    status: answer.status,
                },
                name_of(connection, shared.name_source),
                answer.tries,
                if answer.reusable {
                    Next::Reuse
                } else {
                    Next::Replace
                },
            ),
            Err(class) => (Outcome::Failed(class), &[][..], 1, Next::Drop),
        };
        let finished = Finished {
            due,
            sent,
            done,
            outcome,
            name,
            tries,
        };
        shared.recorder.borrow_mut().finished(self.group, finished);
        next
    }

    async fn connect(&self) -> Result<Open<T>, ErrorClass> {
        let result = self.transport.connect().await.map(Box::new);
        let mut recorder = self.shared.recorder.borrow_mut();
        match &result {
            Ok(_) => recorder.connected(self.group),
            Err(_) => recorder.refused(self.group),
        }
        result
    }

    /// Connects on behalf of the arrival that has waited longest. When that fails, so has the
    /// arrival: attempts are bounded by arrivals, never a storm of their own.
    async fn connect_for_queue(&self) -> Option<Open<T>> {
        let began = self.shared.clock.now();
        let result = self.connect().await;
        self.dispatch.connected();
        match result {
            Ok(connection) => Some(connection),
            Err(class) => {
                if let Some(due) = self.dispatch.take() {
                    self.fail(due, began.max(due), class);
                }
                None
            }
        }
    }

    /// Records a request whose connection could not be made.
    fn fail(&self, due: Nanos, sent: Nanos, class: ErrorClass) {
        let mut recorder = self.shared.recorder.borrow_mut();
        let done = self.shared.clock.now();
        recorder.sent(self.group, due);
        let outcome = Outcome::Failed(class);
        recorder.finished(
            self.group,
            Finished {
                due,
                sent,
                done,
                outcome,
                name: &[],
                tries: 1,
            },
        );
    }

    /// Sends as soon as it is answered, until the time or the number is up.
    pub async fn closed_loop(self, limits: Rc<ClosedLoop>) {
        let clock = self.shared.clock;
        let mut connection = None;
        let mut backoff = BACKOFF.0;
        tokio::time::sleep(limits.from.since(clock.now()).into()).await;
        loop {
            // A closed loop intends no instant: a request is due when there is a connection for
            // it, and a connection that fails fails the request it was made for.
            let mut due = clock.now();
            if limits.are_met(due) {
                return;
            }
            let open = if let Some(open) = connection.take() {
                Ok(open)
            } else {
                let open = self.connect().await;
                if open.is_ok() {
                    due = clock.now();
                }
                open
            };
            if !limits.release(due) {
                return;
            }
            self.shared.recorder.borrow_mut().planned(self.group, due);
            match open {
                Ok(mut open) => {
                    backoff = BACKOFF.0;
                    match self.exchange(due, due, &mut open).await {
                        Next::Reuse => connection = Some(open),
                        Next::Replace => {
                            self.shared.recorder.borrow_mut().closed_by_peer(self.group);
                        }
                        Next::Drop => {}
                    }
                }
                Err(class) => {
                    self.fail(due, due, class);
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF.1);
                }
            }
        }
    }
}

/// What an exchange leaves of its connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Reuse,
    Replace,
    Drop,
}

impl ClosedLoop {
    /// Whether nothing more may be sent.
    fn are_met(&self, now: Nanos) -> bool {
        self.stopped.get() || now >= self.until || self.left.get() == 0
    }

    /// Whether a request may be sent at `now`; counts it if it may.
    fn release(&self, now: Nanos) -> bool {
        if self.are_met(now) {
            return false;
        }
        if now >= self.measured_from {
            self.left.set(self.left.get() - 1);
        }
        true
    }
}

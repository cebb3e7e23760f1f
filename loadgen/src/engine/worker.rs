//! One connection's life: it waits for an order, carries it out, records it, and waits again.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use super::Clock;
use super::calls::Calls;
use super::dispatch::{Arrival, Dispatch, Order};
use super::identity::name_of;
use crate::model::{Cause, ErrorClass, NameSource, Nanos, Outcome};
use crate::recorder::{Connections, Finished, Recorder};
use crate::traffic::Call;
use crate::transport::{After, Answer, Connection, Failure, Transport};

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
    /// Whether connections are used more than once.
    pub keep_alive: bool,
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
    /// What is sent next.
    pub calls: Rc<Calls>,
}

/// A connection as a worker hands it around: its buffers are too large to be moved for a request.
type Open<T> = Box<<T as Transport>::Connection>;

/// The wait after a failed attempt to connect in closed loop, doubled each time.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// The time between the first attempts to connect of two workers in closed loop, and the most that
/// these add up to.
const STAGGER: Nanos = Nanos(200_000);
const LONGEST_STAGGER: Nanos = Nanos(100_000_000);

/// How often a request is sent again that the server says it has not looked at.
const MOST_AGAIN: u32 = 3;

/// One worker: a place for one connection.
pub struct Worker<T: Transport> {
    /// What the thread's workers share.
    pub shared: Rc<Shared>,
    /// The group's place in the plan.
    pub group: usize,
    /// This worker's place among the group's.
    pub number: usize,
    pub transport: Rc<T>,
    /// The group's queue.
    pub dispatch: Rc<Dispatch>,
    /// The replica that the connection's last answer named, by the recorder's number.
    pub named: Cell<Option<usize>>,
}

impl<T: Transport> Worker<T> {
    /// Carries out orders until there are no more.
    pub async fn open_loop(self) {
        let mut connection = None;
        loop {
            match self.next(&mut connection).await {
                Order::Connect => connection = self.connect_for_queue().await,
                Order::Closed => {
                    self.closed(connection.take());
                }
                Order::Send(arrival) => {
                    let now = self.shared.clock.now();
                    if now.since(arrival.due) > self.shared.patience {
                        let Arrival { due, call, .. } = arrival;
                        let mut recorder = self.shared.recorder.borrow_mut();
                        recorder.dropped(self.group, call.request, due);
                    } else {
                        connection = self.send(Start::of(arrival, now), connection).await;
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
    async fn send(&self, start: Start, connection: Option<Open<T>>) -> Option<Open<T>> {
        let Some(mut connection) = connection else {
            // An order to send goes only to a worker with a connection; were that ever untrue,
            // the arrival must not be lost.
            self.fail(start, &ErrorClass::Connect.into());
            return None;
        };
        match self.exchange(start, &mut connection).await {
            Next::Reuse => Some(connection),
            Next::Drop => None,
            Next::Replace => {
                drop(connection);
                if self.dispatch.ended() {
                    None
                } else {
                    self.connect().await.ok()
                }
            }
        }
    }

    /// One request and its answer; the instant it is sent is the clock's last reading.
    async fn exchange(&self, start: Start, connection: &mut Open<T>) -> Next {
        let shared = &*self.shared;
        let request = start.call.request;
        shared
            .recorder
            .borrow_mut()
            .sent(self.group, request, start.due);
        let answer = self.ask(start, connection).await;
        let done = shared.clock.now();
        if let Some(streams) = connection.streams() {
            let mut recorder = shared.recorder.borrow_mut();
            let connections = recorder.connections(self.group);
            connections.meet_streams(streams.most, streams.limit);
        }
        let (outcome, name, tries, next) = match answer {
            Ok(answer) => (
                Outcome::Answered {
                    status: answer.status,
                },
                name_of(&**connection, &shared.name_source),
                answer.tries,
                self.after(answer.after),
            ),
            Err(failure) => {
                self.explain(start, done, &failure);
                (Outcome::Failed(failure.class), &[][..], 0, Next::Drop)
            }
        };
        let finished = Finished {
            request,
            due: start.due,
            released: start.released,
            sent: start.sent,
            done,
            outcome,
            name,
            tries,
            previous: self.named.get(),
        };
        let named = shared.recorder.borrow_mut().finished(self.group, finished);
        self.named.set(named);
        next
    }

    /// One request and its answer. Where the server says that it has not looked at a request, it is
    /// sent again on another connection, as every client may; the time of it is all in its service.
    async fn ask(&self, start: Start, connection: &mut Open<T>) -> Result<Answer, Failure> {
        let sent = self.shared.clock.instant(start.sent);
        let mut again = 0;
        loop {
            let answer = connection.exchange(sent, start.call).await;
            match &answer {
                Err(failure) if failure.is_unprocessed() && again < MOST_AGAIN => again += 1,
                _ => return answer,
            }
            *connection = self.connect().await?;
            self.count(|connections| &mut connections.sent_again);
        }
    }

    /// What an answer leaves of its connection; counts why it ends.
    #[inline]
    fn after(&self, after: After) -> Next {
        match after {
            After::Reuse if self.shared.keep_alive => return Next::Reuse,
            // It ends because we asked for that.
            _ if !self.shared.keep_alive => return Next::Drop,
            After::LetGo | After::Reuse => self.count(|connections| &mut connections.let_go),
            After::Surplus => self.count(|connections| &mut connections.surplus),
            After::PeerCloses => self.count(|connections| &mut connections.closed_by_peer),
        }
        Next::Replace
    }

    /// Lets go of an idle connection that the peer has closed. One with several places on it is
    /// counted once: by the place that it was made for.
    fn closed(&self, connection: Option<Open<T>>) {
        if connection.is_some_and(|connection| !connection.is_shared()) {
            self.count(|connections| &mut connections.closed_by_peer);
            self.count(|connections| &mut connections.closed_while_idle);
        }
    }

    fn count(&self, what: impl FnOnce(&mut Connections) -> &mut u64) {
        *what(self.shared.recorder.borrow_mut().connections(self.group)) += 1;
    }

    /// Keeps the reason of a failure where it is the first of its class.
    fn explain(&self, start: Start, done: Nanos, failure: &Failure) {
        if failure.cause == Cause::IdleClosed {
            self.count(|connections| &mut connections.lost_while_idle);
        }
        let mut recorder = self.shared.recorder.borrow_mut();
        recorder.explain(self.group, start.due, failure.class, || {
            failure.reason(done)
        });
    }

    async fn connect(&self) -> Result<Open<T>, Failure> {
        self.named.set(None);
        let result = self.transport.connect().await.map(Box::new);
        match &result {
            Ok(connection) if connection.is_shared() => {}
            Ok(_) => self.count(|connections| &mut connections.opened),
            Err(_) => self.count(|connections| &mut connections.refused),
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
            Err(failure) => {
                if let Some(arrival) = self.dispatch.take() {
                    self.fail(Start::of(arrival, began.max(arrival.due)), &failure);
                }
                None
            }
        }
    }

    /// Records that an arrival is to be sent.
    fn plan(&self, start: Start) {
        let mut recorder = self.shared.recorder.borrow_mut();
        recorder.planned(self.group, start.call.request, start.due);
    }

    /// Records a request whose connection could not be made.
    fn fail(&self, start: Start, failure: &Failure) {
        let done = self.shared.clock.now();
        self.explain(start, done, failure);
        let mut recorder = self.shared.recorder.borrow_mut();
        recorder.sent(self.group, start.call.request, start.due);
        let outcome = Outcome::Failed(failure.class);
        recorder.finished(
            self.group,
            Finished {
                request: start.call.request,
                due: start.due,
                released: start.released,
                sent: start.sent,
                done,
                outcome,
                name: &[],
                tries: 0,
                previous: None,
            },
        );
    }

    /// How much later than the first connection of its group a closed loop's is made: a server's
    /// accept queue is not met by all of them at once.
    fn stagger(&self) -> Nanos {
        Nanos((self.number as u64 * STAGGER.0).min(LONGEST_STAGGER.0))
    }

    /// Sends as soon as it is answered, until the time or the number is up.
    pub async fn closed_loop(self, limits: Rc<ClosedLoop>) {
        let clock = self.shared.clock;
        let mut connection = None;
        let mut backoff = BACKOFF.0;
        let from = limits.from.plus(self.stagger());
        // By the instant, not by how long it is until then: the time line may be yet to begin.
        tokio::time::sleep_until(clock.instant(from).into()).await;
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
            let call = limits.calls.next();
            let start = Start::at(due, call);
            self.plan(start);
            match open {
                Ok(mut open) => {
                    backoff = BACKOFF.0;
                    match self.exchange(start, &mut open).await {
                        Next::Reuse => connection = Some(open),
                        Next::Replace | Next::Drop => {}
                    }
                }
                Err(failure) => {
                    self.fail(start, &failure);
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF.1);
                }
            }
        }
    }
}

/// The instants of a request before there is an answer.
#[derive(Clone, Copy)]
struct Start {
    call: Call,
    due: Nanos,
    released: Nanos,
    sent: Nanos,
}

impl Start {
    /// An arrival that is sent now. Where a connection was idle all of its lag is the generator's,
    /// the time until its task was run included.
    fn of(arrival: Arrival, now: Nanos) -> Self {
        Self {
            call: arrival.call,
            due: arrival.due,
            released: arrival.queued.map_or(now, |queued| queued.min(now)),
            sent: now,
        }
    }

    /// A request that nobody asked for before.
    const fn at(now: Nanos, call: Call) -> Self {
        Self {
            call,
            due: now,
            released: now,
            sent: now,
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

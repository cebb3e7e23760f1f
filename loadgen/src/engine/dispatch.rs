//! Brings arrivals and connections together: one thread's share of one group.
//!
//! An arrival goes to the connection used most recently, so that as few as possible are warm; it
//! waits in the queue when all are busy, and a further connection is opened for it while there
//! is room. Its wait is in its response time.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use crate::model::Nanos;
use crate::traffic::Call;

/// What a worker is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Send this request.
    Send(Arrival),
    Connect,
    /// The idle connection was closed by the peer: let go of it.
    Closed,
    /// There is nothing more to do.
    End,
}

/// An arrival that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub due: Nanos,
    pub call: Call,
    /// When it began to wait for a connection; `None` where one was idle.
    pub queued: Option<Nanos>,
}

/// What became of an arrival that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It is with a connection, or waits for one.
    Taken,
    /// The queue is full.
    Refused,
}

/// The queue, and who waits for it.
#[derive(Debug)]
pub struct Dispatch {
    queue: RefCell<VecDeque<Arrival>>,
    most_queued: usize,
    /// Workers with an idle connection, the most recently used last.
    warm: RefCell<Vec<usize>>,
    /// Workers without a connection.
    cold: RefCell<Vec<usize>>,
    connecting: Cell<usize>,
    workers: Vec<Slot>,
    ended: Cell<bool>,
}

#[derive(Debug, Default)]
struct Slot {
    order: Cell<Option<Order>>,
    waker: RefCell<Option<Waker>>,
}

impl Dispatch {
    /// A dispatch for `workers` workers and at most `most_queued` waiting arrivals.
    pub fn new(workers: usize, most_queued: usize) -> Self {
        Self {
            // The usual queue is short; a long one grows, which is not the usual request's cost.
            queue: RefCell::new(VecDeque::with_capacity(most_queued.min(1024))),
            most_queued,
            warm: RefCell::new(Vec::with_capacity(workers)),
            cold: RefCell::new(Vec::with_capacity(workers)),
            connecting: Cell::new(0),
            workers: (0..workers).map(|_| Slot::default()).collect(),
            ended: Cell::new(false),
        }
    }

    /// Offers an arrival that is due; `now` is the clock's last reading.
    #[inline]
    pub fn offer(&self, due: Nanos, call: Call, now: Nanos) -> Offer {
        if let Some(worker) = self.warm.borrow_mut().pop() {
            let queued = None;
            self.tell(worker, Order::Send(Arrival { due, call, queued }));
            return Offer::Taken;
        }
        let mut queue = self.queue.borrow_mut();
        if queue.len() >= self.most_queued {
            return Offer::Refused;
        }
        queue.push_back(Arrival {
            due,
            call,
            queued: Some(now),
        });
        if self.connecting.get() < queue.len() {
            let worker = self.cold.borrow_mut().pop();
            if let Some(worker) = worker {
                self.connecting.set(self.connecting.get() + 1);
                self.tell(worker, Order::Connect);
            }
        }
        Offer::Taken
    }

    /// The arrival that has waited longest.
    #[inline]
    pub fn take(&self) -> Option<Arrival> {
        self.queue.borrow_mut().pop_front()
    }

    /// An attempt to connect is over.
    pub fn connected(&self) {
        self.connecting.set(self.connecting.get().saturating_sub(1));
    }

    /// No more arrivals will be offered: workers end when the queue is empty.
    pub fn end(&self) {
        self.ended.set(true);
        let idle: Vec<_> = (self.warm.borrow_mut().drain(..))
            .chain(self.cold.borrow_mut().drain(..))
            .collect();
        for worker in idle {
            self.tell(worker, Order::End);
        }
    }

    /// Whether arrivals are over.
    pub fn ended(&self) -> bool {
        self.ended.get()
    }

    /// Polls for the next order of a worker that has a connection. `closed` tells whether the
    /// peer has closed it.
    pub fn poll_warm(
        &self,
        worker: usize,
        waiting: &mut bool,
        cx: &mut Context<'_>,
        closed: impl FnOnce(&mut Context<'_>) -> Poll<()>,
    ) -> Poll<Order> {
        if let Some(order) = self.workers[worker].order.take() {
            return Poll::Ready(order);
        }
        if !*waiting {
            if let Some(arrival) = self.take() {
                return Poll::Ready(Order::Send(arrival));
            }
            if self.ended.get() {
                return Poll::Ready(Order::End);
            }
        }
        if closed(cx).is_ready() {
            if *waiting {
                self.warm.borrow_mut().retain(|other| *other != worker);
            }
            return Poll::Ready(Order::Closed);
        }
        if !*waiting {
            *waiting = true;
            self.warm.borrow_mut().push(worker);
        }
        self.listen(worker, cx);
        Poll::Pending
    }

    /// Polls for the next order of a worker that has no connection.
    pub fn poll_cold(
        &self,
        worker: usize,
        waiting: &mut bool,
        cx: &mut Context<'_>,
    ) -> Poll<Order> {
        if let Some(order) = self.workers[worker].order.take() {
            return Poll::Ready(order);
        }
        if !*waiting {
            if self.connecting.get() < self.queue.borrow().len() {
                self.connecting.set(self.connecting.get() + 1);
                return Poll::Ready(Order::Connect);
            }
            if self.ended.get() {
                return Poll::Ready(Order::End);
            }
            *waiting = true;
            self.cold.borrow_mut().push(worker);
        }
        self.listen(worker, cx);
        Poll::Pending
    }

    fn listen(&self, worker: usize, cx: &Context<'_>) {
        let mut waker = self.workers[worker].waker.borrow_mut();
        match &mut *waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *waker = Some(cx.waker().clone()),
        }
    }

    fn tell(&self, worker: usize, order: Order) {
        let slot = &self.workers[worker];
        slot.order.set(Some(order));
        if let Some(waker) = &*slot.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

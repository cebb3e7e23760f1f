//! Sockets that speak HTTP/2, and the places on them.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};

use super::Http2Connection;
use crate::transport::http1::MOST_HEAD;
use crate::transport::wire::Wire;
use crate::transport::{ClientOptions, Failure, Streams};

/// What a server may send before it is read, for one stream and for all of them: as browsers allow.
const STREAM_WINDOW: u32 = 2 << 20;
const SOCKET_WINDOW: u32 = 16 << 20;

/// The sockets of one client.
#[derive(Debug, Default)]
pub(in crate::transport) struct Pool(RefCell<Vec<Rc<Shared>>>);

/// One socket, as its places share it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) sender: RefCell<SendRequest<Bytes>>,
    places: Cell<u32>,
    in_flight: Cell<u32>,
    most_in_flight: Cell<u32>,
    /// Whether no new stream may be opened.
    ended: Cell<bool>,
    /// Idle places, which have to know when it ends.
    waiting: RefCell<Vec<Waker>>,
}

/// A place that is taken, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place(pub(super) Rc<Shared>);

/// A stream in flight.
#[derive(Debug)]
pub(super) struct InFlight(Rc<Shared>);

impl Pool {
    /// A free place on a socket that is there.
    pub(in crate::transport) fn place(&self, options: &ClientOptions) -> Option<Http2Connection> {
        let mut sockets = self.0.borrow_mut();
        sockets.retain(|socket| !socket.has_ended());
        let free = sockets.iter().find(|socket| socket.has_room())?;
        Some(Http2Connection::new(Place::on(free), options, true))
    }

    /// Speaks HTTP/2 on a socket, from when the server has said what it allows.
    pub(in crate::transport) async fn open(
        &self,
        wire: Wire,
        options: &ClientOptions,
    ) -> Result<Http2Connection, Failure> {
        let handshake = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(SOCKET_WINDOW)
            .max_header_list_size(MOST_HEAD as u32)
            .enable_push(false)
            // None until the server has said how many.
            .initial_max_send_streams(0)
            .handshake::<_, Bytes>(wire);
        let failed = |error| Failure::http2(error, false);
        let (sender, mut connection) = handshake.await.map_err(failed)?;
        poll_fn(|cx| poll_settings(&sender, &mut connection, cx)).await?;
        let shared = Rc::new(Shared::new(sender));
        let driver = Driver {
            connection,
            shared: Rc::downgrade(&shared),
        };
        tokio::task::spawn_local(driver);
        if options.keep_alive {
            self.0.borrow_mut().push(Rc::clone(&shared));
        }
        Ok(Http2Connection::new(Place::on(&shared), options, false))
    }
}

/// Ready when the server has said how many streams it allows.
fn poll_settings(
    sender: &SendRequest<Bytes>,
    connection: &mut Connection<Wire, Bytes>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Failure>> {
    let polled = Pin::new(connection).poll(cx);
    if sender.current_max_send_streams() > 0 {
        return Poll::Ready(Ok(()));
    }
    match polled {
        Poll::Pending => Poll::Pending,
        Poll::Ready(Ok(())) => Poll::Ready(Err(Failure::closed().at(false, None))),
        Poll::Ready(Err(error)) => Poll::Ready(Err(Failure::http2(error, false))),
    }
}

impl Shared {
    fn new(sender: SendRequest<Bytes>) -> Self {
        Self {
            sender: RefCell::new(sender),
            places: Cell::new(0),
            in_flight: Cell::new(0),
            most_in_flight: Cell::new(0),
            ended: Cell::new(false),
            waiting: RefCell::default(),
        }
    }

    /// How many streams the server allows.
    fn limit(&self) -> u32 {
        let limit = self.sender.borrow().current_max_send_streams();
        u32::try_from(limit).unwrap_or(u32::MAX)
    }

    fn has_room(&self) -> bool {
        self.places.get() < self.limit()
    }

    /// Whether it carries no further exchange: it is closed, or the server said good-bye.
    pub(super) fn has_ended(&self) -> bool {
        if !self.ended.get() {
            let mut cx = Context::from_waker(Waker::noop());
            let ready = self.sender.borrow_mut().poll_ready(&mut cx);
            self.ended.set(matches!(ready, Poll::Ready(Err(_))));
        }
        self.ended.get()
    }

    /// Ready for an idle place that is to be given up: the socket has ended, or the server allows
    /// fewer streams than there are places.
    pub(super) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_ended() || self.places.get() > self.limit() {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    pub(super) fn streams(&self) -> Streams {
        Streams {
            most: self.most_in_flight.get(),
            limit: self.limit(),
        }
    }

    fn wake_all(&self) {
        for waker in self.waiting.take() {
            waker.wake();
        }
    }
}

impl Place {
    fn on(shared: &Rc<Shared>) -> Self {
        shared.places.set(shared.places.get() + 1);
        Self(Rc::clone(shared))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.places.set(self.0.places.get().saturating_sub(1));
    }
}

impl InFlight {
    pub(super) fn on(shared: &Rc<Shared>) -> Self {
        let now = shared.in_flight.get() + 1;
        shared.in_flight.set(now);
        shared
            .most_in_flight
            .set(shared.most_in_flight.get().max(now));
        Self(Rc::clone(shared))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0
            .in_flight
            .set(self.0.in_flight.get().saturating_sub(1));
    }
}

/// Reads and writes for all places of a socket, until none is left.
struct Driver {
    connection: Connection<Wire, Bytes>,
    shared: Weak<Shared>,
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polled = Pin::new(&mut self.connection).poll(cx).map(|_| ());
        if let Some(shared) = self.shared.upgrade() {
            if polled.is_ready() {
                shared.ended.set(true);
            }
            if shared.has_ended() || shared.places.get() > shared.limit() {
                shared.wake_all();
            }
        }
        polled
    }
}

//! One connection that carries one exchange at a time.

use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::task::coop::unconstrained;
use tokio::time::{Sleep, sleep_until};

use super::decoder::{Decoder, MOST_HEAD, Step};
use crate::model::{ErrorClass, NameSource};
use crate::traffic::Call;
use crate::transport::wire::Wire;
use crate::transport::{After, Answer, Connection, Failure, Messages};

/// The buffer a connection begins with; it grows only for a larger head.
const BUFFER: usize = 8 * 1024;

/// One connection of HTTP/1.1.
#[derive(Debug)]
pub(in crate::transport) struct Http1Connection {
    wire: Wire,
    messages: Messages,
    /// What is sent.
    call: Call,
    /// A request that was filled in; reused.
    room: Vec<u8>,
    /// Bytes of the message that were taken.
    written: usize,
    /// What was read before all was written: so many bytes, 0 at the end of the stream.
    early: Option<usize>,
    decoder: Decoder,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were read and not used up.
    filled: usize,
    timeout: Duration,
    /// When the exchange that is now began.
    sent: Instant,
    /// The time since the exchange before, where there was one.
    idle: Option<Duration>,
    used: bool,
    /// Fires at the deadline of this or an earlier exchange; moved on only when it fires, so that a
    /// request costs no timer operation.
    alarm: Pin<Box<Sleep>>,
    /// Whether the alarm has been polled since it was set, and so will wake the task.
    alarmed: bool,
}

impl Http1Connection {
    pub(in crate::transport) fn new(
        wire: Wire,
        messages: &Messages,
        names: &NameSource,
        timeout: Duration,
    ) -> Self {
        let sent = Instant::now();
        Self {
            wire,
            decoder: Decoder::new("GET", names.clone()),
            messages: messages.clone(),
            call: Call::default(),
            room: Vec::new(),
            written: 0,
            early: None,
            buffer: vec![0; BUFFER],
            filled: 0,
            timeout,
            sent,
            idle: None,
            used: false,
            alarm: Box::pin(sleep_until((sent + timeout).into())),
            alarmed: false,
        }
    }
}

impl Connection for Http1Connection {
    async fn exchange(&mut self, sent: Instant, call: Call) -> Result<Answer, Failure> {
        self.begin(sent, call);
        let whole = poll_fn(|cx| self.poll_write(cx)).await?;
        loop {
            let n = match self.early.take() {
                Some(n) => n,
                None => poll_fn(|cx| self.poll_read(cx)).await?,
            };
            if n == 0 {
                return self
                    .decoder
                    .end()
                    .ok_or_else(|| self.ended(Failure::closed()));
            }
            match self.decoder.decode(&self.buffer[..self.filled]) {
                Ok(Step::Done(answer)) if whole => return Ok(answer),
                Ok(Step::Done(answer)) => return Ok(answer.and(After::LetGo)),
                Ok(Step::More(used)) => self.use_up(used),
                Err(error) => return Err(Failure::protocol(error, &self.buffer[..self.filled])),
            }
        }
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // An idle connection has nothing to say: an end, an error and a byte out of turn are all
        // reasons not to use it again.
        self.wire.poll_read(&mut [0], cx).map(|_| ())
    }

    fn named_header(&self) -> &[u8] {
        self.decoder.named_header()
    }

    fn short_body(&self) -> &[u8] {
        self.decoder.short_body()
    }

    fn body_start(&self) -> &[u8] {
        self.decoder.body_start()
    }
}

impl Http1Connection {
    #[inline]
    fn begin(&mut self, sent: Instant, call: Call) {
        self.idle = self.used.then(|| sent.duration_since(self.sent));
        (self.used, self.sent) = (true, sent);
        (self.written, self.filled, self.early) = (0, 0, None);
        self.call = call;
        self.messages.fill(call, &mut self.room);
        self.decoder.begin_for(self.messages.is_head(call));
    }

    /// Writes the request; false when the peer answers or ends before it was taken whole.
    #[inline]
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Failure>> {
        while self.written < self.messages.len(self.call, &self.room) {
            let rest = self.messages.after(self.call, &self.room, self.written);
            match self.wire.poll_write(rest, cx) {
                Poll::Ready(Ok(n)) => self.written += n,
                Poll::Ready(Err(error)) => return self.poll_refused(error, cx),
                Poll::Pending => return self.poll_early(cx),
            }
        }
        match self.wire.poll_flush(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(true)),
            Poll::Ready(Err(error)) => self.poll_refused(error, cx),
            Poll::Pending => self.poll_early(cx),
        }
    }

    /// Reads what comes while the request is still being written.
    fn poll_early(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Failure>> {
        self.early = Some(ready!(self.poll_read(cx))?);
        Poll::Ready(Ok(false))
    }

    /// The peer takes no more: it may have said why before that, as with a body that is too long.
    fn poll_refused(
        &mut self,
        error: std::io::Error,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool, Failure>> {
        let ended = matches!(
            error.kind(),
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
        );
        match ended.then(|| self.poll_read(cx)) {
            Some(Poll::Ready(Ok(n @ 1..))) => {
                self.early = Some(n);
                return Poll::Ready(Ok(false));
            }
            Some(Poll::Ready(Err(told))) if told.class == ErrorClass::Tls => {
                return Poll::Ready(Err(told));
            }
            // An alert may be on its way, or the end is.
            Some(Poll::Pending) if self.wire.is_tls() => return Poll::Pending,
            _ => {}
        }
        Poll::Ready(Err(self.ended(Failure::stream(error))))
    }

    /// A failure, with what is known of the connection's state.
    fn ended(&self, failure: Failure) -> Failure {
        failure.at(self.is_within_answer(), self.idle)
    }

    fn is_within_answer(&self) -> bool {
        self.filled > 0 || self.decoder.has_begun()
    }

    /// Reads once; 0 at the end of the stream. Past the deadline it is a time-out.
    #[inline]
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Failure>> {
        match self.wire.poll_read(&mut self.buffer[self.filled..], cx) {
            Poll::Ready(Ok(n)) => {
                self.filled += n;
                return Poll::Ready(Ok(n));
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(self.ended(Failure::stream(error)))),
            Poll::Pending => {}
        }
        // An alarm that was polled keeps the task's waker until it fires: one task drives a
        // connection for as long as it lives.
        if self.alarmed && !self.alarm.is_elapsed() {
            return Poll::Pending;
        }
        self.poll_alarm(cx).map(Err)
    }

    /// Ready past the deadline.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<Failure> {
        let deadline = self.sent + self.timeout;
        loop {
            self.alarmed = true;
            // Outside of the task's budget: a task that reads and reads still has its time-out, and
            // an alarm that was polled has really been set.
            ready!(Pin::new(&mut unconstrained(self.alarm.as_mut())).poll(cx));
            if Instant::now() >= deadline {
                let class = if self.is_within_answer() {
                    ErrorClass::BodyTimeout
                } else {
                    ErrorClass::Timeout
                };
                return Poll::Ready(Failure::late(class, self.timeout));
            }
            self.alarm.as_mut().reset(deadline.into());
        }
    }

    /// Moves unused bytes to the front, and makes room for more of a long head.
    fn use_up(&mut self, used: usize) {
        self.buffer.copy_within(used..self.filled, 0);
        self.filled -= used;
        if self.filled == self.buffer.len() {
            let larger = (self.buffer.len() * 2).min(MOST_HEAD + 1);
            self.buffer.resize(larger, 0);
        }
    }
}

//! One TCP connection that carries one exchange at a time.

use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, SendFlags};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;
use tokio::time::{Sleep, sleep_until};

use super::decoder::{Decoder, MOST_HEAD, Step};
use crate::model::ErrorClass;
use crate::transport::{Answer, Connection, Transport, Watch, connect_error, stream_error};

/// The buffer a connection begins with; it grows only for a larger head.
const BUFFER: usize = 8 * 1024;

/// Makes HTTP/1.1 connections in the clear to one target.
#[derive(Clone, Debug)]
pub struct Http1 {
    /// The target's addresses, tried in order.
    pub addresses: Arc<[SocketAddr]>,
    /// The request's method, which decides whether answers have bodies.
    pub method: Arc<str>,
    /// The request's bytes.
    pub request: Arc<[u8]>,
    /// What to look for in answers.
    pub watch: Watch,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// A connection made by [`Http1`].
#[derive(Debug)]
pub struct Http1Connection {
    stream: TcpStream,
    request: Arc<[u8]>,
    decoder: Decoder,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were read and not used up.
    filled: usize,
    timeout: Duration,
    /// When the exchange that is now has to end.
    deadline: Instant,
    /// Fires at some deadline of this or an earlier exchange; moved on only when it fires, so
    /// that a request costs no timer operation.
    alarm: Pin<Box<Sleep>>,
    /// Whether the alarm has been polled since it was set, and so will wake the task.
    alarmed: bool,
}

impl Transport for Http1 {
    type Connection = Http1Connection;

    async fn connect(&self) -> Result<Http1Connection, ErrorClass> {
        let connecting = tokio::time::timeout(self.connect_timeout, self.open());
        let stream = match connecting.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(connect_error(&error)),
            Err(_) => return Err(ErrorClass::ConnectTimeout),
        };
        let deadline = Instant::now() + self.timeout;
        Ok(Http1Connection {
            stream,
            request: Arc::clone(&self.request),
            decoder: Decoder::new(&self.method, self.watch.clone()),
            buffer: vec![0; BUFFER],
            filled: 0,
            timeout: self.timeout,
            deadline,
            alarm: Box::pin(sleep_until(deadline.into())),
            alarmed: false,
        })
    }
}

impl Http1 {
    async fn open(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(&*self.addresses).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl Connection for Http1Connection {
    async fn exchange(&mut self, sent: Instant) -> Result<Answer, ErrorClass> {
        self.deadline = sent + self.timeout;
        self.decoder.begin();
        self.filled = 0;
        let whole = match self.write(0) {
            Ok(n) if n == self.request.len() => true,
            Ok(n) => self.write_rest(n).await?,
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.write_rest(0).await?,
            Err(error) => return Err(stream_error(&error)),
        };
        loop {
            let n = poll_fn(|cx| self.poll_read(cx)).await?;
            if n == 0 {
                return self.decoder.end().ok_or(ErrorClass::Closed);
            }
            self.filled += n;
            match self.decoder.decode(&self.buffer[..self.filled]) {
                Ok(Step::Done(answer)) => {
                    return Ok(Answer {
                        reusable: answer.reusable && whole,
                        ..answer
                    });
                }
                Ok(Step::More(used)) => self.use_up(used),
                Err(_) => return Err(ErrorClass::Protocol),
            }
        }
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // An idle connection has nothing to say: an end, an error and a byte out of turn are all
        // reasons not to use it again.
        let mut byte = [0];
        receive(&self.stream, &mut byte, cx).map(|_| ())
    }

    fn named_header(&self) -> &[u8] {
        self.decoder.named_header()
    }

    fn short_body(&self) -> &[u8] {
        self.decoder.short_body()
    }
}

impl Http1Connection {
    /// Hands the request's bytes from `written` on to the kernel, as far as it takes them. A
    /// system call and nothing else: that the socket may be written to is the usual case.
    #[inline]
    fn write(&self, written: usize) -> std::io::Result<usize> {
        let rest = &self.request[written..];
        Ok(rustix::net::send(&self.stream, rest, SendFlags::empty())?)
    }

    /// Writes what the kernel did not take at once; false when the peer answers or ends first.
    async fn write_rest(&mut self, mut written: usize) -> Result<bool, ErrorClass> {
        while written < self.request.len() {
            let wait = self.stream.ready(Interest::READABLE | Interest::WRITABLE);
            let ready = tokio::time::timeout_at(self.deadline.into(), wait)
                .await
                .map_err(|_| ErrorClass::Timeout)?
                .map_err(|error| stream_error(&error))?;
            if ready.is_writable() {
                let wrote = (self.stream).try_io(Interest::WRITABLE, || self.write(written));
                match wrote {
                    Ok(n) => written += n,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return Err(stream_error(&error)),
                }
            } else if ready.is_readable() {
                // An answer before the request was taken whole: read it, then let go.
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads once; 0 at the end of the stream. Past the deadline it is a time-out.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, ErrorClass>> {
        match receive(&self.stream, &mut self.buffer[self.filled..], cx) {
            Poll::Ready(Ok(n)) => return Poll::Ready(Ok(n)),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(stream_error(&error))),
            Poll::Pending => {}
        }
        // An alarm that was polled keeps the task's waker until it fires: one task drives a
        // connection for as long as it lives.
        if self.alarmed && !self.alarm.is_elapsed() {
            return Poll::Pending;
        }
        loop {
            self.alarmed = true;
            // Outside of the task's budget: a task that reads and reads still has its time-out, and
            // an alarm that was polled has really been set.
            ready!(Pin::new(&mut unconstrained(self.alarm.as_mut())).poll(cx));
            if Instant::now() >= self.deadline {
                let begun = self.filled > 0 || !self.decoder.in_head();
                let class = if begun {
                    ErrorClass::BodyTimeout
                } else {
                    ErrorClass::Timeout
                };
                return Poll::Ready(Err(class));
            }
            self.alarm.as_mut().reset(self.deadline.into());
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

/// Reads once what has come, 0 at the end of the stream.
///
/// A read that does not fill the buffer has emptied the socket, so its readiness is taken back at
/// once, and the next answer is waited for without asking in vain.
#[inline]
fn receive(
    stream: &TcpStream,
    buffer: &mut [u8],
    cx: &mut Context<'_>,
) -> Poll<std::io::Result<usize>> {
    loop {
        ready!(stream.poll_read_ready(cx))?;
        let mut received = None;
        let tried = stream.try_io(Interest::READABLE, || {
            let (n, _) = rustix::net::recv(stream, &mut *buffer, RecvFlags::empty())?;
            received = Some(n);
            if n > 0 && n < buffer.len() {
                return Err(ErrorKind::WouldBlock.into());
            }
            Ok(n)
        });
        match (received, tried) {
            (Some(n), _) => return Poll::Ready(Ok(n)),
            (None, Err(error)) if error.kind() == ErrorKind::WouldBlock => {}
            (None, tried) => return Poll::Ready(tried),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    /// A server that begins an answer and never stops sending its body.
    fn endless() -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            let _ = client.read(&mut [0; 1024]);
            let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            // Ends when the client has had enough.
            while client.write_all(&[b'x'; 16 * 1024]).is_ok() {}
        });
        address
    }

    #[test]
    fn a_body_without_end_meets_the_time_out_however_fast_it_comes() {
        let transport = Http1 {
            addresses: vec![endless()].into(),
            method: "GET".into(),
            request: b"GET / HTTP/1.1\r\n\r\n"[..].into(),
            watch: Watch::default(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_millis(200),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let answer = runtime.block_on(async {
            let task = async {
                let mut connection = transport.connect().await.expect("a connection");
                connection.exchange(Instant::now()).await
            };
            tokio::task::LocalSet::new().run_until(task).await
        });
        assert_eq!(answer, Err(ErrorClass::BodyTimeout));
    }
}

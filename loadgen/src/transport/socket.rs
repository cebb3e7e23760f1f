//! Where connections lead to, and the socket that they are.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{RecvFlags, SendFlags};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// Where connections lead to.
#[derive(Clone, Debug)]
pub enum Place {
    Addresses(Addresses),
    /// A unix socket.
    Unix(Arc<Path>),
}

/// Addresses that connections are spread over, and others that are tried where these fail.
#[derive(Clone, Debug)]
pub struct Addresses {
    all: Arc<[SocketAddr]>,
    /// So many of them, the first ones, take turns.
    spread: usize,
    /// Whose turn it is, of all threads: taken for a connection, never for a request.
    turn: Arc<AtomicUsize>,
}

impl Addresses {
    /// The first `spread` of these take turns; the others are tried where those fail.
    #[must_use]
    pub fn new(all: Vec<SocketAddr>, spread: usize) -> Self {
        Self {
            spread: spread.clamp(1, all.len().max(1)),
            all: all.into(),
            turn: Arc::default(),
        }
    }

    /// The addresses for the next connection, in the order in which they are tried.
    fn in_turn(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.spread;
        let (first, others) = self.all.split_at(self.spread.min(self.all.len()));
        let (after, begin) = first.split_at(turn.min(first.len()));
        begin.iter().chain(after).chain(others).copied()
    }
}

impl Place {
    /// One address, or several that take turns.
    #[must_use]
    pub fn of(addresses: &[SocketAddr]) -> Self {
        Self::Addresses(Addresses::new(addresses.to_vec(), addresses.len()))
    }

    /// Connects to whatever answers first, in order.
    pub(super) async fn open(&self) -> std::io::Result<Socket> {
        match self {
            Self::Unix(path) => connect_unix(path).await.map(Socket::Unix),
            Self::Addresses(addresses) => {
                let mut failed = std::io::Error::from(ErrorKind::AddrNotAvailable);
                for address in addresses.in_turn() {
                    match TcpStream::connect(address).await {
                        Ok(stream) => {
                            stream.set_nodelay(true)?;
                            return Ok(Socket::Tcp(stream));
                        }
                        Err(error) => failed = error,
                    }
                }
                Err(failed)
            }
        }
    }
}

/// How long to wait before a unix socket is asked once more whose queue of connections is full.
const FULL_QUEUE: Duration = Duration::from_millis(1);

/// A TCP connection waits by itself for a place in the server's queue; one to a unix socket is turned
/// away at once, and asks again for as long as whoever wants it has patience.
async fn connect_unix(path: &Path) -> std::io::Result<UnixStream> {
    loop {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                tokio::time::sleep(FULL_QUEUE).await;
            }
            connected => return connected,
        }
    }
}

/// A connected socket.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Does the same for either kind.
macro_rules! either {
    ($socket:expr, $stream:ident => $does:expr) => {
        match $socket {
            Socket::Tcp($stream) => $does,
            Socket::Unix($stream) => $does,
        }
    };
}

impl Socket {
    /// Hands bytes on to the kernel. A system call and nothing else in the usual case, which is that
    /// the socket may be written to.
    #[inline]
    pub(super) fn poll_send(
        &self,
        bytes: &[u8],
        cx: &mut Context<'_>,
    ) -> Poll<std::io::Result<usize>> {
        match self.send(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.poll_send_later(bytes, cx),
            sent => Poll::Ready(sent),
        }
    }

    #[inline]
    fn send(&self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(either!(self, stream => rustix::net::send(stream, bytes, SendFlags::NOSIGNAL))?)
    }

    fn poll_send_later(&self, bytes: &[u8], cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        loop {
            either!(self, stream => ready!(stream.poll_write_ready(cx))?);
            let sent = either!(self, stream => {
                stream.try_io(Interest::WRITABLE, || self.send(bytes))
            });
            match sent {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    /// Reads once what has come, 0 at the end of the stream.
    ///
    /// A read that does not fill the buffer has emptied the socket, so its readiness is taken back at
    /// once, and the next answer is waited for without asking in vain.
    #[inline]
    pub(super) fn poll_receive(
        &self,
        buffer: &mut [u8],
        cx: &mut Context<'_>,
    ) -> Poll<std::io::Result<usize>> {
        loop {
            either!(self, stream => ready!(stream.poll_read_ready(cx))?);
            let mut received = None;
            let tried = either!(self, stream => stream.try_io(Interest::READABLE, || {
                let (n, _) = rustix::net::recv(stream, &mut *buffer, RecvFlags::empty())?;
                received = Some(n);
                if n > 0 && n < buffer.len() {
                    return Err(ErrorKind::WouldBlock.into());
                }
                Ok(n)
            }));
            match (received, tried) {
                (Some(n), _) => return Poll::Ready(Ok(n)),
                (None, Err(error)) if error.kind() == ErrorKind::WouldBlock => {}
                (None, tried) => return Poll::Ready(tried),
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_turns_and_what_is_left_over_comes_last() {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let addresses = Addresses::new([1, 2, 3, 4].map(address).to_vec(), 3);
        let order = || -> Vec<u16> { addresses.in_turn().map(|one| one.port()).collect() };
        assert_eq!(order(), [1, 2, 3, 4]);
        assert_eq!(order(), [2, 3, 1, 4]);
        assert_eq!(order(), [3, 1, 2, 4]);
        assert_eq!(order(), [1, 2, 3, 4]);
        assert_eq!(Addresses::new(Vec::new(), 0).in_turn().count(), 0);
    }
}

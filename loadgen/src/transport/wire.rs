//! What HTTP is spoken over: a socket in the clear, or TLS on it.

use std::io::ErrorKind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::socket::Socket;

/// One connection's bytes, both ways.
#[derive(Debug)]
pub(super) enum Wire {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

impl Wire {
    /// Takes bytes on their way; how many.
    #[inline]
    pub(super) fn poll_write(
        &mut self,
        bytes: &[u8],
        cx: &mut Context<'_>,
    ) -> Poll<std::io::Result<usize>> {
        match self {
            Self::Plain(socket) => socket.poll_send(bytes, cx),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    /// Sends what was taken and not yet sent.
    #[inline]
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    /// Reads once what has come, 0 at the end of the stream.
    #[inline]
    pub(super) fn poll_read(
        &mut self,
        buffer: &mut [u8],
        cx: &mut Context<'_>,
    ) -> Poll<std::io::Result<usize>> {
        match self {
            Self::Plain(socket) => socket.poll_receive(buffer, cx),
            Self::Tls(stream) => {
                let mut buffer = ReadBuf::new(buffer);
                ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
                Poll::Ready(Ok(buffer.filled().len()))
            }
        }
    }
}

impl Wire {
    /// Whether what the peer said before it went has to be asked for.
    #[inline]
    pub(super) const fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Why the peer takes no more: it may have sent an alert before it went, which is waited for, as
    /// its end is.
    fn poll_why(&mut self, error: std::io::Error, cx: &mut Context<'_>) -> Poll<std::io::Error> {
        let ended = matches!(
            error.kind(),
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
        );
        if !ended || !self.is_tls() {
            return Poll::Ready(error);
        }
        match ready!(Self::poll_read(self, &mut [0], cx)) {
            Err(told) if told.kind() == ErrorKind::InvalidData => Poll::Ready(told),
            _ => Poll::Ready(error),
        }
    }

    fn poll_told<T>(
        &mut self,
        written: std::io::Result<T>,
        cx: &mut Context<'_>,
    ) -> Poll<std::io::Result<T>> {
        match written {
            Ok(written) => Poll::Ready(Ok(written)),
            Err(error) => self.poll_why(error, cx).map(Err),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let wire = self.get_mut();
        let written = ready!(Self::poll_write(wire, bytes, cx));
        wire.poll_told(written, cx)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let wire = self.get_mut();
        let flushed = ready!(Self::poll_flush(wire, cx));
        wire.poll_told(flushed, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

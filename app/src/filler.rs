//! A body of a given length that is the same page of memory again and again.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};

static PAGE: [u8; 64 << 10] = [b'.'; 64 << 10];

/// What is left to be sent.
#[derive(Debug)]
pub(crate) struct Filler {
    n_bytes: u64,
}

impl Filler {
    pub(crate) fn of(n_bytes: u64) -> Self {
        Self { n_bytes }
    }
}

impl Body for Filler {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.n_bytes == 0 {
            return Poll::Ready(None);
        }
        let n_now = self.n_bytes.min(PAGE.len() as u64);
        self.n_bytes -= n_now;
        let page = Bytes::from_static(&PAGE[..n_now as usize]);
        Poll::Ready(Some(Ok(Frame::data(page))))
    }

    fn is_end_stream(&self) -> bool {
        self.n_bytes == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.n_bytes)
    }
}

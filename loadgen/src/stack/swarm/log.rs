//! What a task prints, as the engine gives it: pieces of its two streams, each behind a head of eight
//! bytes.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::super::StackError;
use super::super::docker::Engine;

/// The length of a head: the stream, three bytes of nothing, and the length of what follows.
const HEAD: usize = 8;

/// Who said a piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The task, on standard output.
    #[default]
    Output,
    /// The task, on standard error.
    Errors,
    /// The engine: it cannot give all that the task printed.
    Engine,
}

/// A piece of what a task printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub source: Source,
    pub bytes: Bytes,
}

/// What a task prints. Memory does not grow with it, nor with what a head promises.
pub struct Log {
    body: Incoming,
    pieces: Pieces,
    ready: VecDeque<Piece>,
    is_broken: bool,
}

impl Log {
    pub(super) async fn open(
        engine: &Engine,
        task: &str,
        is_followed: bool,
    ) -> Result<Self, StackError> {
        let follow = u8::from(is_followed);
        let path = format!("/tasks/{task}/logs?stdout=1&stderr=1&follow={follow}");
        Ok(Self {
            body: engine.stream(&path, "tell what a worker prints").await?,
            pieces: Pieces::default(),
            ready: VecDeque::new(),
            is_broken: false,
        })
    }

    /// The next piece; none at the end, and where the stream breaks.
    pub async fn next(&mut self) -> Option<Piece> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(piece);
            }
            let Ok(frame) = self.body.frame().await? else {
                self.is_broken = true;
                return None;
            };
            let bytes = frame.into_data().unwrap_or_default();
            self.ready.extend(self.pieces.push(bytes));
        }
    }

    /// Whether the stream broke, where it should have ended.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.is_broken
    }
}

/// Cuts the engine's stream into pieces as they come, without waiting for the end of any.
#[derive(Debug, Default)]
struct Pieces {
    /// The head that is not whole yet.
    head: BytesMut,
    /// Of which stream the bytes are that come, and how many of them.
    source: Source,
    left: usize,
}

impl Pieces {
    fn push(&mut self, mut bytes: Bytes) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            if self.left == 0 {
                let lacking = (HEAD - self.head.len()).min(bytes.len());
                self.head.extend_from_slice(&bytes.split_to(lacking));
                if self.head.len() == HEAD {
                    self.source = match self.head.get_u8() {
                        2 => Source::Errors,
                        3 => Source::Engine,
                        _ => Source::Output,
                    };
                    self.head.advance(3);
                    self.left = self.head.get_u32() as usize;
                }
                continue;
            }
            let length = self.left.min(bytes.len());
            self.left -= length;
            pieces.push(Piece {
                source: self.source,
                bytes: bytes.split_to(length),
            });
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(stream: u8, text: &[u8]) -> Vec<u8> {
        let mut bytes = vec![stream, 0, 0, 0];
        bytes.extend((text.len() as u32).to_be_bytes());
        bytes.extend(text);
        bytes
    }

    proptest! {
        #[test]
        fn wherever_a_stream_is_cut_its_pieces_come_to_the_same(
            texts in proptest::collection::vec((1_u8..=2, proptest::collection::vec(any::<u8>(), 0..40)), 0..10),
            step in 1_usize..50,
        ) {
            let whole: Vec<u8> = texts.iter().flat_map(|(stream, text)| framed(*stream, text)).collect();
            let mut pieces = Pieces::default();
            let mut read = [Vec::new(), Vec::new()];
            for part in whole.chunks(step) {
                for piece in pieces.push(Bytes::copy_from_slice(part)) {
                    read[usize::from(piece.source == Source::Errors)].extend(piece.bytes);
                }
            }
            for stream in [1, 2] {
                let said = texts.iter().filter(|(of, _)| *of == stream);
                let said: Vec<u8> = said.flat_map(|(_, text)| text.clone()).collect();
                prop_assert_eq!(&said, &read[usize::from(stream) - 1]);
            }
        }
    }

    #[test]
    fn a_head_that_promises_much_holds_nothing_back() {
        let mut pieces = Pieces::default();
        let mut stream = vec![1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
        stream.extend(b"LG1");
        let read = pieces.push(stream.into());
        assert_eq!(read.len(), 1);
        assert_eq!(&read[0].bytes[..], b"LG1");
    }
}

//! Decodes one HTTP/1 answer from bytes as they come, and keeps only what is asked for.
//!
//! Pure: bytes in, a [`Step`] out; fuzzed. What a server sends is hostile, so heads and chunk
//! lines are bounded, lengths that contradict one another are refused, and bodies are counted
//! and thrown away.

mod chunk;
mod fields;

use chunk::Chunk;
use fields::Fields;

use crate::transport::{Answer, KEPT, Watch};

/// The largest head of an answer, in bytes.
pub const MOST_HEAD: usize = 64 * 1024;
/// The most header lines of a head.
const MOST_HEADERS: usize = 96;
/// The largest body of an answer, in bytes.
const MOST_BODY: u64 = 1 << 32;
/// The longest line of a chunk's size, with its extensions.
const MOST_CHUNK_LINE: u32 = 4 * 1024;
/// The most bytes of trailers, all lines together.
const MOST_TRAILERS: u32 = 16 * 1024;
/// The most interim (1xx) answers before the one that counts.
const MOST_INTERIM: u8 = 8;

/// Why bytes are no HTTP/1 answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// The head could not be parsed.
    #[error("malformed head: {0}")]
    Head(httparse::Error),
    /// The head is longer than [`MOST_HEAD`].
    #[error("head is longer than {MOST_HEAD} bytes")]
    HeadTooLong,
    /// Status below 100, a switch of protocols, or too many interim answers.
    #[error("status {0} answers no request of this kind")]
    Status(u16),
    /// A Content-Length that is no number, or several that differ.
    #[error("contradictory Content-Length")]
    Length,
    /// A Transfer-Encoding other than chunked.
    #[error("unknown Transfer-Encoding")]
    Encoding,
    /// A chunk's size or end is malformed.
    #[error("malformed chunk")]
    Chunk,
    /// The body is larger than 4 GiB.
    #[error("body is larger than {MOST_BODY} bytes")]
    BodyTooLong,
    /// Bytes follow the answer, though only one request was sent.
    #[error("bytes follow the answer")]
    Surplus,
}

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// More bytes are needed; this many of the given ones are used up.
    More(usize),
    /// The answer is complete.
    Done(Answer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    Chunk(Chunk),
    UntilClose,
}

/// The decoder of one connection, used again for each answer.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    answer: Answer,
    /// Whether the request was HEAD, whose answers have no body.
    head_only: bool,
    interim: u8,
    line: u32,
    trailers: u32,
    body: u64,
    watch: Watch,
    header: Kept,
    kept_body: Kept,
}

/// The first bytes of something, without a heap.
#[derive(Debug)]
struct Kept {
    bytes: [u8; KEPT],
    len: usize,
    cut: bool,
}

impl Kept {
    const EMPTY: Self = Self {
        bytes: [0; KEPT],
        len: 0,
        cut: false,
    };

    fn clear(&mut self) {
        (self.len, self.cut) = (0, false);
    }

    #[inline]
    fn extend(&mut self, more: &[u8]) {
        let room = (KEPT - self.len).min(more.len());
        self.bytes[self.len..self.len + room].copy_from_slice(&more[..room]);
        self.len += room;
        self.cut |= room < more.len();
    }

    fn whole(&self) -> &[u8] {
        if self.cut {
            &[]
        } else {
            &self.bytes[..self.len]
        }
    }
}

impl Decoder {
    /// A decoder for the answers to one method.
    #[must_use]
    pub fn new(method: &str, watch: Watch) -> Self {
        Self {
            state: State::Head,
            answer: Answer {
                status: 0,
                tries: 1,
                reusable: true,
            },
            head_only: method == "HEAD",
            interim: 0,
            line: 0,
            trailers: 0,
            body: 0,
            watch,
            header: Kept::EMPTY,
            kept_body: Kept::EMPTY,
        }
    }

    /// Begins the next answer.
    pub fn begin(&mut self) {
        self.state = State::Head;
        (self.interim, self.line, self.trailers, self.body) = (0, 0, 0, 0);
        self.header.clear();
        self.kept_body.clear();
    }

    /// Whether the head is still awaited.
    #[must_use]
    pub fn in_head(&self) -> bool {
        self.state == State::Head
    }

    /// The watched header's value, at most [`KEPT`] bytes of it.
    #[must_use]
    pub fn named_header(&self) -> &[u8] {
        &self.header.bytes[..self.header.len]
    }

    /// The body, if it is no longer than [`KEPT`] bytes; else nothing.
    #[must_use]
    pub fn short_body(&self) -> &[u8] {
        self.kept_body.whole()
    }

    /// Takes in `bytes`: those not used up before, and those read since. Bytes of an unfinished
    /// head are not used up; bytes of a body always are.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Step, ProtocolError> {
        let mut used = 0;
        while self.state == State::Head {
            match self.head(&bytes[used..])? {
                Some(Head {
                    length,
                    ends: false,
                }) => used += length,
                Some(Head { length, ends: true }) => return self.done(&bytes[used + length..]),
                None if bytes.len() - used >= MOST_HEAD => return Err(ProtocolError::HeadTooLong),
                None => return Ok(Step::More(used)),
            }
        }
        let rest = &bytes[used..];
        let taken = match self.state {
            State::Head => 0,
            State::Length(left) => {
                let taken = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                self.keep(&rest[..taken])?;
                self.state = State::Length(left - taken as u64);
                if left == taken as u64 {
                    return self.done(&rest[taken..]);
                }
                taken
            }
            State::Chunk(_) => match self.chunks(rest)? {
                (taken, true) => return self.done(&rest[taken..]),
                (taken, false) => taken,
            },
            State::UntilClose => {
                self.keep(rest)?;
                rest.len()
            }
        };
        Ok(Step::More(used + taken))
    }

    /// The peer closed the connection: the end of a body that only that could end.
    pub fn end(&mut self) -> Option<Answer> {
        (self.state == State::UntilClose).then_some(Answer {
            reusable: false,
            ..self.answer
        })
    }

    fn done(&mut self, surplus: &[u8]) -> Result<Step, ProtocolError> {
        if surplus.is_empty() {
            Ok(Step::Done(self.answer))
        } else {
            Err(ProtocolError::Surplus)
        }
    }

    fn keep(&mut self, body: &[u8]) -> Result<(), ProtocolError> {
        self.body += body.len() as u64;
        if self.body > MOST_BODY {
            return Err(ProtocolError::BodyTooLong);
        }
        if !self.kept_body.cut {
            self.kept_body.extend(body);
        }
        Ok(())
    }

    fn head(&mut self, bytes: &[u8]) -> Result<Option<Head>, ProtocolError> {
        let mut headers = [const { std::mem::MaybeUninit::uninit() }; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default()
            .parse_response_with_uninit_headers(&mut response, bytes, &mut headers)
            .map_err(ProtocolError::Head)?;
        let httparse::Status::Complete(length) = parsed else {
            return Ok(None);
        };
        // However it was cut: a long head is refused also when it came at once.
        if length > MOST_HEAD {
            return Err(ProtocolError::HeadTooLong);
        }
        let status = response.code.unwrap_or(0);
        match status {
            100 | 102..=199 if self.interim < MOST_INTERIM => {
                self.interim += 1;
                return Ok(Some(Head {
                    length,
                    ends: false,
                }));
            }
            0..=199 => return Err(ProtocolError::Status(status)),
            _ => {}
        }
        let fields = Fields::read(response.headers, &self.watch, &mut self.header)?;
        let http_1_0 = response.version == Some(0);
        // RFC 9112, section 6.1: HTTP/1.0 knows no chunks, so whoever sends some is suspect.
        let lasts = !http_1_0 || (fields.keep_alive && !fields.chunked);
        self.answer = Answer {
            status,
            tries: fields.tries,
            reusable: !fields.close && lasts,
        };
        let bodiless = self.head_only || matches!(status, 204 | 304);
        self.state = match fields.length {
            _ if bodiless => State::Length(0),
            // RFC 9112, section 6.3: chunked overrides a length, and such an answer is suspect.
            length if fields.chunked => {
                self.answer.reusable &= length.is_none();
                State::Chunk(Chunk::Size { size: 0, digits: 0 })
            }
            Some(length) if length > MOST_BODY => return Err(ProtocolError::BodyTooLong),
            Some(length) => State::Length(length),
            None => State::UntilClose,
        };
        Ok(Some(Head {
            length,
            ends: self.state == State::Length(0),
        }))
    }

    /// Decodes a chunked body; tells how many bytes it used and whether it ended.
    fn chunks(&mut self, bytes: &[u8]) -> Result<(usize, bool), ProtocolError> {
        let mut at = 0;
        while at < bytes.len() {
            let State::Chunk(chunk) = self.state else {
                break;
            };
            if let Chunk::Data { left } = chunk {
                let taken = usize::try_from(left)
                    .map_or(bytes.len() - at, |left| left.min(bytes.len() - at));
                self.keep(&bytes[at..at + taken])?;
                at += taken;
                let left = left - taken as u64;
                let next = if left == 0 {
                    Chunk::DataEnd { lf: false }
                } else {
                    Chunk::Data { left }
                };
                self.state = State::Chunk(next);
                continue;
            }
            let byte = bytes[at];
            at += 1;
            match chunk.after(byte).ok_or(ProtocolError::Chunk)? {
                Chunk::End => return Ok((at, true)),
                Chunk::Data { left } if left > MOST_BODY - self.body => {
                    return Err(ProtocolError::BodyTooLong);
                }
                next => self.state = State::Chunk(next),
            }
            self.line = if byte == b'\n' { 0 } else { self.line + 1 };
            self.trailers += u32::from(chunk.is_trailer());
            if self.line > MOST_CHUNK_LINE || self.trailers > MOST_TRAILERS {
                return Err(ProtocolError::Chunk);
            }
        }
        Ok((at, false))
    }
}

struct Head {
    length: usize,
    ends: bool,
}

#[cfg(test)]
mod tests;

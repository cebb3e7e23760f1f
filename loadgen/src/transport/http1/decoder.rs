//! Decodes one HTTP/1 answer from bytes as they come, and keeps only what is asked for.
//!
//! Pure: bytes in, a [`Step`] out; fuzzed. What a server sends is hostile, so heads and chunk
//! lines are bounded, lengths that contradict one another are refused, and bodies are counted
//! and thrown away.

use crate::transport::{Answer, KEPT, TRIES_HEADER, Watch, tries_in};

/// The largest head of an answer, in bytes.
pub const MOST_HEAD: usize = 64 * 1024;
/// The most header lines of a head.
const MOST_HEADERS: usize = 96;
/// The largest body of an answer, in bytes.
const MOST_BODY: u64 = 1 << 32;
/// The longest line of a chunk's size, with its extensions.
const MOST_CHUNK_LINE: u32 = 4 * 1024;
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

/// Where in a chunked body the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    Size { size: u64, digits: u8 },
    Extension { size: u64 },
    SizeEnd { size: u64 },
    Data { left: u64 },
    DataEnd { lf: bool },
    TrailerStart,
    Trailer,
    TrailerEnd,
    End,
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
            body: 0,
            watch,
            header: Kept::EMPTY,
            kept_body: Kept::EMPTY,
        }
    }

    /// Begins the next answer.
    pub fn begin(&mut self) {
        self.state = State::Head;
        (self.interim, self.line, self.body) = (0, 0, 0);
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
        self.answer = Answer {
            status,
            tries: fields.tries,
            reusable: !fields.close && (!http_1_0 || fields.keep_alive),
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
                next => self.state = State::Chunk(next),
            }
            self.line = if byte == b'\n' { 0 } else { self.line + 1 };
            if self.line > MOST_CHUNK_LINE {
                return Err(ProtocolError::Chunk);
            }
        }
        Ok((at, false))
    }
}

impl Chunk {
    /// The state after one byte that is not data; `None` when the byte cannot come here.
    fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Size { size, digits }, _) if byte.is_ascii_hexdigit() && digits < 16 => {
                let digit = u64::from(char::from(byte).to_digit(16)?);
                Self::Size {
                    size: size << 4 | digit,
                    digits: digits + 1,
                }
            }
            (Self::Size { digits: 0, .. }, _) => return None,
            (Self::Size { size, .. } | Self::Extension { size }, b'\r') => Self::SizeEnd { size },
            (Self::Size { size, .. }, b';' | b' ' | b'\t') => Self::Extension { size },
            (Self::Extension { size }, byte) if byte != b'\n' => Self::Extension { size },
            (Self::SizeEnd { size }, b'\n') if size > 0 => Self::Data { left: size },
            (Self::DataEnd { lf: false }, b'\r') => Self::DataEnd { lf: true },
            (Self::DataEnd { lf: true }, b'\n') => Self::Size { size: 0, digits: 0 },
            (Self::TrailerStart, b'\r') => Self::TrailerEnd,
            (Self::TrailerEnd, b'\n') => Self::End,
            (Self::SizeEnd { .. } | Self::TrailerStart | Self::Trailer, b'\n') => {
                Self::TrailerStart
            }
            (Self::TrailerStart | Self::Trailer, _) => Self::Trailer,
            _ => return None,
        })
    }
}

struct Head {
    length: usize,
    ends: bool,
}

/// What the header lines say of the body and the connection.
#[derive(Default)]
struct Fields {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    tries: u16,
}

impl Fields {
    fn read(
        headers: &[httparse::Header<'_>],
        watch: &Watch,
        named: &mut Kept,
    ) -> Result<Self, ProtocolError> {
        let mut fields = Self {
            tries: 1,
            ..Self::default()
        };
        for header in headers {
            // By length first: most headers are none of these.
            match header.name.len() {
                10 if header.name.eq_ignore_ascii_case("connection") => {
                    fields.connection(header.value);
                }
                10 if header.name.eq_ignore_ascii_case(TRIES_HEADER) => {
                    fields.tries = tries_in(header.value);
                }
                14 if header.name.eq_ignore_ascii_case("content-length") => {
                    fields.content_length(header.value)?;
                }
                17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                    if !header.value.eq_ignore_ascii_case(b"chunked") || fields.chunked {
                        return Err(ProtocolError::Encoding);
                    }
                    fields.chunked = true;
                }
                _ => {}
            }
            let watched = watch.name_header.as_ref();
            if watched.is_some_and(|name| header.name.eq_ignore_ascii_case(name)) {
                named.clear();
                named.extend(header.value);
            }
        }
        Ok(fields)
    }

    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), ProtocolError> {
        let digits = !value.is_empty() && value.len() <= 19 && value.iter().all(u8::is_ascii_digit);
        let length = (digits.then_some(value)).ok_or(ProtocolError::Length)?;
        let length = length
            .iter()
            .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        match self.length {
            Some(other) if other != length => Err(ProtocolError::Length),
            _ => {
                self.length = Some(length);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;

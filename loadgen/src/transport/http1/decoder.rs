//! Decodes one HTTP/1 answer from bytes as they come, and keeps only what is asked for.
//!
//! Pure: bytes in, a [`Step`] out; fuzzed. What a server sends is hostile, so heads and chunk
//! lines are bounded, lengths that contradict one another are refused, and bodies are counted
//! and thrown away.

mod chunk;
mod fields;

use chunk::Chunk;
use fields::Fields;

use crate::model::NameSource;
use crate::transport::{After, Answer, KEPT};

/// The largest head of an answer, in bytes.
pub const MOST_HEAD: usize = 256 * 1024;
/// The most header lines of a head.
const MOST_HEADERS: usize = 256;
/// Above this a head is looked at again only where it may be complete, or has doubled: it may come
/// byte by byte.
const LONG_HEAD: usize = 16 * 1024;
/// The largest body of an answer, in bytes.
pub const MOST_BODY: u64 = 1 << 32;
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
    #[error("{}", head_in_words(*.0))]
    Head(httparse::Error),
    /// The head is longer than [`MOST_HEAD`].
    #[error("its head is longer than {MOST_HEAD} bytes")]
    HeadTooLong,
    /// Status below 100, a switch of protocols, or too many interim answers.
    #[error("its status {0} answers no request of this kind")]
    Status(u16),
    /// A Content-Length that is no number, or several that differ.
    #[error("its Content-Length is no number, or there are several that differ")]
    Length,
    /// A Transfer-Encoding other than chunked.
    #[error("its Transfer-Encoding is another than `chunked`")]
    Encoding,
    /// A chunk's size or end is malformed.
    #[error("a chunk of its body is malformed")]
    Chunk,
    /// The body is larger than 4 GiB.
    #[error("its body is larger than {MOST_BODY} bytes")]
    BodyTooLong,
}

/// What a parser says of a head, for people.
fn head_in_words(error: httparse::Error) -> String {
    use httparse::Error;
    match error {
        Error::TooManyHeaders => format!("its head has more than {MOST_HEADERS} lines"),
        Error::Version => "it does not begin with HTTP/1.1 or HTTP/1.0".to_owned(),
        Error::Status => "its status line is malformed".to_owned(),
        Error::HeaderName => "a header line has no name, or a name with blanks".to_owned(),
        Error::HeaderValue => "the value of a header holds control characters".to_owned(),
        error => format!("its head is malformed: {error}"),
    }
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
    /// How long the head was when it was looked at last.
    looked_at: usize,
    line: u32,
    trailers: u32,
    body: u64,
    names: NameSource,
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

    fn start(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn whole(&self) -> &[u8] {
        if self.cut { &[] } else { self.start() }
    }
}

impl Decoder {
    /// A decoder for the answers to one method.
    #[must_use]
    pub fn new(method: &str, names: NameSource) -> Self {
        Self {
            state: State::Head,
            answer: Answer {
                status: 0,
                tries: 0,
                after: After::Reuse,
            },
            head_only: method == "HEAD",
            interim: 0,
            looked_at: 0,
            line: 0,
            trailers: 0,
            body: 0,
            names,
            header: Kept::EMPTY,
            kept_body: Kept::EMPTY,
        }
    }

    /// Begins the next answer, which has no body where the request was HEAD.
    #[inline]
    pub fn begin_for(&mut self, head_only: bool) {
        self.head_only = head_only;
        self.begin();
    }

    /// Begins the next answer to the same method.
    pub fn begin(&mut self) {
        self.state = State::Head;
        (self.interim, self.looked_at) = (0, 0);
        (self.line, self.trailers, self.body) = (0, 0, 0);
        self.header.clear();
        self.kept_body.clear();
    }

    /// Whether anything of the answer was used up.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.state != State::Head || self.interim > 0
    }

    /// The watched header's value, at most [`KEPT`] bytes of it.
    #[must_use]
    pub fn named_header(&self) -> &[u8] {
        self.header.start()
    }

    /// The body, if it is no longer than [`KEPT`] bytes; else nothing.
    #[must_use]
    pub fn short_body(&self) -> &[u8] {
        self.kept_body.whole()
    }

    /// The first [`KEPT`] bytes of the body.
    #[must_use]
    pub fn body_start(&self) -> &[u8] {
        self.kept_body.start()
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
                }) => (used, self.looked_at) = (used + length, 0),
                Some(Head { length, ends: true }) => return Ok(self.done(&bytes[used + length..])),
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
                    return Ok(self.done(&rest[taken..]));
                }
                taken
            }
            State::Chunk(_) => match self.chunks(rest)? {
                (taken, true) => return Ok(self.done(&rest[taken..])),
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
        let ended = self.state == State::UntilClose;
        ended.then(|| self.answer.and(After::PeerCloses))
    }

    /// Whose answer would bytes behind it be? Only one request was sent, so the connection ends here.
    fn done(&self, surplus: &[u8]) -> Step {
        Step::Done(if surplus.is_empty() {
            self.answer
        } else {
            self.answer.and(After::Surplus)
        })
    }

    /// Whether a head that was incomplete is worth another look.
    fn is_worth_a_look(&mut self, bytes: &[u8]) -> bool {
        let before = self.looked_at.saturating_sub(3);
        let fresh = bytes.get(before..).unwrap_or_default();
        let worth = bytes.len() < LONG_HEAD
            || bytes.len() >= (2 * self.looked_at).min(MOST_HEAD)
            || fresh.windows(2).any(|two| two == b"\n\n" || two == b"\n\r");
        if worth {
            self.looked_at = bytes.len();
        }
        worth
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
        if !self.is_worth_a_look(bytes) {
            return Ok(None);
        }
        let mut headers = [const { std::mem::MaybeUninit::uninit() }; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default()
            .allow_obsolete_multiline_headers_in_responses(true)
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
        let fields = Fields::read(response.headers, &self.names, &mut self.header)?;
        let http_1_0 = response.version == Some(0);
        // RFC 9112, section 6.1: HTTP/1.0 knows no chunks, so whoever sends some is suspect.
        let lasts = !http_1_0 || (fields.keep_alive && !fields.chunked);
        self.answer = Answer {
            status,
            tries: fields.tries,
            after: if fields.close || !lasts {
                After::PeerCloses
            } else {
                After::Reuse
            },
        };
        let bodiless = self.head_only || matches!(status, 204 | 304);
        self.state = match fields.length {
            _ if bodiless => State::Length(0),
            // RFC 9112, section 6.3: chunked overrides a length, and such an answer is suspect.
            length if fields.chunked => {
                if length.is_some() {
                    self.answer = self.answer.and(After::LetGo);
                }
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

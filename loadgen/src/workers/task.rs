//! One task's frames, put together: each taken once, in order, into the messages that they are.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::frame::Frame;
use super::message::{Final, MOST_MESSAGE, Message};

/// The first byte of a payload: the message goes on in the next frame.
pub(super) const MORE: u8 = b'+';
/// The same: it ends here.
pub(super) const LAST: u8 = b'.';
/// The most frames of a task; a day of a thousand names has less.
const MOST_FRAMES: usize = 1 << 22;

/// Why what a task said cannot be taken. Nothing that it says later is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("frames {from} to {} are missing", to - 1)]
    Gap { from: u32, to: u32 },
    #[error("frame {0} came twice, with another content")]
    Conflict(u32),
    #[error("frame {0} is part of no message")]
    Message(u32),
    #[error("it said more than any worker does")]
    TooMuch,
    #[error("it said something before it said who it is")]
    NoHello,
    #[error("it has another plan than this run: SHA-256 {0}")]
    OtherPlan(String),
    #[error("it is one of {found} workers, and this run has {expected}")]
    OtherCount { found: u32, expected: u32 },
    #[error("it said: {0}")]
    Said(String),
    #[error("it went on after its end")]
    AfterEnd,
    #[error("its last message counts {told} frames, and {found} came")]
    Count { told: u32, found: u32 },
    #[error("the digest of its lines is another one than it says")]
    Digest,
    #[error("second {second} of {group} is not a window of this run: {why}")]
    Window {
        group: String,
        second: u64,
        why: &'static str,
    },
    #[error("its last message does not fit this run: {0}")]
    Final(&'static str),
    #[error("two tasks sent its slice, {0} and {1}")]
    TwoTasks(String, String),
}

/// What has come of one task.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) name: String,
    /// A sum of each frame that came, by its number.
    frames: Vec<u64>,
    /// Of all lines, each with its end.
    lines: Sha256,
    /// What has come of a message that has no end yet.
    part: Vec<u8>,
    /// Whether one is coming.
    is_open: bool,
    /// Frames, and their digest, before it.
    before: (u32, Sha256),
}

impl Task {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            frames: Vec::new(),
            lines: Sha256::new(),
            part: Vec::new(),
            is_open: false,
            before: (0, Sha256::new()),
        }
    }

    /// Takes in a frame with its line; gives away the message that ends in it. One that has come
    /// before is passed over.
    pub(super) fn take(&mut self, frame: &Frame, line: &str) -> Result<Option<Message>, Fault> {
        let next = self.frames.len() as u32;
        let sum = content(line);
        if let Some(known) = self.frames.get(frame.seq as usize) {
            return if *known == sum {
                Ok(None)
            } else {
                Err(Fault::Conflict(frame.seq))
            };
        }
        if frame.seq > next {
            return Err(Fault::Gap {
                from: next,
                to: frame.seq,
            });
        }
        if self.frames.len() >= MOST_FRAMES || self.part.len() > MOST_MESSAGE {
            return Err(Fault::TooMuch);
        }
        if !self.is_open {
            self.before = (next, self.lines.clone());
        }
        self.frames.push(sum);
        self.lines.update(line.as_bytes());
        self.lines.update(b"\n");
        let (mark, part) = match frame.payload.split_first() {
            Some((mark @ (&MORE | &LAST), part)) => (*mark, part),
            _ => return Err(Fault::Message(frame.seq)),
        };
        self.part.extend_from_slice(part);
        self.is_open = mark == MORE;
        if self.is_open {
            return Ok(None);
        }
        let message = Message::read(&std::mem::take(&mut self.part));
        message.map(Some).ok_or(Fault::Message(frame.seq))
    }

    /// Whether all came that the last message counts. To be asked when that has just come.
    pub(super) fn is_whole(&self, last: &Final) -> Result<(), Fault> {
        let (found, digest) = &self.before;
        if last.frames != *found {
            return Err(Fault::Count {
                told: last.frames,
                found: *found,
            });
        }
        if last.sha256 != hexadecimal(digest.clone()) {
            return Err(Fault::Digest);
        }
        Ok(())
    }
}

/// Enough of a line's digest to tell it from another one of the same number.
fn content(line: &str) -> u64 {
    let digest = Sha256::digest(line.as_bytes());
    let first: [u8; 8] = std::array::from_fn(|place| digest[place]);
    u64::from_le_bytes(first)
}

/// A digest in hexadecimal digits.
pub(super) fn hexadecimal(digest: Sha256) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest.finalize() {
        // Writing to memory cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

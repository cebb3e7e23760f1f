//! Writes what a worker says, one line after another.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use super::frame::{Frame, MOST_PAYLOAD};
use super::message::{Final, Message};
use super::task::{LAST, MORE, hexadecimal};

/// Writes the frames of one task.
#[derive(Debug)]
pub struct FrameWriter<W> {
    out: W,
    run: String,
    worker: u32,
    task: String,
    seq: u32,
    lines: Sha256,
}

impl<W: Write> FrameWriter<W> {
    /// A writer of the task of a worker; names are [tokens](super::token).
    pub fn new(out: W, run: String, worker: u32, task: String) -> Self {
        Self {
            out,
            run,
            worker,
            task,
            seq: 0,
            lines: Sha256::new(),
        }
    }

    /// Writes a message, over as many lines as it takes.
    pub fn send(&mut self, message: &Message) -> io::Result<()> {
        let bytes = message.to_bytes();
        let mut parts = bytes.chunks(MOST_PAYLOAD).peekable();
        while let Some(part) = parts.next() {
            let mark = if parts.peek().is_some() { MORE } else { LAST };
            let mut payload = vec![mark];
            payload.extend_from_slice(part);
            self.write(payload)?;
        }
        self.out.flush()
    }

    /// Writes the last message, with the number of frames before it and their digest.
    pub fn end(&mut self, last: Final) -> io::Result<()> {
        let last = Final {
            frames: self.seq,
            sha256: hexadecimal(self.lines.clone()),
            ..last
        };
        self.send(&Message::Final(Box::new(last)))
    }

    fn write(&mut self, payload: Vec<u8>) -> io::Result<()> {
        let frame = Frame {
            run: self.run.clone(),
            worker: self.worker,
            task: self.task.clone(),
            seq: self.seq,
            payload,
        };
        let line = frame.line() + "\n";
        self.lines.update(line.as_bytes());
        self.seq += 1;
        self.out.write_all(line.as_bytes())
    }
}

//! Cuts a stream of bytes into lines, none of which takes more memory than a frame may have.

use super::MOST_LINE;

/// A line that is longer than any frame; how many bytes it had is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// What has come of a line that has no end yet.
#[derive(Debug, Default)]
pub struct Lines {
    part: Vec<u8>,
    /// Whether the rest of this line is passed over.
    is_too_long: bool,
}

impl Lines {
    /// Takes in the next bytes; gives away the lines that end in them. What is not UTF-8 in a line is
    /// replaced, so that its checksum no longer holds.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Result<String, TooLong>> {
        let mut lines = Vec::new();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.extend(&rest[..end]);
            lines.push(self.take());
            rest = &rest[end + 1..];
        }
        self.extend(rest);
        lines
    }

    /// The last line, where the stream ended without the end of one.
    pub fn finish(&mut self) -> Option<Result<String, TooLong>> {
        (self.is_too_long || !self.part.is_empty()).then(|| self.take())
    }

    fn extend(&mut self, bytes: &[u8]) {
        // One byte more, for a carriage return.
        if self.is_too_long || self.part.len() + bytes.len() > MOST_LINE + 1 {
            self.is_too_long = true;
            self.part.clear();
        } else {
            self.part.extend_from_slice(bytes);
        }
    }

    fn take(&mut self) -> Result<String, TooLong> {
        let mut part = std::mem::take(&mut self.part);
        if std::mem::take(&mut self.is_too_long) {
            return Err(TooLong);
        }
        // What came through a terminal ends in one.
        part.pop_if(|last| *last == b'\r');
        Ok(String::from_utf8_lossy(&part).into_owned())
    }
}

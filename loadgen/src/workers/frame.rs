//! One line of a worker: `LG1 RUN WORKER TASK SEQ CRC32 BASE64`.
//!
//! The checksum is over everything behind the tag but itself, so that a line of which any byte was
//! changed is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Crc;

/// What every line begins with.
const TAG: &str = "LG1";
/// The most bytes of a line, without its end.
pub const MOST_LINE: usize = 8 << 10;
/// The most bytes of a payload: what is left of a line whose other fields are as long as they may be.
pub(super) const MOST_PAYLOAD: usize = 5_960;
/// The most bytes of the name of a run or a task.
const MOST_NAME: usize = 96;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The run's name; see [`token`].
    pub run: String,
    /// The worker's number, from 0.
    pub worker: u32,
    /// Which attempt at being this worker: an engine may start one again.
    pub task: String,
    /// The frame's number within its task, from 0.
    pub seq: u32,
    pub payload: Vec<u8>,
}

/// Why a line is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum FrameError {
    #[error("it does not begin with `{TAG}`")]
    Foreign,
    #[error("it is longer than {MOST_LINE} bytes")]
    TooLong,
    #[error("it does not have seven fields")]
    Fields,
    #[error(
        "its run or task is not a name of at most {MOST_NAME} letters, digits, `-`, `_` and `.`"
    )]
    Name,
    #[error("its worker or its number is no number")]
    Number,
    #[error("its checksum is another one")]
    Checksum,
    #[error("its payload is not base64")]
    Base64,
}

impl Frame {
    /// The line, without its end.
    #[must_use]
    pub fn line(&self) -> String {
        let payload = STANDARD.encode(&self.payload);
        let head = format!("{} {} {} {}", self.run, self.worker, self.task, self.seq);
        let sum = checksum(&head, &payload);
        format!("{TAG} {head} {sum:08x} {payload}")
    }

    /// Reads a line without its end.
    pub fn read(line: &str) -> Result<Self, FrameError> {
        if line.len() > MOST_LINE {
            return Err(FrameError::TooLong);
        }
        let fields: Vec<_> = line.splitn(8, ' ').collect();
        if fields[0] != TAG {
            return Err(FrameError::Foreign);
        }
        let [_, run, worker, task, seq, sum, payload] = fields[..] else {
            return Err(FrameError::Fields);
        };
        if !is_name(run) || !is_name(task) {
            return Err(FrameError::Name);
        }
        let (Some(n), Some(place)) = (number(worker), number(seq)) else {
            return Err(FrameError::Number);
        };
        let head = format!("{run} {worker} {task} {seq}");
        if sum != format!("{:08x}", checksum(&head, payload)) {
            return Err(FrameError::Checksum);
        }
        let payload = STANDARD.decode(payload).map_err(|_| FrameError::Base64)?;
        Ok(Self {
            run: run.to_owned(),
            worker: n,
            task: task.to_owned(),
            seq: place,
            payload,
        })
    }
}

fn checksum(head: &str, payload: &str) -> u32 {
    let mut sum = Crc::new();
    sum.update(head.as_bytes());
    sum.update(b" ");
    sum.update(payload.as_bytes());
    sum.sum()
}

/// A number as it is written, and in no other way.
fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.".contains(c)
}

fn is_name(text: &str) -> bool {
    (1..=MOST_NAME).contains(&text.len()) && text.chars().all(is_plain)
}

/// A text as the name of a task, where it can be one.
#[must_use]
pub fn token(text: &str) -> Option<String> {
    is_name(text).then(|| text.to_owned())
}

/// What a run is called in its frames: its own name, with a `-` for what a name may not have.
#[must_use]
pub fn run_token(id: &str) -> String {
    let plain = id.chars().map(|c| if is_plain(c) { c } else { '-' });
    let name: String = plain.take(MOST_NAME).collect();
    if name.is_empty() {
        "run".to_owned()
    } else {
        name
    }
}

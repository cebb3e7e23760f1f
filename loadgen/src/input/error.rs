//! Why a file is not read. The path is for whoever asked to name.

use std::fs::FileType;
use std::os::unix::fs::FileTypeExt as _;

use super::Limit;
use crate::model::grouped;

/// Why a file is not read, as the rest of a sentence that has named it.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("{} more than the {} of {}", length(*bytes), size(limit.bytes), limit.what)]
    TooLong {
        /// Its length, where it tells one.
        bytes: Option<u64>,
        limit: Limit,
    },
    /// What it is instead.
    #[error("it is {0} and no file")]
    NoFile(&'static str),
    #[error("it is no UTF-8 text")]
    NoText,
    /// It begins like one. What is wrong with it.
    #[error("it begins as gzip does and cannot be unpacked: {0}")]
    NoGzip(String),
    /// What the system said.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

impl InputError {
    /// What to do about it, where that is known whatever the file is for.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::TooLong { limit, .. } => {
                Some(format!("give a file of at most {}", size(limit.bytes)))
            }
            Self::NoFile("a folder") | Self::NoText | Self::NoGzip(_) | Self::System(_) => None,
            Self::NoFile(_) => Some("write it to a file first, whose length is known".into()),
        }
    }
}

fn length(bytes: Option<u64>) -> String {
    bytes.map_or_else(
        || "it has".into(),
        |bytes| format!("its {} bytes are", grouped(bytes)),
    )
}

fn size(bytes: u64) -> String {
    match bytes >> 20 {
        mib if mib >= 1 << 10 => format!("{} GiB", mib >> 10),
        mib => format!("{mib} MiB"),
    }
}

pub(super) fn kind(found: FileType) -> &'static str {
    if found.is_dir() {
        "a folder"
    } else if found.is_fifo() {
        "a pipe"
    } else if found.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

//! A spool that has become long is written again, with its windows folded to longer ones: a little at
//! a time, so that it takes next to nothing from the load.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::bounded::line;
use super::spool::MOST_LINE;
use crate::record::{Folding, IntervalRecord};

/// Lines that are folded for each that is written meanwhile: more than one, or it had no end.
const STEP: usize = 3;

/// A file of lines, and how long it is.
#[derive(Debug)]
pub(super) struct Lines {
    file: BufWriter<File>,
    pub(super) bytes: u64,
}

impl Lines {
    pub(super) fn of(file: File) -> Self {
        Self {
            file: BufWriter::new(file),
            bytes: 0,
        }
    }

    /// Writes a value as a line.
    pub(super) fn write(&mut self, value: &impl serde::Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut *self, value)?;
        Write::write_all(self, b"\n")
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A spool on its way to another one of longer windows.
#[derive(Debug)]
pub(super) struct Aging {
    from: BufReader<File>,
    to: Lines,
    folding: Folding,
}

impl Aging {
    /// Begins to write the spool at `path` again.
    pub(super) fn begin(path: &Path, folding: Folding) -> io::Result<Self> {
        let mut from = BufReader::new(File::open(path)?);
        let mut to = Lines::of(File::create(beside(path))?);
        if let Some(head) = line(&mut from, MOST_LINE) {
            to.write_all(&head)?;
            to.write_all(b"\n")?;
        }
        Ok(Self { from, to, folding })
    }

    /// Folds some lines more; false where there are none.
    pub(super) fn step(&mut self) -> io::Result<bool> {
        for _ in 0..STEP {
            if self.from.fill_buf()?.is_empty() {
                return Ok(false);
            }
            let next = line(&mut self.from, MOST_LINE);
            // What cannot be read was never whole: the spool is ours.
            let next = next.and_then(|next| IntervalRecord::from_json(&next));
            if let Some(done) = next.and_then(|next| self.folding.take(next)) {
                self.to.write(&done)?;
            }
        }
        Ok(true)
    }

    /// Puts the new spool in the place of the old one.
    pub(super) fn end(mut self, path: &Path) -> io::Result<Lines> {
        for interval in self.folding.rest() {
            self.to.write(&interval)?;
        }
        self.to.flush()?;
        fs::rename(beside(path), path)?;
        Ok(self.to)
    }
}

/// Where a new spool is until it is whole.
pub(super) fn beside(path: &Path) -> PathBuf {
    path.with_extension("aging")
}

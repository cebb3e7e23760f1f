//! The size of a terminal.

use std::os::fd::AsFd;

/// Columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// Cells of a line.
    pub(super) columns: usize,
    /// Lines of the screen.
    pub(super) rows: usize,
}

/// What is taken where the system does not say.
const USUAL: Size = Size {
    columns: 80,
    rows: 24,
};

/// The size of the terminal that standard error is, now.
pub(super) fn size() -> Size {
    of(&std::io::stderr()).unwrap_or(USUAL)
}

/// Columns of a stream, where it is a terminal that says so.
#[must_use]
pub fn columns(stream: &impl AsFd) -> Option<usize> {
    of(stream).map(|size| size.columns)
}

fn of(stream: &impl AsFd) -> Option<Size> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    // A terminal without a window (a serial line, a pseudo-terminal nobody sized) says zero.
    (size.ws_col > 0 && size.ws_row > 0).then(|| Size {
        columns: size.ws_col.into(),
        rows: size.ws_row.into(),
    })
}

//! Which versions of what was stored are read.

/// Which versions are read: a newer one's fields may mean something else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// Those that this loadgen knows.
    #[default]
    Known,
    /// Newer ones too, as far as they can be read.
    Any,
}

impl Versions {
    /// All where that was asked for.
    #[must_use]
    pub const fn forced(force: bool) -> Self {
        if force { Self::Any } else { Self::Known }
    }

    /// Whether a version is one that is not read.
    pub(super) fn refuse(self, version: u64, known: u32) -> bool {
        self == Self::Known && version > u64::from(known)
    }
}

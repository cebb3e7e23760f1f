//! The exit codes that scripts act on, in one place.

/// All checks passed; of a comparison: the same, or better.
pub const PASSED: u8 = 0;
/// An error of loadgen's own.
pub const INTERNAL: u8 = 1;
/// A flag, a plan or a file that cannot be.
pub const USAGE: u8 = 2;
/// The stack or the target could not be reached.
pub const UNREACHABLE: u8 = 3;
/// The measurement cannot be trusted: invalid or incomplete. Wins over [`FAILED`].
pub const UNTRUSTED: u8 = 4;
/// A comparison that can tell nothing.
pub const UNDECIDED: u8 = 5;
/// A check or a threshold failed; of a comparison: worse.
pub const FAILED: u8 = 99;
/// A signal cut the run short; what was measured is stored.
pub const INTERRUPTED: u8 = 130;

/// Every code with what `--help` says of it, in order.
pub const ALL: [(u8, &str); 8] = [
    (PASSED, "all checks passed"),
    (INTERNAL, "internal error"),
    (USAGE, "usage: a flag, a plan or a file that cannot be"),
    (UNREACHABLE, "the stack or the target could not be reached"),
    (
        UNTRUSTED,
        "the measurement cannot be trusted: invalid or incomplete (wins over 99)",
    ),
    (
        UNDECIDED,
        "a comparison cannot tell whether anything changed",
    ),
    (
        FAILED,
        "a check or a threshold failed; of a comparison: worse",
    ),
    (INTERRUPTED, "interrupted; what was measured is stored"),
];

/// Every code, the one that matters least first: of several runs the last of them is told.
pub const BY_WEIGHT: [u8; 8] = [
    PASSED,
    UNDECIDED,
    FAILED,
    UNTRUSTED,
    UNREACHABLE,
    USAGE,
    INTERRUPTED,
    INTERNAL,
];

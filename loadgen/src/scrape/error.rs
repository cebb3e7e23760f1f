//! Why a page could not be read: the place, the value and the reason.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Why a text is no exposition, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("line {line}: {reason}")]
pub struct ParseError {
    /// Counted from 1; 0 when it is about the page as a whole.
    pub line: usize,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong with a line. Values are cut to a readable length.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Reason {
    /// More bytes than a metrics page should have.
    #[error("the page has {0} bytes, more than the {1} that are read")]
    TooManyBytes(usize, usize),
    /// More samples than a metrics page should have.
    #[error("the page has more than {0} samples")]
    TooManySamples(usize),
    /// More labels than a sample should have.
    #[error("a sample has more than {0} labels")]
    TooManyLabels(usize),
    /// The last line has no end: the page was cut off.
    #[error("the page ends within a line, so it was cut off")]
    Truncated,
    /// Something follows `# EOF`.
    #[error("there is text after `# EOF`")]
    AfterEof,
    /// No metric name where one must be.
    #[error("`{0}` begins with no metric name")]
    Name(String),
    /// No label name where one must be.
    #[error("`{0}` begins with no label name")]
    LabelName(String),
    /// The same label twice in one sample.
    #[error("label `{0}` is given twice")]
    DuplicateLabel(String),
    /// Another character was needed.
    #[error("`{found}` where `{wanted}` is needed")]
    Wanted {
        /// What had to come.
        wanted: Cow<'static, str>,
        found: String,
    },
    /// A quoted text without its end.
    #[error("a quoted text has no closing quote")]
    Unclosed,
    /// A backslash before something that is not `\`, `"` or `n`.
    #[error("`\\{0}` is no escape")]
    Escape(char),
    #[error("`{0}` is no number")]
    Number(String),
    #[error("`{0}` is no timestamp in milliseconds")]
    Timestamp(String),
    /// An exemplar: another format than was asked for.
    #[error("an exemplar belongs to OpenMetrics, and text/plain was asked for")]
    Exemplar,
    /// Something after the end of a sample.
    #[error("`{0}` after the end of the sample")]
    Trailing(String),
    /// An unknown metric type.
    #[error("`{0}` is no metric type")]
    Type(String),
    /// Two TYPE lines for a name.
    #[error("the type of `{0}` is given twice")]
    DuplicateType(String),
    /// Two samples with the same name and labels.
    #[error("`{0}` is given twice with the same labels, first in line {1}")]
    DuplicateSample(String, usize),
}

/// Why a page gave no count. Each names the page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum ScrapeError {
    /// No connection, or it broke.
    #[error("scrape of {url} failed: {reason}")]
    Unreachable {
        url: String,
        /// What the connection said.
        reason: String,
    },
    /// Sent elsewhere, to another origin or round and round.
    #[error("scrape of {url} was answered {status}, to {location:?}")]
    Redirect {
        url: String,
        status: u16,
        /// Empty where the answer has none.
        location: String,
    },
    /// No complete page in time.
    #[error("scrape of {url} took longer than {seconds} s")]
    Timeout { url: String, seconds: String },
    /// Not 2xx.
    #[error("scrape of {url} answered {status}")]
    Status {
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// Larger than the bound.
    #[error("page {url} is larger than {limit} bytes")]
    TooLarge { url: String, limit: usize },
    /// Not UTF-8.
    #[error("page {url} is no text: byte {at} is not UTF-8")]
    NotText {
        url: String,
        /// The first offending byte.
        at: usize,
    },
    /// Not what it should be.
    #[error("page {url}, {error}")]
    Parse { url: String, error: ParseError },
    /// Not NGINX's status page.
    #[error("page {url} is no stub_status page: {reason}")]
    StubStatus {
        url: String,
        reason: Cow<'static, str>,
    },
    /// The counter is not there at all.
    #[error("page {url} has no counter `{counter}`")]
    MissingCounter { url: String, counter: String },
    /// The counter is not a whole number from 0.
    #[error("page {url}: counter `{counter}` is {value}, which is no count")]
    NotACount {
        url: String,
        counter: String,
        /// Its value as text.
        value: String,
    },
}

impl ScrapeError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "is the replica running, and its metrics port published?",
            Self::Timeout { .. } => {
                "a metrics page should take milliseconds; is the replica starved of CPU?"
            }
            Self::Status { .. } => {
                "give the address of the metrics page itself, as http://host:port/metrics"
            }
            Self::Redirect { .. } => {
                "redirects on the same origin are followed; give the address that the page has there"
            }
            Self::TooLarge { .. } => "point loadgen at a page with fewer series",
            Self::NotText { .. } | Self::Parse { .. } => {
                "the page must be in the Prometheus text format 0.0.4; `promtool check metrics` shows what is wrong"
            }
            Self::StubStatus { .. } => "the location needs `stub_status;`",
            Self::MissingCounter { .. } | Self::NotACount { .. } => {
                "name the counter that counts requests: --counter 'NAME{label=\"value\"}'"
            }
        }
    }

    /// Whether nothing answered at all, as when the process is gone.
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

//! Why a page could not be read: the place, the value and the reason.

/// Why a text is no exposition, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ParseError {
    /// Counted from 1; 0 when it is about the page as a whole.
    pub line: usize,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong with a line. Values are cut to a readable length.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
        wanted: &'static str,
        /// What came.
        found: String,
    },
    /// A quoted text without its end.
    #[error("a quoted text has no closing quote")]
    Unclosed,
    /// A backslash before something that is not `\`, `"` or `n`.
    #[error("`\\{0}` is no escape")]
    Escape(char),
    /// No number.
    #[error("`{0}` is no number")]
    Number(String),
    /// No integer milliseconds.
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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScrapeError {
    /// No connection, or it broke.
    #[error("scrape of {url} failed: {reason}")]
    Unreachable {
        /// The page.
        url: String,
        /// What the connection said.
        reason: String,
    },
    /// No complete page in time.
    #[error("scrape of {url} took longer than {seconds} s")]
    Timeout {
        /// The page.
        url: String,
        /// The bound.
        seconds: String,
    },
    /// Not 2xx.
    #[error("scrape of {url} answered {status}")]
    Status {
        /// The page.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// Larger than the bound.
    #[error("page {url} is larger than {limit} bytes")]
    TooLarge {
        /// The page.
        url: String,
        /// The bound.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("page {url} is no text: byte {at} is not UTF-8")]
    NotText {
        /// The page.
        url: String,
        /// The first offending byte.
        at: usize,
    },
    /// Not what it should be.
    #[error("page {url}, {error}")]
    Parse {
        /// The page.
        url: String,
        /// Where and why.
        error: ParseError,
    },
    /// Not NGINX's status page.
    #[error("page {url} is no stub_status page: {reason}")]
    StubStatus {
        /// The page.
        url: String,
        /// What is missing.
        reason: &'static str,
    },
    /// The counter is not there at all.
    #[error("page {url} has no counter `{counter}`")]
    MissingCounter {
        /// The page.
        url: String,
        /// Its name.
        counter: String,
    },
    /// The counter is not a whole number from 0.
    #[error("page {url}: counter `{counter}` is {value}, which is no count")]
    NotACount {
        /// The page.
        url: String,
        /// Its name.
        counter: String,
        /// Its value as text.
        value: String,
    },
    /// The selector itself is malformed.
    #[error("`{counter}` selects no counter: {reason}")]
    Selector {
        /// As it was written.
        counter: String,
        /// Why not.
        reason: String,
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
            Self::TooLarge { .. } => "point loadgen at a page with fewer series",
            Self::NotText { .. } | Self::Parse { .. } => {
                "the page must be in the Prometheus text format 0.0.4; `promtool check metrics` shows what is wrong"
            }
            Self::StubStatus { .. } => "the location needs `stub_status;`",
            Self::MissingCounter { .. } | Self::NotACount { .. } | Self::Selector { .. } => {
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

//! What a replica can be told: one struct for the command line and for embedders.

use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};
use std::str::FromStr;

use crate::ServiceTime;

/// How one replica behaves. `Options::default()` answers at once and never fails.
///
/// The fields are also command-line flags (`clap::Args`), so that a program which
/// embeds replicas can flatten them into a command of its own.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct Options {
    /// Name that `GET /` answers [default: the host name]
    #[arg(long, value_name = "NAME", default_value_t = host_name(), hide_default_value = true)]
    pub id: String,

    /// Time that serving `GET /` takes: `fixed:5ms` or `exp:5ms` (exponential)
    #[arg(long, value_name = "KIND:TIME")]
    pub service_time: Option<ServiceTime>,

    /// Requests served at a time; the rest queue, first come first served
    #[arg(long, value_name = "SLOTS")]
    pub concurrency: Option<NonZeroUsize>,

    /// Share of `GET /` answered with status 500, spaced evenly
    #[arg(long, value_name = "SHARE", default_value_t)]
    pub fail_ratio: FailRatio,

    /// Seed of service times and failures [default: from the name, so that replicas differ]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Count `GET /` wrongly on purpose: `double`, or `lose:100` for every 100th
    #[arg(long, value_name = "HOW")]
    pub miscount: Option<Miscount>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            id: host_name(),
            service_time: None,
            concurrency: None,
            fail_ratio: FailRatio::default(),
            seed: None,
            miscount: None,
        }
    }
}

impl Options {
    /// The seed in force: the given one, or one made from the name.
    ///
    /// Replicas started from one image share their command line. With one seed they
    /// would draw the same service times in step, and a queueing experiment over
    /// several replicas would measure that correlation.
    pub fn effective_seed(&self) -> u64 {
        self.seed.unwrap_or_else(|| fnv1a(self.id.as_bytes()))
    }
}

/// A share of requests, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FailRatio(f64);

impl FailRatio {
    /// Takes a share between 0 and 1, both included.
    pub fn new(share: f64) -> Result<Self, ParseOptionError> {
        if (0.0..=1.0).contains(&share) {
            Ok(Self(share))
        } else {
            Err(ParseOptionError::new(
                &share.to_string(),
                "a share between 0 and 1",
            ))
        }
    }

    /// The share, from 0 to 1.
    pub fn share(self) -> f64 {
        self.0
    }
}

impl FromStr for FailRatio {
    type Err = ParseOptionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .ok()
            .and_then(|share| Self::new(share).ok())
            .ok_or_else(|| ParseOptionError::new(text, "a share between 0 and 1"))
    }
}

impl fmt::Display for FailRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A deliberate error in `http_requests_total{handler="/"}`.
///
/// It exists to prove that a cross-check of counters notices one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miscount {
    /// Every request counts twice.
    Double,
    /// Every n-th request is not counted.
    Lose(NonZeroU64),
}

impl Miscount {
    /// What the counter moves by for the n-th request, n from 1.
    pub(crate) fn step(self, nth: u64) -> u64 {
        match self {
            Self::Double => 2,
            Self::Lose(every) => u64::from(!nth.is_multiple_of(every.get())),
        }
    }
}

impl FromStr for Miscount {
    type Err = ParseOptionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lose = || text.strip_prefix("lose:")?.parse().ok().map(Self::Lose);
        match text {
            "double" => Ok(Self::Double),
            _ => lose().ok_or_else(|| ParseOptionError::new(text, "`double` or `lose:N`")),
        }
    }
}

impl fmt::Display for Miscount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Double => f.write_str("double"),
            Self::Lose(every) => write!(f, "lose:{every}"),
        }
    }
}

/// An option's text that means nothing; says what would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseOptionError {
    text: String,
    expected: &'static str,
}

impl ParseOptionError {
    pub(crate) fn new(text: &str, expected: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            expected,
        }
    }
}

impl fmt::Display for ParseOptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not {}", self.text, self.expected)
    }
}

impl std::error::Error for ParseOptionError {}

/// The host name: inside a container the first twelve digits of the container's id.
fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// A hash with a value that no release of Rust will change, unlike the standard one.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_the_way_through_text() {
        for text in ["double", "lose:100"] {
            assert_eq!(text.parse::<Miscount>().unwrap().to_string(), text);
        }
        assert_eq!("0.01".parse::<FailRatio>().unwrap().to_string(), "0.01");
    }

    #[test]
    fn nonsense_is_refused_with_the_text_in_it() {
        for text in ["lose:0", "lose", "triple", ""] {
            let error = text.parse::<Miscount>().unwrap_err().to_string();
            assert_eq!(error, format!("`{text}` is not `double` or `lose:N`"));
        }
        for text in ["1.1", "-0.1", "NaN", "1%"] {
            let error = text.parse::<FailRatio>().unwrap_err().to_string();
            assert_eq!(error, format!("`{text}` is not a share between 0 and 1"));
        }
    }

    #[test]
    fn replicas_without_a_seed_differ_by_their_name() {
        let named = |id: &str| Options {
            id: id.to_owned(),
            ..Options::default()
        };
        assert_ne!(named("a").effective_seed(), named("b").effective_seed());
        let seeded = |id: &str| Options {
            seed: Some(7),
            ..named(id)
        };
        assert_eq!(seeded("a").effective_seed(), seeded("b").effective_seed());
    }

    #[test]
    fn losing_every_third_keeps_two_thirds() {
        let lose: Miscount = "lose:3".parse().unwrap();
        assert_eq!((1..=9).map(|nth| lose.step(nth)).sum::<u64>(), 6);
        assert_eq!(
            (1..=9).map(|nth| Miscount::Double.step(nth)).sum::<u64>(),
            18
        );
    }
}

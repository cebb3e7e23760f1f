//! Thresholds in words, so that whoever typed one sees at once what it means.

use super::{Comparison, Metric, Sense, Threshold, TimeKind};

impl Threshold {
    /// What it comes to: `fails unless the p99 of the response time is below 50ms`.
    #[must_use]
    pub fn in_words(&self, sense: Sense) -> String {
        let when = match sense {
            Sense::FailIf => "fails where",
            Sense::Require => "fails unless",
        };
        let than = match self.comparison {
            Comparison::Above => "above",
            Comparison::AtLeast => "at least",
            Comparison::Below => "below",
            Comparison::AtMost => "at most",
        };
        let metric = self.metric.in_words();
        let limit = self.written_limit();
        format!("{when} {metric} is {than} {limit}{}", self.doubt(sense))
    }

    /// A short time fails no run that anybody wants, and a long one is no requirement: the flag may
    /// have been meant the other way round.
    fn doubt(&self, sense: Sense) -> String {
        let is_low = matches!(self.comparison, Comparison::Below | Comparison::AtMost);
        let is_time = matches!(self.metric, Metric::Time { .. } | Metric::ServerTime(_));
        match sense {
            Sense::FailIf if is_time && is_low => {
                format!(" (if it must be, say --require '{self}')")
            }
            Sense::Require if is_time && !is_low => {
                format!(" (if it must not be, say --fail-if '{self}')")
            }
            _ => String::new(),
        }
    }
}

impl Metric {
    fn in_words(&self) -> String {
        match self {
            Self::Time { of, statistic } => format!("the {statistic} of the {}", of.in_words()),
            Self::ServerTime(statistic) => format!("the {statistic} of the replicas' own time"),
            Self::WorstReplica(statistic) => {
                format!("the {statistic} of the response time of the worst replica")
            }
            other => other.to_string().replace('_', " "),
        }
    }
}

impl TimeKind {
    const fn in_words(self) -> &'static str {
        match self {
            Self::Response => "response time",
            Self::Service => "service time",
            Self::Lag => "send lag",
            Self::ReleaseLag => "release lag",
            Self::ConnectionWait => "wait for a connection",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_told_as_what_it_does() {
        for (sense, text, words) in [
            (
                Sense::Require,
                "p99<50ms",
                "fails unless the p99 of the response time is below 50ms",
            ),
            (
                Sense::FailIf,
                "service.max >= 1s",
                "fails where the max of the service time is at least 1s",
            ),
            (
                Sense::FailIf,
                "error_rate>0.1%",
                "fails where error rate is above 0.1%",
            ),
            (
                Sense::FailIf,
                "p99 < 50ms",
                "fails where the p99 of the response time is below 50ms (if it must be, say --require 'p99 < 50ms')",
            ),
            (
                Sense::Require,
                "p99>50ms",
                "fails unless the p99 of the response time is above 50ms (if it must not be, say --fail-if 'p99>50ms')",
            ),
        ] {
            let threshold: Threshold = text.parse().expect(text);
            assert_eq!(threshold.in_words(sense), words);
        }
    }
}

//! Reads a selector, and finds what it selects on a page.

use std::str::FromStr;

use super::cursor::{Cursor, shorten};
use super::{Exposition, Reason, Sample};
use crate::model::Selector;

/// Why a text is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not of the form NAME{{label=\"value\",...}}: {reason}")]
pub struct SelectorError {
    /// As it was written.
    pub text: String,
    pub reason: Reason,
}

impl Selector {
    /// Whether a series is selected.
    #[must_use]
    pub fn matches(&self, sample: &Sample<'_>) -> bool {
        sample.name == self.name && self.labels_match(sample)
    }

    /// Whether a series of any name has the labels.
    #[must_use]
    pub fn labels_match(&self, sample: &Sample<'_>) -> bool {
        self.labels
            .iter()
            .all(|(name, value)| sample.label(name) == Some(value))
    }

    /// The sum over the selected series: 0 when the page knows the metric but no such series yet
    /// (a labelled counter appears with its first request), `None` when it does not know it.
    #[must_use]
    pub fn sum(&self, page: &Exposition<'_>) -> Option<f64> {
        let known =
            page.types.contains_key(self.name.as_str()) || page.named(&self.name).next().is_some();
        let selected = page.samples.iter().filter(|sample| self.matches(sample));
        known.then(|| selected.map(|sample| sample.value).sum::<f64>() + 0.0)
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        read(text.trim()).map_err(|reason| SelectorError {
            text: text.to_owned(),
            reason,
        })
    }
}

fn read(text: &str) -> Result<Selector, Reason> {
    let mut cursor = Cursor::new(text);
    let name = cursor.metric_name()?.to_owned();
    cursor.skip_blanks();
    let mut labels = Vec::new();
    if cursor.eat('{') {
        let (quoted, read) = cursor.labels()?;
        if let Some(quoted) = quoted {
            return Err(Reason::LabelName(shorten(&quoted)));
        }
        labels = read
            .into_iter()
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
    }
    cursor.skip_blanks();
    if cursor.rest.is_empty() {
        Ok(Selector { name, labels })
    } else {
        Err(Reason::Trailing(shorten(cursor.rest)))
    }
}

impl TryFrom<String> for Selector {
    type Error = SelectorError;

    fn try_from(text: String) -> Result<Self, SelectorError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scrape::parse;

    #[test]
    fn a_selector_reads_back_as_it_is_written() {
        for text in [
            "http_requests_total",
            r#"http_requests_total{handler="/"}"#,
            r#"a:b{c="d,e}=",f="\"\\\n"}"#,
        ] {
            let selector: Selector = text.parse().expect(text);
            assert_eq!(selector.to_string(), text);
        }
        for text in ["", "1a", "a{", "a{b}", "a{b=c}", "a{b=\"c\"} d", "a{\"b\"}"] {
            assert!(text.parse::<Selector>().is_err(), "{text}");
        }
    }

    #[test]
    fn it_sums_the_series_that_have_its_labels() {
        let page = parse(
            "# TYPE n_total counter\nn_total{h=\"/\",s=\"2xx\"} 3\nn_total{h=\"/\",s=\"5xx\"} 4\nn_total{h=\"/x\"} 9\n",
        )
        .expect("valid");
        let sum = |text: &str| text.parse::<Selector>().expect(text).sum(&page);
        assert_eq!(sum(r#"n_total{h="/"}"#), Some(7.0));
        assert_eq!(sum("n_total"), Some(16.0));
        assert_eq!(sum(r#"n_total{h="/none"}"#), Some(0.0));
        assert_eq!(sum("m_total"), None);
    }
}

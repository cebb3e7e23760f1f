//! Lengths of time as people write them: `10s`, `500ms`, `1m30s`.

use std::time::Duration;

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpanError {
    /// A bare number, which each tool takes for another unit.
    #[error("`{0}` has no unit")]
    NoUnit(String),
    /// It stands for months where it is taken at all.
    #[error("`M` could be minutes, months or milliseconds; m is a minute, and ms a millisecond")]
    Months,
    #[error(transparent)]
    Other(#[from] humantime::DurationError),
}

/// Reads a length of time with its unit; plain `0` needs none.
pub fn span_of(text: &str) -> Result<Duration, SpanError> {
    match text.trim().parse::<f64>() {
        Ok(0.0) => return Ok(Duration::ZERO),
        Ok(_) => return Err(SpanError::NoUnit(text.to_owned())),
        Err(_) if text.contains('M') => return Err(SpanError::Months),
        Err(_) => {}
    }
    Ok(humantime::parse_duration(text)?)
}

/// A length of time as one word that [`span_of`] takes.
#[must_use]
pub fn span_text(span: Duration) -> String {
    humantime::format_duration(span)
        .to_string()
        .replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_a_unit_of_one_meaning() {
        let millis = |text| span_of(text).map(|span| span.as_millis());
        assert_eq!(millis("1m 30s"), Ok(90_000));
        assert_eq!(millis("1s500ms"), Ok(1_500));
        assert_eq!(millis("0"), Ok(0));
        let span = Duration::from_millis(61_500);
        assert_eq!(span_of(&span_text(span)), Ok(span));
        assert_eq!(span_of("10"), Err(SpanError::NoUnit("10".into())));
        assert_eq!(span_of("5M"), Err(SpanError::Months));
        assert!(matches!(span_of("soon"), Err(SpanError::Other(_))));
    }
}

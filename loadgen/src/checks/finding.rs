//! Writes numbers as people read them.

pub(super) use crate::model::grouped;

/// `1 request`, `1,234 requests`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}

/// `12.3 %` of a share (0–1), with the digits that matter.
pub(super) fn percent(share: f64) -> String {
    let value = share * 100.0;
    let decimals = match value.abs() {
        v if v >= 10.0 || v == 0.0 => 1,
        v if v >= 0.1 => 2,
        _ => 4,
    };
    format!("{value:.decimals$} %")
}

/// `a, b and c`.
pub(super) fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_read_them() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(counted(1, "request"), "1 request");
        assert_eq!(counted(2_000, "request"), "2,000 requests");
        assert_eq!(percent(0.5), "50.0 %");
        assert_eq!(percent(0.0012), "0.12 %");
        assert_eq!(percent(0.00001), "0.0010 %");
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}

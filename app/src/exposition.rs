//! Writes metric families as text, number for number as the Python client does.
//!
//! The client library's own encoder writes `le="1"` where Python writes `le="1.0"`.
//! Before version 3 Prometheus takes them for different labels, and a dashboard that
//! asks for the one does not find the other.

use std::fmt::Write;

use prometheus::proto::{Metric, MetricFamily, MetricType};

/// What the Python client serves its text as, since its version 0.23.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=1.0.0; charset=utf-8";

pub(crate) fn write(families: &[MetricFamily]) -> String {
    let mut text = String::with_capacity(16 * 1024);
    for family in families {
        let (name, kind) = (family.name(), family.get_field_type());
        let help = family.help().replace('\\', r"\\").replace('\n', r"\n");
        push(&mut text, format_args!("# HELP {name} {help}\n"));
        push(
            &mut text,
            format_args!("# TYPE {name} {}\n", type_name(kind)),
        );
        for metric in family.get_metric() {
            write_metric(&mut text, name, kind, metric);
        }
    }
    text
}

fn type_name(kind: MetricType) -> &'static str {
    match kind {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::HISTOGRAM => "histogram",
        MetricType::SUMMARY => "summary",
        MetricType::UNTYPED => "untyped",
    }
}

fn write_metric(text: &mut String, name: &str, kind: MetricType, metric: &Metric) {
    let mut line = |suffix: &str, le: Option<f64>, value: f64| {
        let (labels, value) = (labels(metric, le), number(value));
        push(text, format_args!("{name}{suffix}{labels} {value}\n"));
    };
    match kind {
        MetricType::COUNTER => line("", None, metric.get_counter().get_value()),
        MetricType::GAUGE | MetricType::UNTYPED => line("", None, metric.get_gauge().get_value()),
        MetricType::SUMMARY => {
            let summary = metric.get_summary();
            line("_count", None, summary.sample_count() as f64);
            line("_sum", None, summary.sample_sum());
        }
        MetricType::HISTOGRAM => {
            let histogram = metric.get_histogram();
            let count = histogram.get_sample_count() as f64;
            for bucket in histogram.get_bucket() {
                line(
                    "_bucket",
                    Some(bucket.upper_bound()),
                    bucket.cumulative_count() as f64,
                );
            }
            line("_bucket", Some(f64::INFINITY), count);
            line("_count", None, count);
            line("_sum", None, histogram.get_sample_sum());
        }
    }
}

/// Labels in alphabetical order, `le` among them, as Python sorts them.
fn labels(metric: &Metric, le: Option<f64>) -> String {
    let mut pairs: Vec<(&str, String)> = metric
        .get_label()
        .iter()
        .map(|label| (label.name(), escape(label.value())))
        .collect();
    pairs.extend(le.map(|bound| ("le", number(bound))));
    pairs.sort();
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}=\"{value}\""))
        .collect();
    if pairs.is_empty() {
        String::new()
    } else {
        format!("{{{}}}", pairs.join(","))
    }
}

fn escape(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace('"', r#"\""#)
        .replace('\n', r"\n")
}

/// A double as Python writes it, with Go's exponents from a million on.
fn number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let plain = format!("{value:?}");
    let Some(dot) = plain
        .find('.')
        .filter(|dot| *dot > 6 && value > 0.0 && value < 1e16)
    else {
        // Python pads exponents to two digits: 1e-05.
        return plain.replace("e-", "e-0");
    };
    let digits = format!("{}.{}{}", &plain[..1], &plain[1..dot], &plain[dot + 1..]);
    let mantissa = digits.trim_end_matches(['0', '.']);
    format!("{mantissa}e+{:02}", dot - 1)
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("a string takes any text");
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_written_as_python_writes_them() {
        for (value, text) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (0.025, "0.025"),
            (1e-5, "1e-05"),
            (2.5e-5, "2.5e-05"),
            (999_999.0, "999999.0"),
            (1_000_000.0, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (1_689_496_687.289_42, "1.68949668728942e+09"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}

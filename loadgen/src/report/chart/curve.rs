//! The percentile curve: how long the slowest one in ten, in a hundred, in a thousand took.
//!
//! x is 1 ÷ (1 − quantile), logarithmic; a curve stops where fewer than ten samples remain beyond
//! it, because what lies there is chance.

use super::super::GroupRecord;
use super::super::figures::{TimeUnit, percent, span};
use super::super::series::merged;
use super::axis::Axis;
use super::canvas::{Frame, draw};
use super::{Chart, Row, Table, role, short_name};
use crate::recorder::Histogram;

/// Samples that must remain beyond a point.
const BEYOND: f64 = 10.0;

/// The chart of one group: response, service, and each replica's response time.
pub(in crate::report) fn curve(id: &str, group: &GroupRecord) -> Chart {
    let whole = merged(std::iter::once(&group.response_time));
    let service = merged(std::iter::once(&group.service_time));
    let replicas: Vec<_> = group
        .replicas
        .iter()
        .take(7)
        .map(|replica| (replica, merged(std::iter::once(&replica.response_time))))
        .collect();
    let points = [&whole, &service].map(points);
    let least = points
        .iter()
        .flatten()
        .map(|point| point.1)
        .min()
        .unwrap_or(100_000);
    let most = points
        .iter()
        .flatten()
        .map(|point| point.1)
        .max()
        .unwrap_or(10_000_000);
    let reach = reach(whole.count());
    let (x, y) = (
        Axis::quantiles(reach),
        Axis::latency(least, most, "response time, logarithmic"),
    );
    let unit = TimeUnit::spanning(group.response_time.p50, most);
    let mut rows = Vec::new();
    let svg = draw(Frame::WIDE, &x, &y, |canvas| {
        if whole.is_empty() {
            canvas.label_inside(reach.sqrt(), 1e6, "no request finished");
        }
        let mut line = |histogram: &Histogram, name: &str, role, width| {
            let line: Vec<_> = self::points(histogram)
                .into_iter()
                .map(|(x, y)| Some((x, y as f64)))
                .collect();
            canvas.line(&line, role, width);
            if let Some(Some((_, last))) = line.last() {
                canvas.end_label(*last, name, role);
            }
        };
        if replicas.len() > 1 {
            for (place, (replica, histogram)) in replicas.iter().enumerate() {
                line(histogram, &short_name(&replica.id), role::replica(place), 3);
            }
        }
        line(&service, "service", role::MAX, 4);
        line(&whole, "response", role::INK, 6);
        rows = named(whole.count())
            .into_iter()
            .map(|(name, quantile)| Row {
                x: Some(canvas.column(1.0 / (1.0 - quantile))),
                cells: std::iter::once(name)
                    .chain(
                        [&whole, &service]
                            .into_iter()
                            .chain(replicas.iter().map(|replica| &replica.1))
                            .map(|histogram| {
                                let enough = histogram.count() as f64 * (1.0 - quantile) >= BEYOND;
                                if enough {
                                    unit.of(histogram.quantile(quantile).0)
                                } else {
                                    "–".into()
                                }
                            }),
                    )
                    .collect(),
            })
            .collect();
    });
    let mut head = vec![
        "percentile".to_owned(),
        format!("response, {}", unit.sign()),
        format!("service, {}", unit.sign()),
    ];
    head.extend(replicas.iter().map(|(replica, _)| short_name(&replica.id)));
    Chart {
        id: id.into(),
        title: "Response time by percentile".into(),
        takeaway: takeaway(group, &whole),
        description: "The share of requests that were at least this fast, with the slow end stretched out; lines stop where fewer than ten requests were slower.".into(),
        plot: Some(Frame::WIDE.plot()),
        svg,
        table: Table { head, rows },
    }
}

/// How far to the right the samples of a histogram carry.
fn reach(count: u64) -> f64 {
    (count as f64 / BEYOND).max(1.0)
}

/// A curve's points, evenly spaced on the logarithmic axis. Points that add nothing are left out.
fn points(histogram: &Histogram) -> Vec<(f64, u64)> {
    if histogram.is_empty() {
        return Vec::new();
    }
    let reach = reach(histogram.count()).log10();
    let steps = 160;
    let mut points: Vec<(f64, u64)> = Vec::new();
    for step in 0..=steps {
        let x = 10_f64.powf(reach * f64::from(step) / f64::from(steps));
        let value = histogram.quantile(1.0 - 1.0 / x).0;
        if let [.., (_, before), last] = points.as_mut_slice() {
            if *before == value && last.1 == value {
                last.0 = x;
                continue;
            }
        }
        points.push((x, value));
    }
    points
}

/// The percentiles of the table, as far as samples carry.
fn named(count: u64) -> Vec<(String, f64)> {
    let all = [
        0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999,
    ];
    let carried = all
        .into_iter()
        .filter(|quantile| count as f64 * (1.0 - quantile) >= BEYOND);
    carried.map(|quantile| (name(quantile), quantile)).collect()
}

fn name(quantile: f64) -> String {
    let percent = format!("{:.3}", quantile * 100.0);
    format!("p{}", percent.trim_end_matches('0').trim_end_matches('.'))
}

fn takeaway(group: &GroupRecord, whole: &Histogram) -> String {
    let times = &group.response_time;
    if whole.is_empty() {
        return "No request finished, so there is no curve.".into();
    }
    let far = if times.count >= 10_000 {
        ("one in a thousand", times.p99_9)
    } else {
        ("one in a hundred", times.p99)
    };
    let ratio = far.1 as f64 / times.p50.max(1) as f64;
    let reach = percent(1.0 - BEYOND / times.count.max(1) as f64);
    if times.count < 100 {
        return format!(
            "With {} finished requests only the middle of the curve means something.",
            times.count
        );
    }
    format!(
        "Half of the requests took at most {}; the slowest {} took {} or more, {:.1} times that. There are samples enough up to {reach}.",
        span(times.p50 as f64),
        far.0,
        span(far.1 as f64),
        ratio
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Nanos;

    #[test]
    fn a_curve_stops_where_fewer_than_ten_samples_remain() {
        let mut histogram = Histogram::new();
        for n in 1..=1_000_u64 {
            histogram.record(Nanos(n * 1_000_000));
        }
        let points = points(&histogram);
        let (x, value) = *points.last().expect("points");
        assert!(
            (x - 100.0).abs() < 1e-6 && value < 992_000_000,
            "{x} {value}"
        );
        assert_eq!(
            named(1_000).last().map(|named| named.0.clone()),
            Some("p99".to_owned())
        );
    }
}

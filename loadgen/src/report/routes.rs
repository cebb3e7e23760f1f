//! What the proxy costs, in words and in rows, for every renderer.

use super::format::span;
use super::sentences::plain;
use crate::record::{RouteCost, RouteQuantile};

/// The titles of the columns of [`rows`].
pub(super) const TITLES: [&str; 5] = ["", "proxy", "direct", "difference", "99 % interval"];

/// A quantile a row.
pub(super) fn rows(cost: &RouteCost) -> Vec<[String; 5]> {
    let row = |one: &RouteQuantile| {
        [
            name(one.quantile),
            span(one.proxy),
            span(one.direct),
            signed(one.difference),
            interval(one).unwrap_or_else(|| "–".into()),
        ]
    };
    cost.quantiles.iter().map(row).collect()
}

/// What the proxy costs, in one sentence: every figure that was found, and where it lies.
pub(super) fn sentence(cost: &RouteCost) -> String {
    let host = plain(&cost.host);
    let found: Vec<_> = cost.quantiles.iter().filter(|one| one.found).collect();
    let told = |one: &&RouteQuantile| {
        let at = name(one.quantile);
        let within = interval(one).map_or_else(String::new, |it| format!(" ({it})"));
        format!("{} at {at}{within}", signed(one.difference))
    };
    if !found.is_empty() {
        let told: Vec<_> = found.iter().map(told).collect();
        return format!(
            "{host} through the proxy, against straight to the replicas: {}; 99 % intervals",
            told.join(", ")
        );
    }
    let known: Vec<_> = (cost.quantiles.iter())
        .filter(|one| one.interval.is_some())
        .map(|one| told(&one))
        .collect();
    match known.as_slice() {
        [] => format!(
            "{host} through the proxy, against straight to the replicas: too little to tell; run longer, or at a higher rate"
        ),
        known => format!(
            "{host} through the proxy, against straight to the replicas: no difference found; {}; 99 % intervals",
            known.join(", ")
        ),
    }
}

fn interval(one: &RouteQuantile) -> Option<String> {
    let (low, high) = one.interval?;
    Some(format!("{} to {}", signed(low), signed(high)))
}

/// `p99`
fn name(quantile: f64) -> String {
    format!("p{}", (quantile * 1_000.0).round() / 10.0)
}

/// With its sign, which says who was slower: a plus is the proxy.
fn signed(nanos: f64) -> String {
    let sign = match nanos {
        _ if nanos > 0.0 => "+",
        _ if nanos < 0.0 => "−",
        _ => "",
    };
    format!("{sign}{}", span(nanos.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(difference: f64, interval: Option<(f64, f64)>) -> RouteCost {
        let found = interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0);
        RouteCost {
            host: "g".into(),
            proxy: "g".into(),
            direct: "g direct".into(),
            found,
            quantiles: vec![RouteQuantile {
                quantile: 0.99,
                proxy: 1e6 + difference,
                direct: 1e6,
                difference,
                interval,
                found,
            }],
        }
    }

    #[test]
    fn a_sentence_says_what_was_found_and_no_more() {
        let said =
            |difference, interval| sentence(&cost(difference, interval)).replace('\u{a0}', " ");
        let head = "g through the proxy, against straight to the replicas: ";
        assert_eq!(
            said(6e5, Some((5e5, 8e5))),
            format!("{head}+600 µs at p99 (+500 µs to +800 µs); 99 % intervals")
        );
        assert_eq!(
            said(1e4, Some((-2e5, 2e5))),
            format!(
                "{head}no difference found; +10.0 µs at p99 (−200 µs to +200 µs); 99 % intervals"
            )
        );
        assert!(said(1e4, None).contains("too little to tell"));
    }
}

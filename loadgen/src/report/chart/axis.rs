//! Axes: from where to where, and what is written beside them.

use super::super::format::{rate, significant};

/// One axis. Logarithmic ones are laid out in powers of ten.
#[derive(Clone, Debug)]
pub(in crate::report) struct Axis {
    pub(super) from: f64,
    pub(super) to: f64,
    log: bool,
    pub(super) ticks: Vec<(f64, String)>,
    pub(super) title: String,
    /// Stretches to be marked, with what is written at them.
    pub(super) marks: Vec<Mark>,
}

/// A stretch of a time axis, in seconds, with its number.
#[derive(Clone, Debug)]
pub(in crate::report) struct Mark {
    pub(in crate::report) from: f64,
    pub(in crate::report) to: f64,
    pub(in crate::report) name: String,
}

impl Axis {
    /// The same with stretches that are marked.
    pub(in crate::report) fn marked(mut self, marks: &[Mark]) -> Self {
        self.marks = marks.to_vec();
        self
    }

    /// Where a value lies, kept inside the axis.
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = if self.log {
            value.max(1e-300).log10()
        } else {
            value
        };
        place.clamp(self.from, self.to)
    }

    /// Seconds since the measured part began.
    pub(in crate::report) fn time(end: f64) -> Self {
        let end = end.max(1e-3);
        let steps = [
            0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0,
            3600.0, 7200.0,
        ];
        let step = steps
            .into_iter()
            .find(|step| end / step <= 10.5)
            .unwrap_or(14_400.0);
        let minutes = step >= 60.0;
        let ticks = (0..)
            .map(|n| f64::from(n) * step)
            .take_while(|at| *at <= end * 1.0001);
        let label = |at: f64| {
            if minutes {
                format!("{:.0} min", at / 60.0)
            } else {
                format!("{} s", trimmed(at))
            }
        };
        Self {
            from: 0.0,
            to: end,
            log: false,
            ticks: ticks.map(|at| (at, label(at))).collect(),
            title: String::new(),
            marks: Vec::new(),
        }
    }

    /// Runs side by side; their times stand in the table.
    pub(in crate::report) fn runs(count: usize) -> Self {
        Self {
            from: 0.0,
            to: count.max(1) as f64,
            log: false,
            ticks: Vec::new(),
            title: String::new(),
            marks: Vec::new(),
        }
    }

    /// With fewer ticks, for a narrow panel.
    pub(in crate::report) fn sparse(mut self) -> Self {
        let every = self.ticks.len().div_ceil(4).max(1);
        self.ticks = self.ticks.into_iter().step_by(every).collect();
        self
    }

    pub(in crate::report) fn counts(most: f64, title: &str) -> Self {
        let most = if most > 0.0 { most * 1.08 } else { 1.0 };
        let step = nice_step(most / 4.0);
        let ticks = (0..)
            .map(|n| f64::from(n) * step)
            .take_while(|at| *at <= most);
        Self {
            from: 0.0,
            to: most,
            log: false,
            ticks: ticks.map(|at| (at, count(at))).collect(),
            title: title.into(),
            marks: Vec::new(),
        }
    }

    /// A share from 0 to 100 %.
    pub(in crate::report) fn share(title: &str) -> Self {
        let ticks = [0.0, 0.25, 0.5, 0.75, 1.0];
        Self {
            from: 0.0,
            to: 1.0,
            log: false,
            ticks: ticks.map(|at| (at, format!("{:.0} %", at * 100.0))).into(),
            title: title.into(),
            marks: Vec::new(),
        }
    }

    /// A share from 0 to the most there is.
    pub(in crate::report) fn part(most: f64, title: &str) -> Self {
        let counts = Self::counts(most * 100.0, title);
        Self {
            to: counts.to / 100.0,
            ticks: (counts.ticks.into_iter())
                .map(|(at, name)| (at / 100.0, format!("{name} %")))
                .collect(),
            ..counts
        }
    }

    /// Nanoseconds on a logarithmic scale, with room around the values.
    pub(in crate::report) fn latency(least: u64, most: u64, title: &str) -> Self {
        let least = (least.max(1_000) as f64 / 1.25).log10();
        let most = (most.max(2_000) as f64 * 1.25).log10();
        let (least, most) = if most - least < 0.5 {
            (
                f64::midpoint(least, most) - 0.3,
                f64::midpoint(least, most) + 0.3,
            )
        } else {
            (least, most)
        };
        Self {
            from: least,
            to: most,
            log: true,
            ticks: decades(least, most),
            title: title.into(),
            marks: Vec::new(),
        }
    }

    /// 1 ÷ (1 − quantile) on a logarithmic scale, named by percentile.
    pub(in crate::report) fn quantiles(most: f64) -> Self {
        let names = [
            (1.0, "0 %"),
            (2.0, "50 %"),
            (10.0, "90 %"),
            (100.0, "99 %"),
            (1e3, "99.9 %"),
            (1e4, "99.99 %"),
            (1e5, "99.999 %"),
        ];
        let to = most.max(10.0).log10() * 1.02;
        let ticks = names.into_iter().filter(|(at, _)| f64::log10(*at) <= to);
        Self {
            from: 0.0,
            to,
            log: true,
            ticks: ticks
                .map(|(at, name)| (at.log10(), name.to_owned()))
                .collect(),
            title: String::new(),
            marks: Vec::new(),
        }
    }
}

/// A tick of counts, without digits that say nothing.
fn count(at: f64) -> String {
    if at >= 1.0 || at <= 0.0 {
        return rate(at);
    }
    let text = format!("{at:.3}");
    text.trim_end_matches('0').to_owned()
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// 1, 2 or 5 times a power of ten, not below `least`.
fn nice_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|n| n * power)
        .into_iter()
        .find(|step| *step >= least);
    step.unwrap_or(power * 10.0).max(1e-3)
}

/// Powers of ten, with 2 and 5 between them where there is room.
fn decades(least: f64, most: f64) -> Vec<(f64, String)> {
    let factors: &[f64] = if most - least < 2.6 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    let powers = least.floor() as i32..=most.ceil() as i32;
    powers
        .flat_map(|power| {
            factors
                .iter()
                .map(move |factor| factor * 10_f64.powi(power))
        })
        .filter(|value| (least..=most).contains(&value.log10()))
        .map(|value| (value.log10(), short_span(value)))
        .collect()
}

/// A round span, as `20 ms`.
fn short_span(nanos: f64) -> String {
    let (scale, unit) = match nanos {
        n if n < 0.999e3 => (1.0, "ns"),
        n if n < 0.999e6 => (1e3, "µs"),
        n if n < 0.999e9 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    let value = nanos / scale;
    let text = if (value - value.round()).abs() < 1e-6 {
        format!("{value:.0}")
    } else {
        significant(value)
    };
    format!("{text} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let names = |axis: Axis| {
            axis.ticks
                .into_iter()
                .map(|(_, name)| name)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(Axis::time(1.0)).first().map(String::as_str),
            Some("0 s")
        );
        assert_eq!(
            names(Axis::time(600.0)).last().map(String::as_str),
            Some("10 min")
        );
        assert_eq!(names(Axis::counts(500.0, "")), ["0", "200", "400"]);
        assert_eq!(
            names(Axis::latency(300_000, 4_000_000, "")),
            ["500 µs", "1 ms", "2 ms", "5 ms"]
        );
    }

    #[test]
    fn an_axis_of_equal_or_no_values_still_has_a_length() {
        for axis in [
            Axis::latency(0, 0, ""),
            Axis::counts(0.0, ""),
            Axis::time(0.0),
            Axis::quantiles(1.0),
        ] {
            assert!(axis.to > axis.from && axis.place(f64::NAN.max(0.0)).is_finite());
        }
    }
}

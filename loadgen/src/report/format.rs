//! How numbers are written: three significant digits, one unit per column, grouped thousands.

pub(super) use crate::model::grouped;
use crate::record::Quantiles;

/// The unit of a column of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeUnit {
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
}

impl TimeUnit {
    /// The unit in which a whole column reads best: its largest value decides for microseconds,
    /// its typical one for seconds.
    pub(super) fn for_column(quantiles: &Quantiles) -> Self {
        Self::spanning(quantiles.p50, quantiles.max)
    }

    /// The unit for values whose typical and largest are given, in nanoseconds.
    pub(super) const fn spanning(typical: u64, largest: u64) -> Self {
        if largest < 1_000_000 {
            Self::Micros
        } else if typical >= 1_000_000_000 {
            Self::Seconds
        } else {
            Self::Millis
        }
    }

    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Micros => "µs",
            Self::Millis => "ms",
            Self::Seconds => "s",
        }
    }

    /// Nanoseconds in one of it.
    pub(super) const fn nanos(self) -> f64 {
        match self {
            Self::Micros => 1e3,
            Self::Millis => 1e6,
            Self::Seconds => 1e9,
        }
    }

    /// A span in this unit, without the sign.
    pub(super) fn of(self, nanos: u64) -> String {
        significant(nanos as f64 / self.nanos())
    }
}

/// A span with the unit that fits it, as `12.3 ms`.
pub(super) fn span(nanos: f64) -> String {
    let unit = match nanos.abs() {
        n if n < 1e6 => TimeUnit::Micros,
        n if n < 1e9 => TimeUnit::Millis,
        _ => TimeUnit::Seconds,
    };
    format!("{}\u{a0}{}", significant(nanos / unit.nanos()), unit.sign())
}

/// Seconds as people say them: `10 s`, `2.5 s`, `10 min`, `1 h 5 min`.
pub(super) fn seconds(seconds: f64) -> String {
    let whole = seconds.round();
    if (seconds - whole).abs() < 0.05 && whole >= 120.0 {
        let total = whole as u64;
        let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60);
        let parts = [(hours, "h"), (minutes, "min"), (rest, "s")];
        let said = parts.iter().filter(|(count, _)| *count > 0);
        said.map(|(count, unit)| format!("{count}\u{a0}{unit}"))
            .collect::<Vec<_>>()
            .join("\u{a0}")
    } else if (seconds - whole).abs() < 0.005 {
        format!("{whole:.0}\u{a0}s")
    } else {
        format!("{}\u{a0}s", significant(seconds))
    }
}

/// Three significant digits, never more than three decimals, thousands grouped.
pub(super) fn significant(value: f64) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    let size = value.abs();
    let decimals = match size {
        s if s == 0.0 || s >= 99.95 => 0,
        s if s >= 9.995 => 1,
        s if s >= 0.9995 => 2,
        _ => 3,
    };
    if decimals == 0 {
        let digits = grouped(size.round() as u64);
        return if value < 0.0 {
            format!("−{digits}")
        } else {
            digits
        };
    }
    format!("{value:.decimals$}").replace('-', "−")
}

/// A rate per second without its unit: whole numbers stay whole.
pub(super) fn rate(per_second: f64) -> String {
    let tenth = (per_second * 10.0).round() / 10.0;
    if (tenth - tenth.round()).abs() < 1e-9 && tenth.abs() >= 1.0 {
        grouped(tenth.round().abs() as u64)
    } else if tenth.abs() >= 10.0 {
        format!(
            "{}.{}",
            grouped(tenth.trunc() as u64),
            ((tenth.fract() * 10.0).round()) as u64
        )
    } else {
        significant(per_second)
    }
}

/// A share (0–1) as a percentage: `33.3 %`, `100 %`, `0.012 %`; never rounded up to 100.
pub(super) fn percent(share: f64) -> String {
    let value = share * 100.0;
    let text = if (value - value.round()).abs() < 1e-9 {
        format!("{value:.0}")
    } else if value > 99.0 && value < 100.0 {
        // 99.97 % must not read as 100 %.
        let floor = (value * 100.0).floor() / 100.0;
        format!("{floor:.2}")
    } else if value.abs() < 0.0995 {
        format!("{value:.3}")
    } else if value.abs() < 9.995 {
        format!("{value:.2}")
    } else {
        format!("{value:.1}")
    };
    format!("{}\u{a0}%", text.replace('-', "−"))
}

/// A share (0–1) as a percentage with one decimal, for columns.
pub(super) fn share(share: f64) -> String {
    format!("{:.1}\u{a0}%", share * 100.0)
}

/// A signed count, with its sign unless it is zero.
pub(super) fn signed(count: i64) -> String {
    let digits = grouped(count.unsigned_abs());
    match count {
        0 => digits,
        1.. => format!("+{digits}"),
        _ => format!("−{digits}"),
    }
}

/// `1 request`, `2 requests`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{}\u{a0}{noun}{plural}", grouped(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_significant_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.0849, "0.085"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (99.96, "100"),
            (1_234.4, "1,234"),
            (-1.5, "−1.50"),
        ] {
            assert_eq!(significant(value), text);
        }
    }

    #[test]
    fn a_share_just_below_one_is_never_called_all() {
        assert_eq!(percent(1.0), "100\u{a0}%");
        assert_eq!(percent(0.999_99), "99.99\u{a0}%");
        assert_eq!(percent(0.333_333), "33.3\u{a0}%");
        assert_eq!(percent(0.0), "0\u{a0}%");
        assert_eq!(percent(0.000_12), "0.012\u{a0}%");
    }

    #[test]
    fn whole_rates_stay_whole() {
        assert_eq!(rate(500.0), "500");
        assert_eq!(rate(499.96), "500");
        assert_eq!(rate(12_345.6), "12,345.6");
        assert_eq!(rate(0.5), "0.500");
    }

    #[test]
    fn long_times_are_said_in_minutes() {
        assert_eq!(seconds(10.0), "10\u{a0}s");
        assert_eq!(seconds(600.0), "10\u{a0}min");
        assert_eq!(seconds(3_905.0), "1\u{a0}h\u{a0}5\u{a0}min\u{a0}5\u{a0}s");
        assert_eq!(seconds(7.42), "7.42\u{a0}s");
    }
}

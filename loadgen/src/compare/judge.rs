//! Judges one group's figures: value, change, interval, verdict.

use super::comparable::Asked;
use super::sample::{Sample, Tallies, quantile, size};
use super::statistics::{chance, interval, mann_whitney, shift};
use super::{Change, CompareOptions, FigureComparison, FigureUnit, GroupComparison, Why};
use crate::model::StackKind;
use crate::record::{Quantiles, Record};
use crate::recorder::Histogram;

/// Runs a side from which runs are compared by rank: fewer cannot reach p < 0.05.
pub(super) const RUNS_ENOUGH: usize = 4;
/// Samples that must lie beyond a quantile: three times what it takes to draw one, for a dozen
/// requests of one bad second would decide.
pub(super) const BEYOND: f64 = 30.0;
/// A difference of shares up to this is noise.
const SHARE_NOISE: f64 = 0.002;

struct Figure {
    name: &'static str,
    unit: FigureUnit,
    of: fn(&Tallies) -> f64,
    /// The quantile, where it is one: it needs samples beyond it.
    quantile: Option<f64>,
    /// How much noisier than a median it is.
    loose: f64,
    /// The same from run to run, which single runs cannot tell: twice that for a tail. Forty runs
    /// of one stack on a shared machine had p50s within 8 % of one another and p90s within 19 %,
    /// and one p99 in ten was half again as long as the usual one.
    wander: f64,
}

impl Figure {
    /// How the replicas shared what there was can be compared whatever it was.
    fn depends_on_load(&self) -> bool {
        self.name != "imbalance"
    }
}

/// The same figure without a verdict.
fn untold(figure: FigureComparison, why: Why) -> FigureComparison {
    FigureComparison {
        verdict: Change::CannotTell,
        why: Some(why),
        interval: None,
        p_value: None,
        regression: false,
        ..figure
    }
}

const fn time(name: &'static str, of: fn(&Tallies) -> f64, quantile: f64, loose: f64) -> Figure {
    Figure {
        wander: if quantile > 0.5 { 2.0 * loose } else { loose },
        name,
        unit: FigureUnit::Time,
        of,
        quantile: Some(quantile),
        loose,
    }
}

const FIGURES: [Figure; 9] = [
    Figure {
        name: "rate",
        unit: FigureUnit::Rate,
        of: Tallies::rate,
        quantile: None,
        loose: 0.2,
        wander: 0.2,
    },
    time("p50", |t| quantile(&t.response, 0.5), 0.5, 1.0),
    time("p90", |t| quantile(&t.response, 0.9), 0.9, 1.0),
    time("p99", |t| quantile(&t.response, 0.99), 0.99, 2.0),
    time("p99.9", |t| quantile(&t.response, 0.999), 0.999, 3.0),
    time("service.p50", |t| quantile(&t.service, 0.5), 0.5, 1.0),
    time("service.p99", |t| quantile(&t.service, 0.99), 0.99, 2.0),
    Figure {
        name: "error_rate",
        unit: FigureUnit::Share,
        of: Tallies::error_rate,
        quantile: None,
        loose: 1.0,
        wander: 1.0,
    },
    Figure {
        name: "imbalance",
        unit: FigureUnit::Share,
        of: Tallies::imbalance,
        quantile: None,
        loose: 5.0,
        wander: 5.0,
    },
];

/// One group on both sides.
pub(super) fn group(
    host: &str,
    base: &[Record],
    candidate: &[Record],
    options: &CompareOptions,
) -> GroupComparison {
    let sample = |records: &[Record]| Sample::of(&records.iter().collect::<Vec<_>>(), host);
    let (ours, theirs) = (sample(base), sample(candidate));
    let replicates = replicates(&ours, &theirs, options);
    let obstacle = Asked::of(host, base, candidate).obstacle();
    let figures = FIGURES.iter().enumerate().map(|(place, figure)| {
        let drawn = replicates
            .iter()
            .map(|pair| difference(figure, pair.0[place], pair.1[place]))
            .collect();
        let unrest = unrest(figure, [base, candidate], host, (figure.of)(&ours.whole));
        let judged = judge(figure, &ours, &theirs, (drawn, unrest), options);
        match obstacle {
            Some(why) if figure.depends_on_load() => untold(judged, why),
            _ => judged,
        }
    });
    GroupComparison {
        host: host.to_owned(),
        figures: figures.collect(),
        base_response: response(base, host),
        candidate_response: response(candidate, host),
    }
}

/// What a difference between the sides' send lags may have done to a figure, as a share of it.
///
/// The generator sends from the machine that a stack of our own runs on. Where it was woken later,
/// proxy and replica were too: four times between sending a request and reading its answer. What
/// is elsewhere shares only the generator.
fn unrest(figure: &Figure, sides: [&[Record]; 2], host: &str, value: f64) -> f64 {
    let Some(quantile) = figure.quantile else {
        return 0.0;
    };
    let wakes = match sides[0].first().map(|record| record.stack.kind) {
        Some(StackKind::Embedded | StackKind::Compose) => 4.0,
        _ => 1.0,
    };
    let [ours, theirs] = sides.map(|records| {
        let groups = records
            .iter()
            .flat_map(|record| &record.groups)
            .filter(|group| group.label() == host);
        let lag = Quantiles::sum(groups.map(|group| &group.send_lag));
        lag.quantile(quantile).0 as f64
    });
    let share = wakes * (theirs - ours).abs() / value;
    if share.is_finite() { share } else { 0.0 }
}

fn response(records: &[Record], host: &str) -> Quantiles {
    let groups = records
        .iter()
        .flat_map(|record| &record.groups)
        .filter(|group| group.label() == host);
    let sum: Histogram = Quantiles::sum(groups.map(|group| &group.response_time));
    Quantiles::of(&sum)
}

type Values = [f64; FIGURES.len()];

/// Every figure of every replicate; none where runs themselves can be compared.
fn replicates(
    base: &Sample,
    candidate: &Sample,
    options: &CompareOptions,
) -> Vec<(Values, Values)> {
    if by_runs(base, candidate) || base.n_blocks() == 0 || candidate.n_blocks() == 0 {
        return Vec::new();
    }
    let mut rng = chance(options.seed);
    let mut values = |sample: &Sample| {
        let drawn = sample.resample(&mut rng);
        FIGURES.each_ref().map(|figure| (figure.of)(&drawn))
    };
    (0..options.resamples)
        .map(|_| (values(base), values(candidate)))
        .collect()
}

fn by_runs(base: &Sample, candidate: &Sample) -> bool {
    base.runs.len() >= RUNS_ENOUGH && candidate.runs.len() >= RUNS_ENOUGH
}

fn difference(figure: &Figure, base: f64, candidate: f64) -> f64 {
    match figure.unit {
        FigureUnit::Share => candidate - base,
        _ => candidate / base - 1.0,
    }
}

fn judge(
    figure: &Figure,
    base: &Sample,
    candidate: &Sample,
    (mut drawn, unrest): (Vec<f64>, f64),
    options: &CompareOptions,
) -> FigureComparison {
    let values = [(figure.of)(&base.whole), (figure.of)(&candidate.whole)];
    let mut change = difference(figure, values[0], values[1]);
    let (mut p_value, between) = if by_runs(base, candidate) {
        let [ours, theirs] =
            [base, candidate].map(|side| side.runs.iter().map(figure.of).collect::<Vec<_>>());
        let (middle, between) = shift(&ours, &theirs, |b, c| difference(figure, b, c));
        change = middle;
        (Some(mann_whitney(&ours, &theirs)), between)
    } else {
        let blocks = base.n_blocks().min(candidate.n_blocks());
        (None, between(change, &mut drawn, blocks, figure.unit))
    };
    let (usual, noise) = match figure.unit {
        FigureUnit::Share => (SHARE_NOISE * figure.loose, SHARE_NOISE * figure.wander),
        _ => (options.noise * figure.loose, options.noise * figure.wander),
    };
    // Runs that are compared by rank have shown what differs between them.
    let noise = if by_runs(base, candidate) {
        usual
    } else {
        noise + unrest
    };
    let enough = figure.quantile.is_none_or(|q| {
        [base, candidate]
            .iter()
            .all(|side| size(&side.whole.response) as f64 * (1.0 - q) >= BEYOND)
    });
    let judged = if !change.is_finite() {
        Err(Why::NoValue)
    } else if !enough {
        Err(Why::TooFewRequests)
    } else {
        verdict(figure.unit, change, between, p_value, [usual, noise])
    };
    let known = change.is_finite() && enough;
    if !known {
        p_value = None;
    }
    let verdict = judged.unwrap_or(Change::CannotTell);
    let allowed = match figure.unit {
        FigureUnit::Share => noise,
        _ => options.max_regression,
    };
    let finite = |value: f64| value.is_finite().then_some(value);
    FigureComparison {
        name: figure.name.into(),
        unit: figure.unit,
        base: finite(values[0]),
        candidate: finite(values[1]),
        change: finite(change),
        interval: between.filter(|_| known),
        p_value,
        noise,
        verdict,
        why: judged.err(),
        regression: verdict == Change::Worse && change.abs() > allowed,
    }
}

/// Where a change lies. Ratios are widened as ratios: no time falls by more than all of itself.
fn between(change: f64, drawn: &mut [f64], blocks: usize, unit: FigureUnit) -> Option<(f64, f64)> {
    let ratios = unit != FigureUnit::Share && change > -1.0 && drawn.iter().all(|d| *d > -1.0);
    if !ratios {
        return interval(change, drawn, blocks);
    }
    for change in drawn.iter_mut() {
        *change = change.ln_1p();
    }
    let (low, high) = interval(change.ln_1p(), drawn, blocks)?;
    Some((low.exp_m1(), high.exp_m1()))
}

fn verdict(
    unit: FigureUnit,
    change: f64,
    interval: Option<(f64, f64)>,
    p_value: Option<f64>,
    [usual, noise]: [f64; 2],
) -> Result<Change, Why> {
    let (low, high) = interval.ok_or(Why::TooFewSeconds)?;
    let sure = match p_value {
        Some(p) => p < 0.05,
        None => low > 0.0 || high < 0.0,
    };
    if change.abs() > noise {
        let better = (change > 0.0) == (unit == FigureUnit::Rate);
        return match (sure, better) {
            // Beyond what is noise, and perhaps nothing.
            (false, _) => Err(Why::WideInterval),
            (true, true) => Ok(Change::Better),
            (true, false) => Ok(Change::Worse),
        };
    }
    // An interval so wide that a large change could hide in it says nothing.
    if low < -4.0 * usual || high > 4.0 * usual {
        Err(Why::WideInterval)
    } else {
        Ok(Change::Same)
    }
}

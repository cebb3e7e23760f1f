//! Latency as a heatmap: the modes that lines hide.

use super::super::format::{TimeUnit, counted, grouped, percent, seconds, span};
use super::super::series::Series;
use super::axis::Axis;
use super::canvas::{Frame, draw};
use super::{Chart, Row, Table, role};
use crate::record::GroupRecord;

/// The most rows, each a step of the same ratio.
const MOST_ROWS: usize = 44;
const STEPS: i32 = role::HEAT.len().cast_signed() as i32;

/// Counts by latency row and time column.
struct Grid {
    /// Lower border of every row, and the upper one of the last, in nanoseconds.
    borders: Vec<f64>,
    columns: Vec<Vec<u64>>,
}

/// The chart of one group; none where nothing finished.
pub(in crate::report) fn heatmap(id: &str, group: &GroupRecord, series: &Series) -> Option<Chart> {
    let grid = Grid::of(series)?;
    let most = grid.columns.iter().flatten().copied().max().unwrap_or(1);
    let (least, highest) = (grid.borders[0], grid.borders[grid.borders.len() - 1]);
    let x = Axis::time(series.end).marked(&series.marks);
    let y = Axis::latency(least as u64, highest as u64, "response time, logarithmic");
    let svg = draw(Frame::WIDE, &x, &y, |canvas| {
        for row in 0..grid.borders.len() - 1 {
            let mut place = 0;
            while place < grid.columns.len() {
                let tone = tone(grid.columns[place][row], most);
                let same = grid.columns[place..]
                    .iter()
                    .take_while(|column| self::tone(column[row], most) == tone)
                    .count();
                if let Some(tone) = tone {
                    let (from, to) = (&series.buckets[place], &series.buckets[place + same - 1]);
                    let corners = (
                        (from.from, grid.borders[row]),
                        (to.to, grid.borders[row + 1]),
                    );
                    canvas.block(corners.0, corners.1, role::HEAT[tone]);
                }
                place += same;
            }
        }
        for (step, tone) in (0..).zip(role::HEAT) {
            canvas.key(step, tone, &grouped(lowest(step, most)), STEPS);
        }
    });
    Some(Chart {
        id: id.into(),
        title: "Where response times lie".into(),
        takeaway: takeaway(group, &grid),
        description: format!(
            "Each cell counts the requests that finished in {} with a response time in its row; empty cells had none.",
            seconds(series.width as f64)
        ),
        plot: None,
        svg,
        table: table(&grid),
    })
}

impl Grid {
    fn of(series: &Series) -> Option<Self> {
        let values = || series.buckets.iter().flat_map(|bucket| &bucket.spread);
        let least = values().map(|(value, _)| *value).min()?.max(1_000) as f64;
        let most = (values().map(|(value, _)| *value).max()? as f64).max(least * 1.5) * 1.001;
        let rows = ((most / least).log10() * 24.0)
            .ceil()
            .clamp(6.0, MOST_ROWS as f64) as usize;
        let ratio = (most / least).ln() / rows as f64;
        let borders = (0..=rows)
            .map(|n| least * (ratio * n as f64).exp())
            .collect();
        let column = |spread: &Vec<(u64, u64)>| {
            let mut column = vec![0; rows];
            for (value, count) in spread {
                let row = ((*value as f64 / least).max(1.0).ln() / ratio).floor() as usize;
                column[row.min(rows - 1)] += count;
            }
            column
        };
        let columns = series
            .buckets
            .iter()
            .map(|bucket| column(&bucket.spread))
            .collect();
        Some(Self { borders, columns })
    }

    fn totals(&self) -> Vec<u64> {
        let rows = self.borders.len() - 1;
        (0..rows)
            .map(|row| self.columns.iter().map(|column| column[row]).sum())
            .collect()
    }
}

/// The colour step of a count: logarithmic, none for zero.
fn tone(count: u64, most: u64) -> Option<usize> {
    let steps = role::HEAT.len();
    if count == 0 {
        return None;
    }
    let place = (count as f64).ln() / (most.max(2) as f64).ln() * steps as f64;
    Some((place as usize).min(steps - 1))
}

/// The smallest count of a colour step.
fn lowest(step: i32, most: u64) -> u64 {
    (most.max(2) as f64)
        .powf(f64::from(step) / f64::from(STEPS))
        .ceil() as u64
}

fn takeaway(group: &GroupRecord, grid: &Grid) -> String {
    let totals = grid.totals();
    let all: u64 = totals.iter().sum::<u64>().max(1);
    let top = totals
        .iter()
        .enumerate()
        .max_by_key(|(_, count)| **count)
        .map_or(0, |(row, _)| row);
    let around = format!(
        "Most common were {} to {}, with {} of {}",
        span(grid.borders[top]),
        span(grid.borders[top + 1]),
        percent((totals[top] as f64 / all as f64 * 1_000.0).round() / 1_000.0),
        counted(group.response_time.count, "request")
    );
    match clouds(&totals) {
        0 | 1 => format!("{around}."),
        n => format!("{around}; the times form {n} separate clouds, which an average would hide."),
    }
}

/// Peaks that hold a share worth naming, each parted from the next by a valley that chance does
/// not dig: at most a quarter of the lower one.
fn clouds(totals: &[u64]) -> usize {
    let all: u64 = totals.iter().sum();
    let (mut peaks, mut valley): (Vec<u64>, u64) = (Vec::new(), 0);
    for count in totals {
        match peaks.last_mut() {
            None => {
                peaks.push(*count);
                valley = *count;
            }
            Some(peak) if *count >= *peak && !parted(*peak, valley, *count) => {
                (*peak, valley) = (*count, *count);
            }
            Some(peak) if *count > valley && parted(*peak, valley, *count) => {
                peaks.push(*count);
                valley = *count;
            }
            Some(_) => valley = valley.min(*count),
        }
    }
    let is_named = |peak: &&u64| **peak as f64 > 0.02 * all as f64;
    peaks.iter().filter(is_named).count()
}

/// Whether a valley between two heights is deep beyond chance: by five standard deviations, because
/// the highest and the lowest of many rows were looked for.
fn parted(one: u64, valley: u64, other: u64) -> bool {
    let lower = one.min(other);
    let deviation = ((lower + valley) as f64).sqrt();
    valley * 4 <= lower && (lower - valley) as f64 > 5.0 * deviation
}

fn table(grid: &Grid) -> Table {
    let typical = grid.borders[grid.borders.len() / 2] as u64;
    let unit = TimeUnit::spanning(typical, grid.borders[grid.borders.len() - 1] as u64);
    let row = |(place, count): (usize, &u64)| Row {
        x: None,
        cells: vec![
            unit.of(grid.borders[place] as u64),
            unit.of(grid.borders[place + 1] as u64),
            grouped(*count),
        ],
    };
    Table {
        head: vec![
            format!("from, {}", unit.sign()),
            format!("to, {}", unit.sign()),
            "requests".into(),
        ],
        rows: grid
            .totals()
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(row)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn the_cells_count_every_finished_request() {
        let record = synthetic::failed();
        let series = Series::of(&record, "app-group-1");
        let grid = Grid::of(&series).expect("answers");
        assert_eq!(grid.totals().iter().sum::<u64>() + series.drained, 5_000);
    }

    #[test]
    fn clouds_are_parted_by_valleys_and_not_by_chance() {
        for (totals, found) in [
            (&[0, 5, 60, 300, 80, 20, 4, 1][..], 1),
            (&[10, 300, 20, 5, 30, 250, 10], 2),
            (&[40, 31, 44, 29, 41, 33], 1),
            (&[300, 250, 310, 260, 330], 1),
            // A spike of a few requests apart is none.
            (&[5, 400, 30, 0, 0, 7, 0], 1),
            // Nor is it a gap in what a hundred requests leave to chance.
            (&[2, 9, 16, 12, 3, 1, 9, 11, 4], 1),
            (&[0, 0, 0], 0),
        ] {
            assert_eq!(clouds(totals), found, "{totals:?}");
        }
    }

    #[test]
    fn colour_steps_are_logarithmic_and_zero_has_none() {
        assert_eq!(
            (tone(0, 100), tone(1, 100), tone(100, 100), tone(1, 1)),
            (None, Some(0), Some(7), Some(0))
        );
    }
}

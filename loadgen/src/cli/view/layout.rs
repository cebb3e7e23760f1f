//! The picture: what is known of a run as lines that fit the terminal. Pure.
//!
//! A small terminal gets fewer lines, never broken ones: first the replicas are folded into one
//! line, then each group is.

use std::time::Duration;

use super::line::{Ink, Line, width};
use super::state::State;
use super::terminal::Size;
use crate::model::{GroupProgress, LoadOutline, Nanos, ReplicaProgress, grouped};

/// Below so many columns the short words are taken.
const NARROW: usize = 60;
/// The longest bar.
const LONGEST_BAR: usize = 30;
/// The most replicas of a group that get a line each.
const MOST_REPLICAS: usize = 8;
/// The longest name of a group or a replica.
const LONGEST_NAME: usize = 24;

/// How much is told of each group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    /// A line per replica.
    Replicas,
    /// One line for all replicas.
    Folded,
    /// One line for the whole group.
    Least,
}

/// The picture, `since` the load began. Nothing before that.
pub(super) fn lines(state: &State, since: Duration, size: Size) -> Vec<Line> {
    let Some(outline) = state.outline else {
        return Vec::new();
    };
    // The last column stays free: a terminal may break a line that fills it.
    let most = size.columns.saturating_sub(1);
    // One for the cursor, and one above: some terminals keep a picture that filled them.
    let rows = size.rows.saturating_sub(2).max(1);
    let mut lines = Vec::new();
    for detail in [Detail::Replicas, Detail::Folded, Detail::Least] {
        lines = vec![head(state, outline, since, most)];
        for place in 0..state.finished.len() {
            lines.extend(group(state, place, detail, most));
        }
        if lines.len() <= rows {
            return lines;
        }
    }
    let hidden = lines.len() - rows + 1;
    lines.truncate(rows - 1);
    let mut rest = Line::new(most, 0);
    rest.say(
        Ink::Faint,
        &[format!("and {hidden} more lines in a higher window")],
    );
    lines.push(rest);
    lines
}

/// What goes on, how far it is, and how long it takes.
fn head(state: &State, outline: LoadOutline, since: Duration, most: usize) -> Line {
    let (since, warmup, duration) = (
        since.as_secs_f64(),
        outline.warmup.as_secs_f64(),
        outline.duration.as_secs_f64(),
    );
    let measured = since - warmup;
    let planned = || {
        let groups = state.progress.iter().flat_map(|progress| &progress.groups);
        groups.map(|group| group.planned).sum::<u64>()
    };
    let (word, done, ways) = if measured < 0.0 {
        let left = format!("{} left", span(-measured));
        ("warm-up", since / warmup, vec![left])
    } else if let Some(requests) = outline.requests {
        let told = format!("{} of {} requests", grouped(planned()), grouped(requests));
        (
            "load",
            planned() as f64 / requests.max(1) as f64,
            vec![told],
        )
    } else if measured < duration {
        let left = format!("{} left", span(duration - measured));
        let told = format!("{} of {}, {left}", span(measured.floor()), span(duration));
        ("load", measured / duration, vec![told, left])
    } else {
        let told = "waiting for the last answers";
        ("load", 1.0, vec![told.into(), "draining".into()])
    };
    let mut line = Line::new(most, 0);
    line.cut(Ink::Strong, word, most);
    let least_bar = 10;
    let told = ways
        .iter()
        .find(|way| width(way) + 2 + least_bar <= line.left());
    let room = line
        .left()
        .saturating_sub(told.map_or(0, |told| width(told) + 2));
    line.cut(Ink::Bar, &track(done, room.min(LONGEST_BAR)), most);
    if let Some(told) = told {
        line.say(Ink::Usual, &[told]);
    }
    line
}

fn group(state: &State, place: usize, detail: Detail, most: usize) -> Vec<Line> {
    let progress = state.progress.as_ref();
    let Some(group) = progress.and_then(|progress| progress.groups.get(place)) else {
        return Vec::new();
    };
    if detail == Detail::Least {
        return vec![in_one_line(group, most)];
    }
    let mut lines = vec![
        rates(group, &sparkline(&state.finished[place]), most),
        times(group, most),
        troubles(group, most),
    ];
    if detail == Detail::Replicas && group.replicas.len() <= MOST_REPLICAS {
        lines.extend(replicas(&group.replicas, most));
    } else if !group.replicas.is_empty() {
        lines.push(folded(&group.replicas, most));
    }
    lines
}

fn rates(group: &GroupProgress, curve: &[char], most: usize) -> Line {
    let [planned, sent, done] = group.last_second.map(grouped);
    let mut line = Line::new(most, 0);
    line.cut(Ink::Strong, &group.host, LONGEST_NAME.min(most / 2));
    line.say(
        Ink::Usual,
        &[
            format!("intended {planned}/s  sent {sent}/s  answered {done}/s"),
            format!("{planned} → {sent} → {done}/s"),
            format!("{done}/s"),
        ],
    );
    let room = line.left().min(LONGEST_BAR).min(curve.len());
    let newest: String = curve[curve.len() - room..].iter().collect();
    line.cut(Ink::Bar, &newest, room);
    line
}

fn times(group: &GroupProgress, most: usize) -> Line {
    let mut line = Line::new(most, 2);
    let [p50, p90, p99, max] = group.response;
    if max == Nanos::ZERO {
        line.say(
            Ink::Usual,
            &["no answer within the last second", "no answer"],
        );
        return line;
    }
    line.say(
        Ink::Usual,
        &[
            format!("response  p50 {p50}  p90 {p90}  p99 {p99}  max {max}"),
            format!("p50 {p50}  p99 {p99}  max {max}"),
            format!("p50 {p50}  p99 {p99}"),
            format!("p99 {p99}"),
        ],
    );
    line
}

/// Release lag, errors and arrivals that were given up: all that may spoil a run.
fn troubles(group: &GroupProgress, most: usize) -> Line {
    let mut line = Line::new(most, 2);
    let bad = |is: bool| if is { Ink::Bad } else { Ink::Usual };
    let (failed, dropped) = (grouped(group.failed), grouped(group.dropped));
    let (lag, budget) = (group.lag_p99, group.lag_budget);
    let late = lag > budget;
    let over = if late {
        format!(", over {budget}")
    } else {
        String::new()
    };
    if most < NARROW {
        let mark = if late { "!" } else { "" };
        line.say(bad(late), &[format!("lag {lag}{mark}")]);
        let mut counts = [
            (group.failed, format!("errors {failed}")),
            (group.dropped, format!("dropped {dropped}")),
        ];
        // Where there is no room for both, the one that tells something comes first.
        counts.sort_by_key(|(count, _)| *count == 0);
        for (count, told) in counts {
            line.say(bad(count > 0), &[told]);
        }
    } else {
        line.say(bad(late), &[format!("release lag p99 {lag}{over}")]);
        line.say(bad(group.dropped > 0), &[format!("dropped {dropped}")]);
        let told = format!("errors {failed}");
        line.say(
            bad(group.failed > 0),
            &[format!("{told}{}", kinds(group)), told],
        );
    }
    line
}

/// What the errors were, the most frequent first: ` (timeout 10, status 500 2)`.
fn kinds(group: &GroupProgress) -> String {
    let bad = group
        .status
        .iter()
        .filter(|(status, _)| !(200..400).contains(*status));
    let answers = bad.map(|(status, n)| (*n, format!("status {status} {}", grouped(*n))));
    let errors = group.errors.iter();
    let errors = errors.map(|(class, n)| (*n, format!("{class} {}", grouped(*n))));
    let mut all: Vec<_> = answers.chain(errors).collect();
    if all.is_empty() {
        return String::new();
    }
    all.sort_by(|a, b| b.cmp(a));
    let told: Vec<_> = all.into_iter().take(3).map(|(_, text)| text).collect();
    format!(" ({})", told.join(", "))
}

/// A bar per replica with its share so far.
fn replicas(replicas: &[ReplicaProgress], most: usize) -> Vec<Line> {
    let names = replicas.iter().map(|replica| {
        let mut line = Line::new(most, 2);
        line.cut(
            Ink::Usual,
            &replica.id,
            LONGEST_NAME.min((most / 2).saturating_sub(2)),
        );
        line
    });
    let mut lines: Vec<_> = names.collect();
    let longest = lines.iter().map(Line::used).max().unwrap_or(0);
    let (shares, largest) = shares(replicas);
    let digits = replicas
        .iter()
        .map(|replica| grouped(replica.requests).len());
    let digits = digits.max().unwrap_or(0);
    for ((line, replica), share) in lines.iter_mut().zip(replicas).zip(shares) {
        let percent = format!("{:>5.1} %", share * 100.0);
        let figures = if most < NARROW {
            percent
        } else {
            format!("{:>digits$}  {percent}", grouped(replica.requests))
        };
        line.pad_to(longest);
        let room = line
            .left()
            .saturating_sub(width(&figures) + 2)
            .min(LONGEST_BAR);
        if room > 0 {
            line.cut(Ink::Bar, &bar(share / largest, room), room);
            line.pad_to(longest + 2 + room);
        }
        line.say(Ink::Usual, &[figures]);
    }
    lines
}

fn folded(replicas: &[ReplicaProgress], most: usize) -> Line {
    let (shares, largest) = shares(replicas);
    let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
    let (least, largest) = (least * 100.0, largest * 100.0);
    let many = replicas.len();
    let mut line = Line::new(most, 2);
    line.say(
        Ink::Usual,
        &[
            format!("{many} replicas with {least:.1} to {largest:.1} % each"),
            format!("{many} replicas {least:.0}–{largest:.0} %"),
        ],
    );
    line
}

/// The share of each replica, and the largest.
fn shares(replicas: &[ReplicaProgress]) -> (Vec<f64>, f64) {
    let all: u64 = replicas.iter().map(|replica| replica.requests).sum();
    let share = |replica: &ReplicaProgress| replica.requests as f64 / all.max(1) as f64;
    let shares: Vec<_> = replicas.iter().map(share).collect();
    let largest = shares.iter().copied().fold(0.0, f64::max);
    (shares, if largest > 0.0 { largest } else { 1.0 })
}

fn in_one_line(group: &GroupProgress, most: usize) -> Line {
    let mut line = Line::new(most, 0);
    line.cut(Ink::Strong, &group.host, LONGEST_NAME.min(most / 2));
    line.say(
        Ink::Usual,
        &[format!("{}/s", grouped(group.last_second[2]))],
    );
    line.say(Ink::Usual, &[format!("p99 {}", group.response[2])]);
    if group.failed > 0 {
        line.say(Ink::Bad, &[format!("errors {}", grouped(group.failed))]);
    }
    if group.lag_p99 > group.lag_budget {
        line.say(Ink::Bad, &[format!("lag {}", group.lag_p99)]);
    }
    line
}

/// A curve of eight heights, its largest value the highest.
fn sparkline<'a>(values: impl IntoIterator<Item = &'a u64> + Clone) -> Vec<char> {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.clone().into_iter().max().copied().unwrap_or(0);
    let height = |value: &u64| (value * 7).checked_div(most).unwrap_or(0) as usize;
    values
        .into_iter()
        .map(|value| BLOCKS[height(value).min(7)])
        .collect()
}

/// A bar of at most `cells`, in eighths of a cell.
fn bar(share: f64, cells: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * cells as f64 * 8.0).round() as usize;
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// A bar, and what is left to fill.
fn track(share: f64, cells: usize) -> String {
    let bar = bar(share, cells);
    let rest = cells.saturating_sub(width(&bar));
    bar + &"░".repeat(rest)
}

/// `42 s`, and from two minutes on `12:05`.
fn span(seconds: f64) -> String {
    let whole = seconds.ceil() as u64;
    match whole {
        0..120 => format!("{whole} s"),
        120..3600 => format!("{}:{:02}", whole / 60, whole % 60),
        _ => format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60),
    }
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;

//! Several groups: a table of counts and one of times, a row per group, one unit per column.

use std::fmt::Write as _;

use super::layout::{self, Ink, Page};
use super::{one, requests};
use crate::record::{
    BalanceVerdict, CountVerdict, GroupRecord, Quantiles, Record, ReplicaRecord, RequestCounts,
};
use crate::report::format::{TimeUnit, grouped, seconds, share};
use crate::report::load;
use crate::report::sentences;

/// Columns without which the tables do not fit.
pub(super) const NARROWEST: usize = 76;
/// Columns of the times, without the groups' names.
const TIMES: usize = 61;

pub(super) fn groups(page: &mut Page, record: &Record) {
    page.blank();
    let heading = format!(
        "{} groups for {} · {} stack, {}",
        record.groups.len(),
        seconds(record.run.duration_s),
        record.stack.kind,
        sentences::plain(&record.stack.proxy)
    );
    page.sentence(0, &heading);
    let names = Names::of(record, page.width() - TIMES);
    counts(page, record, &names);
    times(page, record, &names);
    page.blank();
    for group in &record.groups {
        let host = page.ink(Ink::Strong, &sentences::plain(group.label()));
        page.sentence(0, &host);
        one::failures(page, group, "failures");
        requests::requests(page, group);
        replicas(page, &group.replicas);
        verdicts(page, group);
    }
}

/// The groups' names, cut to one width.
struct Names {
    width: usize,
}

impl Names {
    fn of(record: &Record, most: usize) -> Self {
        let hosts = record.groups.iter();
        let longest = hosts.map(|group| sentences::plain(group.label()).chars().count());
        Self {
            width: longest.max().unwrap_or(0).min(most),
        }
    }

    fn cell(&self, group: &GroupRecord) -> String {
        let width = self.width;
        let name: String = sentences::plain(group.label())
            .chars()
            .take(width)
            .collect();
        format!("{name:<width$}")
    }
}

type CountOf = fn(&RequestCounts) -> u64;

fn counts(page: &mut Page, record: &Record, names: &Names) {
    let all: [(&str, CountOf); 6] = [
        ("planned", |counts| counts.planned),
        ("sent", |counts| counts.sent),
        ("answered", |counts| counts.succeeded),
        ("failed", |counts| counts.failed),
        ("dropped", |counts| counts.dropped),
        ("unfinished", |counts| counts.unfinished),
    ];
    let mut groups = record.groups.iter();
    let mut any = |of: CountOf| groups.any(|group| of(&group.requests) > 0);
    // The last two only where there is something to say.
    let columns: Vec<_> = (all.into_iter().enumerate())
        .filter(|(place, (_, of))| *place < 4 || any(*of))
        .map(|(_, column)| column)
        .collect();
    let mut head = format!("{:<1$}{2:>9}", "", names.width, "rate/s");
    for (name, _) in &columns {
        let _ = write!(head, "{name:>11}");
    }
    let head = page.ink(Ink::Faint, &head);
    page.line(&head);
    for group in &record.groups {
        let intended = load::intended(record, group, "–").unwrap_or_else(|| "closed".into());
        let mut line = format!("{}{intended:>9}", names.cell(group));
        for (name, of) in &columns {
            let count = of(&group.requests);
            let cell = format!("{:>11}", grouped(count));
            let is_trouble = count > 0 && ["failed", "dropped", "unfinished"].contains(name);
            line.push_str(&if is_trouble {
                page.ink(Ink::Bad, &cell)
            } else {
                cell
            });
        }
        page.line(&line);
    }
}

fn times(page: &mut Page, record: &Record, names: &Names) {
    type TimesOf = fn(&GroupRecord) -> &Quantiles;
    let unit = |of: TimesOf| {
        let answered = record.groups.iter().map(of).filter(|times| times.count > 0);
        let typical = answered.clone().map(|times| times.p50).min();
        let largest = answered.map(|times| times.max).max();
        TimeUnit::spanning(typical.unwrap_or(0), largest.unwrap_or(0))
    };
    let response = unit(|group| &group.response_time);
    let service = unit(|group| &group.service_time);
    let lag = unit(|group| &group.send_lag);
    let width = names.width;
    let over = [
        format!(
            "{:<width$}{:>16}",
            "",
            format!("response {}", response.sign())
        ),
        format!("{:>36}", format!("service {}", service.sign())),
        format!("{:>9}", format!("lag {}", lag.sign())),
    ];
    let titles = ["p50", "p90", "p99", "p99.9", "max"].map(|title| format!("{title:>8}"));
    let under = format!("{:<width$}{}{:>12}{:>9}", "", titles.concat(), "p99", "p99");
    for head in [over.concat(), under] {
        let head = page.ink(Ink::Faint, &head);
        page.line(&head);
    }
    for group in &record.groups {
        let cell = |unit: TimeUnit, times: &Quantiles, figure: u64| match times.count {
            0 => "–".into(),
            _ => unit.of(figure),
        };
        let times = &group.response_time;
        let mut line = names.cell(group);
        for figure in [times.p50, times.p90, times.p99, times.p99_9, times.max] {
            let _ = write!(line, "{:>8}", cell(response, times, figure));
        }
        let (served, late) = (&group.service_time, &group.send_lag);
        let _ = write!(
            line,
            "{:>12}{:>9}",
            cell(service, served, served.p99),
            cell(lag, late, late.p99)
        );
        page.line(&line);
    }
}

/// Two replicas a line, with a bar where there is room.
fn replicas(page: &mut Page, replicas: &[ReplicaRecord]) {
    let name = |replica: &ReplicaRecord| sentences::plain(&replica.id);
    let lengths = replicas.iter().map(|replica| name(replica).chars().count());
    let widest = lengths.max().unwrap_or(0).min(20);
    let counts = replicas
        .iter()
        .map(|replica| grouped(replica.requests).chars().count());
    let digits = counts.max().unwrap_or(0);
    let most = replicas
        .iter()
        .map(|replica| replica.share)
        .fold(0.0, f64::max);
    let used = widest + digits + 13;
    let bars = ((page.width() - 4) / 2).saturating_sub(used).min(16);
    for pair in replicas.chunks(2) {
        let cells = pair.iter().map(|replica| {
            let id: String = name(replica).chars().take(widest).collect();
            let bar = format!("{:<bars$}", layout::bar(replica.share, most, bars));
            format!(
                "  {id:<widest$}  {:>digits$}  {:>7}  {}",
                grouped(replica.requests),
                share(replica.share),
                page.ink(Ink::Series, &bar)
            )
        });
        let line: String = cells.collect();
        page.line(&line);
    }
}

/// Balance and counts: one line where all is well, a sentence each where it is not.
fn verdicts(page: &mut Page, group: &GroupRecord) {
    let (balance, check) = (&group.balance, &group.crosscheck);
    let checked = [Some(check.client), check.proxy, check.replicas];
    let equal = checked.iter().flatten().all(|count| *count == check.client);
    let agree = check.verdict == CountVerdict::Agree && equal && check.replicas.is_some();
    if balance.verdict == BalanceVerdict::Even && agree {
        let checked: Vec<_> = checked.into_iter().flatten().map(grouped).collect();
        page.sentence(
            2,
            &format!(
                "Balance is {}, gap {}. Counts agree: {}.",
                balance.policy,
                grouped(balance.max_minus_min),
                checked.join(" = ")
            ),
        );
    } else {
        page.sentence(2, &sentences::balance(group));
        page.sentence(2, &sentences::counts(group));
    }
}

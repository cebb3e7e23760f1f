//! The workers that sent a load, in words and in rows, for every renderer.

use super::format::{counted, grouped, span};
use super::sentences::plain;
use crate::record::{Record, WorkerRecord, WorkerState};

/// The titles of the columns of [`rows`].
pub(super) const TITLES: [&str; 8] = [
    "worker",
    "machine",
    "state",
    "ready before the start",
    "clock",
    "CPU time",
    "sent of planned",
    "release lag p99",
];

/// A worker a row.
pub(super) fn rows(record: &Record) -> Vec<[String; 8]> {
    let row = |worker: &WorkerRecord| {
        let absent = || "–".to_owned();
        let state = match worker.second {
            Some(second) if worker.state != WorkerState::Late => {
                format!("{} after second {second}", worker.state.name())
            }
            _ => worker.state.name().to_owned(),
        };
        let node = plain(&worker.node);
        [
            worker.n.to_string(),
            if node.is_empty() { absent() } else { node },
            state,
            worker
                .ready_lead_s
                .map_or_else(absent, |lead| span(lead * 1e9)),
            worker
                .clock_offset_ms
                .map_or_else(absent, |offset| format!("{offset:+.1} ms")),
            span(worker.cpu * 1e9),
            format!("{} of {}", grouped(worker.sent), grouped(worker.planned)),
            span(worker.release_lag.p99 as f64),
        ]
    };
    record.workers.iter().map(row).collect()
}

/// What became of the load when a worker was lost, for the top of a page: how many workers went on, and
/// what they offered of the rate. None where all delivered, or nobody knows since when one did not.
pub(super) fn banner(record: &Record) -> Option<String> {
    let all = record.workers.len();
    let lost = record.workers.iter();
    let lost: Vec<_> = lost.filter(|one| one.state != WorkerState::Done).collect();
    let since = lost.iter().filter_map(|one| one.second).min()?;
    let length = record.plan.duration.as_secs_f64().max(1e-9);
    let rate = |arrivals: u64| grouped((arrivals as f64 / length).round() as u64);
    let asked: u64 = record.workers.iter().map(|one| one.planned).sum();
    let missing: u64 = lost.iter().map(|one| one.planned).sum();
    let when = match since {
        0 => "from the beginning".to_owned(),
        since => format!("after second {since}"),
    };
    Some(format!(
        "{} of {}; {} of {} a second were offered {when}.",
        all - lost.len(),
        counted(all as u64, "worker"),
        rate(asked - missing),
        rate(asked),
    ))
}

/// Who sent the load, in one sentence; `None` where it was one process.
pub(super) fn sentence(record: &Record) -> Option<String> {
    let all = record.workers.len() as u64;
    if all == 0 {
        return None;
    }
    let done = |worker: &&WorkerRecord| worker.state == WorkerState::Done;
    let delivered = record.workers.iter().filter(done).count() as u64;
    let unsent: u64 = record.workers.iter().map(|worker| worker.unsent).sum();
    Some(if delivered == all {
        let slowest = record.workers.iter().max_by_key(|one| one.release_lag.p99);
        let lag = slowest.map_or_else(String::new, |one| {
            let p99 = span(one.release_lag.p99 as f64);
            format!(
                "; worker {}, the latest of them, released 99 % of its requests within {p99}",
                one.n
            )
        });
        format!(
            "Sent by {}, all of which delivered{lag}.",
            counted(all, "worker")
        )
    } else {
        format!(
            "{delivered} of {} delivered all: {} that the schedule asked for are in no figure, and nobody took them over.",
            counted(all, "worker"),
            counted(unsent, "arrival"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::sentences;
    use super::*;
    use crate::record::Quantiles;
    use crate::synthetic::clean;

    fn with(states: &[WorkerState]) -> Record {
        let worker = |(n, state): (usize, &WorkerState)| WorkerRecord {
            n: n as u32,
            node: format!("node-{n}"),
            state: *state,
            second: (*state != WorkerState::Done).then_some(41),
            ready_lead_s: Some(3.25),
            clock_offset_ms: Some(-0.2),
            clock_offset_most_ms: Some(31.0),
            cpu: 1.5,
            planned: 2_500,
            sent: 2_500 - 500 * n as u64,
            unsent: 500 * n as u64,
            release_lag: Quantiles {
                p99: 30_000 * (n as u64 + 1),
                ..Quantiles::default()
            },
            ..WorkerRecord::default()
        };
        Record {
            workers: states.iter().enumerate().map(worker).collect(),
            ..clean()
        }
    }

    #[test]
    fn who_sent_the_load_is_told_in_a_sentence_and_a_row_each() {
        let plain = |text: &str| text.replace('\u{a0}', " ");
        assert_eq!(sentence(&clean()), None);
        let all = with(&[WorkerState::Done, WorkerState::Done]);
        let said = plain(&sentence(&all).expect("a sentence"));
        assert!(
            said.starts_with("Sent by 2 workers, all of which delivered"),
            "{said}"
        );
        assert!(
            said.contains(
                "worker 1, the latest of them, released 99 % of its requests within 60.0 µs."
            ),
            "{said}"
        );

        let lost = with(&[WorkerState::Done, WorkerState::Lost]);
        let said = plain(&sentence(&lost).expect("a sentence"));
        assert!(
            said.starts_with("1 of 2 workers delivered all: 500 arrivals"),
            "{said}"
        );
        let said = |record: &Record| sentences::achieved(record, &record.groups[0]);
        assert!(said(&all).contains("sent as planned"), "{}", said(&all));
        assert!(
            said(&lost).contains("as far as the workers told"),
            "{}",
            said(&lost)
        );
        assert_eq!(banner(&all), None);
        let length = lost.plan.duration.as_secs_f64();
        let rate = |arrivals: f64| grouped((arrivals / length).round() as u64);
        let expected = format!(
            "1 of 2 workers; {} of {} a second were offered after second 41.",
            rate(2_500.0),
            rate(5_000.0)
        );
        assert_eq!(plain(&banner(&lost).expect("a banner")), plain(&expected));
        let row = rows(&lost).remove(1).join(" | ");
        let expected = "1 | node-1 | lost after second 41 | 3.25 s | -0.2 ms | 1.50 s | 2,000 of 2,500 | 60.0 µs";
        assert_eq!(plain(&row), expected);
    }
}

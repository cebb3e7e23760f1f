//! What the counts say, of a group and of one request name.

use super::plain;
use crate::record::{CountVerdict, GroupRecord, RequestRecord};
use crate::report::format::{counted, grouped, signed};

/// Whether the three counts agree.
pub(in crate::report) fn counts(group: &GroupRecord) -> String {
    let check = &group.crosscheck;
    let mut checked = vec![("client", check.client)];
    checked.extend(check.proxy.map(|count| ("proxy", count)));
    checked.extend(check.replicas.map(|count| ("replicas", count)));
    if checked.len() == 1 || check.verdict == CountVerdict::Unavailable {
        return format!(
            "Only the client's count is there: it sent {}, and nobody can confirm it.",
            counted(check.client, "request")
        );
    }
    let equal = checked.iter().all(|(_, count)| *count == check.client);
    let side_by_side = |sign: &str| {
        let parts = checked
            .iter()
            .map(|(name, count)| format!("{name} {}", grouped(*count)));
        parts.collect::<Vec<_>>().join(sign)
    };
    match check.verdict {
        CountVerdict::Agree if equal => format!("Counts agree: {}.", side_by_side(" = ")),
        CountVerdict::Disagree => format!(
            "Counts disagree: {}; {} cannot be explained.",
            side_by_side(", "),
            counted(check.unnamed, "request")
        ),
        verdict => {
            let named = check.residuals.iter().map(|residual| {
                format!(
                    "{} {} ({})",
                    signed(residual.count),
                    residual.name,
                    residual.side
                )
            });
            let (beside, named) = (side_by_side(", "), named.collect::<Vec<_>>().join(", "));
            match verdict {
                CountVerdict::Agree => {
                    format!("Counts agree: {beside}; every difference is named: {named}.")
                }
                _ => {
                    format!("Counts differ: {beside}; {named} would be why, and nothing proves it.")
                }
            }
        }
    }
}

/// What the counts of one request name say: `POST /items: client 1,111 = replicas 1,111.` Names that
/// are counted together have one sentence.
pub(in crate::report) fn request_counts(request: &RequestRecord) -> Option<String> {
    let check = request.crosscheck.as_ref()?;
    let with = &check.counted_with;
    if with.iter().any(|other| *other < request.name) {
        return None;
    }
    let names: Vec<&str> = std::iter::once(&request.name)
        .chain(with)
        .map(String::as_str)
        .collect();
    let names = plain(&names.join(" and "));
    let (Some(route), Some(replicas)) = (&check.counted_by, check.replicas) else {
        return Some(format!(
            "{names}: no counter of the replicas is known for it."
        ));
    };
    let (client, replicas) = (grouped(check.client), grouped(replicas));
    let said = match check.verdict {
        CountVerdict::Agree if client == replicas => {
            format!("client {client} = replicas {replicas}")
        }
        CountVerdict::Agree => format!(
            "client {client}, replicas {replicas}; the difference is in requests without an answer or tried again"
        ),
        CountVerdict::Disagree => format!("client {client}, replicas {replicas}: they disagree"),
        _ => {
            format!("client {client}, replicas {replicas}: whose the difference is cannot be told")
        }
    };
    Some(format!("{names}, {}: {said}.", plain(route)))
}

//! Says why a spread is not what the policy gives, as far as the evidence allows.

use super::spread::Spread;
use super::timeline::Shift;
use super::{Case, Identified, ejected};
use crate::checks::evidence::GroupEvidence;
use crate::checks::finding::{counted, grouped, listed, percent};
use crate::checks::{Balance, BalanceVerdict, Finding, Severity};
use crate::plan::Policy;
use crate::scrape::ReplicaState;

/// Workers that a proxy may well have: so small a difference may be theirs.
const MOST_WORKERS: u64 = 64;

/// Places of replicas that were discovered, ran all along and received nothing, although there
/// was plenty.
pub(super) fn starved(group: &GroupEvidence<'_>, spread: &Spread) -> Vec<usize> {
    let total = spread.total();
    if total < 10 * spread.ids.len() as u64 || group.all.plan.policy == Policy::Hash {
        return Vec::new();
    }
    let was_there = |place: usize| {
        let id = &spread.ids[place];
        let mut deltas = group.deltas().filter(|delta| delta.id == *id).peekable();
        let known = group
            .all
            .topology
            .replicas_of(group.host)
            .any(|replica| replica.id == *id);
        known && deltas.all(|delta| delta.state == ReplicaState::Whole)
    };
    let places = 0..spread.ids.len();
    places
        .filter(|place| spread.counts[*place] == 0 && was_there(*place))
        .collect()
}

/// Answers that say something else each time name nobody.
pub(super) fn too_many_names(group: &GroupEvidence<'_>) -> Finding {
    let names = group.named().len() as u64;
    let message = format!(
        "the answers give {} names or more, most of them but a few times: they are no names of replicas, and nothing is judged by them",
        grouped(names)
    );
    Finding::new("too-many-names", Severity::Warning, message)
        .of_group(group.host)
        .hint("`--replica-id header:NAME` takes the name from a header, as `X-Upstream` of the nginx.conf here")
}

/// A sample that is too small is said to be.
pub(super) fn too_few(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let n = case.spread.ids.len();
    if n >= 2 && case.group.all.plan.policy != Policy::None {
        let message = format!(
            "{} to {n} replicas are too few to judge the balance; {} would do",
            counted(case.spread.total(), "request"),
            10 * n
        );
        findings.push(
            Finding::new("too-few-requests", Severity::Info, message).of_group(case.group.host),
        );
    }
}

/// Findings about the balance, by cause.
pub(super) fn tell(case: &Case<'_>, balance: &Balance, findings: &mut Vec<Finding>) {
    let host = case.group.host;
    for place in &case.starved {
        findings.push(starved_replica(case, *place).of_group(host));
    }
    let mut found = Vec::new();
    if balance.verdict == BalanceVerdict::Uneven {
        found.extend(mismatch(case, balance));
        if found.is_empty() && case.starved.is_empty() {
            found.push(uneven(case, balance));
        }
        found.extend(pinned(case));
    }
    found.extend(changes(case));
    findings.extend(found.into_iter().map(|finding| finding.of_group(host)));
}

fn starved_replica(case: &Case<'_>, place: usize) -> Finding {
    let id = &case.spread.ids[place];
    let total = case.spread.total();
    let fed = case
        .spread
        .counts
        .iter()
        .filter(|count| **count > 0)
        .count();
    let others = if fed == 1 {
        "all went to one other".to_owned()
    } else {
        format!("all went to {fed} others")
    };
    let message = format!(
        "{id} is running, and received none of {}: {others}",
        counted(total, "request")
    );
    Finding::new("starved-replica", Severity::Failure, message).of_replica(id).hint(
        "a proxy that resolved the service's name before this replica existed sends it nothing until it is reloaded \
         (in nginx: `zone`, `resolver` and `server NAME resolve;` follow the replicas); a hash of the client's address \
         (`ip_hash`) or `max_fails` can starve it too",
    )
}

/// The proxy does something, and something else than declared.
fn mismatch(case: &Case<'_>, balance: &Balance) -> Option<Finding> {
    let identified = case.identified.as_ref()?;
    let declared = &case.group.all.plan.policy;
    let spread = &case.spread;
    let as_declared = match (identified, declared) {
        (Identified::RoundRobin { weights }, Policy::RoundRobin { weights: declared }) => {
            *weights == *declared
                || (declared.is_empty() && weights.iter().all(|weight| *weight == 1))
        }
        (Identified::Random, Policy::Random) | (Identified::OneReplica, Policy::Hash) => true,
        _ => false,
    };
    if as_declared || (!case.starved.is_empty() && *identified != Identified::OneReplica) {
        return None;
    }
    let looks = match identified {
        Identified::RoundRobin { .. } => {
            format!("the counts are those of {identified} to the request")
        }
        Identified::Random => {
            let apart = balance.max_minus_min;
            format!(
                "they are {} apart, as independent draws are",
                grouped(apart)
            )
        }
        Identified::OneReplica => {
            "one replica got everything, as a hash of one client's address gives it".to_owned()
        }
    };
    let message = format!(
        "{declared} was declared, but the proxy does something else: {} over {} replicas are {}, and {looks}",
        counted(spread.total(), "request"),
        spread.ids.len(),
        spread.in_words()
    );
    let hint = match identified {
        Identified::RoundRobin { .. } => format!("declare `--policy {identified}`, or remove the weights from the proxy"),
        Identified::Random => "a name in a variable (`proxy_pass http://$name`) is drawn at random in nginx, and so is `random;`; declare `--policy random` if it is meant".to_owned(),
        Identified::OneReplica => "look for `ip_hash`, `hash` or sticky sessions, or for a proxy that knows one replica only; declare `--policy hash` if it is meant".to_owned(),
    };
    Some(Finding::new("policy-mismatch", Severity::Failure, message).hint(hint))
}

fn uneven(case: &Case<'_>, balance: &Balance) -> Finding {
    let spread = &case.spread;
    let (policy, n) = (&balance.policy, spread.ids.len());
    let figures = format!(
        "{} over {n} replicas are {}",
        counted(spread.total(), "request"),
        spread.in_words()
    );
    let (severity, allowed) = match (&case.group.all.plan.policy, balance.bound, balance.p_value) {
        (Policy::LeastConn, ..) => (
            Severity::Warning,
            "more than twice as many to one as to another".to_owned(),
        ),
        (_, Some(bound), _) => {
            let names: Vec<_> = balance
                .allowances
                .iter()
                .map(|(name, count)| format!("{} for {name}", grouped(*count)))
                .collect();
            (
                Severity::Failure,
                format!(
                    "{} apart{}, where {policy} allows {} ({})",
                    grouped(balance.max_minus_min),
                    per_weight(spread),
                    grouped(bound),
                    listed(&names)
                ),
            )
        }
        (_, _, Some(p)) => (
            Severity::Failure,
            format!("which {policy} gives in {p:.1e} of all runs"),
        ),
        _ => (Severity::Failure, format!("which {policy} does not give")),
    };
    let since = case
        .shifts
        .first()
        .map_or_else(String::new, |shift| format!("; {}", in_words(shift)));
    let mut hint = "weights, a second upstream block, per-connection balancing, or a replica that the proxy held to be down; `X-Upstream` in the answers shows who was tried".to_owned();
    if severity == Severity::Failure && balance.max_minus_min <= MOST_WORKERS {
        hint.push_str("; where each worker of the proxy takes turns on its own (nginx without `zone`), `--proxy-workers N` allows for it");
    }
    Finding::new(
        "uneven-balance",
        severity,
        format!("{figures}, {allowed}{since}"),
    )
    .hint(hint)
}

fn per_weight(spread: &Spread) -> &'static str {
    if spread.weights.iter().any(|weight| *weight != 1) {
        " per weight"
    } else {
        ""
    }
}

/// Uneven, steadily so, and over few connections that lived long: a balancer that picks once per
/// connection, as one at layer 4 does.
fn pinned(case: &Case<'_>) -> Option<Finding> {
    let group = case.group;
    let opened = group.tally.counts.connections.opened;
    let n = case.spread.ids.len() as u64;
    let per_connection = case.spread.total() / opened.max(1);
    let few = opened > 0 && opened < 50 * n && per_connection >= 20;
    // Connections dealt out at random would vary by about this much; far less or more is not it.
    let by_chance = ((n.max(2) - 1) as f64 / opened.max(1) as f64).sqrt();
    let fits = (0.2..5.0).contains(&(case.spread.coefficient_of_variation() / by_chance));
    let known = matches!(
        case.identified,
        Some(Identified::RoundRobin { .. } | Identified::Random)
    );
    if !few
        || !fits
        || known
        || !case.shifts.is_empty() && case.shifts.len() < case.windows.len() / 2
    {
        return None;
    }
    let message = format!(
        "{} connections carried {} requests each on average: a balancer that picks a replica per connection cannot spread them evenly",
        grouped(opened),
        grouped(per_connection)
    );
    Some(
        Finding::new("pinned-connections", Severity::Info, message)
            .hint("if there is a layer-4 balancer in the path, use more connections or shorter ones; at layer 7 look at the other findings"),
    )
}

/// Shares that changed during the run; not those that were off all the time.
fn changes(case: &Case<'_>) -> Vec<Finding> {
    let ejected = ejected::find(case);
    let is_ejected = |shift: &Shift| ejected.iter().any(|one| one.place == shift.place);
    let seconds = case.windows.len() as u64;
    let brief = case.shifts.iter().filter(|shift| {
        let length = shift.seconds.1 - shift.seconds.0 + 1;
        length < seconds.saturating_sub(1).max(1) && shift.share < shift.usual && !is_ejected(shift)
    });
    let changed = brief.map(|shift| {
        Finding::new("share-changed", Severity::Warning, in_words(shift))
            .hint("compare with the replica's log at that time")
            .of_replica(&shift.id)
    });
    let ejected = ejected.iter().map(|one| one.finding(case));
    ejected.chain(changed).take(5).collect()
}

fn in_words(shift: &Shift) -> String {
    format!(
        "{} got {} of the answers {}, where {} are its part",
        shift.id,
        percent(shift.share),
        shift.when(),
        percent(shift.usual)
    )
}

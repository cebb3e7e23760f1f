//! Says why a spread is not what the policy gives, as far as the evidence allows.

use super::spread::Spread;
use super::timeline::Shift;
use super::{Case, Identified, allowances, ejected};
use crate::checks::evidence::GroupEvidence;
use crate::checks::finding::{counted, grouped, listed, percent};
use crate::model::Policy;
use crate::record::{Balance, BalanceVerdict, Code, Finding, Severity};
use crate::recorder::Names;
use crate::scrape::ReplicaState;

/// Pairs of answers on one connection from which on their replicas tell something.
const PLENTY_OF_PAIRS: u64 = 100;

/// Places of replicas that were discovered, ran all along and received nothing, although there
/// was plenty.
pub(super) fn starved(group: &GroupEvidence<'_>, spread: &Spread) -> Vec<usize> {
    let total = spread.total();
    if total < 10 * spread.ids.len() as u64 || group.all.plan.policy == Policy::Hash {
        return Vec::new();
    }
    let was_there = |place: usize| {
        let mut deltas = spread.deltas(group, place);
        let known = group
            .all
            .topology
            .replicas_of(group.host)
            .any(|replica| replica.id == spread.ids[place]);
        known && deltas.all(|delta| delta.state == ReplicaState::Whole)
    };
    let places = 0..spread.ids.len();
    places
        .filter(|place| {
            let is_standby = spread.weights[*place] == 0;
            spread.counts[*place] == 0 && !is_standby && was_there(*place)
        })
        .collect()
}

/// Answers that say something else each time name nobody.
pub(super) fn too_many_names(group: &GroupEvidence<'_>) -> Finding {
    let names = group.names();
    let answers = names.answers_of_others;
    let together = if names.others > 0 {
        let nearly = if names.is_exact { "" } else { "about " };
        format!(
            "{nearly}{} of these names, with {}, are counted together as `{}`",
            grouped(names.others),
            counted(answers, "answer"),
            Names::OTHERS
        )
    } else {
        "most of them come but a few times".to_owned()
    };
    let all = grouped(names.apart + names.others);
    let plan = group.all.plan;
    let most = plan.names_per_group();
    if most < Names::MOST && names.apart + names.others < Names::MOST as u64 {
        let message = format!(
            "the answers give {all} names, and {} can be told apart within {} of memory for {}: {together}, and nothing is judged by names",
            grouped(names.apart),
            plan.memory,
            counted(plan.groups.len() as u64, "group"),
        );
        return Finding::new(Code::TooManyNames, message)
            .of_group(group.name)
            .hint("give --memory more, as 1GB, or load fewer groups at a time");
    }
    let message = format!(
        "the answers give {all} names or more; {together}: they are no names of replicas, and nothing is judged by them",
    );
    Finding::new(Code::TooManyNames, message)
        .of_group(group.name)
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
        findings.push(Finding::new(Code::TooFewRequests, message).of_group(case.group.name));
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
        if !is_pinned(case) {
            found.extend(mismatch(case, balance));
        }
        if found.is_empty() && case.starved.is_empty() {
            found.push(uneven(case, balance));
        }
        found.extend(pinned(case));
    }
    found.extend(by_workers(case, balance));
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
    Finding::new(Code::StarvedReplica, message).of_replica(id).hint(
        "a proxy that resolved the service's name before this replica existed sends it nothing until it is reloaded \
         (in nginx: `zone`, `resolver` and `server NAME resolve;` follow the replicas); a hash of the client's address \
         (`ip_hash`) or `max_fails` can starve it too",
    )
}

/// Turns that workers of the proxy take on their own: as even as such turns can be.
fn by_workers(case: &Case<'_>, balance: &Balance) -> Option<Finding> {
    balance.allowances.get(allowances::WORKERS)?;
    let spread = &case.spread;
    let message = format!(
        "{} over {} replicas are {}, {} apart: as turns leave it that several workers of the proxy take on their own, and not as draws would",
        counted(spread.total(), "request"),
        spread.ids.len(),
        spread.in_words(),
        grouped(balance.max_minus_min)
    );
    Some(
        Finding::new(Code::UnevenBalance, message)
            .weighing(Severity::Info)
            .hint("say how many with `--proxy-workers N`, and it is judged exactly; in nginx a `zone` in the upstream gives all workers one rotation"),
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
        // What several workers of a proxy do together is no other policy.
        (Identified::Workers | Identified::WorkersOrRandom, _)
        | (Identified::Random, Policy::Random { .. })
        | (Identified::OneReplica, Policy::Hash) => true,
        _ => false,
    };
    if as_declared || (!case.starved.is_empty() && *identified != Identified::OneReplica) {
        return None;
    }
    let looks = match identified {
        Identified::RoundRobin { .. } => {
            format!("the counts are those of {identified} to the request")
        }
        Identified::OneReplica => {
            "one replica got everything, as a hash of one client's address gives it".to_owned()
        }
        _ => {
            let apart = balance.max_minus_min;
            format!(
                "they are {} apart and vary from second to second, as random draws do",
                grouped(apart)
            )
        }
    };
    let message = format!(
        "{declared} was declared, but the proxy does something else: {} over {} replicas are {}, and {looks}",
        counted(spread.total(), "request"),
        spread.ids.len(),
        spread.in_words()
    );
    let hint = match identified {
        Identified::RoundRobin { .. } => format!(
            "declare `--policy {identified}` if it is meant; else look for weights in the proxy, or for a replica that it knows twice"
        ),
        Identified::OneReplica => {
            let nginx = of_nginx(case.group, "`ip_hash`, `hash` or ");
            format!(
                "look for {nginx}sticky sessions, or for a proxy that knows one replica only; declare `--policy hash` if it is meant"
            )
        }
        _ => {
            let nginx = of_nginx(
                case.group,
                "; in nginx a name in a variable (`proxy_pass http://$name`) is drawn at random, and so is `random;`",
            );
            format!(
                "declare `--policy random` if it is meant; sticky cookies look like it too, for this client keeps none{nginx}"
            )
        }
    };
    Some(Finding::new(Code::PolicyMismatch, message).hint(hint))
}

/// Words about NGINX, where the proxy is known to be it.
fn of_nginx<'a>(group: &GroupEvidence<'_>, words: &'a str) -> &'a str {
    if group.proxy_is_nginx() { words } else { "" }
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
            let apart = format!(
                "{} apart{}, where {policy} allows {} ({})",
                grouped(balance.max_minus_min),
                per_weight(spread),
                grouped(bound),
                listed(&names)
            );
            match case.identified {
                Some(Identified::WorkersOrRandom) if allowances::workers_may_be_more(case) => (
                    Severity::Warning,
                    format!(
                        "{apart}: as several workers of the proxy leave it that take turns on their own, or as random draws do; the run is too short to tell"
                    ),
                ),
                _ => (Severity::Failure, apart),
            }
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
    let hint = match case.identified {
        Some(Identified::Workers | Identified::WorkersOrRandom) => {
            "each worker of the proxy may take turns on its own (nginx without `zone`): `--proxy-workers N` allows for it; a longer run tells it from draws"
        }
        _ => {
            "weights, a second upstream block, per-connection balancing, or a replica that the proxy held to be down; `X-Upstream` in the answers shows who was tried"
        }
    };
    Finding::new(Code::UnevenBalance, format!("{figures}, {allowed}{since}"))
        .weighing(severity)
        .hint(hint)
}

fn per_weight(spread: &Spread) -> &'static str {
    if spread.weights.iter().any(|weight| *weight != 1) {
        " per weight"
    } else {
        ""
    }
}

/// Whether a balancer picks a replica per connection, as one at layer 4 does: of two answers in a row on
/// one connection, as good as none names another replica.
fn is_pinned(case: &Case<'_>) -> bool {
    let connections = &case.group.tally.counts.connections;
    let (same, other) = (connections.same_replica, connections.other_replica);
    let fed = case
        .spread
        .counts
        .iter()
        .filter(|count| **count > 0)
        .count();
    fed > 1 && same >= PLENTY_OF_PAIRS && 100 * other <= same
}

fn pinned(case: &Case<'_>) -> Option<Finding> {
    let connections = &case.group.tally.counts.connections;
    is_pinned(case).then(|| {
        let message = format!(
            "of {} pairs of answers in a row on one connection, {} named another replica: a replica is picked per connection, and {} cannot spread {} evenly",
            grouped(connections.same_replica + connections.other_replica),
            grouped(connections.other_replica),
            counted(connections.opened, "connection"),
            counted(case.spread.total(), "request"),
        );
        Finding::new(Code::PinnedConnections, message)
            .hint("a balancer at layer 4 does that: more connections or shorter ones spread better, and `--policy none` turns the verdict off")
    })
}

/// Shares that changed during the run; not those that were off all the time.
fn changes(case: &Case<'_>) -> Vec<Finding> {
    let disturbance = case.group.disturbance();
    let ejected = ejected::find(case);
    let is_ejected = |shift: &Shift| ejected.iter().any(|one| one.place == shift.place);
    let seconds = case.windows.len() as u64;
    let brief = case.shifts.iter().filter(|shift| {
        let length = shift.seconds.1 - shift.seconds.0 + 1;
        let by_event =
            (shift.seconds.0..=shift.seconds.1).all(|second| disturbance.covers(second, second));
        !by_event
            && length < seconds.saturating_sub(1).max(1)
            && shift.share < shift.usual
            && !is_ejected(shift)
    });
    let changed = brief.map(|shift| {
        Finding::new(Code::ShareChanged, in_words(shift))
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

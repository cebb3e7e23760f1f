//! The plan, the machine and the stack, and the command that repeats the run.

use askama::Template;

use super::super::format::{grouped, rate, seconds};
use super::super::sentences::{plain, shell};
use crate::model::{External, StackChoice};
use crate::plan::{Load, Pacing};
use crate::record::Record;
use crate::schedule::{Process, Profile};

type Rows = Vec<(&'static str, String)>;

/// The last section of the page.
pub(super) fn section(record: &Record) -> String {
    let section = Section {
        command: plain(&shell(&record.run.command)),
        tables: vec![
            ("Load", load(record)),
            ("Stack", stack(record)),
            ("Generator", machine(record)),
        ],
    };
    section
        .render()
        .unwrap_or_else(|error| unreachable!("a template is written to memory: {error}"))
}

#[derive(Template)]
#[template(path = "plan.html")]
struct Section {
    command: String,
    tables: Vec<(&'static str, Rows)>,
}

fn load(record: &Record) -> Rows {
    let plan = &record.plan;
    let mut rows = Vec::new();
    for group in &plan.groups {
        rows.push((
            "group",
            format!("{}: {}", plain(&group.name), describe(&group.load)),
        ));
    }
    if let Some(replay) = &plan.replay {
        rows.push(("replay", plain(&replay.in_words())));
        rows.extend(replay.sha256.iter().map(|sum| ("SHA-256", plain(sum))));
    }
    for request in plan.groups.iter().flat_map(|group| &group.requests) {
        let text = format!("{}: {} {}", request.name, request.method, request.path);
        let weight = request.weight;
        rows.push(("request", format!("{}, weight {weight}", plain(&text))));
    }
    if plan.groups.iter().all(|group| !group.requests.is_empty()) {
        return rest(record, rows);
    }
    rows.push((
        "request",
        format!(
            "{} {}",
            plain(plan.request.method()),
            plain(plan.request.path())
        ),
    ));
    for (name, value) in plan.request.headers() {
        rows.push(("header", format!("{}: {}", plain(name), plain(value))));
    }
    if let Some(body) = plan.request.body() {
        rows.push(("body", format!("{} bytes", grouped(body.length()))));
    }
    rest(record, rows)
}

/// What is the same whatever is sent.
fn rest(record: &Record, mut rows: Rows) -> Rows {
    let plan = &record.plan;
    rows.push((
        "measured",
        format!(
            "{}, after {} of warm-up",
            seconds(record.run.duration_s),
            seconds(record.run.warmup_s)
        ),
    ));
    rows.push((
        "connections",
        format!("at most {} a group", plan.connections),
    ));
    rows.push((
        "time-outs",
        format!(
            "{} to answer, {} to connect",
            seconds(plan.timeout.as_secs_f64()),
            seconds(plan.connect_timeout.as_secs_f64())
        ),
    ));
    rows.extend(client(record));
    rows.push(("policy", plan.policy.to_string()));
    rows
}

/// How the load shows itself, where that was said.
fn client(record: &Record) -> Rows {
    let plan = &record.plan;
    let mut rows = Vec::new();
    if let Some(http) = plan.http {
        rows.push(("HTTP", http.to_string()));
    }
    if !plan.keep_alive {
        rows.push(("keep-alive", "none: a connection for each request".into()));
    }
    if let Some(user) = &plan.user {
        rows.push(("user", plain(user.name())));
    }
    if let StackChoice::External(External {
        identity: Some(identity),
        ..
    }) = &plan.stack
    {
        let file = identity.certificate.display().to_string();
        rows.push(("certificate", plain(&file)));
    }
    rows
}

fn describe(load: &Load) -> String {
    match load {
        Load::Closed { .. } => "closed loop".into(),
        Load::Open { schedule } => {
            let process = match schedule.process {
                Process::Constant => "evenly spaced".to_owned(),
                Process::Poisson { seed } => format!("Poisson, seed {seed}"),
            };
            match &schedule.profile {
                Profile::Constant { rate: per_second } => {
                    format!("{}/s, {process}", rate(per_second.per_second()))
                }
                Profile::Stages { stages } => format!(
                    "stages {stages}, up to {}/s, {process}",
                    rate(schedule.profile.peak())
                ),
                Profile::Recorded(recorded) => format!(
                    "{} requests as they were recorded, up to {}/s",
                    grouped(recorded.arrivals()),
                    rate(schedule.profile.peak())
                ),
            }
        }
    }
}

fn stack(record: &Record) -> Rows {
    let stack = &record.stack;
    let mut rows = vec![
        ("kind", stack.kind.to_string()),
        ("why", plain(&stack.why)),
        ("proxy", plain(&stack.proxy)),
        ("target", plain(&stack.target)),
    ];
    rows.extend(stack.replicas.iter().map(|replica| {
        (
            "replica",
            format!(
                "{} of {}, {}",
                plain(&replica.id),
                plain(&replica.group),
                plain(&replica.metrics_url)
            ),
        )
    }));
    rows.extend(stack.cpu.iter().map(|one| {
        (
            "CPU",
            format!(
                "{} kept {:.3} CPUs busy of {:.3}",
                plain(&one.name),
                one.cpus,
                one.of
            ),
        )
    }));
    rows
}

fn machine(record: &Record) -> Rows {
    let machine = &record.environment.machine;
    let pacing = match record.plan.pacing {
        Pacing::Timer => "timer",
        Pacing::Spin => "spin",
    };
    let mut rows = vec![
        ("loadgen", plain(&record.run.loadgen_version)),
        (
            "threads",
            format!("{}, paced by {pacing}", record.plan.threads),
        ),
        ("cores", machine.cpus.to_string()),
    ];
    let texts = [
        ("processor", &machine.cpu_model),
        ("kernel", &machine.kernel),
        ("clock", &machine.clocksource),
    ];
    rows.extend(
        texts
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name, plain(text))),
    );
    if machine.memory_bytes > 0 {
        rows.push((
            "memory",
            format!("{} MiB", grouped(machine.memory_bytes >> 20)),
        ));
    }
    if machine.open_files_limit > 0 {
        rows.push((
            "open files",
            format!("at most {}", grouped(machine.open_files_limit)),
        ));
    }
    if let Some((first, last)) = machine.ephemeral_ports {
        rows.push(("ports", format!("{first}–{last}")));
    }
    rows
}

//! Several requests of a group: which are sent, what is in them, and that their counts agree.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use loadgen::record::{CountVerdict, Record};

use super::fake::{Fake, serve};
use super::found::{all, failures};
use super::program::{Ended, loadgen};
use super::reading::identities_hold;

const PLAN: &str = r#"
stack = "embedded"
duration = "2s"
warmup = "500ms"
require = ["create.p99<5s", "create.error_rate<1%"]

[data.users]
file = "users.csv"

[[group]]
host = "app-group-1"
rps = 100

  [[group.request]]
  name = "list"
  weight = 7
  path = "/items?page={seq % 50}"

  [[group.request]]
  name = "read"
  weight = 2
  path = "/items/{users.id}"

  [[group.request]]
  name = "create"
  method = "POST"
  path = "/items"
  headers = { content-type = "application/json", x-request-id = "{uuid}" }
  body = '{"user":"{users.id}","n":{seq}}'
"#;

fn run_plan(plan: &str, words: &str) -> Ended {
    let program = loadgen("run plan.toml --out run --format json --progress none").words(words);
    fs::write(program.place().join("plan.toml"), plan).unwrap();
    fs::write(
        program.place().join("users.csv"),
        "id,name\n7,anna\n8,bert\n9,carl\n",
    )
    .unwrap();
    program.run()
}

#[test]
fn a_mix_is_sent_by_weight_and_counted_by_name() {
    let ended = run_plan(PLAN, "");
    let record = ended.record();
    identities_hold(&record);
    assert!(failures(&record).is_empty(), "{:#?}", record.findings);
    let group = &record.groups[0];
    assert_eq!(group.requests.planned, 200);
    let named: Vec<_> = group
        .requests_by_name
        .iter()
        .map(|one| (one.name.as_str(), one))
        .collect();
    assert_eq!(
        named.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["list", "read", "create"]
    );
    for ((name, request), expected) in named.iter().zip([140.0_f64, 40.0, 20.0]) {
        assert!(
            (request.planned as f64 - expected).abs() <= 3.0,
            "{name}: {}",
            request.planned
        );
        assert_eq!(request.succeeded, request.sent, "{name}");
        assert_eq!(request.response_time.count, request.sent, "{name}");
        let check = request.crosscheck.as_ref().expect("a cross-check");
        assert_eq!(check.verdict, CountVerdict::Agree, "{name}: {check:?}");
        assert_eq!(check.replicas, Some(request.sent), "{name}");
    }
    assert_eq!(
        named.iter().map(|(_, one)| one.sent).sum::<u64>(),
        group.requests.sent
    );
    assert_eq!(named[2].1.status["201"], named[2].1.sent);
    let by = |place: usize| {
        named[place]
            .1
            .crosscheck
            .as_ref()
            .and_then(|check| check.counted_by.clone())
    };
    assert_eq!(by(1).as_deref(), Some("GET /items/{id}"));
    assert_eq!(by(2).as_deref(), Some("POST /items"));
    assert_eq!(group.crosscheck.verdict, CountVerdict::Agree);
    assert_eq!(group.crosscheck.replicas, Some(group.requests.sent));
    // Every answer names its replica in a header, whatever its body.
    assert_eq!(
        group.replicas.iter().map(|one| one.requests).sum::<u64>(),
        group.requests.succeeded
    );
}

#[test]
fn a_mix_is_repeated_from_its_run_alone() {
    let ended = run_plan(PLAN, "");
    let first = ended.record();
    let again = loadgen("run --progress none --format json").word(ended.folder().to_str().unwrap());
    let second = again.words("--out run").run().record();
    assert_eq!(first.plan, second.plan);
    let planned = |record: &Record| -> Vec<u64> {
        record.groups[0]
            .requests_by_name
            .iter()
            .map(|one| one.planned)
            .collect()
    };
    assert_eq!(planned(&first), planned(&second));
}

#[test]
fn a_mix_in_closed_loop_keeps_its_weights() {
    let plan = PLAN.replace("rps = 100", "closed = true\nrequests = 400");
    let record = run_plan(&plan, "--warmup 0s").record();
    assert!(failures(&record).is_empty(), "{:#?}", record.findings);
    let planned: Vec<_> = record.groups[0]
        .requests_by_name
        .iter()
        .map(|one| one.planned)
        .collect();
    assert_eq!(planned.iter().sum::<u64>(), 400);
    assert!(
        planned[0].abs_diff(280) <= 4 && planned[2].abs_diff(40) <= 4,
        "{planned:?}"
    );
}

#[test]
fn what_no_request_can_be_is_refused_with_its_place() {
    for (from, to, said) in [
        ("{seq % 50}", "{page}", "`{page}` at line 1, column 13"),
        ("{users.id}\"", "{users.age}\"", "which has id, name"),
        ("weight = 7", "weight = 0", "weight 0"),
        ("name = \"read\"", "name = \"list\"", "given twice"),
        ("path = \"/items\"", "path = \"items\"", "begin with `/`"),
        ("\"users.csv\"", "\"none.csv\"", "none.csv"),
        ("x-request-id", "Host", "written by loadgen itself"),
    ] {
        assert!(PLAN.contains(from), "{from}");
        run_plan(&PLAN.replace(from, to), "").refused(2, &[said], &[]);
    }
}

#[test]
fn a_threshold_of_a_request_is_judged_by_its_name() {
    let ended = run_plan(PLAN, "--require create.p50<1ns");
    let record = ended.record();
    assert_eq!(failures(&record).len(), 1, "{:#?}", record.findings);
    assert!(failures(&record)[0].message.contains("create.p50<1ns"));
}

/// One replica that is its own proxy and counts by handler, and `/other` three times too seldom.
fn forgetful() -> Fake {
    let counts = [AtomicU64::new(0), AtomicU64::new(0)];
    serve(move |mut caller| {
        while let Some(asked) = caller.asked() {
            if asked.path == "/metrics" {
                let [items, other] = counts.each_ref().map(|count| count.load(Ordering::SeqCst));
                let page = [("/items", items), ("/other", other.saturating_sub(3))];
                let lines = page.map(|(handler, count)| {
                    format!("http_requests_total{{handler=\"{handler}\",method=\"GET\"}} {count}\n")
                });
                caller.answer(&lines.concat());
            } else {
                counts[usize::from(asked.path == "/other")].fetch_add(1, Ordering::SeqCst);
                caller.answer_with("x-replica: one\r\n", "ok");
            }
        }
    })
}

#[test]
fn a_request_that_is_not_counted_is_told_by_its_name() {
    let server = forgetful();
    let plan = format!(
        "stack = \"external\"\ntarget = \"http://{0}\"\nreplica = [\"shop=http://{0}/metrics\"]\n\
         replica-id = \"header:x-replica\"\nduration = \"2s\"\nwarmup = \"0s\"\n\
         [[group]]\nhost = \"shop\"\nrps = 50\n\
         [[group.request]]\nname = \"items\"\nweight = 3\npath = \"/items\"\n\
         [[group.request]]\nname = \"other\"\npath = \"/other\"\n",
        server.address
    );
    let ended = run_plan(&plan, "");
    let record = ended.record();
    let named = &record.groups[0].requests_by_name;
    let verdict = |place: usize| named[place].crosscheck.as_ref().map(|check| check.verdict);
    assert_eq!(verdict(0), Some(CountVerdict::Agree), "{named:?}");
    assert_eq!(verdict(1), Some(CountVerdict::Disagree), "{named:?}");
    let found = all(&record, "count-mismatch");
    assert!(
        found.iter().any(|one| one.message.contains("other")),
        "{found:?}"
    );
    assert!(
        !found.iter().any(|one| one.message.contains("items,")),
        "{found:?}"
    );
}

#[test]
fn large_files_have_to_be_the_same_when_a_run_is_repeated() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str| place.path().join(name);
    let rows: Vec<_> = (0..40_000).map(|row| format!("{row},name-{row}")).collect();
    let rows = format!("id,name\n{}\n", rows.join("\n"));
    let inline = "body = '{\"user\":\"{users.id}\",\"n\":{seq}}'";
    assert!(PLAN.contains(inline));
    fs::write(
        file("plan.toml"),
        PLAN.replace(inline, "body_file = \"large.bin\""),
    )
    .unwrap();
    fs::write(file("users.csv"), &rows).unwrap();
    fs::write(file("large.bin"), vec![0xff; 300_000]).unwrap();
    let run = |what: &std::path::Path| {
        loadgen("run --progress none --format json --out run").word(what.to_str().unwrap())
    };
    let ended = run(&file("plan.toml")).words("--rps 20").run();
    let first = ended.record();
    assert!(failures(&first).is_empty(), "{:#?}", first.findings);
    let create = &first.groups[0].requests_by_name[2];
    assert_eq!(create.status["201"], create.planned);
    for stored in ["record.json", "evidence.json.gz"] {
        let length = fs::metadata(ended.folder().join(stored)).unwrap().len();
        assert!(
            length < 250_000,
            "{stored} holds no large file: {length} bytes"
        );
    }
    // In another folder, and from the plan alone.
    let second = run(&ended.folder()).run().record();
    assert_eq!(second.plan, first.plan);
    assert_eq!(
        second.groups[0].requests.planned,
        first.groups[0].requests.planned
    );
    fs::write(file("large.bin"), vec![0xfe; 300_000]).unwrap();
    run(&ended.folder())
        .run()
        .refused(2, &["large.bin", "is another than"], &["as it was"]);
    fs::remove_file(file("users.csv")).unwrap();
    run(&ended.folder()).run().refused(2, &[], &[]);
}

/// The blocks of one language on the page about plans, and in the README.
fn blocks(language: &str) -> Vec<String> {
    let page = |name: &str| fs::read_to_string(format!("{}/../{name}", env!("CARGO_MANIFEST_DIR")));
    let page = page("docs/plans.md").unwrap() + &page("README.md").unwrap();
    let fence = format!("```{language}\n");
    let parts = page.split(&fence).skip(1);
    let block = |part: &str| part.split("```").next().unwrap_or_default().to_owned();
    parts.map(block).collect()
}

#[test]
fn every_plan_of_the_docs_runs_as_it_stands() {
    let plans = blocks("toml");
    assert_eq!(plans.len(), 4);
    for plan in plans {
        let program = loadgen(
            "run plan.toml --out run --format json --progress none --stack embedded --duration 1s --warmup 0s",
        );
        fs::write(program.place().join("plan.toml"), &plan).unwrap();
        fs::write(program.place().join("users.csv"), &blocks("csv")[0]).unwrap();
        let record = program.run().record();
        assert!(
            failures(&record).is_empty(),
            "{plan}: {:#?}",
            record.findings
        );
        assert!(record.groups[0].requests.succeeded > 0, "{plan}");
    }
}

//! An access log that is replayed: its requests, in their order and with their gaps, and what of it
//! cannot be sent again.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use loadgen::record::{CountVerdict, Record};
use loadgen::recorder::Phase;
use loadgen::traffic::LeftOut;

use super::fake::{Fake, serve};
use super::program::{Ended, loadgen, test};
use super::reading::identities_hold;

/// A request of the log: milliseconds since its beginning, method and path.
type Logged = (u64, &'static str, String);
/// A request as the server met it.
type Met = (Instant, String, String);

/// Bursts and pauses over four seconds: 80 requests in the first, then 10, 100 and 10.
fn requests() -> Vec<Logged> {
    let spans = [
        (0, 80, 7),
        (1_000, 10, 100),
        (2_000, 100, 3),
        (3_000, 10, 90),
    ];
    let of = |(from, n, gap): (u64, u64, u64)| (0..n).map(move |i| from + i * gap);
    let instants = spans.into_iter().flat_map(of);
    let request = |(n, at): (usize, u64)| {
        let method = if n % 9 == 4 { "HEAD" } else { "GET" };
        (at, method, format!("/things/{}?n={n}&b={{seq}}", n % 30))
    };
    instants.enumerate().map(request).collect()
}

/// The log of these requests as `nginx.conf` writes it: when they were answered, the slow ones late;
/// and among them seven with bodies, and three lines that are no requests.
fn log_of(requests: &[Logged]) -> String {
    let mut lines: Vec<(u64, String)> = Vec::new();
    for (n, (at, method, uri)) in requests.iter().enumerate() {
        let took = if n % 10 == 0 { 1_500 } else { 1 };
        lines.push((at + took, line(at + took, took, method, uri)));
        if n % 30 == 11 {
            let method = ["POST", "PUT", "PATCH"][n % 3];
            lines.push((at + 1, line(at + 1, 1, method, "/things")));
        }
    }
    lines.sort();
    let mut text: String = lines.into_iter().map(|(_, line)| line).collect();
    text += "no line\n{\"time\":\n";
    text += &line(9_999, 0, "GET", "/a b");
    text
}

fn line(done: u64, took: u64, method: &str, uri: &str) -> String {
    let seconds = |ms: u64| format!("{}.{:03}", ms / 1_000, ms % 1_000);
    let time = seconds(1_700_000_000_000 + done);
    format!(
        r#"{{"time":{time},"host":"shop","method":"{method}","uri":"{uri}","status":200,"request_length":120,"request_time":{}}}"#,
        seconds(took)
    ) + "\n"
}

fn gzip(text: &str) -> Vec<u8> {
    let mut to = GzEncoder::new(Vec::new(), Compression::default());
    to.write_all(text.as_bytes()).unwrap();
    to.finish().unwrap()
}

/// A server that notes what it is asked.
fn noting() -> (Fake, Arc<Mutex<Vec<Met>>>) {
    let met: Arc<Mutex<Vec<Met>>> = Arc::default();
    let notes = Arc::clone(&met);
    let server = serve(move |mut caller| {
        while let Some(asked) = caller.asked() {
            let body = if asked.method == "HEAD" { "" } else { "a" };
            notes
                .lock()
                .unwrap()
                .push((Instant::now(), asked.method, asked.path));
            caller.answer(body);
        }
    });
    (server, met)
}

/// Replays a log on one connection, so that its order is that at the server.
fn replayed(bytes: &[u8], words: &str) -> (Ended, Vec<Met>) {
    let (server, met) = noting();
    let program = loadgen("--replay access.log --out run --progress none -c 1 --threads 1");
    fs::write(program.place().join("access.log"), bytes).unwrap();
    let target = format!("--target http://{} --policy none", server.address);
    let ended = program.words(&target).words(words).run();
    // The question before the load is its first request.
    let met = met.lock().unwrap().split_off(1);
    (ended, met)
}

fn planned(record: &Record) -> Vec<u64> {
    let measured = record
        .intervals
        .iter()
        .filter(|one| one.phase == Phase::Measured);
    measured.map(|one| one.planned).collect()
}

#[test]
fn a_log_is_sent_again_in_its_order_and_with_its_gaps() {
    let (requests, begun) = (requests(), Instant::now());
    let (ended, met) = replayed(log_of(&requests).as_bytes(), "--speed 2");
    let asked: Vec<_> = met
        .iter()
        .map(|(_, method, path)| (&**method, path))
        .collect();
    let logged: Vec<_> = requests
        .iter()
        .map(|(_, method, path)| (*method, path))
        .collect();
    assert_eq!(asked, logged);
    for ((at, ..), (logged, ..)) in met.iter().zip(&requests) {
        assert!(
            *at - begun >= Duration::from_millis(logged / 2),
            "none comes too early"
        );
    }
    let record = ended.record();
    identities_hold(&record);
    assert_eq!(planned(&record), [90, 110]);
    for (figure, expected) in [
        (record.run.duration_s, 2.0),
        (record.groups[0].rate.intended, 100.0),
    ] {
        assert!((figure - expected).abs() < 1e-9, "{figure} {expected}");
    }
    assert_eq!(record.groups[0].requests.succeeded, 200);
    let names: Vec<_> = record.groups[0].requests_by_name.iter().collect();
    assert_eq!(names.len(), 2, "30 paths are too many for names");
    assert_eq!((names[0].name.as_str(), names[0].sent), ("get", 178));
    assert_eq!((names[1].name.as_str(), names[1].sent), ("head", 22));
}

#[test]
fn what_cannot_be_sent_again_is_said_wherever_the_plan_is() {
    let (ended, _) = replayed(log_of(&requests()).as_bytes(), "--speed 20");
    let record = ended.record();
    let replay = record.plan.replay.as_ref().unwrap();
    assert_eq!(replay.lines, 210);
    let left_out: Vec<_> = replay.left_out.clone().into_iter().collect();
    assert_eq!(
        left_out,
        [(LeftOut::Body, 7), (LeftOut::Path, 1), (LeftOut::NoLine, 2)]
    );
    let said = "replays access.log at 20× its speed: 200 of its 210 lines are sent again; \
        left out are 7 POST, PUT or PATCH, whose bodies are in no log; 1 with a path that cannot \
        be sent; 2 neither in the combined format nor JSON";
    assert_eq!(ended.stdout.lines().nth(1), Some(said), "{}", ended.stdout);
    for file in ["index.html", "summary.md"] {
        let text = fs::read_to_string(ended.folder().join(file)).unwrap();
        assert!(
            text.contains("200 of its 210 lines are sent again"),
            "{file}"
        );
        assert!(text.contains("7 POST, PUT or PATCH"), "{file}");
    }
}

#[test]
fn a_compressed_log_is_the_same_log() {
    let text = log_of(&requests());
    let (plain, met) = replayed(text.as_bytes(), "--speed 10");
    let (packed, met_again) = replayed(&gzip(&text), "--speed 10");
    let asked = |met: &[Met]| -> Vec<(String, String)> {
        met.iter()
            .map(|(_, method, path)| (method.clone(), path.clone()))
            .collect()
    };
    assert_eq!(asked(&met), asked(&met_again));
    let (plain, packed) = (plain.record().plan, packed.record().plan);
    assert_eq!(plain.groups[0].load, packed.groups[0].load);
    assert_eq!(plain.groups[0].requests, packed.groups[0].requests);
    let (plain, packed) = (
        plain.replay.clone().unwrap(),
        packed.replay.clone().unwrap(),
    );
    assert_eq!(plain.log, packed.log);
    assert_ne!(plain.sha256, packed.sha256, "each is the file's own");
}

#[test]
fn duration_cuts_a_log_and_warm_up_marks_its_beginning() {
    let text = log_of(&requests());
    let (ended, met) = replayed(text.as_bytes(), "--duration 1s --warmup 1s");
    assert_eq!(met.len(), 90);
    let record = ended.record();
    assert_eq!(planned(&record), [10]);
    assert_eq!(record.groups[0].requests.planned, 10);
}

const COMBINED: &str = r#"10.0.0.9 - - [10/Oct/2000:13:55:36 +0000] "GET /items?page=1 HTTP/1.1" 200 5 "-" "secret-agent"
10.0.0.9 - - [10/Oct/2000:13:55:36 +0000] "GET /items/7 HTTP/1.1" 200 5 "-" "secret-agent"
10.0.0.9 - - [10/Oct/2000:13:55:36 +0000] "GET /items?page=2 HTTP/1.1" 200 5 "-" "secret-agent"
10.0.0.9 - - [10/Oct/2000:13:55:37 +0000] "GET / HTTP/1.1" 200 5 "-" "secret-agent"
10.0.0.9 - - [10/Oct/2000:13:55:37 +0000] "POST /items HTTP/1.1" 201 5 "-" "secret-agent"
10.0.0.9 - - [10/Oct/2000:13:55:37 +0000] "GET /bytes/10 HTTP/1.1" 200 5 "-" "secret-agent"
"#;

fn on_embedded(log: &str, words: &str) -> Ended {
    let program = loadgen("--stack embedded --replay access.log --out run --format json");
    fs::write(program.place().join("access.log"), log).unwrap();
    program.words("--progress none").words(words).run()
}

#[test]
fn counts_of_a_replay_agree_by_name() {
    let ended = on_embedded(&COMBINED.repeat(30), "--host app-group-1");
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    assert_eq!(group.requests.succeeded, 150);
    assert_eq!(group.crosscheck.verdict, CountVerdict::Agree);
    assert_eq!(group.crosscheck.replicas, Some(150));
    let names: Vec<_> = group.requests_by_name.iter().collect();
    let sent: Vec<_> = names
        .iter()
        .map(|one| (one.name.as_str(), one.sent))
        .collect();
    assert_eq!(
        sent,
        [
            ("get-items", 60),
            ("get-items-7", 30),
            ("get", 30),
            ("get-bytes-10", 30)
        ]
    );
    for one in names {
        let check = one.crosscheck.as_ref().unwrap();
        assert_eq!(
            check.verdict,
            CountVerdict::Agree,
            "{}: {check:?}",
            one.name
        );
        assert_eq!(check.replicas, Some(one.sent), "{}", one.name);
    }
    assert_eq!(planned(&record), [90, 60]);
    // Who had asked is nobody's business, and is not kept.
    let stored = fs::read_to_string(ended.folder().join("record.json")).unwrap();
    assert!(!stored.contains("secret-agent") && !stored.contains("10.0.0.9"));
}

#[test]
fn a_path_that_no_replica_knows_spoils_no_count() {
    let log = COMBINED.replace("/bytes/10", "/nowhere").repeat(20);
    let record = on_embedded(&log, "--host app-group-1 --require get-items.error_rate<1%").record();
    let group = &record.groups[0];
    assert_eq!(group.status["404"], 20);
    assert_ne!(
        group.crosscheck.verdict,
        CountVerdict::Disagree,
        "{:#?}",
        record.findings
    );
}

#[test]
fn a_replay_is_repeated_from_its_run_alone() {
    let ended = on_embedded(&COMBINED.repeat(30), "--host app-group-1 --speed 2");
    let first = ended.record();
    let folder = ended.folder();
    fs::remove_file(folder.parent().unwrap().join("access.log")).unwrap();
    let again = loadgen("run --progress none --format json --out run");
    let second = again.word(folder.to_str().unwrap()).run().record();
    assert_eq!(first.plan, second.plan);
    assert_eq!(planned(&first), planned(&second));
    let faster = loadgen("run --progress none --format json --out run --speed 4");
    let faster = faster.word(folder.to_str().unwrap()).run().record();
    assert_eq!(planned(&faster), [150]);
}

#[test]
fn a_log_too_long_for_a_record_has_to_be_there_and_the_same() {
    let path = "x".repeat(2_000);
    let log = COMBINED
        .replace("/bytes/10", &format!("/{path}"))
        .repeat(150);
    let ended = on_embedded(&log, "--host app-group-1 --speed 4");
    let record = ended.record();
    assert!(record.plan.replay.as_ref().unwrap().log.is_none());
    let again = |place: &Path| {
        let program = loadgen("run --progress none --format json --out run");
        let there = program.place().join("access.log");
        if place.exists() {
            fs::copy(place, there).unwrap();
        }
        program.word(ended.folder().to_str().unwrap()).run()
    };
    let file = ended.folder().parent().unwrap().join("access.log");
    assert_eq!(again(&file).record().plan, record.plan);
    again(Path::new("/nowhere")).refused(2, &["access log access.log cannot be used"], &[]);
    fs::write(&file, COMBINED).unwrap();
    again(&file).refused(
        2,
        &["access.log is another than the plan was made with"],
        &[],
    );
}

#[test]
fn hosts_of_a_log_are_those_of_its_groups() {
    let hosts = ["app-group-1", "app-group-2", "app-group-1", "elsewhere"];
    let host = |n: usize| hosts[n % 4];
    let of = |n: usize| line(n as u64 * 10, 0, "GET", "/").replace("shop", host(n));
    let log: String = (0..80).map(of).collect();
    let record = on_embedded(&log, "--host app-group-1 --host app-group-2").record();
    let sent: Vec<_> = record.groups.iter().map(|one| one.requests.sent).collect();
    assert_eq!(sent, [40, 20]);
    let replay = record.plan.replay.as_ref().unwrap();
    assert_eq!(replay.left_out[&LeftOut::OtherHost], 20);
    let record = on_embedded(&log, "--host app-group-1").record();
    assert_eq!(record.groups[0].requests.sent, 80);
}

#[test]
fn a_plan_file_names_its_log() {
    let plan =
        "stack = \"embedded\"\nhost = [\"app-group-1\"]\nspeed = 4\nreplay = \"logs/a.log\"\n";
    let program = loadgen("run plans/plan.toml --out run --format json --progress none");
    let plans = program.place().join("plans");
    fs::create_dir_all(plans.join("logs")).unwrap();
    fs::write(plans.join("plan.toml"), plan).unwrap();
    fs::write(plans.join("logs/a.log"), COMBINED).unwrap();
    let record = program.run().record();
    assert_eq!(record.groups[0].requests.sent, 5);
    // What `loadgen plan` prints is one of the same run.
    let program = loadgen("plan plan.toml");
    fs::write(program.place().join("plan.toml"), plan.replace("logs/", "")).unwrap();
    fs::write(program.place().join("a.log"), COMBINED).unwrap();
    let printed = program.run();
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    assert!(printed.stdout.contains("sha256 = \""), "{}", printed.stdout);
    let program = loadgen("run plan.toml --out run --format json --progress none");
    fs::write(program.place().join("plan.toml"), &printed.stdout).unwrap();
    fs::write(program.place().join("a.log"), COMBINED).unwrap();
    assert_eq!(program.run().record().plan.groups, record.plan.groups);
}

#[test]
fn what_cannot_go_with_a_replay_is_refused() {
    let refused = |words: &str, message: &str, hint: &str| {
        let program = test("--stack embedded --replay access.log --duration 1s");
        fs::write(program.place().join("access.log"), COMBINED).unwrap();
        fs::write(program.place().join("empty.log"), "\n").unwrap();
        fs::write(program.place().join("cut.gz"), &gzip(COMBINED)[..40]).unwrap();
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            program.place().join("pipe"),
            rustix::fs::Mode::RWXU,
        )
        .unwrap();
        let ended = program.words(words).run();
        ended.refused(2, &[message], &[hint]);
        assert!(!ended.folder().exists(), "{words}: nothing is stored");
    };
    for flag in [
        "--rps 5",
        "--stages 0:1,5s:9",
        "--closed",
        "--requests 5",
        "--arrivals poisson",
    ] {
        refused(
            flag,
            &format!(
                "and {} says it otherwise",
                &flag[..flag.find(' ').unwrap_or(flag.len())]
            ),
            "leave out one of the two",
        );
    }
    for flag in ["--path /a", "--method GET", "--body x"] {
        refused(
            flag,
            &format!(
                "and {} says it otherwise",
                &flag[..flag.find(' ').unwrap_or(flag.len())]
            ),
            "leave out one of the two",
        );
    }
    refused(
        "--host app-group-1=7",
        "and --rps says it otherwise",
        "leave out one of the two",
    );
    refused("--speed 0", "speed 0 is outside of 0.01 to 1000", "--speed");
    refused("--speed -2", "speed -2 is outside", "--speed");
    refused("--speed NaN", "speed NaN is outside", "--speed");
    refused("--warmup 5s", "within the warm-up", "");
    refused(
        "--host app-group-1 --host app-group-2",
        "it names no hosts, and 2 groups are loaded",
        "--host",
    );
    for (file, message) in [
        ("none.log", "No such file"),
        ("empty.log", "none of its 0 lines"),
        ("cut.gz", "cannot be unpacked"),
        ("pipe", "it is a pipe and no file"),
        ("/dev/zero", "it is a device and no file"),
        (".", "it is a folder and no file"),
    ] {
        refused(&format!("--replay {file}"), message, "");
    }
    loadgen("--speed 2")
        .run()
        .refused(2, &["no --replay is given"], &["--replay"]);
}

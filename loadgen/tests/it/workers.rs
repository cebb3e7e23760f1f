//! One load sent by several processes: the whole is what one would have sent, and what is lost of it
//! is said.

use std::fs;
use std::path::PathBuf;

use loadgen::record::{Record, WorkerState};
use loadgen::workers::{Frame, Merger, MergerOptions};
use rustix::process::{Pid, Signal, kill_process};

use super::fake::{Caller, serve};
use super::found::all;
use super::program::{Ended, Program, Started, children_of, loadgen, runs, test, until};
use super::reading::identities_hold;

/// The processes that a launcher started as workers, in order of number.
fn workers_of(started: &Started) -> Vec<u32> {
    let mut workers: Vec<_> = children_of(started.pid())
        .into_iter()
        .filter_map(|pid| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let words: Vec<_> = words.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
            let after = |flag: &[u8]| words.iter().skip_while(|word| *word != flag).nth(1);
            let index = String::from_utf8(after(b"--index")?.clone()).ok()?;
            Some((index.parse::<u32>().ok()?, pid))
        })
        .collect();
    workers.sort_unstable();
    workers.into_iter().map(|(_, pid)| pid).collect()
}

fn until_started(started: &Started, n: usize) -> Vec<u32> {
    let mut workers = Vec::new();
    until("the workers", || {
        workers = workers_of(started);
        workers.len() == n
    });
    workers
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.cast_signed()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

/// Every arrival by when it was due, as far as the record tells.
fn planned(record: &Record) -> u64 {
    record
        .groups
        .iter()
        .map(|group| group.requests.planned)
        .sum()
}

fn states(record: &Record) -> Vec<WorkerState> {
    record.workers.iter().map(|worker| worker.state).collect()
}

#[test]
fn three_workers_send_the_load_of_one() {
    let words = "--stack embedded --host app-group-1 --host app-group-2=41 --rps 90 --threads 2 --arrivals poisson --seed 7 --duration 2s --warmup 500ms";
    let one = test(words).start();
    let three = test(words)
        .words("--workers 3 --engine local")
        .run()
        .record();
    let one = one.end().record();

    assert_eq!(states(&three), [WorkerState::Done; 3]);
    assert!(three.complete && one.complete && one.workers.is_empty());
    assert!(all(&three, "lost-worker").is_empty());
    identities_hold(&three);
    for (one, three) in one.groups.iter().zip(&three.groups) {
        assert_eq!(one.requests.planned, three.requests.planned);
        assert_eq!(one.warmup_requests, three.warmup_requests);
        let counts = &three.crosscheck;
        assert_eq!(counts.proxy, Some(three.requests.sent));
        assert_eq!(counts.replicas, Some(three.requests.sent));
    }
    let workers = three.workers.iter();
    let (sent, due) = workers.fold((0, 0), |(sent, due), one| {
        (sent + one.sent, due + one.planned)
    });
    assert_eq!((sent, due), (planned(&three), planned(&three)));
    for worker in &three.workers {
        // Every third arrival of each group, to one more or less of each.
        assert!(
            worker.planned.abs_diff(planned(&three) / 3) <= 2,
            "{worker:?}"
        );
        assert_eq!(worker.release_lag.count, worker.sent);
        assert!(
            worker.ready_lead_s.is_some_and(|lead| lead >= 0.5),
            "{worker:?}"
        );
        assert!(worker.clock_offset_ms.is_some_and(f64::is_finite));
        assert!(!worker.node.is_empty() && worker.cpu > 0.0);
    }
    assert_eq!(three.threads.len(), 6, "each worker has its own");
    let names: Vec<_> = three
        .certificate
        .items
        .iter()
        .map(|item| item.name.as_str())
        .collect();
    assert!(names.contains(&"workers that delivered"), "{names:?}");
}

#[test]
fn the_windows_of_workers_near_an_event_are_those_of_the_run() {
    let words = "--stack embedded --host app-group-1 --rps 60 --threads 1 --duration 3s --warmup 0s --workers 2";
    let ended = test(words)
        .word("--event")
        .word("1s..1500ms pause app-group-1/2")
        .run();
    let record = ended.record();
    assert_eq!(states(&record), [WorkerState::Done; 2], "{ended:?}");
    assert_eq!(record.events.len(), 1);
    assert!(
        record.events[0]
            .began
            .is_some_and(|began| began >= 1_000_000_000),
        "{:?}",
        record.events
    );
    identities_hold(&record);
}

#[test]
fn a_worker_that_is_killed_is_lost_and_the_others_keep_their_slices() {
    let words = "--stack embedded --host app-group-1 --rps 60 --threads 1 --duration 6s --warmup 0s --workers 3";
    let started = test(words).start();
    let workers = until_started(&started, 3);
    started.until_spooled(|seconds| !seconds.is_empty());
    kill(workers[1]);
    let ended = started.end();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let record = ended.record();
    assert!(!record.complete && !record.run.interrupted);
    assert_eq!(
        states(&record),
        [WorkerState::Done, WorkerState::Lost, WorkerState::Done]
    );
    let findings = all(&record, "lost-worker");
    assert_eq!(findings.len(), 1);
    let said = &findings[0].message;
    for word in [
        "worker 1 on ",
        "was lost",
        "signal: 9",
        "nobody took over its slice",
    ] {
        assert!(said.contains(word), "no `{word}` in {said}");
    }
    // What it sent last is no stranger's, and its slice not a rate that was too high.
    for code in ["foreign-traffic", "count-mismatch", "rate-not-reached"] {
        assert!(
            all(&record, code).is_empty(),
            "{code}: {:?}",
            record.findings
        );
    }
    for worker in &record.workers {
        let of_slice = 120;
        assert_eq!(worker.planned, of_slice);
        match worker.n {
            1 => assert!(worker.unsent > 0 && worker.sent < of_slice, "{worker:?}"),
            _ => assert_eq!((worker.unsent, worker.second), (0, None)),
        }
    }
    let lost = &record.workers[1];
    // What it delivered is there, and no more.
    assert!(
        (360 - lost.unsent..360).contains(&planned(&record)),
        "{lost:?}"
    );
    assert!(lost.second.is_some_and(|second| second >= 1), "{lost:?}");
    assert!(
        record.intervals.iter().any(|second| second.second == 5),
        "the others went on"
    );
    assert!(
        ended.stderr.contains("worker 1 is lost"),
        "{}",
        ended.stderr
    );
}

#[test]
fn where_a_worker_is_missing_before_the_start_nothing_is_sent() {
    let target = serve(|mut caller: Caller| {
        while caller.asked().is_some() {
            caller.answer("\"a\"");
        }
    });
    let started = test("--rps 50 --threads 1 --policy none --workers 2 --start-in 60s")
        .words(&format!("--target http://{}", target.address))
        .start();
    let workers = until_started(&started, 2);
    let asked_before = target.requests();
    kill(workers[1]);
    let folder = started.folder();
    let ended = started.end();
    ended.refused(
        3,
        &["1 of 2 workers was not ready", "worker 1", "signal: 9"],
        &["--start-in"],
    );
    // The launcher asks once whether anything is there.
    assert!(target.requests() <= asked_before + 1);
    assert!(!folder.exists(), "there is no run to be kept");
    assert!(!workers.iter().any(|pid| runs(*pid)), "workers left");
}

#[test]
fn a_signal_ends_the_workers_and_keeps_what_they_delivered() {
    for before_start in [true, false] {
        let words =
            "--stack embedded --host app-group-1 --rps 50 --threads 1 --duration 60s --workers 2";
        let start_in = if before_start { "--start-in 60s" } else { "" };
        let started = test(words).words(start_in).start();
        let workers = until_started(&started, 2);
        if !before_start {
            started.until_spooled(|seconds| !seconds.is_empty());
        }
        started.signal(Signal::INT);
        let ended = started.end();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        assert!(!workers.iter().any(|pid| runs(*pid)), "workers left");
        if before_start && !ended.folder().exists() {
            continue;
        }
        let record = ended.record();
        assert!(record.run.interrupted && !record.complete);
        identities_hold(&record);
        if !before_start {
            assert_eq!(states(&record), [WorkerState::Done; 2]);
            assert!(planned(&record) >= 50);
        }
    }
}

#[test]
fn no_worker_outlives_a_launcher_that_is_killed() {
    let words =
        "--stack embedded --host app-group-1 --rps 50 --threads 1 --duration 60s --workers 2";
    let started = test(words).start();
    let workers = until_started(&started, 2);
    started.until_spooled(|seconds| !seconds.is_empty());
    started.signal(Signal::KILL);
    until("the workers to end", || {
        !workers.iter().any(|pid| runs(*pid))
    });
    let ended = started.end();
    // What it had merged is in its spool.
    let judged = loadgen("judge --format json")
        .word(ended.folder().to_str().unwrap())
        .run();
    assert_eq!(judged.code, Some(4), "{judged:?}");
    assert!(judged.stdout.contains("incomplete-run"), "{judged:?}");
}

#[test]
fn a_password_reaches_the_workers_and_no_file() {
    let target = serve(|mut caller: Caller| {
        while let Some(asked) = caller.asked() {
            let told = asked
                .head
                .to_lowercase()
                .contains("authorization: basic bwu6c2vzyw0=");
            if told {
                caller.answer("\"a\"");
            } else {
                caller.say("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
            }
        }
    });
    let ended = test("--rps 20 --threads 1 --policy none --workers 2 --user me:sesam")
        .words(&format!("--target http://{}", target.address))
        .run();
    let record = ended.record();
    assert_eq!(states(&record), [WorkerState::Done; 2], "{ended:?}");
    assert_eq!(record.groups[0].requests.succeeded, 20, "{ended:?}");
    let stored = fs::read_to_string(ended.folder().join("record.json")).unwrap();
    assert!(!stored.contains("sesam"));
}

/// A plan file for a target, and what its workers say who begin at an instant.
struct ByHand {
    target: super::fake::Fake,
    place: tempfile::TempDir,
}

impl ByHand {
    fn new() -> Self {
        let target = serve(|mut caller: Caller| {
            while caller.asked().is_some() {
                caller.answer("\"a\"");
            }
        });
        let by_hand = Self {
            target,
            place: tempfile::tempdir().unwrap(),
        };
        by_hand.write("plan.toml", &by_hand.plan(""));
        by_hand
    }

    fn plan(&self, words: &str) -> String {
        let url = format!("http://{}", self.target.address);
        let plan = "plan -r 40 --threads 1 -d 2s --warmup 0s --policy none";
        let ended = loadgen(plan).words(words).word("--target").word(&url).run();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn worker(&self, plan: &str, words: &str, start_at: &str) -> Program {
        loadgen("worker")
            .word(self.path(plan).to_str().unwrap())
            .words(words)
            .words(&format!("--run-id by-hand --start-at {start_at}"))
    }

    /// Both workers' lines.
    fn lines(&self) -> [Vec<String>; 2] {
        let start = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
        let start = humantime::format_rfc3339_millis(start).to_string();
        let workers = [0, 1].map(|n| {
            let words = format!("--index {n} --of 2");
            self.worker("plan.toml", &words, &start).start()
        });
        workers.map(|worker| {
            let ended = worker.end();
            assert_eq!(ended.code, Some(0), "{ended:?}");
            ended.stdout.lines().map(str::to_owned).collect()
        })
    }

    fn collect(&self, plan: &str, files: &[&str]) -> Ended {
        let mut program = loadgen("collect")
            .words("--workers 2 --run-id by-hand --out run --format json")
            .word(self.path(plan).to_str().unwrap());
        for file in files {
            program = program.word(self.path(file).to_str().unwrap());
        }
        program.run()
    }
}

fn state_of(ended: &Ended, n: usize) -> (WorkerState, String) {
    let record = ended.record();
    let worker = &record.workers[n];
    (worker.state, worker.reason.clone().unwrap_or_default())
}

#[test]
fn lines_that_came_another_way_are_merged_and_judged() {
    let by_hand = ByHand::new();
    let [one, other] = by_hand.lines();
    by_hand.write("one", &(one.join("\n") + "\n"));
    by_hand.write("other", &(other.join("\r\n") + "\r\n"));
    let whole = by_hand.collect("plan.toml", &["one", "other"]);
    let record = whole.record();
    assert_eq!(states(&record), [WorkerState::Done; 2], "{whole:?}");
    assert!(record.complete);
    assert_eq!(planned(&record), 80);
    assert_eq!(
        record.groups[0].requests.succeeded,
        by_hand.target.requests()
    );
    assert_eq!(record.intervals.len(), 2);
    identities_hold(&record);

    // Twice, mixed with what is no line of theirs, and as one file.
    let noise = "a line for people\n".to_owned();
    let all = [&other[..], &[noise], &one, &other, &one].concat();
    by_hand.write("all", &all.join("\n"));
    let twice = by_hand.collect("plan.toml", &["all"]);
    let again = twice.record();
    assert!(again.groups == record.groups, "the same, bucket by bucket");
    assert_eq!(again.workers, record.workers);
    assert!(twice.stderr.contains("no frame"), "{}", twice.stderr);

    // The run knows the plan, and what its stack was.
    let mut from_run = loadgen("collect --workers 2 --run-id by-hand --out run --format json")
        .word(whole.folder().to_str().unwrap());
    for file in ["one", "other"] {
        from_run = from_run.word(by_hand.path(file).to_str().unwrap());
    }
    let again = from_run.run().record();
    assert!(again.groups == record.groups && again.stack == record.stack);

    // Of one of them a line was changed on its way, and is missing with all behind it.
    let mut broken = one.clone();
    let place = one.len() / 2;
    broken[place] = broken[place].replacen(' ', "  ", 1);
    by_hand.write("broken", &broken.join("\n"));
    let ended = by_hand.collect("plan.toml", &["broken", "other"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let (state, reason) = state_of(&ended, 0);
    assert_eq!(state, WorkerState::Corrupt);
    assert!(
        reason.contains(&format!("frames {place} to {place} are missing")),
        "{reason}"
    );
    assert_eq!(state_of(&ended, 1).0, WorkerState::Done);

    // One did not come at all.
    let ended = by_hand.collect("plan.toml", &["other"]);
    assert_eq!(state_of(&ended, 0).0, WorkerState::Lost);
    assert_eq!(ended.record().workers[0].unsent, 40);

    // They had another plan.
    by_hand.write("plan2.toml", &by_hand.plan("--timeout 4s"));
    let ended = by_hand.collect("plan2.toml", &["one", "other"]);
    ended.refused(
        2,
        &["no worker of run `by-hand`", "another plan"],
        &["--run-id"],
    );

    // And another run.
    let foreign = |line: &String| {
        let frame = Frame::read(line).unwrap();
        let run = "tomorrow".to_owned();
        Frame { run, ..frame }.line()
    };
    let foreign: Vec<_> = one.iter().map(foreign).collect();
    by_hand.write("foreign", &foreign.join("\n"));
    let ended = by_hand.collect("plan.toml", &["foreign"]);
    ended.refused(2, &["of another run, tomorrow"], &["--run-id"]);
}

#[test]
fn a_worker_that_comes_too_late_says_so_and_sends_nothing() {
    let by_hand = ByHand::new();
    let asked_before = by_hand.target.requests();
    let words = "--index 1 --of 2";
    let ended = by_hand
        .worker("plan.toml", words, "2026-01-01T00:00:00Z")
        .run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(by_hand.target.requests(), asked_before, "nothing was sent");
    by_hand.write("late", &ended.stdout);
    let ended = by_hand.collect("plan.toml", &["late"]);
    let (state, reason) = state_of(&ended, 1);
    assert_eq!(state, WorkerState::Late, "{ended:?}");
    assert!(reason.contains("after the start"), "{reason}");
    let record = ended.record();
    let said = &all(&record, "lost-worker")[1].message;
    assert!(said.contains("came too late, and sent nothing"), "{said}");
}

#[test]
fn what_no_worker_can_be_told_is_refused() {
    let refused = |words: &str, message: &[&str], hint: &[&str]| {
        loadgen(words).run().refused(2, message, hint);
    };
    let start = "--start-at 2026-01-01T00:00:00Z --run-id r";
    refused(
        &format!("worker - --index 2 --of 2 {start}"),
        &["no worker 2 of 2"],
        &["from 0"],
    );
    refused(
        "worker - --index 0 --of 2 --run-id r --start-at tomorrow",
        &["tomorrow"],
        &["UTC"],
    );
    refused(
        "worker - --index 0 --of 1 --run-id a/b --start-at 2026-01-01T00:00:00Z",
        &["a/b"],
        &["letters"],
    );
    refused(
        &format!("worker - --index 0 --of 2 {start}"),
        &["no job"],
        &["plan file"],
    );
    refused("--workers 2 --start-in 1s", &["--start-in"], &["2s"]);
    // How many connections there are is known when the stack is.
    let crowd = "--stack embedded --host app-group-1 --workers 40 --threads 2";
    let message = ["40 workers of 2 threads", "64 connections"];
    loadgen(crowd)
        .run()
        .said(2, &message, &["--connections at least 80"]);
    let plan = loadgen("plan --stack embedded --host app-group-1")
        .run()
        .stdout;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("plan.toml");
    fs::write(&file, plan).unwrap();
    let words = format!("worker {} --index 0 --of 1 {start}", file.display());
    refused(&words, &["names no target"], &["loadgen plan"]);
    let words = format!("collect {} /nowhere --workers 1 --run-id r", file.display());
    refused(&words, &["names no target"], &["loadgen plan"]);
}

#[test]
fn workers_read_the_files_that_a_plan_names_for_themselves() {
    let target = serve(|mut caller: Caller| {
        while caller.asked().is_some() {
            caller.answer("\"a\"");
        }
    });
    let program = loadgen("run plan.toml --rps 20 --threads 1 --policy none --workers 2");
    let plan = format!(
        "target = \"http://{}\"\n[data.users]\nfile = \"users.csv\"\n[[group]]\nhost = \"a\"\n[[group.request]]\nname = \"one\"\npath = \"/{{users.id}}\"\n[[group.request]]\nname = \"two\"\npath = \"/two\"\n",
        target.address
    );
    fs::write(program.place().join("users.csv"), "id\n1\n2\n3\n").unwrap();
    fs::write(program.place().join("plan.toml"), plan).unwrap();
    let ended = program.for_a_second().run();
    let record = ended.record();
    assert_eq!(states(&record), [WorkerState::Done; 2], "{ended:?}");
    let by_name = record.groups[0].requests_by_name.iter();
    assert_eq!(by_name.map(|one| one.planned).collect::<Vec<_>>(), [10, 10]);
}

#[test]
fn a_merger_takes_what_a_worker_wrote() {
    // The lines of a real worker, through the library: the form in which others may read them.
    let by_hand = ByHand::new();
    let [one, _] = by_hand.lines();
    let frame = Frame::read(&one[0]).unwrap();
    assert_eq!((frame.worker, frame.seq, frame.task.as_str()), (0, 0, "0"));
    assert!(frame.payload.starts_with(b".HELLO {"));
    let ended = by_hand.collect("plan.toml", &[]);
    assert_eq!(ended.code, Some(2), "files are wanted: {ended:?}");
    by_hand.write("one", &one.join("\n"));
    let plan = by_hand.collect("plan.toml", &["one"]).record().plan;
    let mut merger = Merger::new(MergerOptions {
        run: "by-hand".into(),
        plan,
        workers: 2,
        asked_at_ms: None,
    });
    for line in &one {
        merger.accept(Ok(line), None).unwrap();
    }
    assert!(merger.has_ended(0) && !merger.has_ended(1));
}

/// A load by two workers, of which the second one's wall clock is so many milliseconds ahead.
fn shifted(by: &str, words: &str) -> Ended {
    test("--stack embedded --host app-group-1 --rps 40 --workers 2 --threads 1 --start-in 3s")
        .words(words)
        .env("LOADGEN_TEST_CLOCK_SHIFT", &format!("1:{by}"))
        .run()
}

#[test]
fn workers_whose_clocks_differ_do_not_begin() {
    let ahead = shifted("300", "");
    ahead.said(
        3,
        &["the clock of worker 1 on", "is ahead of the launcher's by"],
        &["--allow-skew", "nothing was sent"],
    );
    let behind = shifted("-300", "");
    behind.said(
        3,
        &["the clock of worker 1 on", "behind the launcher's by"],
        &[],
    );
}

#[test]
fn a_clock_that_is_off_is_told_and_touches_no_latency() {
    for (by, words) in [("30", ""), ("-30", ""), ("300", "--allow-skew")] {
        let record = shifted(by, words).record();
        let skew = all(&record, "clock-skew");
        assert_eq!(skew.len(), 1, "{by}: {:?}", record.findings);
        assert!(
            skew[0].message.contains("worker 1 on"),
            "{}",
            skew[0].message
        );
        assert_eq!(states(&record), [WorkerState::Done; 2]);
        assert_eq!(record.groups[0].requests.sent, 40);
        let by: f64 = by.parse().unwrap();
        let worker = &record.workers[1];
        // A line is under way for as long as this machine likes, and a process takes as long to start.
        assert!(worker.clock_offset_ms.unwrap() <= by, "{worker:?}");
        assert!(worker.clock_offset_most_ms.unwrap() >= by, "{worker:?}");
    }
    let record = shifted("0", "").record();
    assert!(
        all(&record, "clock-skew").is_empty(),
        "{:?}",
        record.workers
    );
}

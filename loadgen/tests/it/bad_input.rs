//! What cannot be: each mistake has a message with the value, a hint with the remedy, and a code.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;

use super::fake::{closed_port, serve};
use super::found::all;
use super::program::{Ended, Program, loadgen, test, under};
use super::reading::{ended_with, identities_hold};

/// Refused as a mistake in what was typed.
#[track_caller]
fn refused(words: &str, message: &[&str], hint: &[&str]) {
    let ended = test("--stack embedded").words(words).run();
    ended.refused(2, message, hint);
    assert!(!ended.folder().exists(), "nothing is stored");
}

#[test]
fn an_unknown_host_group_names_the_ones_there_are() {
    refused(
        "--host app-group-3",
        &[
            "unknown host group app-group-3",
            "app-group-1 and app-group-2",
        ],
        &["--host", "app-group-1"],
    );
}

#[test]
fn a_rate_that_is_none() {
    let hint = ["--rps", "NAME=RPS", "0.5"];
    for (rate, message) in [
        ("0", "above 0 and finite, and 0 is not"),
        ("-5", "above 0 and finite, and -5 is not"),
        ("NaN", "and NaN is not"),
        ("inf", "and inf is not"),
        ("many", "`many` is not a number of requests per second"),
        ("", "`` is not a number"),
    ] {
        let ended = loadgen("--stack embedded").word("--rps").word(rate).run();
        ended.refused(2, &[message], &hint);
        let host = format!("app-group-1={rate}");
        let ended = loadgen("--stack embedded").word("--host").word(&host).run();
        ended.refused(2, &[message], &hint);
    }
}

#[test]
fn a_rate_above_what_connections_can_carry_is_refused_with_the_arithmetic() {
    refused(
        "--rps 100001 --connections 2",
        &["100001/s", "100000/s that 2 connections can carry"],
        &["--connections to at least 3"],
    );
    refused(
        "--host app-group-1=1e9",
        &["1000000000/s to app-group-1"],
        &["--connections"],
    );
}

#[test]
fn a_length_of_time_that_is_none() {
    refused(
        "--duration 0s",
        &["duration 0ns leaves nothing"],
        &["--duration 10s"],
    );
    refused(
        "--duration 10",
        &["--duration `10` is no length"],
        &["--duration 10s"],
    );
    refused(
        "--duration 25h",
        &["longer than a day"],
        &["--duration 10s"],
    );
    refused("--warmup soon", &["--warmup `soon`"], &["--warmup 10s"]);
    refused(
        "--timeout 0s",
        &["--timeout 0ns is outside of 1ms"],
        &["--timeout 5s"],
    );
    refused(
        "--timeout 2h",
        &["--timeout 7200s is outside"],
        &["--timeout 5s"],
    );
    refused(
        "--connect-timeout 0s",
        &["--connect-timeout 0ns"],
        &["--connect-timeout 5s"],
    );
}

#[test]
fn numbers_that_leave_nothing_to_do() {
    refused(
        "--requests 0",
        &["0 requests leave nothing"],
        &["--requests at least 1"],
    );
    refused(
        "--connections 0",
        &["0 connections"],
        &["64 is the default"],
    );
    refused(
        "--connections 99999",
        &["99999 connections", "60000"],
        &["--connections"],
    );
    refused("--threads 0", &["0 threads"], &["--threads from 1 to 64"]);
    refused(
        "--threads 9 --connections 8",
        &["9 threads cannot share 8"],
        &["from 1 to 8"],
    );
    refused(
        "--threads 10000 --connections 20000 --host app-group-1",
        // 10,000 × 17 × 155 kB.
        &["10000 threads are more than the 256", "take 26.4 GB"],
        &["leave --threads out"],
    );
    refused(
        "--threads 4294967295 --connections 60000",
        &["4294967295 threads are more than the 256"],
        &["leave --threads out"],
    );
    refused("--replicas 0", &["0 replicas per group"], &["from 1 to 64"]);
    refused(
        "--replicas 65",
        &["65 replicas per group"],
        &["from 1 to 64"],
    );
}

#[test]
fn a_host_that_is_none_or_is_given_twice() {
    refused(
        "--host a/b",
        &["`a/b` cannot be a host name"],
        &["app-group-1"],
    );
    refused(
        "--host app-group-1 --host app-group-1=5",
        &["app-group-1 is given twice"],
        &["app-group-1=RPS"],
    );
    refused(
        "--host app-group-1=5 --closed",
        &["--host app-group-1=5"],
        &["--closed"],
    );
}

#[test]
fn expressions_that_mean_nothing() {
    refused(
        "--fail-if p99",
        &["--fail-if `p99`: `p99` has no comparison"],
        &["p99>50ms"],
    );
    refused(
        "--fail-if p99>50",
        &["needs a time with its unit"],
        &["p99>50ms"],
    );
    refused(
        "--fail-if q99>1ms",
        &["`q99` is no metric"],
        &["error_rate"],
    );
    refused("--stages 0:1", &["at least two points"], &["0:100,30s:500"]);
    refused(
        "--stages 5s:1,9s:1",
        &["the first stage must be at 0"],
        &["0:100,30s:500"],
    );
    refused(
        "--stages 0:1,x",
        &["stage `x` has no `:`"],
        &["0:100,30s:500"],
    );
    refused(
        "--stages 0:1,9s:fast",
        &["stage `9s:fast`"],
        &["0:100,30s:500"],
    );
    refused(
        "--stages 0:1,0s:2",
        &["stage times must grow"],
        &["0:100,30s:500"],
    );
    refused(
        "--policy fair",
        &["--policy: `fair` is no balancing policy"],
        &["least-conn"],
    );
    refused(
        "--policy round-robin:0,0",
        &["`round-robin:0,0` has no replica but standbys"],
        &["round-robin:3,1"],
    );
    refused(
        "--replica-id cookie",
        &["--replica-id `cookie`"],
        &["header:X-Replica"],
    );
    refused(
        "--path here",
        &["path `here` must begin with `/`"],
        &["--path"],
    );
    refused(
        "--header Host:x",
        &["`Host` is written by loadgen"],
        &["--host"],
    );
    refused(
        "--body @nowhere",
        &["body file nowhere cannot be read"],
        &["@FILE"],
    );
    refused("--counter {}", &["`{}`"], &["--counter as NAME{"]);
    refused(
        "--replica-arg x",
        &["--replica-arg `x`"],
        &["app-group-1/2="],
    );
}

#[test]
fn memory_that_is_no_size_or_too_little() {
    refused(
        "--memory 256",
        &["--memory: `256` is no size"],
        &["256MB", "512MiB"],
    );
    refused(
        "--memory 1MB",
        &["memory of 1MB is outside of 32MB to 1000GB"],
        &["256MB is the default"],
    );
}

#[test]
fn stacks_that_cannot_be() {
    refused(
        "--target http://a:1",
        &["--target names a stack"],
        &["leave out one"],
    );
    refused(
        "--replica g=http://a:1",
        &["--replica is for external stacks"],
        &["--target URL"],
    );
    let plain = |words: &str| loadgen(words).run();
    plain("--stack external").refused(2, &["no address"], &["--target URL"]);
    plain("--target http://127.0.0.1:1 --replica shop").refused(
        2,
        &["--replica `shop` is not GROUP=URL"],
        &["app-group-1=http://"],
    );
    plain("--target ftp://a").refused(2, &["ftp://a", "only http:// and https://"], &["http://"]);
    plain("--target http://127.0.0.1:1/api").refused(2, &["belongs into --path"], &["http://"]);
    plain("up --stack external").refused(2, &["external stack"], &["--stack compose"]);
}

#[test]
fn flags_that_are_unknown_or_contradict_one_another() {
    for (words, part) in [
        ("--rsp 5", "--rsp"),
        ("--rps 5 --closed", "--closed"),
        ("--stack kubernetes", "kubernetes"),
        ("--requests many", "many"),
        ("--arrivals uniform", "uniform"),
        ("frobnicate", "frobnicate"),
    ] {
        let ended = loadgen(words).run();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
        assert!(ended.stderr.contains("--help"), "{}", ended.stderr);
    }
}

#[test]
fn a_file_that_is_no_configuration() {
    let file = |text: &str| {
        let program = loadgen("--config load.toml");
        fs::write(program.place().join("load.toml"), text).unwrap();
        program.run()
    };
    let hint = ["without the dashes"];
    file("rpm = 5").refused(2, &["load.toml", "unknown field `rpm`"], &hint);
    file("rps = ").refused(2, &["load.toml", "is not valid"], &hint);
    file("host = 5").refused(2, &["load.toml", "host"], &hint);
    file("rps = 0\nstack = \"embedded\"").refused(2, &["above 0"], &["rps = 500"]);
    let missing = loadgen("--config nowhere.toml").run();
    missing.refused(2, &["nowhere.toml cannot be read"], &["TOML file"]);
}

#[test]
fn nothing_listens_at_the_target() {
    let target = format!("http://{}", closed_port());
    let ended = test("--target").word(&target).run();
    ended.refused(3, &["nothing listens at", &target], &["curl -v"]);
    let ended = test("--target http://no-such-host.invalid").run();
    ended.refused(3, &["cannot resolve no-such-host.invalid"], &["spelling"]);
}

#[test]
fn a_target_that_speaks_no_http() {
    for garbage in [b"SSH-2.0-OpenSSH_9.2\r\n\r\n".as_slice(), b""] {
        let target = serve(move |mut caller| {
            caller.asked();
            caller.say(garbage);
            caller.close();
        });
        let ended = test(&format!("--rps 20 --target {}", target.address)).run();
        // It takes connections, so it is measured; that it will not do is said twice.
        ended_with(&ended, 99);
        let record = ended.record();
        for code in ["unanswered-probe", "no-answers"] {
            assert_eq!(all(&record, code).len(), 1, "{:#?}", record.findings);
        }
    }
}

#[test]
fn a_target_that_does_not_know_the_group_is_told_and_loaded_all_the_same() {
    let target = serve(|mut caller| {
        while caller.asked().is_some() {
            caller.say("HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let ended = test(&format!("--host shop --rps 20 --target {}", target.address)).run();
    ended_with(&ended, 99);
    let record = ended.record();
    identities_hold(&record);
    assert_eq!(record.groups[0].status["421"], 20);
    assert_eq!(all(&record, "no-answers").len(), 1);
}

/// A test of the compose stack with an engine at this address.
fn with_engine(address: &str) -> Program {
    test("--stack compose").env("DOCKER_HOST", address)
}

#[test]
fn an_engine_that_is_not_there() {
    for ended in [
        with_engine("unix:///nowhere/docker.sock").run(),
        loadgen("up").run(),
        loadgen("down").run(),
        loadgen("ps").run(),
    ] {
        ended.refused(
            3,
            &[
                "no Docker Engine answers at unix:///nowhere/docker.sock",
                "no such socket",
            ],
            &["systemctl start docker", "--stack embedded"],
        );
    }
    let port = closed_port();
    let ended = with_engine(&format!("tcp://{port}")).run();
    ended.refused(
        3,
        &["no Docker Engine", &port.to_string()],
        &["DOCKER_HOST"],
    );
    let ended = with_engine("ssh://elsewhere").run();
    ended.refused(
        2,
        &["ssh://elsewhere", "only unix:// and tcp://"],
        &["http://"],
    );
}

#[test]
fn an_engine_that_may_not_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o000)).unwrap();
    let address = format!("unix://{}", socket.display());
    let words = "--stack compose --duration 1s --out run";
    let program = if rustix::process::geteuid().is_root() {
        // Root may ask any; so it is somebody else who asks.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        as_nobody(words)
    } else {
        loadgen(words)
    };
    let ended = program.env("DOCKER_HOST", &address).run();
    ended.refused(
        3,
        &["no permission to use the Docker Engine", &address],
        &["usermod -aG docker", "--stack embedded"],
    );
}

#[test]
fn an_engine_whose_answer_has_no_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let engine = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|n| n == 1) {
                    head.extend(byte);
                }
                let is_list = String::from_utf8_lossy(&head).contains("/containers/json");
                let version = r#"{"ApiVersion":"1.41"}"#;
                let body = if is_list { "[" } else { version };
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
                let mut sent = client.write_all(format!("{head}{body}").as_bytes());
                let container = format!("{{\"Id\":\"{}\"}},", "0".repeat(1 << 16));
                while is_list && sent.is_ok() {
                    sent = client.write_all(container.as_bytes());
                }
            });
        }
    });
    for program in [loadgen("ps"), loadgen("down"), with_engine(&engine)] {
        let ended = program.env("DOCKER_HOST", &engine).run();
        let message = ["list containers", "its answer is longer than 16 MiB"];
        ended.refused(3, &message, &["docker"]);
    }
}

/// `loadgen` without root's privilege to pass over permissions.
fn as_nobody(words: &str) -> Program {
    Program::by(
        "setpriv",
        &["--bounding-set=-all", "--inh-caps=-all"],
        words,
    )
}

#[test]
fn compose_that_is_not_installed() {
    // An engine that answers, and no tool to speak to it with.
    let engine = serve(|mut caller| {
        while let Some(asked) = caller.asked() {
            let list = asked.path.contains("/containers/json");
            let body = if list {
                "[]"
            } else {
                r#"{"ApiVersion":"1.41"}"#
            };
            caller.answer_with("Content-Type: application/json\r\n", body);
        }
    });
    for program in [test("--stack compose"), loadgen("up")] {
        let ended = program
            .env("DOCKER_HOST", &format!("tcp://{}", engine.address))
            .env("PATH", "/nowhere")
            .run();
        ended.refused(
            3,
            &["neither `docker compose` nor `docker-compose` is installed"],
            &["docs.docker.com/compose/install", "--stack embedded"],
        );
    }
}

/// The words of a short test that is to be stored in `run`.
const SHORT: &str = "--stack embedded --host app-group-1 --rps 20 --duration 1s --warmup 0s --out run --format json";

#[test]
fn a_folder_that_cannot_be_made() {
    let program = loadgen(SHORT);
    fs::write(program.place().join("run"), "a file in the way").unwrap();
    let ended = program.run();
    said_after_the_stack(&ended, 2, &["run cannot be written"], "--out");
}

#[test]
fn a_full_disk_is_met_before_the_load_begins() {
    // What stands for a full disk is taken for another run's spool.
    let program = loadgen(SHORT).words("--force");
    fs::create_dir(program.place().join("run")).unwrap();
    // The kernel's own full disk.
    symlink("/dev/full", program.place().join("run/spool.jsonl")).unwrap();
    let ended = program.run();
    let message = ["spool.jsonl cannot be written", "No space left"];
    said_after_the_stack(&ended, 2, &message, "free some space");
}

#[test]
fn a_disk_that_fills_up_meanwhile_does_not_cost_the_result() {
    // No file may have more than 8 KiB, and whoever tries is told so instead of killed.
    let ended = under("trap '' XFSZ; ulimit -f 16", SHORT).run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("record.json cannot be written"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("hint: give --out"), "{ended:?}");
    let record = loadgen::record::from_json(&ended.stdout).unwrap();
    identities_hold_but_for_lost_seconds(&record);
    assert!(
        !ended.folder().join("record.json").exists(),
        "whole or not there"
    );
}

fn identities_hold_but_for_lost_seconds(record: &loadgen::record::Record) {
    let counts = record.groups[0].requests;
    assert_eq!(counts.planned, 20);
    assert_eq!(counts.planned, counts.sent + counts.dropped);
    assert_eq!(counts.sent, counts.succeeded + counts.failed);
}

/// The stack was up already when the folder turned out to be unusable.
#[track_caller]
fn said_after_the_stack(ended: &Ended, code: i32, message: &[&str], hint: &str) {
    ended.refused(code, message, &[hint]);
    let first = ended.stderr.lines().next().unwrap();
    assert_eq!(first, "embedded stack: asked for");
}

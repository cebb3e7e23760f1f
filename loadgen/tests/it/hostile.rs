//! Text that would like to steer a terminal or command a CI runner, wherever it may come from.

use std::fs;

use loadgen::model::{no_command, plain};

use super::fake::serve;
use super::program::{Ended, Program, loadgen, test};

const NASTY: &str = "a\u{1b}[2J\r\u{7}\u{202e}b\n::error::x ##vso[task.complete]";

/// Everything it said can be seen, and no line of it is a command.
#[track_caller]
fn harmless(ended: &Ended) {
    for text in [&ended.stdout, &ended.stderr] {
        for line in text.lines() {
            assert_eq!(plain(line), line, "{ended:?}");
            assert_eq!(no_command(line), line, "{ended:?}");
        }
    }
}

#[track_caller]
fn refused(program: Program, code: i32) {
    let ended = program.run();
    assert_eq!(ended.code, Some(code), "{ended:?}");
    harmless(&ended);
    assert!(ended.stderr.contains(r"\u{202e}"), "{ended:?}");
}

#[test]
fn an_error_shows_what_was_typed_and_does_not_obey_it() {
    for flag in [
        "--host",
        "--rps",
        "--header",
        "--require",
        "--duration",
        "--policy",
        "--target",
        "--event",
        "--stack",
        "--body=@",
        "--cacert",
        "--config",
    ] {
        let flag = flag.strip_suffix("=@").unwrap_or(flag);
        let value = if flag == "--body" {
            format!("@{NASTY}")
        } else {
            NASTY.into()
        };
        let usual = if flag == "--stack" {
            ""
        } else {
            "--stack embedded"
        };
        let usual = if flag == "--target" { "" } else { usual };
        let program = loadgen(usual).word(flag).word(&value);
        let ended = program.run();
        assert_eq!(ended.code, Some(2), "{flag}: {ended:?}");
        harmless(&ended);
    }
    refused(loadgen("").word(&format!("--{NASTY}")), 2);
    refused(loadgen("report").word(NASTY), 2);
    refused(loadgen("compare").word(NASTY).word(NASTY), 2);
    refused(loadgen("judge").word(NASTY), 2);
    refused(loadgen("run").word(NASTY), 2);
}

#[test]
fn so_does_an_error_in_a_file() {
    for text in [
        "host = [\"a\\u001b[2J\\u202e\"]",
        "\"a\\u001b[2J\\n::error::x\" = 1",
        "rps = \"\\u001b[2J\"",
        "# ::error::x\nrps = \u{7} \u{1b}[2J",
    ] {
        let program = loadgen("--stack embedded --config plan.toml");
        fs::write(program.place().join("plan.toml"), text).unwrap();
        let ended = program.run();
        assert_eq!(ended.code, Some(2), "{text}: {ended:?}");
        harmless(&ended);
    }
}

#[test]
fn a_plan_is_printed_as_what_it_is() {
    let program = loadgen("plan --host a --body").word("{\"a\": \"b\"}\n::error::x\u{1b}\u{202e}");
    let ended = program.run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    harmless(&ended);
}

#[test]
fn labels_of_containers_are_shown_and_not_obeyed() {
    let label = r"::error::g\u001b[2J\r\n##[error]x\u202e";
    let container = |role: &str| {
        format!(
            r#"{{"Id":"one{role}000000000000","Image":"nginx:1.30","State":"running","Status":"Up",
            "Labels":{{"com.docker.compose.project":"one","loadgen.role":"{role}","loadgen.group":"{label}",
            "com.docker.compose.project.working_dir":"/srv/one"}}}}"#
        )
    };
    let listed = format!("[{},{}]", container("proxy"), container("replica"));
    let engine = serve(move |mut caller| {
        while let Some(asked) = caller.asked() {
            let body = if asked.path.contains("/containers/json") {
                listed.as_str()
            } else {
                r#"{"ApiVersion":"1.41","Version":"20.10"}"#
            };
            if !caller.answer_with("Content-Type: application/json\r\n", body) {
                return;
            }
        }
    });
    let program = loadgen("ps").env("DOCKER_HOST", &format!("tcp://{}", engine.address));
    let ended = program.env("COMPOSE_PROJECT_NAME", "one").run();
    harmless(&ended);
    assert!(
        ended
            .stdout
            .contains(r"\x3a:error::g\x1b[2J\r\n\x23#[error]x\u{202e}"),
        "{ended:?}"
    );
}

#[test]
fn names_in_answers_are_shown_and_not_obeyed() {
    let target = serve(|mut caller| {
        while caller.asked().is_some() {
            caller.answer("\"::error::\u{202e}x\u{9b}##[error]\"");
        }
    });
    for format in ["text", "json"] {
        let words = format!("--rps 20 --progress plain --format {format} --csv --target");
        let ended = test(&words)
            .word(&format!("http://{}", target.address))
            .run();
        harmless(&ended);
        for name in ["summary.md", "junit.xml", "intervals.csv", "index.html"] {
            let text = fs::read_to_string(ended.folder().join(name)).unwrap();
            assert!(!text.contains(['\u{202e}', '\u{9b}']), "{name}");
        }
    }
}

//! Basic authentication: who asks is told everywhere, and the password nowhere.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::fake::{Caller, Fake, serve};
use super::found::all;
use super::program::{Ended, Program, loadgen, test};
use super::reading::ended_with;
use super::secure::{good, secure};

const PASSWORD: &str = "s3cr3t:word";
/// `me:s3cr3t:word`
const PAIR: &str = "bWU6czNjcjN0OndvcmQ=";

/// Answers those who say who they are.
fn private(mut caller: Caller) {
    while let Some(asked) = caller.asked() {
        let line = format!("\r\nAuthorization: Basic {PAIR}\r\n");
        let known = asked.head.contains(&line);
        let said = if known {
            caller.answer("ok")
        } else {
            caller.say("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        };
        if !said {
            return;
        }
    }
}

fn at(target: &Fake) -> Program {
    test("--rps 40 --policy none").words(&format!("--target http://{}", target.address))
}

fn user() -> String {
    format!("--user me:{PASSWORD}")
}

/// Whether a file holds any of the ways in which the password could have been written.
fn holds_password(file: &Path) -> bool {
    let bytes = fs::read(file).unwrap();
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if file.extension().is_some_and(|extension| extension == "gz") {
        text.clear();
        let mut unpacked = flate2::read::MultiGzDecoder::new(&bytes[..]);
        unpacked.read_to_string(&mut text).unwrap();
    }
    ["s3cr3t", PAIR, "czNjcjN0"]
        .iter()
        .any(|one| text.contains(one))
}

/// Every file of a folder, and of those in it.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[track_caller]
fn password_is_nowhere(ended: &Ended) {
    let place = ended.folder().parent().unwrap().to_owned();
    let files = files(&place);
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        assert!(!holds_password(&file), "{}", file.display());
    }
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains("s3cr3t") && !text.contains(PAIR), "{text}");
    }
}

#[test]
fn who_is_not_told_who_asks_says_so_and_the_flag_is_named() {
    let target = serve(private);
    let ended = at(&target).run();
    ended_with(&ended, 99);
    let told = all(&ended.record(), "no-answers")[0].hint.clone().unwrap();
    assert!(told.contains("--user NAME:PASSWORD"), "{told}");
    let ended = at(&target).words("--user me:wrong").run();
    ended_with(&ended, 99);
    let told = all(&ended.record(), "no-answers")[0].hint.clone().unwrap();
    assert!(told.contains("user `me`"), "{told}");
}

#[test]
fn a_user_is_told_and_the_password_is_nowhere() {
    let target = serve(private);
    let ended = at(&target).words(&user()).words("--csv").run();
    ended_with(&ended, 0);
    let record = ended.record();
    assert_eq!(record.groups[0].requests.succeeded, 40);
    assert_eq!(record.plan.user.as_ref().unwrap().name(), "me");
    let command = record.run.command.join(" ");
    assert!(command.contains("--user me:***"), "{command}");
    password_is_nowhere(&ended);

    // To repeat it, it must be given anew.
    let folder = ended.folder();
    let again = || loadgen("run --progress none --out run").word(folder.to_str().unwrap());
    again().run().refused(
        2,
        &["user `me` has no password", "no record"],
        &["--user 'me:PASSWORD'"],
    );
    let repeated = again().words(&user()).run();
    let counts = repeated.record().groups[0].requests;
    assert_eq!((counts.planned, counts.succeeded), (40, 40));
    password_is_nowhere(&repeated);
    // Reading needs none.
    let judged = loadgen("judge").word(folder.to_str().unwrap()).run();
    assert_eq!(judged.code, ended.code, "{judged:?}");
}

#[test]
fn a_user_in_the_url_is_the_same() {
    let target = serve(private);
    for words in [
        format!("http://me:s3cr3t%3Aword@{}/x", target.address),
        format!("--target=http://me:s3cr3t:word@{}", target.address),
    ] {
        let ended = test("--rps 40 --policy none").words(&words).run();
        ended_with(&ended, 0);
        let record = ended.record();
        assert_eq!(record.groups[0].requests.succeeded, 40);
        assert_eq!(record.stack.target, format!("http://{}", target.address));
        let command = record.run.command.join(" ");
        assert!(command.contains("http://me:***@"), "{command}");
        password_is_nowhere(&ended);
    }
}

#[test]
fn a_search_keeps_no_password_either() {
    let target = serve(private);
    let words = format!(
        "search --target http://{} {} --policy none --slo p99<5s --from 20 --to 20 --step 1s --confirm 1s --out run --progress none",
        target.address,
        user()
    );
    let ended = loadgen(&words).run();
    assert!(ended.folder().join("search.json").exists(), "{ended:?}");
    password_is_nowhere(&ended);
}

#[test]
fn what_is_refused_is_refused_without_the_password() {
    let refused = |words: &str, message: &str, hint: &str| {
        let ended = loadgen(words).run();
        ended.refused(2, &[message], &[hint]);
        assert!(!ended.stderr.contains("s3cr3t"), "{}", ended.stderr);
    };
    refused("--user s3cr3t", "no NAME:PASSWORD", "--user NAME:PASSWORD");
    refused(
        "http://me:s3cr3t@127.0.0.1:1 --user you:s3cr3t",
        "names user `me`, and --user `you`",
        "leave out one",
    );
    refused(
        "http://127.0.0.1:1 --user me:s3cr3t --header authorization:x",
        "both say who asks",
        "leave out one",
    );
    refused(
        "http://me:s3cr3t@127.0.0.1:1 --target http://you:s3cr3t@127.0.0.1:2",
        "both say where to go",
        "leave out one",
    );
    refused(
        "http://127.0.0.1:1 --replica g=http://me:s3cr3t@127.0.0.1:2",
        "http://me:***@127.0.0.1:2",
        "http://",
    );
    refused(
        "http://me:s3cr3t@127.0.0.1:x",
        "has no port",
        "http://HOST:PORT",
    );
    refused(
        "http://me@127.0.0.1:1",
        "user `me` has no password",
        "--user",
    );
    let program = loadgen("http://127.0.0.1:1 --user").word("me:s3cr3t\u{7}");
    let ended = program.run();
    ended.refused(2, &["control character"], &["--user"]);
    for text in ["user = \"me:s3cr3t", "target = \"http://me:s3cr3t"] {
        let program = loadgen("run plan.toml");
        fs::write(program.place().join("plan.toml"), text).unwrap();
        let ended = program.run();
        ended.refused(
            2,
            &["plan file plan.toml is not valid"],
            &["names are those"],
        );
        assert!(!ended.stderr.contains("s3cr3t"), "{}", ended.stderr);
    }
}

#[test]
fn a_printed_plan_has_the_name_alone_and_asks_for_the_rest() {
    let target = serve(private);
    let words = format!("plan http://{} {}", target.address, user());
    let printed = loadgen(&words)
        .words("-r 40 -d 1s --warmup 0s --policy none")
        .run();
    assert!(printed.stdout.contains("user = \"me\"\n"), "{printed:?}");
    let run = |words: &str| {
        let program = loadgen("run plan.toml --out run --progress none").words(words);
        fs::write(program.place().join("plan.toml"), &printed.stdout).unwrap();
        program.run()
    };
    run("").refused(2, &["user `me` has no password"], &["--user"]);
    assert_eq!(run(&user()).record().groups[0].requests.succeeded, 40);
}

#[test]
fn what_goes_over_tls_to_the_target_goes_to_no_replica_in_the_clear() {
    let proxy = secure("localhost", &["http/1.1"], good);
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    let replica = serve(move |mut caller: Caller| {
        while let Some(asked) = caller.asked() {
            seen.lock().unwrap().push(asked.head);
            caller.answer("http_requests_total{handler=\"/\",method=\"GET\"} 0\n");
        }
    });
    let page = format!(
        "--replica localhost=http://{}/metrics --host localhost",
        replica.address
    );
    for secret in [user(), "--header Cookie:s3cr3t".to_owned()] {
        proxy.trusted("localhost").words(&page).words(&secret).run();
    }
    let heads = heads.lock().unwrap();
    assert!(!heads.is_empty());
    for head in heads.iter() {
        assert!(head.starts_with("GET /metrics "), "{head}");
        assert!(!head.contains(PAIR) && !head.contains("s3cr3t"), "{head}");
    }
}

//! What a target may do, and what is made of it: answers that curl takes are taken, the reason of
//! what is refused is told, and the question before the load is the load's own.

use std::net::TcpListener;
use std::time::Duration;

use loadgen::record::Record;

use super::fake::{Caller, Fake, closed_port, serve, serve_at};
use super::found::{all, one as one_of};
use super::program::{Ended, Program, test};
use super::reading::{ended_with, identities_hold};

fn at(target: &Fake) -> Program {
    test("--rps 40 --policy none").words(&format!("--target http://{}", target.address))
}

/// Says the same to whoever asks, for as long as it is asked.
fn always(answer: impl AsRef<[u8]> + Send + Sync + 'static) -> Fake {
    serve(move |mut caller| while caller.asked().is_some() && caller.say(answer.as_ref()) {})
}

#[track_caller]
fn all_answered(ended: &Ended) -> Record {
    ended_with(ended, 0);
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    assert_eq!(group.requests.succeeded, 40, "{:?}", group.error_reasons);
    record
}

/// All failed by this class, and the first reason holds these words, in the record and in a finding.
#[track_caller]
fn all_failed(ended: &Ended, class: &str, words: &str) -> Record {
    ended_with(ended, 99);
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    assert_eq!(group.errors, [(class.to_owned(), 40)].into());
    let reason = &group.error_reasons[class];
    assert!(reason.text.contains(words), "{reason:?}");
    let told = all(&record, "no-answers");
    assert!(told[0].message.contains(words), "{told:?}");
    record
}

#[test]
fn what_curl_takes_is_taken() {
    let lines = "X: y\r\n".repeat(150);
    let long = "x".repeat(120_000);
    for answer in [
        "HTTP/1.1 200 OK\r\nX: a\r\n  b\r\nContent-Length: 2\r\n\r\nok".to_owned(),
        format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok"),
        format!("HTTP/1.1 200 OK\r\nX: {long}\r\nContent-Length: 2\r\n\r\nok"),
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok".to_owned(),
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            .to_owned(),
    ] {
        let target = always(answer);
        let record = all_answered(&at(&target).run());
        assert!(record.groups[0].connections.opened < 40);
        // One request more than was planned: the one that asks before the load.
        assert_eq!(target.requests(), 41);
    }
}

#[test]
fn bytes_behind_an_answer_cost_the_connection_and_are_counted() {
    let target = always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokEXTRA");
    let record = all_answered(&at(&target).run());
    let connections = record.groups[0].connections;
    assert_eq!(connections.surplus, 40, "{connections:?}");
    assert_eq!(connections.closed_by_peer, 0, "{connections:?}");
}

#[test]
fn who_ends_a_connection_of_doubtful_framing_is_told() {
    let target = always(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    );
    let record = all_answered(&at(&target).words("--requests 40").run());
    let connections = record.groups[0].connections;
    assert_eq!(connections.let_go, 40, "{connections:?}");
    assert!(all(&record, "no-keep-alive").is_empty());
}

#[test]
fn what_is_refused_has_its_reason() {
    let many = "X: y\r\n".repeat(300);
    for (answer, words) in [
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned(), "HTTP/1.1"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nok".to_owned(),
            "Content-Length",
        ),
        (format!("HTTP/1.1 200 OK\r\n{many}\r\n"), "256 lines"),
        (
            format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(300_000)),
            "262144 bytes",
        ),
    ] {
        let target = always(answer);
        let record = all_failed(&at(&target).run(), "protocol", words);
        let noted = all(&record, "unanswered-probe");
        assert!(noted[0].message.contains(words), "{noted:?}");
        let hint = all(&record, "no-answers")[0].hint.clone();
        assert!(!hint.unwrap_or_default().contains("listen at"));
    }
}

/// Closes without an answer where it is asked for `/`, and answers `/api`.
fn only_api(mut caller: Caller) {
    while let Some(asked) = caller.asked() {
        if asked.path != "/api" {
            return caller.close();
        }
        caller.answer("ok");
    }
}

#[test]
fn the_question_before_the_load_is_the_loads_own() {
    let target = serve(only_api);
    all_answered(&at(&target).words("--path /api").run());
    // And as patient.
    let target = serve(|mut caller| {
        let mut number = 0;
        while let Some(asked) = caller.asked() {
            number = asked.number.max(number);
            if asked.number == 0 {
                std::thread::sleep(Duration::from_millis(2_500));
            }
            caller.answer("ok");
        }
    });
    let record = all_answered(&at(&target).words("--timeout 10s").run());
    assert!(all(&record, "unanswered-probe").is_empty());
}

#[test]
fn a_question_that_stays_unanswered_is_a_warning_and_no_end() {
    let target = serve(|mut caller| {
        while let Some(asked) = caller.asked() {
            if asked.number == 0 {
                return caller.close();
            }
            caller.answer("ok");
        }
    });
    let record = all_answered(&at(&target).run());
    let noted = all(&record, "unanswered-probe");
    assert!(noted[0].message.contains("without a byte"), "{noted:?}");
}

#[test]
fn an_idle_connection_that_the_server_closed_as_the_request_went_out_is_told_as_that() {
    // It answers once, and closes when it has read the next request.
    let target = serve(|mut caller| {
        caller.asked();
        caller.answer("ok");
        caller.asked();
        caller.close();
    });
    let ended = test("--rps 40 --policy none --connections 1")
        .words(&format!("--target http://{}", target.address))
        .run();
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    let lost: u64 = group.errors.values().sum();
    assert!(lost >= 10, "{:?}", group.errors);
    assert_eq!(group.connections.lost_while_idle, lost);
    let told = all(&record, "errors");
    assert!(told[0].message.contains("idle connection"), "{told:?}");
}

/// Two servers on one port, one for each family.
fn on_both_families(behave: fn(Caller)) -> Option<(Fake, Fake)> {
    let first = serve(behave);
    let port = first.address.port();
    let other = std::net::SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port));
    TcpListener::bind(other).ok()?;
    Some((first, serve_at(other, behave)))
}

fn answers(mut caller: Caller) {
    while caller.asked().is_some() && caller.answer("ok") {}
}

#[test]
fn an_address_that_nobody_listens_at_is_stepped_over() {
    // `localhost` has ::1 too where the machine knows it, in whatever order.
    let target = serve(answers);
    let port = target.address.port();
    let ended = test("--rps 40 --policy none")
        .words(&format!("--target http://localhost:{port}"))
        .run();
    all_answered(&ended);
}

#[test]
fn the_server_that_is_asked_is_the_one_that_is_loaded() {
    let Some((four, six)) = on_both_families(answers) else {
        return;
    };
    let ended = test("--rps 40 --policy none")
        .words(&format!(
            "--target http://localhost:{}",
            four.address.port()
        ))
        .run();
    let record = all_answered(&ended);
    let asked = [four.requests(), six.requests()];
    assert!(asked.contains(&41) && asked.contains(&0), "{asked:?}");
    let several = all(&record, "several-addresses");
    assert!(several.len() <= 1, "{several:?}");
}

/// `loadgen` on a machine where a name has these addresses: with a table of hosts of its own, in a
/// namespace of its own.
fn where_name_has(addresses: &[&str], words: &str) -> Program {
    let lines: Vec<_> = addresses
        .iter()
        .map(|it| format!("{it} b\u{fc}cher.test xn--bcher-kva.test"))
        .collect();
    let table = format!("127.0.0.1 localhost\n{}\n", lines.join("\n"));
    let before = "printf '%s' \"$TABLE\" > hosts && mount --bind hosts /etc/hosts";
    let words_of_starter = ["-rm", "sh", "-c", &format!("{before} && exec \"$@\""), "sh"];
    let program = Program::by("unshare", &words_of_starter, words).for_a_second();
    program.env("TABLE", &table)
}

#[test]
fn a_name_with_several_addresses_is_loaded_at_all_that_listen() {
    let one = serve(answers);
    let port = one.address.port();
    let two = serve_at(format!("127.0.0.2:{port}").parse().unwrap(), answers);
    let all_three = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
    // Nobody listens at the third; the name is asked for as the name system has it.
    let words = format!(
        "--rps 40 --policy none --connections 8 --no-keep-alive --target http://b\u{fc}cher.test:{port}"
    );
    let record = all_answered(&where_name_has(&all_three, &words).run());
    let told = one_of(&record, "several-addresses");
    assert!(told.message.contains("127.0.0.3"), "{told:?}");
    let asked = [one.requests(), two.requests()];
    assert!(
        asked.iter().all(|asked| (19..=22).contains(asked)),
        "{asked:?}"
    );
    assert_eq!(
        record.stack.target,
        format!("http://xn--bcher-kva.test:{port}")
    );
}

#[test]
fn two_pages_of_one_name_are_a_warning() {
    let page = |mut caller: Caller| {
        while caller.asked().is_some() && caller.answer("\"twin\"") {}
    };
    let (one, two, target) = (serve(page), serve(page), serve(page));
    let ended = at(&target)
        .words("--host g")
        .words(&format!("--replica g=http://{}", one.address))
        .words(&format!("--replica g=http://{}", two.address))
        .run();
    let record = ended.record();
    let twins = all(&record, "twin-replicas");
    assert_eq!(twins.len(), 1, "{:#?}", record.findings);
    assert!(twins[0].message.contains("twin"), "{twins:?}");
    let ids: Vec<_> = record.stack.replicas.iter().map(|one| &one.id).collect();
    assert_eq!(ids, [&one.address.to_string(), &two.address.to_string()]);
}

#[test]
fn a_replica_is_asked_for_its_name_by_the_loads_own_request() {
    let replica = serve(|mut caller| {
        while let Some(asked) = caller.asked() {
            caller.answer(if asked.path == "/api" { "\"n1\"" } else { "{}" });
        }
    });
    let target = serve(
        |mut caller| {
            while caller.asked().is_some() && caller.answer("\"n1\"") {}
        },
    );
    let ended = at(&target)
        .words("--host g --path /api")
        .words(&format!("--replica g=http://{}", replica.address))
        .run();
    let record = ended.record();
    assert_eq!(record.stack.replicas[0].id, "n1");
}

#[test]
fn nothing_listening_is_told_with_the_target() {
    let target = closed_port();
    let ended = test("--rps 40 --policy none")
        .words(&format!("--target http://{target}"))
        .run();
    ended.refused(
        3,
        &["nothing listens at", &target.to_string()],
        &["curl -v"],
    );
}

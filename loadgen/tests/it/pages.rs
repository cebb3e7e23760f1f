//! Replicas whose metrics pages cannot be trusted: the run ends, keeps what it measured, and says
//! which page it was and why.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use loadgen::record::{CountVerdict, Severity};

use super::fake::{Caller, Fake, serve};
use super::found::all;
use super::program::{Ended, test};
use super::reading::{ended_with, identities_hold};

/// A target that takes strict turns, and the two replicas' pages beside it.
struct Shop {
    target: Fake,
    good: Fake,
    bad: Fake,
}

/// The second replica's page is what `page` makes of its count.
fn shop(page: impl Fn(&mut Caller, u64) + Send + Sync + 'static) -> Shop {
    let counts = [AtomicU64::new(0), AtomicU64::new(0)];
    let counts = Arc::new(counts);
    let count = Arc::clone(&counts);
    let target = serve(move |mut caller| {
        while let Some(asked) = caller.asked() {
            let turn = usize::from(asked.number % 2 == 1);
            count[turn].fetch_add(1, Ordering::SeqCst);
            caller.answer(["\"one\"", "\"two\""][turn]);
        }
    });
    let count = Arc::clone(&counts);
    let good = replica("\"one\"", move |caller, _| {
        let page = page_with(count[0].load(Ordering::SeqCst));
        caller.answer(&page);
    });
    let bad = replica("\"two\"", move |caller, _| {
        page(caller, counts[1].load(Ordering::SeqCst));
    });
    Shop { target, good, bad }
}

/// A replica that gives its name, and its page where it is asked for.
fn replica(name: &'static str, page: impl Fn(&mut Caller, &str) + Send + Sync + 'static) -> Fake {
    serve(move |mut caller| {
        while let Some(asked) = caller.asked() {
            if asked.path == "/metrics" {
                page(&mut caller, &asked.path);
            } else {
                caller.answer(name);
            }
        }
    })
}

fn page_with(count: u64) -> String {
    format!("http_requests_total{{handler=\"/\",method=\"GET\",status=\"2xx\"}} {count}.0\n")
}

impl Shop {
    fn run(&self, words: &str) -> Ended {
        test("--host shop --rps 50")
            .words(&format!("--target http://{}", self.target.address))
            .words(&format!("--replica shop=http://{}", self.good.address))
            .words(&format!(
                "--replica shop=http://{}/metrics",
                self.bad.address
            ))
            .words(words)
            .run()
    }
}

/// The run cannot be trusted without the replicas' book; what it measured is stored all the same,
/// and one finding names the page and the reason.
#[track_caller]
fn unreadable_because(shop: &Shop, reason: &str) {
    let ended = shop.run("");
    assert_eq!(ended.code, Some(4), "a page that was named has to be read");
    let record = ended.record();
    identities_hold(&record);
    let group = &record.groups[0];
    assert_eq!(group.requests.succeeded, 50, "{:?}", group.errors);
    let shares: Vec<_> = group.replicas.iter().map(|one| one.requests).collect();
    assert_eq!(shares, [25, 25], "the answers tell them apart");
    assert_eq!(group.crosscheck.verdict, CountVerdict::Unavailable);
    assert_eq!(group.crosscheck.replicas, None);
    let findings = all(&record, "unreadable-counter");
    assert_eq!(findings.len(), 1, "{:#?}", record.findings);
    let finding = findings[0];
    assert_eq!(finding.severity, Severity::Invalid);
    assert_eq!(finding.replica.as_deref(), Some("two"));
    assert!(finding.message.contains(reason), "{finding:?}");
    let page = shop.bad.address.to_string();
    assert!(finding.message.contains(&page), "{finding:?}");
    assert!(finding.hint.is_some());
}

#[test]
fn good_pages_close_the_books() {
    let shop = shop(|caller, count| {
        caller.answer(&page_with(count));
    });
    let ended = shop.run("");
    ended_with(&ended, 0);
    let record = ended.record();
    identities_hold(&record);
    let check = &record.groups[0].crosscheck;
    assert_eq!(check.verdict, CountVerdict::Agree, "{check:?}");
    assert_eq!((check.client, check.replicas), (50, Some(50)));
    assert_eq!(check.residuals, []);
}

#[test]
fn a_missing_page() {
    unreadable_because(
        &shop(|caller, _| {
            caller.say("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }),
        "answered 404",
    );
}

#[test]
fn a_slow_page() {
    unreadable_because(&shop(|caller, _| caller.hold()), "took longer than 2 s");
}

#[test]
fn a_huge_page() {
    unreadable_because(
        &shop(|caller, _| {
            caller.say("HTTP/1.1 200 OK\r\n\r\n");
            let piece = "# more and more\n".repeat(4096);
            while caller.say(&piece) {}
        }),
        "is larger than 8388608 bytes",
    );
}

#[test]
fn a_page_that_is_no_text() {
    unreadable_because(
        &shop(|caller, _| {
            caller.say(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\x89PNG");
        }),
        "is no text",
    );
}

#[test]
fn a_page_of_another_format() {
    unreadable_because(
        &shop(|caller, _| {
            caller.answer("<!doctype html>\n<p>hello\n");
        }),
        "line 1",
    );
}

#[test]
fn a_page_without_the_counter() {
    unreadable_because(
        &shop(|caller, _| {
            caller.answer("up 1\n");
        }),
        "has no counter `http_requests_total",
    );
}

#[test]
fn a_page_that_breaks_off() {
    unreadable_because(
        &shop(|caller, count| {
            let page = page_with(count);
            caller.say(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{page}"
            ));
            caller.say("");
        }),
        "scrape of",
    );
}

#[test]
fn a_counter_that_lost_requests_fails_the_run() {
    let shop = shop(|caller, count| {
        // It misses every fifth.
        caller.answer(&page_with(count - count / 5));
    });
    let ended = shop.run("");
    ended_with(&ended, 99);
    let record = ended.record();
    identities_hold(&record);
    let findings = all(&record, "count-mismatch");
    assert_eq!(findings.len(), 1, "{:#?}", record.findings);
    assert_eq!(findings[0].replica.as_deref(), Some("two"));
    assert_eq!(record.groups[0].crosscheck.verdict, CountVerdict::Disagree);
    assert!(record.groups[0].crosscheck.unnamed > 0);
}

#[test]
fn a_counter_that_began_anew_is_named() {
    // Once there is load, it has forgotten what was before.
    let shop = shop(|caller, count| {
        caller.answer(&page_with(if count == 0 { 1_000 } else { count }));
    });
    let ended = shop.run("");
    ended_with(&ended, 0);
    let record = ended.record();
    identities_hold(&record);
    let findings = all(&record, "counter-reset");
    assert_eq!(findings.len(), 1, "{:#?}", record.findings);
    assert_eq!(findings[0].replica.as_deref(), Some("two"));
}

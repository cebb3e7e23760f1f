//! Holds the page to its promises: small, self-contained, well-formed, escaped, never blank.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::record::{Record, RecordSummary};
use crate::synthetic;

/// Stores the records where `loadgen report` can draw them for a browser.
fn keep(name: &str, record: &Record) {
    if let Ok(folder) = std::env::var("LOADGEN_RECORDS") {
        let folder = std::path::Path::new(&folder).join(name);
        std::fs::create_dir_all(&folder).expect("a folder for a record");
        let text = crate::record::to_json(record);
        std::fs::write(folder.join("record.json"), text).expect("a record");
    }
}

fn pages() -> Vec<(&'static str, Record, String)> {
    let page = |(name, record): (&'static str, Record)| {
        let page = render_html(&record);
        (name, record, page)
    };
    synthetic::pages().into_iter().map(page).collect()
}

/// Every `<svg>…</svg>` of a page.
fn drawings(page: &str) -> Vec<&str> {
    let pieces = page.split("<svg ").skip(1);
    let starts = pieces.map(|piece| piece.split_once("</svg>").map_or("", |(svg, _)| svg));
    starts.collect()
}

#[test]
fn the_policy_lets_run_this_script_and_no_other() {
    let hash = format!("sha256-{}", STANDARD.encode(Sha256::digest(SCRIPT)));
    assert_eq!(
        SCRIPT_HASH, hash,
        "the script changed: write its new hash into html/mod.rs"
    );
    assert!(
        SCRIPT.len() <= 8_000 && !SCRIPT.contains("</script"),
        "{}",
        SCRIPT.len()
    );
}

#[test]
fn a_page_is_small_and_loads_nothing() {
    for (name, record, page) in pages() {
        keep(name, &record);
        assert!(
            page.len() <= 300_000 * record.groups.len(),
            "{name}: {} bytes",
            page.len()
        );
        for attribute in [
            "src=\"",
            "href=\"http",
            "href=\"//",
            "url(",
            "@import",
            "javascript:\"",
        ] {
            assert!(!page.contains(attribute), "{name}: {attribute}");
        }
        assert!(page.contains("default-src 'none'"), "{name}");
    }
}

#[test]
fn every_drawing_is_well_formed_named_and_not_blank() {
    for (name, record, page) in pages() {
        let drawings = drawings(&page);
        assert!(drawings.len() >= 5 * record.groups.len(), "{name}");
        for drawing in drawings {
            let text = format!("<svg {drawing}</svg>");
            let mut reader = quick_xml::Reader::from_str(&text);
            reader.config_mut().check_end_names = true;
            let mut elements = 0;
            loop {
                match reader.read_event().expect(name) {
                    quick_xml::events::Event::Eof => break,
                    quick_xml::events::Event::Start(_) | quick_xml::events::Event::Empty(_) => {
                        elements += 1;
                    }
                    _ => {}
                }
            }
            assert!(elements > 5, "{name}: {text}");
            assert!(
                text.contains("role=\"img\"")
                    && text.contains("<title id=")
                    && text.contains("<desc id="),
                "{name}"
            );
            assert!(!text.contains("NaN") && !text.contains("inf"), "{name}");
        }
    }
}

#[test]
fn what_came_from_a_target_is_text() {
    let page = render_html(&synthetic::hostile());
    assert_eq!(page.matches("<script").count(), 1, "only our own");
    assert!(!page.contains("<img") && !page.contains("<i>") && !page.contains("<b>code"));
    assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'));
    assert!(page.contains("&#60;script&#62;alert(1)") || page.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn ids_on_a_page_are_unique() {
    let page = render_html(&synthetic::two_groups());
    let mut ids: Vec<_> = page
        .split(" id=\"")
        .skip(1)
        .filter_map(|piece| piece.split('"').next())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn ten_minutes_and_four_replicas_fit_a_megabyte() {
    let record = synthetic::ten_minutes();
    let page = render_html(&record);
    keep("ten-minutes", &record);
    assert!(page.len() <= 1_000_000, "{} bytes", page.len());
}

#[test]
fn the_list_of_runs_links_to_each_and_shows_how_p99_moved() {
    let runs: Vec<_> = synthetic::short()
        .iter()
        .enumerate()
        .map(|(day, (name, record))| {
            let mut summary = RecordSummary::of(record);
            summary.folder = format!("run {name}");
            summary.started_at = format!("2026-08-{:02}T12:00:00Z", day + 1);
            summary
        })
        .collect();
    let page = render_index(&runs);
    assert!(page.contains("href=\"./run%20clean/index.html\""));
    assert_eq!(page.matches("<script").count(), 1, "only our own");
    assert!(page.contains("run by run") && !page.contains("<img"));
    assert!(render_index(&[]).contains("0\u{a0}runs"));
}

#[test]
fn what_stands_between_backticks_is_code_and_a_lonely_one_is_itself() {
    let mut record = synthetic::failed();
    record.findings[0].hint = Some("see `a` and `<b>`".into());
    record.findings[1].hint = Some("a lonely ` is no code".into());
    let page = render_html(&record);
    assert!(page.contains("see <code>a</code> and <code>&#60;b&#62;</code>"));
    assert!(page.contains("a lonely ` is no code"));
}

#[test]
fn the_page_says_whether_the_measurement_can_be_believed() {
    let page = render_html(&synthetic::overloaded());
    assert!(page.contains("1 of 3 checks of the measurement itself do not hold."));
    assert!(render_html(&synthetic::timed(synthetic::clean())).contains("All 3 checks"));
    let mut old = synthetic::clean();
    old.threads.clear();
    assert!(!render_html(&old).contains("be believed"));
}

#[test]
fn every_chart_is_drawn_for_a_phone_too_and_shown_once() {
    for (name, _, page) in pages() {
        let count = |what: &str| page.matches(what).count();
        let figures = count("<figure class=\"chart\"");
        assert_eq!(count("<svg class=\"wide\" viewBox"), figures, "{name}");
        assert_eq!(
            count("<svg class=\"narrow\" display=\"none\""),
            figures,
            "{name}"
        );
        assert_eq!(count("<details>"), figures, "{name}");
    }
}

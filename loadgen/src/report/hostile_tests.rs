//! Drives text that would like to steer, turn and command through everything that is drawn.

use std::slice::from_ref;

use super::*;
use crate::compare::{CompareOptions, compare};
use crate::model::{no_command, plain, printed, printed_json};
use crate::record::{self, Record};
use crate::synthetic::{self, Scene};

const HOSTILE: [&str; 6] = [
    "\u{1b}]0;title\u{7}\u{1b}[2J",
    "\r::error::x\n::stop-commands::y",
    "=cmd()",
    "##vso[task.complete]",
    "\u{202e}gnirts\u{200b}",
    "@a,\"b\"",
];

/// A run in which every name that a target, an engine or a file gives is such a text.
fn record(text: &'static str) -> Record {
    let mut record = Scene {
        replicas: vec![text, "other"],
        ..Scene::default()
    }
    .record();
    record.findings = synthetic::failed().findings;
    record.thresholds = synthetic::failed().thresholds;
    let group = &mut record.groups[0];
    text.clone_into(&mut group.host);
    for interval in &mut record.intervals {
        text.clone_into(&mut interval.host);
    }
    for finding in &mut record.findings {
        finding.group = Some(text.into());
        finding.replica = Some(text.into());
        text.clone_into(&mut finding.message);
        finding.hint = Some(text.into());
    }
    for threshold in &mut record.thresholds {
        text.clone_into(&mut threshold.group);
    }
    record.run.command = vec!["loadgen".into(), text.into()];
    text.clone_into(&mut record.run.id);
    text.clone_into(&mut record.stack.target);
    text.clone_into(&mut record.stack.why);
    record
}

fn is_seen(c: char) -> bool {
    c == '\n' || plain(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8()
}

#[track_caller]
fn is_harmless(name: &str, text: &str) {
    let hidden = text.chars().find(|c| !is_seen(*c));
    assert_eq!(hidden, None, "in {name}: {text}");
}

#[test]
fn no_file_of_a_run_holds_what_cannot_be_seen() {
    for text in HOSTILE {
        for (name, contents) in files(&record(text)) {
            is_harmless(&name, &contents);
        }
    }
}

#[test]
fn what_is_printed_of_a_run_is_harmless_by_itself() {
    for text in HOSTILE {
        let record = record(text);
        let pair = compare(
            from_ref(&record),
            from_ref(&record),
            &CompareOptions::default(),
        );
        let pair = pair.expect("comparable");
        let options = TextOptions::default();
        for (name, drawn) in [
            ("summary", render_text(&record, &options)),
            ("line", render_line(&record)),
            ("comparison", render_comparison_text(&pair, &options)),
            ("Markdown", render_comparison_markdown(&pair)),
            ("page", render_comparison_html(&pair)),
        ] {
            is_harmless(name, &drawn);
            // The last look changes nothing but what begins as a command.
            let last = printed(&drawn, false);
            assert!(last.lines().all(|line| no_command(line) == line), "{last}");
        }
        let annotations = render_annotations(&record);
        is_harmless("annotations", &annotations);
        let ours = |line: &str| line.starts_with("::error title=loadgen%3A ");
        assert!(annotations.lines().all(ours), "{annotations}");
    }
}

#[test]
fn no_cell_is_a_formula() {
    for text in HOSTILE {
        let csv = render_csv(&record(text)).replace("\r\n", "\n");
        is_harmless("CSV", &csv);
        let cells = csv.split([',', ';', '\n']);
        for cell in cells.map(|cell| cell.trim_start_matches('"')) {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell} in {csv}");
        }
    }
}

#[test]
fn a_record_is_printed_with_the_value_that_it_has() {
    for text in HOSTILE {
        let record = record(text);
        let shown = printed_json(&record::to_json(&record));
        is_harmless("JSON", &shown);
        assert!(shown.lines().all(|line| no_command(line) == line));
        assert_eq!(record::from_json(&shown).expect("a record"), record);
    }
}

#[test]
fn pages_of_ours_pass_the_last_look_as_they_are() {
    let record = synthetic::failed();
    let pair = compare(
        from_ref(&record),
        from_ref(&record),
        &CompareOptions::default(),
    );
    let page = render_comparison_html(&pair.expect("comparable"));
    assert!(printed(&page, false) == page);
    for color in [false, true] {
        let options = TextOptions {
            color,
            ..TextOptions::default()
        };
        let text = render_text(&record, &options);
        assert_eq!(printed(&text, color), text);
    }
}

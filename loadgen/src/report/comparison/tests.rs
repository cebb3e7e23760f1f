//! Holds the drawings of a comparison to the same story.

use crate::compare::{CompareOptions, compare};
use crate::report::{
    TextOptions, render_comparison_html, render_comparison_json, render_comparison_markdown,
    render_comparison_text,
};
use crate::synthetic::{self, Scene};

fn run(seed: u64, base: f64) -> crate::record::Record {
    let mut record = Scene {
        base,
        seed,
        ..Scene::default()
    }
    .record();
    record.run.id = format!("run-{seed}");
    record
}

fn options() -> CompareOptions {
    CompareOptions {
        resamples: 120,
        ..CompareOptions::default()
    }
}

#[test]
fn every_renderer_tells_the_same_story_and_nothing_breaks_on_silence() {
    let found = compare(&[run(1, 420.0)], &[run(2, 600.0)], &options()).expect("valid");
    insta::assert_snapshot!(
        "comparison",
        render_comparison_text(&found, &TextOptions::default())
    );
    let page = render_comparison_html(&found);
    assert!(
        page.contains("REGRESSION") && render_comparison_markdown(&found).contains("REGRESSION")
    );
    assert!(render_comparison_json(&found).contains("\"worse\""));
    for other in [synthetic::no_answers(), synthetic::one_second()] {
        let found = compare(&[synthetic::clean()], &[other], &options()).expect("not invalid");
        assert!(!render_comparison_html(&found).contains("NaN"));
        assert!(!render_comparison_text(&found, &TextOptions::default()).contains("NaN"));
    }
}

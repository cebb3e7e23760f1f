//! What the parser reads, what it refuses and where, and that nothing makes it panic.

use proptest::prelude::*;

use super::*;

fn only(line: &str) -> Result<Sample<'_>, Reason> {
    read_sample(line, 1)
}

#[test]
fn labels_may_hold_whatever_a_quoted_text_can() {
    let sample = only(r#"m{handler="/items/{id},a=b",q="\"\\\n" ,} 1.234567e+06 1700000000000"#)
        .expect("valid");
    assert_eq!(sample.label("handler"), Some("/items/{id},a=b"));
    assert_eq!(sample.label("q"), Some("\"\\\n"));
    assert!((sample.value - 1_234_567.0).abs() < f64::EPSILON);
    assert_eq!(sample.timestamp, Some(1_700_000_000_000));
}

#[test]
fn values_are_read_as_go_reads_them() {
    for (text, value) in [
        ("1.0", 1.0),
        ("1e+06", 1e6),
        ("+Inf", f64::INFINITY),
        ("-Inf", f64::NEG_INFINITY),
    ] {
        assert_eq!(
            only(&format!("m {text}")).map(|sample| sample.value),
            Ok(value)
        );
    }
    assert!(only("m NaN").is_ok_and(|sample| sample.value.is_nan()));
}

#[test]
fn names_in_quotes_are_read() {
    let sample = only(r#"{"my.name","a label"="b"} 3"#).expect("valid");
    assert_eq!(
        (sample.name.as_ref(), sample.label("a label")),
        ("my.name", Some("b"))
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_its_line_and_reason() {
    for (page, line, part) in [
        ("m 1", 1, "cut off"),
        ("ok 1\n1m 1\n", 2, "no metric name"),
        ("m{a=\"b\" 1\n", 1, "where `}` is needed"),
        ("m{a=\"b} 1\n", 1, "closing quote"),
        ("m{a=b} 1\n", 1, "is needed"),
        ("m{a=\"\\t\"} 1\n", 1, "no escape"),
        ("m{a=\"b\",a=\"c\"} 1\n", 1, "given twice"),
        ("m\n", 1, "no number"),
        ("m one\n", 1, "no number"),
        ("m 1 1.5\n", 1, "no timestamp"),
        ("m 1 2 3\n", 1, "after the end"),
        ("m 1 # {trace=\"x\"} 1\n", 1, "exemplar"),
        ("m 1\n# EOF\nm 2\n", 3, "after `# EOF`"),
        ("m{a=\"b\"} 1\nn 1\nm{a=\"b\"} 2\n", 3, "first in line 1"),
        ("# TYPE m counter\n# TYPE m gauge\n", 2, "given twice"),
        ("# TYPE m speed\n", 1, "no metric type"),
        ("# TYPE 1m counter\n", 1, "no metric name"),
        ("m 1\r\n", 1, "no number"),
    ] {
        let error = parse(page).expect_err(page);
        assert_eq!(error.line, line, "{page:?}: {error}");
        assert!(error.to_string().contains(part), "{page:?}: {error}");
    }
}

#[test]
fn comments_blank_lines_and_the_end_mark_are_no_samples() {
    let page =
        parse("# HELP m What \\n it is.\n# TYPE m counter\n\n#no keyword\n# a word\nm 1\n# EOF\n");
    assert_eq!(page.map(|page| page.samples.len()), Ok(1));
    assert_eq!(parse("").map(|page| page.samples.len()), Ok(0));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_nearly_valid_page_makes_it_panic(page in "([a-z_]{1,3}(\\{([a-z\"=,\\\\ \u{e9}]{0,8})\\}?)? ?[0-9.e+-]{0,5} ?[0-9#]{0,3}\n?){0,8}") {
        let _ = parse(&page);
    }

    #[test]
    fn a_sample_reads_back_as_it_is_written(
        name in "[a-zA-Z_:][a-zA-Z0-9_:]{0,10}",
        label in "[a-z_][a-z0-9_]{0,10}",
        value in "\\PC{0,20}",
        count in 0u64..1 << 53,
    ) {
        let escaped = value.replace('\\', r"\\").replace('"', r#"\""#);
        let line = format!("{name}{{{label}=\"{escaped}\"}} {count}");
        let sample = only(&line).expect("valid");
        prop_assert_eq!(sample.label(&label), Some(value.as_str()));
        prop_assert!((sample.value - count as f64).abs() < 0.5);
    }
}

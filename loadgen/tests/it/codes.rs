//! Holds the codes of findings together: the list, the page that explains them, and the source.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use loadgen::checks::CODES;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every source of the library but the list itself and the tests.
fn sources() -> Vec<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_rust = path.extension().is_some_and(|extension| extension == "rs");
            if path.is_dir() && name != "tests" && name != "fixture" {
                folders.push(path);
            } else if is_rust && !name.ends_with("tests.rs") && name != "codes.rs" {
                files.push(path);
            }
        }
    }
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
    texts.collect()
}

#[test]
fn the_page_explains_every_code_once_and_no_other() {
    let page = read("../docs/verdicts.md");
    let tables = page.split("\n## Findings about").skip(1);
    let mut explained: Vec<&str> = Vec::new();
    for table in tables {
        let rows = table.split("\n## ").next().unwrap().lines();
        explained.extend(rows.filter_map(|row| row.strip_prefix("| `")?.split('`').next()));
    }
    explained.sort_unstable();
    assert_eq!(explained, CODES);
}

#[test]
fn the_source_raises_every_code_and_no_other() {
    let sources = sources();
    for code in CODES {
        let literal = format!("\"{code}\"");
        assert!(
            sources.iter().any(|text| text.contains(&literal)),
            "nothing raises {code}"
        );
    }
    let mut raised: BTreeSet<&str> = BTreeSet::new();
    for text in &sources {
        for call in text.split("Finding::new(").skip(1) {
            // A code that is worked out stands elsewhere in the file.
            let first = call.trim_start().strip_prefix('"');
            raised.extend(first.and_then(|rest| rest.split('"').next()));
        }
    }
    assert!(
        raised.len() > 30,
        "the calls are written otherwise: {raised:?}"
    );
    let strangers: Vec<_> = raised.iter().filter(|code| !CODES.contains(code)).collect();
    assert!(strangers.is_empty(), "not in the list: {strangers:?}");
}

//! Holds the page that explains the findings to the codes that there are, and to what they weigh.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use loadgen::record::{Code, Severity};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The severities of each code that the page's tables explain, in the order they are told.
fn explained() -> BTreeMap<String, Vec<String>> {
    let page = read("../docs/verdicts.md");
    let tables = page.split("\n## Findings about").skip(1);
    let mut explained = BTreeMap::new();
    for table in tables {
        let rows = table.split("\n## ").next().unwrap().lines();
        for row in rows.filter(|row| row.starts_with("| `")) {
            let cells: Vec<_> = row.trim_matches('|').split(" | ").collect();
            let code = cells[0].trim().trim_matches('`').to_owned();
            let words = cells[1].split([' ', ';', ',']);
            let severities = words.filter(|word| severity(word).is_some());
            let told = severities.map(str::to_owned).collect();
            assert!(explained.insert(code, told).is_none(), "twice: {row}");
        }
    }
    explained
}

fn severity(word: &str) -> Option<Severity> {
    serde_json::from_value(word.into()).ok()
}

#[test]
fn the_page_explains_every_code_and_what_it_weighs_and_no_other() {
    let explained = explained();
    let known = |code: &Code| {
        let severities = code.severities().iter();
        let names = severities.map(|one| serde_json::to_value(one).unwrap());
        let names = names.map(|name| name.as_str().unwrap().to_owned());
        (code.name().to_owned(), names.collect())
    };
    assert_eq!(explained, Code::ALL.iter().map(known).collect());
}

#[test]
fn every_code_is_raised_somewhere() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !["tests", "synthetic", "report"].contains(&name.as_str()) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let sources: Vec<_> = files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    for code in Code::ALL {
        let variant = format!("Code::{code:?}");
        let raised = sources.iter().any(|text| text.contains(&variant));
        assert!(raised, "nothing raises {code}");
    }
}

//! Everything a run leaves in its folder, as names and contents; writing them is the runner's.

use super::{Record, hlog_name, render_hlog, render_html, render_junit, render_markdown, to_json};

/// The files of a run. The record comes first: all others can be drawn again from it.
#[must_use]
pub fn files(record: &Record) -> Vec<(String, String)> {
    let mut files = vec![
        ("record.json".to_owned(), to_json(record)),
        ("index.html".to_owned(), render_html(record)),
        ("summary.md".to_owned(), render_markdown(record)),
        ("junit.xml".to_owned(), render_junit(record)),
    ];
    files.extend(
        record
            .groups
            .iter()
            .map(|group| (hlog_name(&group.host), render_hlog(record, &group.host))),
    );
    files
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn a_run_leaves_the_files_of_the_contract() {
        let names: Vec<_> = files(&fixture::two_groups())
            .into_iter()
            .map(|file| file.0)
            .collect();
        let expected = [
            "record.json",
            "index.html",
            "summary.md",
            "junit.xml",
            "app-group-1.hlog",
            "app-group-2.hlog",
        ];
        assert_eq!(names, expected);
    }
}

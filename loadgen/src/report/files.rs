//! Every file that is drawn from a record, as names and contents.

use super::{hlog_name, render_hlog, render_html, render_junit, render_markdown};
use crate::record::Record;

/// The files that are drawn from a record.
#[must_use]
pub fn files(record: &Record) -> Vec<(String, String)> {
    let mut files = vec![
        ("index.html".to_owned(), render_html(record)),
        ("summary.md".to_owned(), render_markdown(record)),
        ("junit.xml".to_owned(), render_junit(record)),
    ];
    files.extend(
        record
            .groups
            .iter()
            .map(|group| (hlog_name(group.label()), render_hlog(record, group.label()))),
    );
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn a_run_leaves_the_files_of_the_contract() {
        let names: Vec<_> = files(&synthetic::two_groups())
            .into_iter()
            .map(|file| file.0)
            .collect();
        let expected = [
            "index.html",
            "summary.md",
            "junit.xml",
            "app-group-1.hlog",
            "app-group-2.hlog",
        ];
        assert_eq!(names, expected);
    }
}

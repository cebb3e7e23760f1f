//! Every file that is drawn from a record, as names and contents.

use super::{hlog_name, render_hlog, render_html, render_junit, render_markdown};
use crate::record::Record;

/// The files that are drawn from a record, each when it is asked for: together they are larger than
/// the record.
pub fn files(record: &Record) -> impl Iterator<Item = (String, String)> {
    type Draw = fn(&Record) -> String;
    let drawn: [(&str, Draw); 3] = [
        ("index.html", render_html),
        ("summary.md", render_markdown),
        ("junit.xml", render_junit),
    ];
    let drawn = drawn.into_iter();
    let drawn = drawn.map(|(name, draw)| (name.to_owned(), draw(record)));
    let logs = record.groups.iter().map(|group| {
        let name = group.label();
        (hlog_name(name), render_hlog(record, name))
    });
    drawn.chain(logs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn a_run_leaves_the_files_of_the_contract() {
        let names: Vec<_> = files(&synthetic::two_groups()).map(|file| file.0).collect();
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

//! Draws stored records: the versioned [`Record`] and its renderers.
//!
//! **Invariant:** a report is a pure function of a record, and an old record always renders.

mod assemble;
mod chart;
mod csv;
mod figures;
mod hlog;
mod html;
mod json;
mod junit;
mod markdown;
mod record;
mod sentences;
mod series;
mod text;

#[cfg(test)]
mod fixture;

pub use assemble::{Parts, assemble, recover};
pub use csv::render_csv;
pub use hlog::{hlog_name, render_hlog};
pub use html::{GroupSummary, RecordSummary, render_html, render_index};
pub use json::{ReadError, from_json, interval_from_json, schema, to_json, to_json_line};
pub use junit::render_junit;
pub use markdown::render_markdown;
pub use record::{
    Environment, GroupRecord, IntervalRecord, IntervalReplica, Quantiles, Rates, Record,
    ReplicaInfo, ReplicaRecord, RequestCounts, RunInfo, SCHEMA_VERSION, StackInfo, ThreadInfo,
};
pub use text::{TextOptions, render_line, render_text};

/// Every file that is drawn from a record, with its name.
#[must_use]
pub fn drawn_files(record: &Record, csv: bool) -> Vec<(String, String)> {
    let mut files = vec![
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
    if csv {
        files.push(("intervals.csv".to_owned(), render_csv(record)));
    }
    files
}

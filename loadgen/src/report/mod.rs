//! Draws stored records: the versioned [`Record`] and its renderers.
//!
//! **Invariant:** a report is a pure function of a record, and an old record always renders.

mod assemble;
mod chart;
mod figures;
mod html;
mod json;
mod record;
mod sentences;
mod series;
mod text;

#[cfg(test)]
mod fixture;

pub use assemble::{Parts, assemble, recover};
pub use html::render_html;
pub use json::{ReadError, from_json, interval_from_json, schema, to_json, to_json_line};
pub use record::{
    Environment, GroupRecord, IntervalRecord, IntervalReplica, Quantiles, Rates, Record,
    ReplicaInfo, ReplicaRecord, RequestCounts, RunInfo, SCHEMA_VERSION, StackInfo, ThreadInfo,
};
pub use text::{TextOptions, render_line, render_text};

/// Every file that is drawn from a record, with its name.
#[must_use]
pub fn drawn_files(record: &Record, csv: bool) -> Vec<(String, String)> {
    let _ = (record, csv);
    Vec::new()
}

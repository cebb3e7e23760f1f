//! Draws stored records: the versioned [`Record`] and its renderers.
//!
//! **Invariant:** a report is a pure function of a record, and an old record always renders.

mod assemble;
mod chart;
mod compare;
mod csv;
mod figures;
mod files;
mod github;
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
pub use compare::{
    Change, CompareError, CompareOptions, Comparison, FigureComparison, FigureUnit,
    GroupComparison, compare, render_comparison_html, render_comparison_json,
    render_comparison_markdown, render_comparison_text,
};
pub use csv::render_csv;
pub use files::files;
pub use github::{render_annotations, render_step_summary};
pub use hlog::{hlog_name, render_hlog};
pub use html::{GroupSummary, RecordSummary, render_html, render_index};
pub use json::{ReadError, from_json, interval_from_json, schema, to_json, to_json_line};
pub use junit::render_junit;
pub use markdown::render_markdown;
pub use record::{
    Environment, GroupRecord, IntervalRecord, IntervalReplica, Quantiles, Rates, Record,
    ReplicaInfo, ReplicaRecord, RequestCounts, RunInfo, SCHEMA_VERSION, StackInfo, ThreadInfo,
};
pub use sentences::plain;
pub use text::{TextOptions, render_line, render_text};

//! Draws stored records and comparisons of them: text, Markdown, pages, logs.
//!
//! **Invariant:** a report is a pure function of a record, and an old record always renders.

mod chance;
mod chart;
mod comparison;
mod csv;
mod events;
mod experiment;
mod files;
mod format;
mod github;
mod hlog;
mod html;
mod junit;
mod load;
mod markdown;
mod routes;
mod sentences;
mod series;
mod text;
mod workers;

pub use comparison::{
    render_comparison_html, render_comparison_json, render_comparison_markdown,
    render_comparison_text,
};
pub use csv::{render_csv, render_requests_csv};
pub use experiment::{
    json, render_scaling_html, render_scaling_markdown, render_scaling_text, render_search_html,
    render_search_markdown, render_search_text, scaling_files, search_files,
};
pub use files::files;
pub use github::{render_annotations, render_step_summary};
pub use hlog::{hlog_name, render_hlog};
pub use html::{render_html, render_index};
pub use junit::render_junit;
pub use markdown::render_markdown;
pub use text::{TextOptions, render_line, render_text};

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod tests;

//! The page: one self-contained file that reads without script, without style and without network.

mod group;
mod index;
mod page;
mod plan;

pub(super) use group::figure;
pub use index::{GroupSummary, RecordSummary, render_index};
pub use page::render_html;

/// The page's own script: small, and an addition only.
pub(super) const SCRIPT: &str = include_str!("../../../templates/script.js");
/// What the page's policy lets run: this script and no other. A test holds it to the file.
pub(super) const SCRIPT_HASH: &str = "sha256-ukUSJVo9+4pPva94HXcu8O3KuVRvs8iQs0gKHoDpC5U=";
/// The page's style.
pub(super) const STYLE: &str = include_str!("../../../templates/style.css");

#[cfg(test)]
mod tests;

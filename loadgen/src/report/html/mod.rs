//! The page: one self-contained file that reads without script, without style and without network.

mod group;
mod index;
mod page;
mod plan;

pub use index::{GroupSummary, RecordSummary, render_index};
pub use page::render_html;

/// The page's own script: small, and an addition only.
const SCRIPT: &str = include_str!("../../../templates/script.js");
/// What the page's policy lets run: this script and no other. A test holds it to the file.
const SCRIPT_HASH: &str = "sha256-LXqKIczeuHE0ZmAmSr26nGF1SeV3lSoE+mZAzqEsG70=";
/// The page's style.
const STYLE: &str = include_str!("../../../templates/style.css");

#[cfg(test)]
mod tests;

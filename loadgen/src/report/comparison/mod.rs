//! Draws what a comparison of runs found: as text, Markdown, JSON and a page.

mod html;
mod text;

pub use html::render_comparison_html;
pub use text::{render_comparison_json, render_comparison_markdown, render_comparison_text};

#[cfg(test)]
mod tests;

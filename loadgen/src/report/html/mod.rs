//! The page: one self-contained file that reads without script, without style and without network.

mod group;
mod health;
mod index;
mod page;
mod plan;

pub(super) use group::figure;
pub use index::render_index;
pub use page::render_html;

/// The page's own script: small, and an addition only.
const SCRIPT: &str = include_str!("../../../templates/script.js");
/// What the page's policy lets run: this script and no other. A test holds it to the file.
const SCRIPT_HASH: &str = "sha256-H+RAunVYMEp7EC4w8s01G3+b9sn17dvNO4tvgNTp9LM=";

/// What every page has in its head and at its foot.
pub(super) struct Shell {
    pub(super) script_hash: &'static str,
    pub(super) script: &'static str,
    pub(super) style: &'static str,
    pub(super) version: &'static str,
}

/// The one shell there is.
pub(super) const SHELL: Shell = Shell {
    script_hash: SCRIPT_HASH,
    script: SCRIPT,
    style: include_str!("../../../templates/style.css"),
    version: env!("CARGO_PKG_VERSION"),
};

#[cfg(test)]
mod tests;

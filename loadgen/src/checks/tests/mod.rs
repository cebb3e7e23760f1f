//! Whole judgements on made-up evidence: what is found, and above all what is not.

mod balance;
mod books;
mod connections;
pub(super) mod scene;
mod validity;

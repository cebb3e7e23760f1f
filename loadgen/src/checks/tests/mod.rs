//! Whole judgements on made-up evidence: what is found, and above all what is not.

mod balance;
mod connections;
mod crosscheck;
mod holds;
mod other_stacks;
pub(super) mod scene;
mod validity;
mod workers;

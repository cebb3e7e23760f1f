//! Serves the replica.
fn main() {}

//! Whole judgements on made-up evidence.

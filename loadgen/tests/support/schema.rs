//! Reads a record after it was held to the schema that loadgen prints: the way every end-to-end
//! test takes to one.

use std::sync::LazyLock;

use loadgen::record::{self, Record};

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(&record::schema()).expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema is a schema")
});

/// The record that a text is; what the schema does not allow is a failure of the test.
#[track_caller]
pub fn record(text: &str) -> Record {
    let value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let errors: Vec<_> = SCHEMA
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "against the schema: {errors:#?}");
    record::from_json(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

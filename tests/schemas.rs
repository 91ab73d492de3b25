//! The published schema: current, and of one mind with the program.

use std::fs;

use kiln::{
    nodes::KINDS,
    spec::{
        Source,
        codes::{self, Wrong},
        schema,
    },
};
use serde_json::Value;

mod kit;

#[test]
fn the_published_schema_is_current() {
    let text = schema::text(KINDS);
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(schema::PATH, &text).unwrap();
        return;
    }
    let published = fs::read_to_string(schema::PATH).unwrap();
    assert!(
        published == text,
        "{} is stale: run `UPDATE_SCHEMAS=1 cargo test --release --test schemas`",
        schema::PATH
    );
    assert!(schema::PUBLISHED == text, "the embedded schema is stale: build again");
}

#[test]
fn the_schema_is_valid_draft_07() {
    let schema = schema::written(KINDS);
    let meta = jsonschema::draft7::meta::validate(&schema);
    assert!(meta.is_ok(), "{meta:?}");
}

/// What a text says, if it can be read.
fn document(text: &str) -> Option<Value> {
    Source::new("example.yaml", text).parse().ok().map(|(document, _)| document)
}

#[test]
fn the_schema_refuses_what_the_program_refuses() {
    let validator = jsonschema::draft7::new(&schema::written(KINDS)).unwrap();
    for code in codes::ALL.iter().filter(|code| !matches!(code.wrong, Wrong::Arch(_))) {
        assert!(validator.is_valid(&document(code.right).unwrap()), "right example of {}", code.code);
        let Wrong::Yaml(text) = code.wrong else { continue };
        let of_schema = code.code.starts_with("E01");
        if let Some(document) = document(text) {
            assert_eq!(validator.is_valid(&document), !of_schema, "wrong example of {}", code.code);
        }
    }
}

#[test]
fn the_schema_accepts_the_pipelines_of_this_repository() {
    let validator = jsonschema::draft7::new(&schema::written(KINDS)).unwrap();
    for path in kit::yaml_files("pipelines") {
        let document = document(&fs::read_to_string(&path).unwrap()).unwrap();
        assert!(validator.is_valid(&document), "{}", path.display());
    }
}

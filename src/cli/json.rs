//! What commands print for programs: types whose schemas are published, each object with the version of its shape.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    bench, cache, check, compare, diff, doctor, explain, fix, fmt, init, inspect, list, oneliner, output,
    paired, plan, restore, verify, why,
};
use crate::{eval::predictions::Prediction, event::Event};

/// The version of all shapes; raised when a reader of one would have to change.
pub const VERSION: u32 = 1;

/// The folder that the schemas are published in.
pub const FOLDER: &str = "schemas/output";

/// What a command prints: the name of its schema, and the schema.
pub type Shape = (&'static str, fn() -> Value);

/// All shapes but that of `kiln show`, whose output is a pipeline file.
pub const SHAPES: &[Shape] = &[
    ("bench", || schema::<bench::Benchmarked>("bench")),
    ("cache-list", || schema::<cache::Listed>("cache-list")),
    ("cache-prune", || schema::<cache::Removed>("cache-prune")),
    ("cache-verify", || schema::<cache::Checked>("cache-verify")),
    ("check", || schema::<check::Checked>("check")),
    ("compare", || schema::<compare::Row>("compare")),
    ("compare-paired", || schema::<paired::PairedRow>("compare-paired")),
    ("diff", || schema::<diff::Differing>("diff")),
    ("doctor", || schema::<doctor::Found>("doctor")),
    ("error", || schema::<output::Told>("error")),
    ("event", || schema::<Event>("event")),
    ("explain", || schema::<explain::Explained>("explain")),
    ("fix", || schema::<fix::Mended>("fix")),
    ("fmt", || schema::<fmt::Formatted>("fmt")),
    ("init", || schema::<init::Written>("init")),
    ("inspect", || schema::<inspect::Inspected>("inspect")),
    ("list", || schema::<list::ExperimentRow>("list")),
    ("list-runs", || schema::<list::RunRow>("list-runs")),
    ("made", || schema::<oneliner::Made>("made")),
    ("plan", || schema::<plan::Planned>("plan")),
    ("predict", || schema::<Prediction>("predict")),
    ("restore", || schema::<restore::Restored>("restore")),
    ("verify", || schema::<verify::Verified>("verify")),
    ("why", || schema::<why::Explained>("why")),
];

/// Prints an object on a line.
pub(super) fn print(data: &impl Serialize) {
    println!("{}", object(data));
}

/// The data as an object that says the version of its shape first.
pub(super) fn object(data: &impl Serialize) -> Value {
    let mut object = Map::new();
    object.insert("version".to_owned(), VERSION.into());
    match serde_json::to_value(data) {
        Ok(Value::Object(data)) => object.extend(data),
        other => unreachable!("what is printed is an object of plain data, not {other:?}"),
    }
    object.into()
}

/// The schema of an object that is made of a type.
fn schema<T: JsonSchema>(name: &str) -> Value {
    let settings = SchemaSettings::draft07().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    schema["$id"] = format!("urn:kiln:output:{name}:{VERSION}").into();
    let variants = schema.get_mut("oneOf").and_then(Value::as_array_mut);
    match variants {
        Some(variants) => variants.iter_mut().for_each(with_version),
        None => with_version(&mut schema),
    }
    schema
}

/// Says in the schema of an object that it has a version.
fn with_version(schema: &mut Value) {
    let version = json!({ "description": "The version of this shape.", "const": VERSION });
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.shift_insert(0, "version".to_owned(), version);
    }
    if !schema["required"].is_array() {
        schema["required"] = json!([]);
    }
    if let Some(required) = schema["required"].as_array_mut() {
        required.insert(0, "version".into());
    }
}

/// A schema as it is on disk.
pub fn text((_, schema): &Shape) -> String {
    format!("{:#}\n", schema())
}

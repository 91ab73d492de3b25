//! From a step to its recipe.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    plan::Step,
    store::{Digest, FORMAT, Recipe},
};

/// The floating-point type that nodes calculate with, unless a parameter of theirs names another one.
const PRECISION: &str = "f32";

/// All that decides the step's result.
pub fn recipe(
    step: &Step,
    seed: u64,
    inputs: BTreeMap<String, Digest>,
    sources: BTreeMap<String, Digest>,
) -> Recipe {
    Recipe {
        format: FORMAT,
        kind: step.kind.name.to_owned(),
        version: step.kind.version,
        params: params(step),
        inputs,
        sources,
        seed: step.node.seeded().then_some(seed),
        precision: step.node.uses_device().then(|| PRECISION.to_owned()),
    }
}

/// Every parameter but those that count by content (references, paths, URLs) or not at all (runtime keys).
fn params(step: &Step) -> Map<String, Value> {
    let Value::Object(mut params) = step.node.params() else { return Map::new() };
    let sources = step.node.sources();
    let left_out = step.kind.inputs.iter().map(|input| input.port);
    let left_out = left_out.chain(step.kind.runtime.iter().copied()).chain(step.node.places());
    for key in left_out.chain(sources.iter().map(|source| source.key)) {
        params.shift_remove(key);
    }
    params
}

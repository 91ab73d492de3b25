//! From a step to its recipe.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    node::KeyRole,
    plan::Step,
    store::{Digest, FORMAT, Recipe},
};

/// All that decides the step's result.
pub fn recipe(step: &Step, inputs: BTreeMap<String, Digest>, sources: BTreeMap<String, Digest>) -> Recipe {
    Recipe {
        format: FORMAT,
        kind: step.kind.name.to_owned(),
        version: step.kind.version,
        params: params(step),
        inputs,
        sources,
        seed: step.seed,
        precision: step.node.precision().map(str::to_owned),
    }
}

/// Every parameter but those that count by content (references, paths, URLs) or not at all.
fn params(step: &Step) -> Map<String, Value> {
    let sources: Vec<&str> = step.node.sources().iter().map(|source| source.key).collect();
    let pinned = step.node.pinned();
    let mut params = step.params.clone();
    params.retain(|key, _| match step.kind.role(key) {
        Some(KeyRole::Source) => !sources.contains(&key.as_str()) && !pinned.contains(&key.as_str()),
        Some(role) => role.accepts().is_none() && role != KeyRole::Runtime,
        None => true,
    });
    params
}

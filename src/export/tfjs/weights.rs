//! The numbers of a graph's constants, which stand in files of their own.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    export::tensorflow::{Attribute, Graph, Tensor, Type},
};

/// As many bytes has a file: what browsers keep.
const SHARD: usize = 4 << 20;
/// What a node calls its numbers.
const VALUE: &str = "value";

/// What is said of a constant's numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    name: String,
    shape: Vec<i64>,
    /// What they become: `float32` or `int32`.
    dtype: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quantization: Option<Quantization>,
}

/// What they are in the file: `float16`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Quantization {
    dtype: String,
}

/// All numbers, and what is said of them, in the same order.
pub(super) struct Weights {
    pub(super) specs: Vec<Spec>,
    pub(super) bytes: Vec<u8>,
}

/// The graph without its numbers, and these.
pub(super) fn taken_out(mut graph: Graph) -> (Graph, Weights) {
    let mut weights = Weights { specs: Vec::new(), bytes: Vec::new() };
    for node in &mut graph.nodes {
        if let Some(Attribute::Tensor(tensor)) = node.attributes.get_mut(VALUE) {
            weights.specs.push(Spec::of(&node.name, tensor));
            weights.bytes.append(&mut tensor.bytes);
        }
    }
    (graph, weights)
}

/// The graph with its numbers, which are all of `bytes`.
///
/// # Errors
/// If a constant has none, or they are not those that it says.
pub(super) fn put_back(mut graph: Graph, specs: &[Spec], bytes: &[u8]) -> Result<Graph> {
    let mut places = places(specs, bytes)?;
    for node in &mut graph.nodes {
        if let Some(Attribute::Tensor(tensor)) = node.attributes.get_mut(VALUE) {
            // Each is taken once, so that no more is made of the files than they hold.
            let (spec, own) = places.remove(node.name.as_str()).ok_or_else(|| wrong(&node.name))?;
            if *spec != Spec::of(&node.name, tensor) {
                return Err(wrong(&node.name));
            }
            tensor.bytes = own.to_vec();
        }
    }
    Ok(graph)
}

/// What is said of each constant, and its part of the bytes, by its name.
fn places<'a>(specs: &'a [Spec], bytes: &'a [u8]) -> Result<BTreeMap<&'a str, (&'a Spec, &'a [u8])>> {
    let (mut rest, mut places) = (bytes, BTreeMap::new());
    for spec in specs {
        let cut = spec.length().and_then(|length| rest.split_at_checked(length));
        let (own, behind) = cut.ok_or_else(|| wrong(&spec.name))?;
        places.insert(spec.name.as_str(), (spec, own));
        rest = behind;
    }
    if rest.is_empty() { Ok(places) } else { Err(Error::new("its files have more numbers than it names")) }
}

impl Spec {
    fn of(name: &str, tensor: &Tensor) -> Self {
        let dtype = if tensor.of == Type::Int32 { "int32" } else { "float32" };
        let half = (tensor.of == Type::Half).then(|| Quantization { dtype: "float16".to_owned() });
        let (name, shape) = (name.to_owned(), tensor.shape.clone());
        Self { name, shape, dtype: dtype.to_owned(), quantization: half }
    }

    /// How many bytes the numbers take.
    fn length(&self) -> Option<usize> {
        let width = if self.quantization.is_some() { 2 } else { 4 };
        let size = |size: &i64| usize::try_from(*size).ok();
        self.shape.iter().try_fold(width, |length: usize, it| length.checked_mul(size(it)?))
    }
}

/// The files of these bytes, with their names.
pub(super) fn shards(bytes: &[u8]) -> Vec<(String, &[u8])> {
    let count = bytes.len().div_ceil(SHARD);
    let named = |(at, shard)| (format!("group1-shard{}of{count}.bin", at + 1), shard);
    bytes.chunks(SHARD).enumerate().map(named).collect()
}

/// The names of files that lie beside the model's.
///
/// # Errors
/// If one lies elsewhere, or is named twice: that would make more of it than there is.
pub(super) fn beside(paths: &[String]) -> Result<&[String]> {
    let elsewhere = |path: &&String| path.contains(['/', '\\', ':']) || path.starts_with('.');
    if let Some(path) = paths.iter().find(elsewhere) {
        return Err(Error::new(format!("its numbers lie elsewhere: {path}")));
    }
    match paths.iter().collect::<BTreeSet<_>>().len() == paths.len() {
        true => Ok(paths),
        false => Err(Error::new("it names a file of numbers twice")),
    }
}

fn wrong(name: &str) -> Error {
    Error::new(format!("the constant {name} is of another kind or size than it should be"))
}

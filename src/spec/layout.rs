//! A pipeline file in the one layout that all have: keys in the order in which they are described, one indentation,
//! comments with what they are about.

use serde_json::Value;

use super::{
    codes,
    origin::Origins,
    problem::{DocPath, Place, Problem},
    schema,
    shape::Shapes,
    source::Source,
};
use crate::{node::Kind, yaml::layout::laid_out};

/// The keys of a file in their order.
pub const KEYS: [&str; 9] =
    ["version", "name", "seed", "extends", "params", "matrix", "repeats", "halving", "nodes"];

/// The text of the file in that layout; what it says, down to the order of its nodes, is the same. Keys that are not
/// known come last.
///
/// # Errors
/// Why it is not read; and if the layout would change what it says.
pub fn formatted(source: &Source, kinds: &[Kind]) -> Result<String, Box<Problem>> {
    let (document, _) = source.parse()?;
    let (schema, origins) = (schema::pipeline(kinds), Origins::default());
    let shapes = Shapes { schema: &schema, document: &document, source: None, origins: &origins, kinds };
    laid_out(source.text(), &|path| order(&shapes, path)).ok_or_else(|| Box::new(unusual()))
}

fn order(shapes: &Shapes<'_>, path: &DocPath) -> Vec<String> {
    let keys = if path.0.is_empty() { KEYS.to_vec() } else { shapes.keys(path) };
    // Of a mapping that is there twice, the second is another.
    let is_read = matches!(shapes.value(path), Value::Object(_));
    keys.into_iter().filter(|_| is_read).map(str::to_owned).collect()
}

fn unusual() -> Problem {
    let message = "this file can't be formatted without changing what it says";
    Problem::new(codes::YAML_FEATURE, Place::Bytes(0, 0), message)
        .help("something in it is written in an unusual way, such as a text that keeps blank lines at its end (`|+`)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::KINDS;

    fn done(text: &str) -> String {
        formatted(&Source::new("p.yaml", text), KINDS).unwrap()
    }

    #[test]
    fn keys_come_as_they_are_described() {
        let text = "# head
nodes:
   fit: { epochs: 3, epocs: 4, dataset: data, model: net, type: train }
   prep:
     size: 64
     train:
     - p: 0.4
       type: random_erasing
     - type: horizontal_flip
     type: transforms
   net: {type: model, dataset: data, arch: yolo11n-cls}
   odd: { b: 1, type: trian, a: 2 }
matrix:
  rate: [ 0.1 ]
params: { rate: 1, b: 2, a: 3 }
other: 1
name: x
version: 1
";
        insta::assert_snapshot!(done(text));
    }

    #[test]
    fn every_key_of_a_file_has_its_place() {
        let written = schema::written(KINDS);
        let mut known: Vec<&String> =
            written["definitions"]["whole"]["properties"].as_object().unwrap().keys().collect();
        known.sort();
        let mut placed = KEYS.to_vec();
        placed.sort_unstable();
        assert_eq!(known, placed);
    }

    #[test]
    fn what_is_no_yaml_is_told() {
        let told = |text: &str| formatted(&Source::new("p.yaml", text), KINDS).unwrap_err().code;
        assert_eq!(told("a: [1"), codes::SYNTAX);
        assert_eq!(told(""), codes::EMPTY_FILE);
        assert_eq!(told("name: |+\n  a\n\n\nversion: 1\n"), codes::YAML_FEATURE);
    }
}

//! The nodes of a file, each after those whose results it takes: some programs add nodes at the end that belong in front.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::{Error, Result},
    export::onnx::proto::NodeProto,
};

/// The nodes in the file's own order, as far as each can come after what it needs; `images` are there from the start.
///
/// # Errors
/// If some need each other.
pub(super) fn ordered<'a>(nodes: &'a [NodeProto], images: &str) -> Result<Vec<&'a NodeProto>> {
    let made: BTreeSet<&String> =
        nodes.iter().flat_map(|node| &node.output).filter(|name| *name != images).collect();
    let mut takers: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
    let mut missing = vec![0_usize; nodes.len()];
    for (place, node) in nodes.iter().enumerate() {
        for input in node.input.iter().filter(|input| made.contains(input)) {
            takers.entry(input).or_default().push(place);
            missing[place] += 1;
        }
    }
    let mut ready: BTreeSet<usize> = (0..nodes.len()).filter(|place| missing[*place] == 0).collect();
    let mut ordered = Vec::new();
    while let Some(place) = ready.pop_first() {
        ordered.push(&nodes[place]);
        for taker in nodes[place].output.iter().filter_map(|output| takers.remove(output)).flatten() {
            missing[taker] -= 1;
            ready.extend((missing[taker] == 0).then_some(taker));
        }
    }
    let in_a_circle = || Error::new("its operations need each other's results");
    (ordered.len() == nodes.len()).then_some(ordered).ok_or_else(in_a_circle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, input: &[&str], output: &[&str]) -> NodeProto {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        NodeProto {
            name: name.to_owned(),
            input: texts(input),
            output: texts(output),
            ..NodeProto::default()
        }
    }

    fn names(nodes: &[NodeProto]) -> Option<String> {
        let ordered = ordered(nodes, "x").ok()?;
        Some(ordered.iter().map(|node| node.name.as_str()).collect())
    }

    #[test]
    fn what_is_in_order_stays_so() {
        let nodes = [
            node("a", &["x"], &["1"]),
            node("b", &["x"], &["2"]),
            node("c", &["1", "1", "2"], &["3", "4"]),
            node("d", &["4", "x"], &["5"]),
        ];
        assert_eq!(names(&nodes).unwrap(), "abcd");
    }

    #[test]
    fn what_is_needed_comes_first() {
        let nodes = [node("a", &["2", "w"], &["3"]), node("b", &["1"], &["2"]), node("c", &["x"], &["1"])];
        assert_eq!(names(&nodes).unwrap(), "cba");
    }

    #[test]
    fn a_circle_is_refused() {
        assert_eq!(names(&[node("a", &["2"], &["1"]), node("b", &["1"], &["2"])]), None);
        assert_eq!(names(&[node("a", &["1"], &["1"])]), None);
    }
}

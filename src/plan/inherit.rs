//! References that need not be written, because the node at another port has them.

use super::check::{accepts, fitting, offer};
use crate::{
    node::KeyRole,
    spec::{DocPath, DraftNode, Place, Problem, codes},
};

/// Writes out every reference that a node leaves to another one; a problem for each that can't be known.
///
/// Nodes that are broken, or whose references are, cause no further problems here.
pub(super) fn inherit(nodes: &mut [DraftNode]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for i in 0..nodes.len() {
        for &(port, role) in nodes[i].kind.map_or(&[][..], |kind| kind.keys) {
            let KeyRole::InheritedInput { from: via, .. } = role else { continue };
            let Some(teller) = teller(nodes, &nodes[i], port, via) else { continue };
            match teller.params.get(port).cloned() {
                Some(id) => _ = nodes[i].params.insert(port.to_owned(), id),
                None => problems.push(unknown(nodes, &nodes[i], port, via, &teller.id)),
            }
        }
    }
    problems
}

/// The node at `via` of a node that leaves `port` out.
fn teller<'a>(nodes: &'a [DraftNode], node: &DraftNode, port: &str, via: &str) -> Option<&'a DraftNode> {
    if node.built.is_none() || node.params.contains_key(port) {
        return None;
    }
    let id = node.params.get(via)?.as_str()?;
    let teller = nodes.iter().find(|other| other.id == id)?;
    accepts(node, via).contains(&teller.built.as_ref()?.node.output()).then_some(teller)
}

fn unknown(nodes: &[DraftNode], node: &DraftNode, port: &str, via: &str, teller: &str) -> Problem {
    let at = DocPath::from(["nodes", node.id.as_str()]);
    let message = format!("node `{}` has no `{port}`, and its {via} `{teller}` does not name one", node.id);
    let accepts = accepts(node, port);
    Problem::new(codes::MISSING_KEY, Place::Key(at), message)
        .label(format!("`{port}` is missing"))
        .help(format!("add `{port}`; {}", offer(accepts, &fitting(nodes, node, accepts))))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{
        nodes::KINDS,
        plan::{Plan, load_source},
        spec::{Source, render::Style},
    };

    const FIT: &str = "
  digits: { type: dataset, root: . }
  others: { type: dataset, root: src }
  net: { type: model, arch: yolo11n-cls, classes: 2 }
  fit: { type: train, model: net, dataset: digits }
  again: { type: train, model: fit, dataset: others }
  file: { type: model, weights: tests/fixtures/weights/views.pt }
";

    fn plan(score: &str) -> Result<Plan, String> {
        let text = format!("version: 1\nname: p\nnodes:{FIT}  score: {{ type: val, {score} }}\n");
        let base = Path::new(env!("CARGO_MANIFEST_DIR"));
        load_source(Source::new("p.yaml", text), base, KINDS)
            .map(|loaded| loaded.plan)
            .map_err(|rejected| rejected.human(Style::PLAIN))
    }

    /// What the node `score` takes: port and node.
    fn inputs(score: &str) -> Vec<(String, String)> {
        let plan = plan(score).unwrap();
        let step = &plan.steps()[plan.position("score").unwrap()];
        step.inputs.iter().map(|(port, input)| (port.clone(), plan.steps()[*input].id.clone())).collect()
    }

    fn pair(model: &str, dataset: &str) -> Vec<(String, String)> {
        vec![("model".into(), model.into()), ("dataset".into(), dataset.into())]
    }

    #[test]
    fn the_models_own_dataset_is_taken_unless_another_is_given() {
        assert_eq!(inputs("model: fit"), pair("fit", "digits"));
        assert_eq!(inputs("model: again"), pair("again", "others"));
        assert_eq!(inputs("model: fit, dataset: others"), pair("fit", "others"));
    }

    #[test]
    fn a_model_that_tells_of_none_is_named() {
        insta::assert_snapshot!(plan("model: file").err().unwrap());
    }

    #[test]
    fn other_mistakes_are_told_once() {
        for wrong in ["model: nobody", "model: score", "model: digits"] {
            let text = plan(wrong).err().unwrap();
            assert!(!text.contains("E0106"), "{text}");
        }
    }
}

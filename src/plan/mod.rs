//! WHAT WILL HAPPEN: the nodes in order, all references resolved and all paths found.

mod check;
mod cycle;
mod dot;
mod fix;
mod graph;
mod inherit;
pub mod load;
mod paths;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

pub use self::{
    fix::{Fixed, fix},
    load::{Loaded, Rejected, draft, fix_file, load, load_source, load_unsaved, load_with},
};
use crate::{
    node::{ArtifactType, Kind, Node},
    spec::{Draft, PipelineSpec, Problem, Sweep},
};

/// A pipeline that can run: every step after those it needs.
pub struct Plan {
    /// Name of the experiment.
    pub name: String,
    /// Decides all random numbers, but for what points of a sweep say.
    pub seed: u64,
    /// The points, if it is a sweep.
    pub sweep: Option<Sweep>,
    /// The folder of the pipeline file: relative paths start there.
    pub base: PathBuf,
    steps: Vec<Step>,
}

/// One node, ready to run.
pub struct Step {
    /// The node's name in the pipeline file.
    pub id: String,
    /// The kind that the node's `type` names.
    pub kind: Kind,
    /// The node with its parameters, ready to check its inputs and to run.
    pub node: Box<dyn Node>,
    /// All its parameters, with the defaults written out.
    pub params: Map<String, Value>,
    /// Decides its random numbers; none if it draws none.
    pub seed: Option<u64>,
    /// The port and the step (an index into [`Plan::steps`]) of each node referred to.
    pub inputs: Vec<(String, usize)>,
}

impl Plan {
    /// Plans a spec whose relative paths start at `base`.
    ///
    /// # Errors
    /// Every problem there is: of the spec, its references and its paths.
    pub fn new(spec: &PipelineSpec, base: &Path, kinds: &[Kind]) -> Result<Self, Vec<Problem>> {
        Self::of_draft(Draft::of_spec(spec, kinds), base)
    }

    /// Plans a draft; nodes that are broken already cause no further problems.
    ///
    /// # Errors
    /// Every problem there is, those of the draft among them.
    pub fn of_draft(mut draft: Draft, base: &Path) -> Result<Self, Vec<Problem>> {
        let mut problems = std::mem::take(&mut draft.problems);
        problems.extend(check::references_problems(&draft.nodes));
        problems.extend(paths::problems(&draft.nodes, base));
        problems.extend(paths::contents(&draft.nodes, base));
        problems.extend(cycle::problems(&draft.nodes, &graph::Graph::of(&draft.nodes)));
        problems.extend(inherit::inherit(&mut draft.nodes));
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut steps = graph::Graph::of(&draft.nodes).order(draft.nodes);
        fill_defaults(&mut steps);
        Ok(Self { name: draft.name, seed: draft.seed, sweep: draft.sweep, base: base.to_owned(), steps })
    }

    /// The steps, each after those it needs; otherwise in the file's order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The index of the step of a node.
    pub fn position(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.id == id)
    }

    /// The names of the nodes that are meant by a name: the node's own, and of a sweep what [`Sweep::named`] takes.
    pub fn named(&self, text: &str) -> Vec<&str> {
        if let Some(index) = self.position(text) {
            return vec![&self.steps[index].id];
        }
        self.sweep.iter().flat_map(|sweep| sweep.named(text)).collect()
    }

    /// The steps of these nodes and of all that they need, in order; unknown names count for nothing.
    pub fn needed_by(&self, ids: &[&str]) -> Vec<usize> {
        let mut needed: Vec<bool> = self.steps.iter().map(|step| ids.contains(&step.id.as_str())).collect();
        for i in (0..self.steps.len()).rev() {
            if needed[i] {
                self.steps[i].inputs.iter().for_each(|(_, input)| needed[*input] = true);
            }
        }
        (0..self.steps.len()).filter(|i| needed[*i]).collect()
    }

    /// The graph in the language of Graphviz.
    pub fn to_dot(&self) -> String {
        dot::of(self)
    }
}

/// Gives keys that were left out the values that depend on what a node is used for.
fn fill_defaults(steps: &mut [Step]) {
    let mut uses = vec![BTreeSet::new(); steps.len()];
    for step in steps.iter() {
        for (_, input) in &step.inputs {
            uses[*input].insert(step.node.output());
        }
    }
    steps.iter_mut().zip(&uses).for_each(|(step, uses)| step.fill_defaults(uses));
}

impl Step {
    fn fill_defaults(&mut self, uses: &BTreeSet<ArtifactType>) {
        let left_out = |(key, _): &(String, Value)| self.params.get(key).is_none_or(Value::is_null);
        let defaults: Map<_, _> = self.node.defaults(uses).into_iter().filter(left_out).collect();
        if defaults.is_empty() {
            return;
        }
        let params = self.params.clone().into_iter().chain(defaults).collect();
        let built = (self.kind.build)(params).expect("a kind takes its own defaults");
        (self.node, self.params) = (built.node, built.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{nodes::KINDS, spec::Source};

    #[test]
    fn a_dataset_that_nothing_learns_from_is_measured_whole() {
        let text = "version: 1\nname: p\nnodes:
  learned: { type: dataset, root: . }
  measured: { type: dataset, root: . }
  said: { type: dataset, root: ., val_fraction: 0.5 }
  net: { type: model, arch: yolo11n-cls, classes: 2 }
  fit: { type: train, model: net, dataset: learned }
  own: { type: val, model: fit }
  other: { type: val, model: fit, dataset: measured }
  third: { type: val, model: fit, dataset: said }\n";
        let loaded = load_source(Source::new("p.yaml", text), Path::new(env!("CARGO_MANIFEST_DIR")), KINDS);
        let Ok(Loaded { plan, .. }) = loaded else { panic!("a sound file") };
        let fraction = |id: &str| plan.steps()[plan.position(id).unwrap()].params["val_fraction"].as_f64();
        assert_eq!(["learned", "measured", "said"].map(fraction), [Some(0.2), Some(1.0), Some(0.5)]);
    }
}

//! `type: transforms`: how images are made ready for a network.
//!
//! The user's keys are [`crate::data::transform::Transforms`] themselves, so that what is written, what is
//! stored and what runs are one type.

use std::fs;

use super::artifacts::TRANSFORMS;
pub use crate::data::transform::Transforms;
use crate::{
    data::transform::ChainFault,
    error::{Error, Result},
    node::{ArtifactType, Context, KeyRole, Node, NodeKind},
    spec::{Place, Problem},
    store::Artifact,
};

impl NodeKind for Transforms {
    const NAME: &'static str = "transforms";
    const VERSION: u32 = 1;
    const KEYS: &'static [(&'static str, KeyRole)] = &[];
    const SYNONYMS: &'static [(&'static str, &'static [&'static str])] = &[
        ("size", &["imgsz", "img_size", "image_size", "resolution", "input_size"]),
        ("p", &["prob", "probability"]),
        ("scale", &["scales"]),
    ];
}

impl Node for Transforms {
    fn output(&self) -> ArtifactType {
        TRANSFORMS
    }

    fn check(&self) -> Vec<Problem> {
        Transforms::check(self).into_iter().map(problem).collect()
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        cx.write("transforms.json", serde_json::to_vec_pretty(self).expect("transforms are plain data"))
    }
}

fn problem(fault: ChainFault) -> Problem {
    let place = Place::Value(fault.path());
    Problem::rule(place, fault.message).help(fault.help)
}

/// What a `transforms` node made.
///
/// # Errors
/// When the artifact is none of a `transforms` node.
pub fn load(artifact: &Artifact) -> Result<Transforms> {
    let path = artifact.path("transforms.json")?;
    let bytes = fs::read(&path).map_err(|source| Error::io("read", &path, source))?;
    serde_json::from_slice(&bytes)
        .map_err(|source| Error::store("the stored transforms are damaged").because(source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::DocPath;

    #[test]
    fn a_mistake_points_at_its_place() {
        let json = r#"{"train": [{"type": "squash"}, {"type": "horizontal_flip", "p": 2.0}], "eval": []}"#;
        let transforms: Transforms = serde_json::from_str(json).unwrap();
        let places: Vec<Place> = Node::check(&transforms).into_iter().map(|problem| problem.at).collect();
        let flip = DocPath(vec!["train".into(), 1.into(), "p".into()]);
        assert_eq!(places, [Place::Value(flip), Place::Value(["eval"].into())]);
    }
}

//! What a run has left beside a model: the dataset that it was trained on.

use std::path::Path;

use serde_json::Value;

use crate::{
    error::{Error, Result},
    nodes::KINDS,
    plan::{Plan, Step, load},
};

/// A dataset as a pipeline has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// The keys of the dataset node; its root is absolute.
    pub dataset: Value,
    /// The seed of the pipeline, which decides a split that is drawn.
    pub seed: u64,
}

/// The dataset of the model at `runs/<pipeline>/<node>/<file>`, read from `runs/<pipeline>/pipeline.yaml`.
///
/// # Errors
/// If the model lies elsewhere, or its pipeline has no dataset for it that is still there.
pub fn dataset_of(model: &Path) -> Result<Remembered> {
    let unknown = |why: String| {
        let message = format!("it is not known what {} was trained on: {why}", model.display());
        Error::usage(message).help("name a folder of images with `--data`")
    };
    let absolute = std::path::absolute(model).map_err(|error| Error::io("find", model, error))?;
    let folder = absolute.parent().unwrap_or(Path::new("/"));
    let file = folder.with_file_name("pipeline.yaml");
    if !file.is_file() {
        return Err(unknown("it does not lie where a run has put it, below runs/".to_owned()));
    }
    let plan = match load(&file, KINDS) {
        Ok(loaded) => loaded.plan,
        Err(rejected) => return Err(unknown(rejected.problems[0].message.clone())),
    };
    let node = folder.file_name().unwrap_or_default().to_string_lossy();
    let step = dataset(&plan, &node);
    let step = step.ok_or_else(|| unknown(format!("{} has no dataset for `{node}`", file.display())))?;
    Ok(Remembered { dataset: step.node.params(), seed: plan.seed })
}

/// What the node refers to as its `dataset`.
fn dataset<'a>(plan: &'a Plan, node: &str) -> Option<&'a Step> {
    let steps = plan.steps();
    let inputs = &steps[plan.position(node)?].inputs;
    inputs.iter().find(|(port, _)| port == "dataset").map(|(_, input)| &steps[*input])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    /// A folder of results, whose dataset is the folder `root`.
    fn results(root: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "version: 1\nname: p\nseed: 7\nnodes:\n  digits: {{ type: dataset, root: {root}, val_fraction: 0.5 }}\n  \
             net: {{ type: model, arch: yolo11n-cls, classes: 2 }}\n  \
             fit: {{ type: train, model: net, dataset: digits }}\n"
        );
        fs::write(dir.path().join("pipeline.yaml"), text).unwrap();
        dir
    }

    fn why_not(dir: &tempfile::TempDir, model: &str) -> String {
        let error = dataset_of(&dir.path().join(model)).unwrap_err();
        assert_eq!(error.hint(), Some("name a folder of images with `--data`"));
        error.to_string().split_once("trained on: ").unwrap().1.to_owned()
    }

    #[test]
    fn the_pipeline_beside_a_model_knows_its_dataset() {
        let dir = results(".");
        let found = dataset_of(&dir.path().join("fit/model.safetensors")).unwrap();
        assert_eq!(found.seed, 7);
        assert_eq!(found.dataset, json!({ "root": ".", "on_corrupt": "skip", "val_fraction": 0.5 }));
    }

    #[test]
    fn what_cannot_be_known_is_told() {
        let dir = results(".");
        assert!(why_not(&dir, "net/model.safetensors").ends_with("pipeline.yaml has no dataset for `net`"));
        let gone = why_not(&results("/no/such/digits"), "fit/model.safetensors");
        assert_eq!(gone, "`root` of node `digits` names `/no/such/digits`, and nothing is there");
        let elsewhere = why_not(&tempfile::tempdir().unwrap(), "fit/model.pt");
        assert_eq!(elsewhere, "it does not lie where a run has put it, below runs/");
    }
}

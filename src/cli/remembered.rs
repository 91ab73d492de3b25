//! What is known of a model file: the dataset that it was trained on.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Project;
use crate::{
    error::{Error, Result},
    names::PlainName,
    nodes::KINDS,
    plan::{Plan, Step, load},
    run::record,
    store::{Digest, Manifest, Store},
};

/// A dataset as a pipeline has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Remembered {
    /// The keys of the dataset node; its root is absolute.
    pub dataset: Value,
    /// The seed of the pipeline, which decides a split that is drawn.
    pub seed: u64,
}

/// The node that made a model.
struct Maker {
    /// The folder of the pipeline's results, `runs/<pipeline>`.
    folder: PathBuf,
    node: String,
    /// What it learned from, by content, where the store tells.
    dataset: Option<Digest>,
}

/// The dataset of a model, read from the `pipeline.yaml` of the results that it belongs to: those in whose midst
/// it lies, or those that the project's store knows to have the same file.
///
/// # Errors
/// If nobody knows the model, or its pipeline has no dataset for it that is still there.
pub(super) fn dataset_of(model: &Path, project: &Project) -> Result<Remembered> {
    let unknown = |why: String| {
        let message = format!("it is not known what {} was trained on: {why}", model.display());
        Error::usage(message).help("name a folder of images with `--data`")
    };
    if !model.exists() {
        return Err(Error::usage(format!("there is no file {}", model.display())));
    }
    let maker = beside(model).or_else(|| in_store(model, project));
    let Maker { folder, node, dataset } =
        maker.ok_or_else(|| unknown("no run of this project has made it".to_owned()))?;
    let file = folder.join("pipeline.yaml");
    let plan = match load(&file, KINDS) {
        Ok(loaded) => loaded.plan,
        Err(rejected) => return Err(unknown(rejected.problems[0].message.clone())),
    };
    let step = dataset_step(&plan, &node);
    let step = step.ok_or_else(|| unknown(format!("{} has no dataset for `{node}`", file.display())))?;
    if dataset.is_some_and(|then| record(&folder.join(&step.id)).map(|now| now.digest) != Some(then)) {
        return Err(unknown(format!("`{}` of {} is a different dataset now", step.id, file.display())));
    }
    Ok(Remembered { dataset: step.params.clone().into(), seed: plan.seed })
}

/// The maker of the model at `runs/<pipeline>/<node>/<file>`.
fn beside(model: &Path) -> Option<Maker> {
    let absolute = std::path::absolute(model).ok()?;
    let (made, pipeline) = (absolute.parent()?, absolute.parent()?.parent()?);
    let node = made.file_name()?.to_string_lossy().into_owned();
    if !pipeline.join("pipeline.yaml").is_file() {
        return None;
    }
    let dataset = match record(made) {
        Some(manifest) if !is_training(&manifest) => return None,
        Some(manifest) => manifest.recipe.inputs.get("dataset").copied(),
        None => None,
    };
    Some(Maker { folder: pipeline.to_owned(), node, dataset })
}

/// The last maker of a file with this content.
fn in_store(model: &Path, project: &Project) -> Option<Maker> {
    let (digest, _) = Digest::of_file(model).ok()?;
    let entries = Store::peek(&project.store).ok()?.entries().into_iter();
    let has = |manifest: &Manifest| manifest.outputs.values().any(|output| output.digest == digest);
    let made = entries.filter(|entry| has(&entry.manifest) && is_training(&entry.manifest));
    let Manifest { provenance, recipe, .. } = made.max_by_key(|entry| entry.used)?.manifest;
    let dataset = recipe.inputs.get("dataset").copied();
    let pipeline = provenance.pipeline.parse::<PlainName>().ok()?;
    let shown = |runs: PathBuf| Some(runs.join(&pipeline)).filter(|folder| folder.is_dir());
    let folder = shown(project.runs.clone()).or_else(|| shown(beside_store(project)?));
    Some(Maker { folder: folder?, node: provenance.node, dataset })
}

/// Where the pipeline files of the store's project show their results.
fn beside_store(project: &Project) -> Option<PathBuf> {
    Some(project.store.parent()?.parent()?.join("runs"))
}

/// Whether the result learned from the dataset that it was made with.
fn is_training(manifest: &Manifest) -> bool {
    manifest.recipe.kind == "train"
}

/// What the node refers to as its `dataset`.
fn dataset_step<'a>(plan: &'a Plan, node: &str) -> Option<&'a Step> {
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

    fn write(dir: &tempfile::TempDir, model: &str) {
        let path = dir.path().join(model);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "weights").unwrap();
    }

    fn project(dir: &tempfile::TempDir) -> Project {
        Project {
            root: dir.path().to_owned(),
            because: String::new(),
            store: dir.path().join("store"),
            runs: dir.path().join("runs"),
        }
    }

    fn why_not(dir: &tempfile::TempDir, model: &str) -> String {
        write(dir, model);
        let error = dataset_of(&dir.path().join(model), &project(dir)).unwrap_err();
        assert_eq!(error.hint(), Some("name a folder of images with `--data`"));
        error.to_string().split_once("trained on: ").unwrap().1.to_owned()
    }

    #[test]
    fn the_pipeline_beside_a_model_knows_its_dataset() {
        let dir = results(".");
        write(&dir, "fit/model.safetensors");
        let found = dataset_of(&dir.path().join("fit/model.safetensors"), &project(&dir)).unwrap();
        assert_eq!(found.seed, 7);
        assert_eq!(found.dataset, json!({ "root": ".", "on_corrupt": "skip", "val_fraction": 0.5 }));
    }

    #[test]
    fn a_model_that_is_not_there_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let error = dataset_of(&dir.path().join("best.pt"), &project(&dir)).unwrap_err();
        assert!(error.to_string().starts_with("there is no file"), "{error}");
    }

    #[test]
    fn what_cannot_be_known_is_told() {
        let dir = results(".");
        assert!(why_not(&dir, "net/model.safetensors").ends_with("pipeline.yaml has no dataset for `net`"));
        let gone = why_not(&results("/no/such/digits"), "fit/model.safetensors");
        assert_eq!(gone, "`root` of node `digits` names `/no/such/digits`, and nothing is there");
        let elsewhere = why_not(&tempfile::tempdir().unwrap(), "fit/model.pt");
        assert_eq!(elsewhere, "no run of this project has made it");
    }
}

//! `type: model`: an architecture, with or without weights.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{arch, dataset};
use crate::{
    error::{Error, Result},
    eval::classifier::arch_of,
    node::{ArtifactType, Context, Input, Node, Source},
    spec::{Place, Problem},
    store::Artifact,
    zoo::{
        Arch, Network,
        weights::{self, ModelFile, Weights},
    },
};

/// A network: an architecture by name or from a model YAML, fresh or with weights from a file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// A built-in architecture such as `yolo11n-cls`, or the path of a model YAML. May be left out
    /// where `weights` says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// The dataset that says how many classes there are, and their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// How many classes there are, where no dataset says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub classes: Option<usize>,
    /// A `.safetensors` of Kiln's or a `.pt` to take weights from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
}

/// The one file that a model artifact always has.
const FILE: &str = "model.safetensors";

impl Node for Model {
    const NAME: &'static str = "model";
    const VERSION: u32 = 1;
    const INPUTS: &'static [Input] =
        &[Input { port: "dataset", accepts: &[ArtifactType::Dataset], required: false }];

    fn output(&self) -> ArtifactType {
        // With a dataset, the head may be a fresh one: something to train, not to use.
        match (&self.weights, &self.dataset, self.classes) {
            (Some(_), None, None) => ArtifactType::Model,
            _ => ArtifactType::Architecture,
        }
    }

    fn sources(&self) -> Vec<Source> {
        let yaml = self.arch.iter().filter(|arch| is_path(arch));
        let source = |key, path: &String| Source { key, path: path.clone(), list: itself };
        yaml.map(|path| source("arch", path))
            .chain(self.weights.iter().map(|path| source("weights", path)))
            .collect()
    }

    fn check(&self) -> Vec<Problem> {
        let problem = |key: &str, message: String| Problem::new("E0301", Place::Value([key].into()), message);
        let unknown = self.arch.iter().filter(|arch| !is_path(arch)).filter_map(|arch| {
            let error = Arch::built_in_text(arch).err()?;
            let help = error.hint().unwrap_or_default().to_owned();
            Some(problem("arch", error.to_string()).label("not a built-in architecture").help(help))
        });
        unknown.chain(self.gaps()).collect()
    }

    fn check_sources(&self, paths: &BTreeMap<&'static str, PathBuf>) -> Vec<Problem> {
        paths.get("arch").map(|path| arch::problems(path)).unwrap_or_default()
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let given = cx.sources.get("weights").map(|source| weights::read(&source.path)).transpose()?;
        let names = cx.input("dataset").map(dataset::load).transpose()?.map(|dataset| dataset.index.classes);
        let file = self.assemble(cx, given, names)?;
        weights::write(&cx.out.join(FILE), &file)
    }
}

impl Model {
    /// Keys that lack, or that say the same thing twice.
    fn gaps(&self) -> Vec<Problem> {
        let whole = || Place::Key(crate::spec::DocPath::default());
        if self.dataset.is_some() && self.classes.is_some() {
            let problem = Problem::new(
                "E0301",
                Place::Key(["classes"].into()),
                "both a dataset and a number of classes",
            );
            return vec![problem.label("the dataset says it already").help("leave out `classes`")];
        }
        if self.arch.is_none() && self.weights.is_none() {
            let problem = Problem::new("E0301", whole(), "a model without an architecture");
            return vec![
                problem.help("add `arch: yolo11n-cls`, or `weights:` with a file that says its own"),
            ];
        }
        if self.weights.is_none() && self.dataset.is_none() && self.classes.is_none() {
            let problem = Problem::new("E0301", whole(), "a model that does not know its classes");
            return vec![
                problem.help("add `dataset:` with the name of a dataset node, or `classes:` with a number"),
            ];
        }
        Vec::new()
    }

    fn assemble(
        &self,
        cx: &Context<'_>,
        given: Option<ModelFile>,
        names: Option<Vec<String>>,
    ) -> Result<ModelFile> {
        let given = given.unwrap_or_default();
        let wanted = names.as_ref().map(Vec::len).or(self.classes);
        let arch = self.resolve(cx, &given, wanted)?;
        arch.notes().into_iter().for_each(|note| cx.progress.note(note));
        let same_head = given.names.as_ref().is_some_and(|known| known.len() == arch.classes);
        let names = names.or_else(|| given.names.clone().filter(|_| same_head));
        let weights =
            if self.weights.is_some() { transfer(cx, &arch, given.weights)? } else { Weights::new() };
        Ok(ModelFile {
            arch: Some(arch.text.clone()),
            arch_name: Some(arch.name.clone()),
            names: Some(names.unwrap_or_else(|| (0..arch.classes).map(|class| class.to_string()).collect())),
            size: given.size,
            transforms: given.transforms,
            training: None,
            weights,
        })
    }

    fn resolve(&self, cx: &Context<'_>, given: &ModelFile, classes: Option<usize>) -> Result<Arch> {
        let own = || arch_of(given).map(|arch| arch.classes);
        match &self.arch {
            None => {
                let arch = arch_of(given)?;
                Arch::parse(&arch.name, &arch.text, classes.unwrap_or(arch.classes))
            }
            Some(_) if cx.sources.contains_key("arch") => {
                let path = &cx.sources["arch"].path;
                let text = fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                Arch::parse(&name, &text, classes.map_or_else(own, Ok)?)
            }
            Some(name) => Arch::built_in(name, classes.map_or_else(own, Ok)?),
        }
    }
}

/// The weights that fit `arch` by name and shape; says how many did.
fn transfer(cx: &Context<'_>, arch: &Arch, given: Weights) -> Result<Weights> {
    let shapes = Network::shapes(arch);
    let total = shapes.len();
    let fits = |name: &str, shape: &[usize]| shapes.get(name).is_some_and(|wanted| wanted == shape);
    let kept: BTreeMap<_, _> = given.into_iter().filter(|(name, array)| fits(name, &array.shape)).collect();
    if kept.is_empty() {
        return Err(Error::new(format!("none of the file's weights fit {}", arch.name))
            .help("name the architecture that the weights are of"));
    }
    let line = format!("transferred {} of {total} parameters", kept.len());
    match shapes.keys().find(|name| !kept.contains_key(*name)) {
        Some(first) => cx.progress.note(format!("{line}; fresh are {} from {first} on", total - kept.len())),
        None => cx.progress.note(line),
    }
    Ok(kept)
}

/// The model file of a model or train artifact.
///
/// # Errors
/// If it can't be read.
pub fn load(artifact: &Artifact) -> Result<ModelFile> {
    weights::read(&artifact.path(FILE)?)
}

/// Whether `arch` is a path rather than a name.
fn is_path(arch: &str) -> bool {
    arch.contains(['/', '\\'])
        || Path::new(arch).extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn itself(path: &Path) -> Result<Vec<PathBuf>> {
    Ok(vec![path.to_owned()])
}

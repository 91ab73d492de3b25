//! `type: model`: an architecture, with or without weights.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    arch,
    artifacts::{ARCHITECTURE, DATASET, MODEL},
    dataset, exported,
};
use crate::{
    arch::Arch,
    download::{self, Sha256, Url},
    error::{Error, Result},
    eval::{Classifier, classifier::arch_of},
    files,
    node::{ArtifactType, Context, KeyRole, Node, NodeKind, SeedPurpose, SourcePath},
    shown,
    spec::{Fix, Place, Problem},
    store::{Artifact, Lock, LockMode},
    weights::{self, ModelFile, Transfer, Weights},
};

/// A network: an architecture by name or from a model YAML, fresh or with weights from a file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// A built-in architecture such as `yolo11n-cls`, or the path of a model YAML. May be left out
    /// where `weights` says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = crate::arch::names()))]
    pub arch: Option<String>,
    /// The dataset that says how many classes there are, and their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// How many classes there are, where no dataset says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub classes: Option<usize>,
    /// A file to take weights from, as a path or an https URL: a `.safetensors`, a `.bpk` (burnpack), or
    /// a `.pt` of Ultralytics (the averaged weights first) or with a PyTorch state dict. Or a network that was exported, by
    /// Kiln or another program (a file or folder of a format of `export`): to be used, not trained. Nothing in it is
    /// run; half precision becomes single. A parameter is taken where name and shape agree, the others
    /// are fresh. Where the file and the dataset name their classes, the rows of the head are taken class
    /// by class. `transfer.json` lists what happened to each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub weights: Option<String>,
    /// The SHA-256 of the weights' file, as `sha256sum FILE` prints it. A URL needs it: the file is used
    /// only if it has this digest, and is then kept and fetched once. A path may have it, and is then
    /// checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        regex(pattern = "^[0-9a-fA-F]{64}$"),
        extend("patternErrorMessage" = "must be 64 hexadecimal digits")
    )]
    pub sha256: Option<String>,
}

/// The one file that a model artifact always has.
const FILE: &str = "model.safetensors";
/// What became of the weights, where there were any.
const TRANSFER: &str = "transfer.json";

impl NodeKind for Model {
    const NAME: &'static str = "model";
    const VERSION: u32 = 2;
    const KEYS: &'static [(&'static str, KeyRole)] = &[
        ("dataset", KeyRole::OptionalInput(&[DATASET])),
        ("arch", KeyRole::Source),
        ("weights", KeyRole::Source),
    ];
    const LOGS: &'static [&'static str] = &[TRANSFER];
    const SYNONYMS: &'static [(&'static str, &'static [&'static str])] = &[
        ("arch", &["architecture", "backbone", "network", "net", "name", "yaml", "cfg"]),
        ("classes", &["num_classes", "nc", "n_classes"]),
        ("weights", &["pretrained", "checkpoint", "ckpt"]),
    ];
}

impl Node for Model {
    fn output(&self) -> ArtifactType {
        // With a dataset, the head may be a fresh one: something to train, not to use.
        match (&self.weights, &self.dataset, self.classes) {
            (Some(_), None, None) => MODEL,
            _ => ARCHITECTURE,
        }
    }

    fn seed(&self) -> Option<SeedPurpose> {
        // The head's rows of classes that the file does not have are drawn.
        (self.weights.is_some() && self.dataset.is_some()).then_some(SeedPurpose::Training)
    }

    fn sources(&self) -> Vec<SourcePath> {
        let yaml = self.arch.iter().filter(|arch| is_path(arch) && !is_weights(arch));
        let source = |key, path: &String| SourcePath::new(key, path, exported::all_files);
        yaml.map(|path| source("arch", path))
            .chain(self.weights_path().map(|path| source("weights", path)))
            .collect()
    }

    fn pinned(&self) -> Vec<&'static str> {
        self.url().map(|_| "weights").into_iter().collect()
    }

    fn check(&self) -> Vec<Problem> {
        let problem = |key: &str, message: String| Problem::rule(Place::Value([key].into()), message);
        if let Some(problem) = self.swapped() {
            return vec![problem];
        }
        let unknown = self.arch.iter().filter(|arch| !is_path(arch)).filter_map(|arch| {
            let error = Arch::built_in_text(arch).err()?;
            let help = error.hint().unwrap_or_default().to_owned();
            let fix = Arch::meant(arch).map(|meant| Fix::word(Place::Value(["arch"].into()), arch, meant));
            Some(problem("arch", error.to_string()).label("not a built-in architecture").help(help).fix(fix))
        });
        unknown.chain(self.gaps()).chain(self.wrong_weights()).collect()
    }

    fn check_sources(&self, paths: &BTreeMap<&'static str, PathBuf>) -> Vec<Problem> {
        let arch = paths.get("arch").into_iter().flat_map(|path| self.arch_problems(path));
        let weights = paths.get("weights").into_iter().flat_map(|path| self.weights_problems(path));
        arch.chain(weights).collect()
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let path = self.file(cx)?;
        if let Some(path) = path.as_ref().filter(|_| self.output() == MODEL)
            && exported::keep(cx, path)?.is_some()
        {
            return Ok(());
        }
        let given = path.map(|path| weights::read(&path)).transpose()?;
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
            let problem =
                Problem::rule(Place::Key(["classes"].into()), "both a dataset and a number of classes");
            return vec![problem.label("the dataset says it already").help("leave out `classes`")];
        }
        if self.arch.is_none() && self.weights.is_none() {
            let problem = Problem::rule(whole(), "a model without an architecture");
            return vec![
                problem.help("add `arch: yolo11n-cls`, or `weights:` with a file that says its own"),
            ];
        }
        if self.weights.is_none() && self.dataset.is_none() && self.classes.is_none() {
            let problem = Problem::rule(whole(), "a model that does not know its classes");
            return vec![
                problem.help("add `dataset:` with the name of a dataset node, or `classes:` with a number"),
            ];
        }
        Vec::new()
    }

    /// An architecture where weights belong, or weights where an architecture does.
    fn swapped(&self) -> Option<Problem> {
        let arch = self.arch.as_deref().filter(|arch| is_weights(arch)).map(weights_as_arch);
        arch.or_else(|| self.weights.as_deref().and_then(arch_as_weights))
    }

    /// What is wrong with what lies where the architecture should.
    fn arch_problems(&self, path: &Path) -> Vec<Problem> {
        match (&self.arch, weights::look(path)) {
            (Some(written), Ok(())) => vec![weights_as_arch(written)],
            _ => arch::problems(path),
        }
    }

    /// What is wrong with what lies where the weights should.
    fn weights_problems(&self, path: &Path) -> Vec<Problem> {
        let given = [
            ("arch", self.arch.is_some()),
            ("dataset", self.dataset.is_some()),
            ("classes", self.classes.is_some()),
        ];
        let given: Vec<&str> =
            given.into_iter().filter_map(|(key, is_there)| is_there.then_some(key)).collect();
        exported::problems(path, &given).unwrap_or_else(|| weights_problem(path).into_iter().collect())
    }

    /// The path, if `weights` is one.
    fn weights_path(&self) -> Option<&String> {
        self.weights.as_ref().filter(|text| self.url().is_none() && arch_as_weights(text).is_none())
    }

    /// The URL, if `weights` is meant as one.
    fn url(&self) -> Option<&str> {
        self.weights.as_deref().filter(|text| Url::is_meant_by(text))
    }

    /// What is wrong with where the weights come from.
    fn wrong_weights(&self) -> Option<Problem> {
        let at = |key: &str| Place::Value([key].into());
        if self.weights.is_none() && self.sha256.is_some() {
            let problem = Problem::rule(at("sha256"), "a `sha256` without `weights`");
            return Some(
                problem.label("of what?").help("add `weights:` with a path or a URL, or leave it out"),
            );
        }
        let url = self.url()?;
        if let Err(error) = Url::parse(url) {
            let problem = Problem::rule(at("weights"), error.to_string());
            return Some(
                problem.label("can't be fetched").help(error.hint().unwrap_or("write https://HOST/PATH")),
            );
        }
        self.sha256.is_none().then(|| {
            Problem::rule(at("weights"), "a URL without the file's `sha256`")
                .label("anything might arrive")
                .help("add `sha256:` with the file's SHA-256; `sha256sum FILE` prints it")
        })
    }

    /// The file that the weights are in, if there are any.
    fn file(&self, cx: &Context<'_>) -> Result<Option<PathBuf>> {
        let digest = self.sha256.as_deref().map(str::parse::<Sha256>).transpose().map_err(Error::new)?;
        if let (Some(url), Some(digest)) = (self.url(), &digest) {
            return fetch(cx, &Url::parse(url)?, digest).map(Some);
        }
        let Some(source) = cx.sources.get("weights") else { return Ok(None) };
        digest.map(|digest| check(&source.path, &digest)).transpose()?;
        Ok(Some(source.path.clone()))
    }

    fn assemble(
        &self,
        cx: &Context<'_>,
        given: Option<ModelFile>,
        names: Option<Vec<String>>,
    ) -> Result<ModelFile> {
        let is_given = given.is_some();
        let mut file = given.unwrap_or_default();
        let arch = self.resolve(cx, &file, names.as_ref().map(Vec::len).or(self.classes))?;
        arch.notes().into_iter().for_each(|note| cx.progress.note(note));
        file.remark.take().into_iter().for_each(|remark| cx.progress.warn(remark));
        let known = file.names.clone().filter(|known| known.len() == arch.classes);
        let (size, transforms) = (file.size, file.transforms.take());
        let weights =
            if is_given { self.transfer(cx, &arch, file, names.as_deref())? } else { Weights::new() };
        let numbers = || (0..arch.classes).map(|class| class.to_string()).collect();
        Ok(ModelFile {
            arch: Some(arch.text.clone()),
            arch_name: Some(arch.name.clone()),
            names: Some(names.or(known).unwrap_or_else(numbers)),
            size,
            transforms,
            weights,
            ..ModelFile::default()
        })
    }

    /// The file's weights as far as they fit; tells what became of them.
    fn transfer(
        &self,
        cx: &Context<'_>,
        arch: &Arch,
        file: ModelFile,
        names: Option<&[String]>,
    ) -> Result<Weights> {
        let (weights, report) = weights::transfer(file, arch, names, cx.seed)?;
        if self.output() == MODEL && !report.is_complete() {
            return Err(incomplete(&report, arch));
        }
        report.lines().into_iter().for_each(|line| cx.progress.note(line));
        let json = serde_json::to_string_pretty(&report).expect("a report is plain data");
        cx.write(TRANSFER, json + "\n")?;
        Ok(weights)
    }

    fn resolve(&self, cx: &Context<'_>, given: &ModelFile, classes: Option<usize>) -> Result<Arch> {
        let no_head = || Error::new("the file has no classification head (no `linear.weight`)");
        let no_head = || no_head().help("add `dataset:` or `classes:`, so that a fresh one can be made");
        let own = || given.classes().ok_or_else(no_head);
        match &self.arch {
            None if given.arch.is_none() => Err(no_arch()),
            None => {
                let arch = arch_of(given)?;
                Arch::parse(&arch.name, &arch.text, classes.unwrap_or(arch.classes))
            }
            Some(_) if cx.sources.contains_key("arch") => {
                let path = &cx.sources["arch"].path;
                let text = files::read_text(path).map_err(|error| Error::io("read", path, error))?;
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                Arch::parse(&name, &text, classes.map_or_else(own, Ok)?)
            }
            Some(name) => Arch::built_in(name, classes.map_or_else(own, Ok)?),
        }
    }
}

/// Fetches a file, unless it is there. Of several who want the same one, the first fetches.
pub(super) fn fetch(cx: &Context<'_>, url: &Url, digest: &Sha256) -> Result<PathBuf> {
    fs::create_dir_all(cx.downloads).map_err(|error| Error::io("create", cx.downloads, error))?;
    let lock = cx.downloads.join(format!("{digest}.lock"));
    let held = Lock::take(&lock, LockMode::Exclusive, || cx.progress.stopped());
    let _held = held.map_err(|error| Error::io("lock", &lock, error))?.ok_or_else(Error::interrupted)?;
    download::fetch(url, digest, cx.downloads, &cx.progress)
}

fn check(path: &Path, wanted: &Sha256) -> Result<()> {
    let found = Sha256::of(path)?;
    if found == *wanted {
        return Ok(());
    }
    Err(Error::new(format!("{} has the SHA-256 {found}, not {wanted}", shown::path(path)))
        .help("it is not the file that was meant: name that one, or leave `sha256` out"))
}

fn no_arch() -> Error {
    Error::new("the weights' file does not say which architecture they are of").help(
        "a plain state dict has weights alone: add `arch: yolo11n-cls`, or the path of a model YAML, to the model node",
    )
}

/// Without classes to learn, all weights must be there: the model is to be used as it is.
fn incomplete(report: &Transfer, arch: &Arch) -> Error {
    let lines = report.lines().join("; ");
    Error::new(format!("the weights are not those of a whole {}: {lines}", arch.name)).help(
        "add `dataset:` to make a network for its classes and train it, or name the weights' own `arch`",
    )
}

/// The model file of a model or train artifact.
///
/// # Errors
/// If it can't be read, or is an exported network.
pub fn load(artifact: &Artifact) -> Result<ModelFile> {
    exported::must_not_be(artifact)?;
    weights::read(&artifact.path(FILE)?)
}

/// The trained model at the port `model`, ready to classify: at its own size, or at another.
///
/// # Errors
/// When it can't be loaded on the device, or its eval chain does not end at the size.
pub(super) fn classifier(cx: &Context<'_>, size: Option<usize>) -> Result<Classifier> {
    let artifact = cx.required("model");
    match exported::kept(artifact)? {
        Some(exported) => exported.at_size(size),
        None => Classifier::load(&artifact.path(FILE)?, cx.devices.first())?.at_size(size),
    }
}

/// Whether a path is that of weights, as far as its name tells.
fn is_weights(path: &str) -> bool {
    weights::is_named_like_weights(Path::new(path))
}

fn weights_as_arch(written: &str) -> Problem {
    let written = shown::text(written);
    let message = format!("`arch` is a file with weights: {written}");
    let help = format!(
        "write `weights: {written}` (on the command line `--weights {written}`); `arch` may be left out where \
         that file says its own"
    );
    Problem::rule(Place::Value(["arch"].into()), message).label("weights, not an architecture").help(help)
}

fn arch_as_weights(written: &str) -> Option<Problem> {
    let is_yaml = Path::new(written).extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    let is_name = !is_path(written) && Arch::built_in_text(written).is_ok();
    let help = match (is_yaml, is_name) {
        (true, _) => format!("write `arch: {}`", shown::text(written)),
        (_, true) => format!(
            "write `arch: {written}` for a fresh network of it; Kiln fetches no weights by name, but from a path or \
             a URL"
        ),
        _ => return None,
    };
    let message = format!("`weights` is an architecture: {}", shown::text(written));
    let at = Place::Value(["weights"].into());
    Some(Problem::rule(at, message).label("an architecture, not weights").help(help))
}

/// What is wrong with the file that weights should be in, as far as its first bytes tell.
fn weights_problem(path: &Path) -> Option<Problem> {
    let error = weights::look(path).err()?;
    let reason = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
    let problem =
        Problem::rule(Place::Value(["weights"].into()), format!("`weights` is not a model: {reason}"));
    let help = || format!("name {}, or an exported network ({})", exported::WEIGHTS, exported::formats());
    Some(problem.label("no weights").help(error.hint().map_or_else(help, str::to_owned)))
}

/// Whether `arch` is a path rather than a name.
fn is_path(arch: &str) -> bool {
    arch.contains(['/', '\\'])
        || Path::new(arch).extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

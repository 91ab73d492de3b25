//! A folder in which models are made.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};

use super::{Model, Training};
use crate::{
    data::{Dataset, Split},
    device_names::DeviceNames,
    error::{Error, Result},
    eval::evaluate::{Evaluation, evaluate},
    event::Event,
    nodes::KINDS,
    plan::{Loaded, Rejected, load_source},
    progress::{Progress, Stop},
    run::{
        self, Options, Results, RunRequest,
        command::{name, pipeline, place, text},
    },
    spec::Source,
    store::Store,
};

/// A folder in which models are made: results in `runs/`, and what needs not be made again in `.kiln/store`.
///
/// It says nothing by itself; [`Self::on_event`] hears what happens. The store grows until `kiln cache prune` is asked.
pub struct Workspace {
    folder: PathBuf,
    options: Options,
    seed: u64,
    stop: Stop,
    on_event: Box<dyn Fn(&Event) + Send + Sync>,
}

impl Workspace {
    /// The workspace in `folder`, which is made when it is needed, with every thread that there is, on the CPU.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        let folder = std::path::absolute(folder.as_ref()).unwrap_or_else(|_| folder.as_ref().to_owned());
        Self {
            folder,
            options: Options::default(),
            seed: 0,
            stop: Stop::default(),
            on_event: Box::new(|_| ()),
        }
    }

    /// The same, computing on another device; training also on several ([`DeviceNames`]).
    #[must_use]
    pub fn device(mut self, devices: impl Into<DeviceNames>) -> Self {
        self.options.devices = devices.into();
        self
    }

    /// The same, with no more than so many threads.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.options.threads = threads.max(1);
        self
    }

    /// The same, with another seed than 0 for all random numbers: fresh weights, the order of images, augmentation,
    /// and which images are held out where no folder says it.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The same, telling `hear` of everything that happens, from several threads.
    #[must_use]
    pub fn on_event(mut self, hear: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Box::new(hear);
        self
    }

    /// A flag that asks this workspace's work to stop at its next safe point; training goes on from there the next time.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// The model of the training's best epoch.
    ///
    /// # Errors
    /// If the training asks for something that is not possible, its images can't be used, the loss stops being a
    /// number, or the work was asked to stop.
    pub fn train(&self, training: &Training) -> Result<Model> {
        let mut nodes = vec![data_node(&training.data)?];
        nodes.extend(training.nodes()?);
        let results = self.run(&name("train", &training.data), nodes)?;
        Model::load(results.folder("fit").join("model.safetensors"), self.options.devices.first())
    }

    /// How good a model is on the images of a folder that it did not learn from: those in `val/`, those in `test/` if there
    /// are none, or those that [`Self::train`] holds out with the same seed.
    ///
    /// # Errors
    /// If there are no such images of the model's classes, one of them can't be read, or the work was asked to stop.
    pub fn evaluate(&self, model: &Model, data: impl AsRef<Path>) -> Result<Evaluation> {
        let dataset = self.dataset(data.as_ref())?;
        let sink = |update| (self.on_event)(&Event::of_update("score".to_owned(), update));
        let progress = Progress::new(&sink, &self.stop);
        evaluate(&model.classifier, &dataset, Split::Val, BATCH, self.options.threads, &progress)
    }

    /// The folder with the file that a model becomes in a format, proven to say the same: `model.onnx` for `onnx`, or that
    /// of another format that an export node knows.
    ///
    /// # Errors
    /// If there is no such format, or the file does not say what the model says.
    pub fn export(&self, model: &Model, format: &str) -> Result<PathBuf> {
        let nodes = vec![
            ("net", "model", json!({ "weights": absolute(model.file())? })),
            ("out", "export", json!({ "model": "net", "format": format })),
        ];
        let results = self.run(&format!("{}-{format}", name("export", model.file())), nodes)?;
        Ok(results.folder("out"))
    }

    /// The images of a folder. Their index is kept in the store, so that they are looked through once.
    fn dataset(&self, root: &Path) -> Result<Dataset> {
        let results = self.run(&name("data", root), vec![data_node(root)?])?;
        let path = results.folder("data").join("index.json");
        let bytes = fs::read(&path).map_err(|error| Error::io("read", &path, error))?;
        let index = serde_json::from_slice(&bytes)
            .map_err(|error| Error::store(format!("{} is damaged", path.display())).because(error))?;
        Dataset::open(root, index)
    }

    /// Runs a pipeline of these nodes: name, kind, and parameters.
    fn run(&self, name: &str, nodes: Vec<(&str, &str, Value)>) -> Result<Results> {
        let because = "the workspace";
        let spec = pipeline(name, self.seed, nodes);
        let (spec, results) = place(spec, &self.folder.join("runs"), &self.folder, because)?;
        let source = Source::new("what is asked for", spec.to_yaml());
        let Loaded { spec, plan, .. } =
            load_source(source, &self.folder, KINDS).map_err(|rejected| impossible(&rejected))?;
        let store = Store::open(&self.folder.join(".kiln").join("store"))?;
        let failure = Mutex::new(None);
        let emit = |event: Event| {
            (self.on_event)(&event);
            if let Event::NodeFailed { error, help, .. } = event {
                let error = help.into_iter().fold(Error::new(error), Error::help);
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        };
        let ran = run::run(&RunRequest {
            spec: &spec,
            plan: &plan,
            store: &store,
            results: &results,
            options: &self.options,
            emit: &emit,
            stop: &self.stop,
        });
        let failure = failure.into_inner().unwrap_or_else(PoisonError::into_inner);
        // What failed first says more than how many did.
        ran.map(|_| results).map_err(|error| match failure {
            Some(failure) => failure.of_kind(error.kind()),
            None => error,
        })
    }
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspace").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// How many images go through the network at once; no digit depends on it.
const BATCH: usize = 16;

/// A dataset node, which holds out as much whether something is to learn from it or not.
fn data_node(root: &Path) -> Result<(&'static str, &'static str, Value)> {
    Ok(("data", "dataset", json!({ "root": absolute(root)?, "val_fraction": 0.2 })))
}

/// A path as a pipeline has it, whatever the current folder is later.
pub(super) fn absolute(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).map_err(|error| Error::io("find", path, error))?;
    text(&path).map(ToOwned::to_owned)
}

/// The first of a pipeline's problems as an error.
fn impossible(rejected: &Rejected) -> Error {
    let problem = &rejected.problems[0];
    let more = match rejected.problems.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let hints = [Some(&problem.label).filter(|label| !label.is_empty()), problem.help.as_ref()];
    let hints: Vec<&str> = hints.into_iter().flatten().map(String::as_str).collect();
    let error = Error::invalid(format!("{}{more}", problem.message));
    if hints.is_empty() { error } else { error.help(hints.join("; ")) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::train::TrainConfig;

    fn repository(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
    }

    fn training() -> Training {
        let tiny = repository("tests/fixtures/weights/yolo11n-cls-tiny.yaml");
        let training = Training::on(repository("examples/data/mnist160")).arch(tiny.to_str().unwrap());
        training.size(32).epochs(1)
    }

    #[test]
    fn a_model_is_made_once_and_gives_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let made = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&made);
        let workspace = Workspace::new(folder.path()).threads(2).on_event(move |event| {
            if let Event::NodeFinished { node, .. } = event {
                heard.lock().unwrap().push(node.clone());
            }
        });
        let model = workspace.train(&training()).unwrap();
        assert_eq!((model.size(), model.names().len()), (32, 10));
        assert_eq!(made.lock().unwrap().drain(..).len(), 4);
        workspace.train(&training()).unwrap();
        assert_eq!(*made.lock().unwrap(), [] as [String; 0], "the store has all of it");
        let metrics = workspace.evaluate(&model, repository("examples/data/mnist160")).unwrap().metrics();
        assert!(metrics.images == 80 && metrics.loss.is_finite(), "{metrics:?}");
        let guess = model.predict(repository("examples/data/mnist160/val/7/00008.png")).unwrap();
        assert_eq!(guess.top.len(), 10);
        let all: f32 = guess.top.iter().map(|class| class.confidence).sum();
        assert!((all - 1.0).abs() < 1e-5);
        assert!(workspace.export(&model, "onnx").unwrap().join("model.onnx").is_file());
    }

    #[test]
    fn what_is_not_possible_is_told_with_what_was_meant() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::new(folder.path());
        let told = |training: &Training| workspace.train(training).err().unwrap();
        let config = TrainConfig { lr0: Some(0.1), epochs: Some(1), ..TrainConfig::default() };
        let error = told(&training().config(config));
        assert!(error.to_string().contains("`lr0` has no effect with this optimizer"), "{error}");
        assert!(error.hint().unwrap().contains("set `optimizer` to one that takes it"), "{:?}", error.hint());
        let error = told(&training().weights(folder.path().join("no.pt")));
        assert!(error.to_string().contains("no.pt"), "{error}");
        // What a node says, not how many failed.
        fs::create_dir(folder.path().join("empty")).unwrap();
        let error = told(&Training::on(folder.path().join("empty")));
        assert!(error.to_string().starts_with("there are no images in"), "{error}");
    }
}

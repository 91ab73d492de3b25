//! A trained model: a network with its class names and its preprocessing, and nothing more to ask for.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use serde_json::Value;

use crate::{
    arch::{Arch, Computation, sizes::sizes},
    data::{
        Batch,
        transform::{Chain, EvalOp, Transforms, default_eval, default_size},
    },
    device,
    device_name::DeviceName,
    error::{Error, Result},
    network::{Inference, upload},
    weights::{self, ModelFile, Weights, fold_norms, merge_branches},
};

/// A network that is ready to classify images.
pub struct Classifier {
    /// The names of the classes, by index: `[classes]`.
    pub names: Vec<String>,
    /// Side of the square images that the network sees, in pixels.
    pub size: usize,
    /// The eval chain: what happens to an image before the network sees it.
    pub eval: Vec<EvalOp>,
    network: Network,
}

/// What gives logits.
enum Network {
    /// One of Kiln's own, whose norms are folded in for inference.
    Own(Box<Own>),
    /// One that was read from an exported file, for images of one size.
    Exported(Run),
}

struct Own {
    arch: Arch,
    weights: Weights,
    inference: Inference,
}

/// Makes logits `[batch, classes]` of images `[batch, 3, size, size]`.
pub type Run = Box<dyn Fn(&[f32]) -> Vec<f32> + Send + Sync>;

impl Classifier {
    /// The model in a `.safetensors` of Kiln's or a `.pt` of the reference's.
    ///
    /// # Errors
    /// If the file can't be read, or does not hold a whole model: architecture, names and weights.
    pub fn load(path: &Path, device: DeviceName) -> Result<Self> {
        let device = device::open(device)?;
        let file = weights::read(path)?;
        Self::of_file(file, device).map_err(|error| {
            let help = error.hint().map(ToOwned::to_owned);
            let error = Error::new(format!("{} is not a whole model: {error}", path.display()));
            help.into_iter().fold(error, Error::help)
        })
    }

    fn of_file(file: ModelFile, device: Device) -> Result<Self> {
        let arch = arch_of(&file)?;
        let names = file.names.unwrap_or_else(|| (0..arch.classes).map(|class| class.to_string()).collect());
        if names.len() != arch.classes {
            return Err(Error::new(format!(
                "it names {} classes, but its network has {}",
                names.len(),
                arch.classes
            )));
        }
        let size = file.size.unwrap_or_else(default_size);
        let eval = chain(size, file.transforms)?;
        let computation = Computation::of(&arch);
        let folded = fold_norms(&computation, &file.weights);
        // Before branches are merged, which hides one that is missing.
        complete(&computation.without_norms(), &folded)?;
        let inference = Inference::new(computation.folded(), &merge_branches(&computation, folded), &device);
        Ok(Self {
            names,
            size,
            eval,
            network: Network::Own(Box::new(Own { arch, weights: file.weights, inference })),
        })
    }

    /// A network that was read from an exported file, and what that tells of it.
    ///
    /// # Errors
    /// If its eval chain is not one that Kiln knows.
    pub fn exported(names: Vec<String>, size: usize, eval: Option<Value>, run: Run) -> Result<Self> {
        Ok(Self { names, size, eval: chain(size, eval)?, network: Network::Exported(run) })
    }

    /// The model at another size, in pixels; at its own if none is given.
    ///
    /// # Errors
    /// If its preprocessing does not end at that size, or its network can't take images of it.
    pub fn at_size(mut self, size: Option<usize>) -> Result<Self> {
        let own = self.size;
        self.size = size.unwrap_or(own);
        match self.transforms().check().into_iter().next() {
            None => self.takes_size(own).map(|()| self),
            Some(fault) => Err(Error::new(format!(
                "the model's preprocessing does not work at {} pixels: {}",
                self.size, fault.message
            ))
            .help(fault.help)),
        }
    }

    /// Whether the network can take images of the size that it is to see; `own` is that which it is for.
    fn takes_size(&self, own: usize) -> Result<()> {
        match &self.network {
            Network::Own(own) => sizes(&Computation::of(&own.arch), self.size).map(drop),
            Network::Exported(_) if self.size == own => Ok(()),
            Network::Exported(_) => {
                let message = format!("the exported network takes images of {own} pixels, not {}", self.size);
                Err(Error::new(message).help("leave out `size`, or export the model again at that size"))
            }
        }
    }

    /// What happens to an image before the network sees it, for a loader. The train chain is the default one.
    pub fn transforms(&self) -> Transforms {
        Transforms { size: self.size, eval: self.eval.clone(), ..Transforms::default() }
    }

    /// Logits `[batch, classes]`, row by row. On the pure Rust backend a row does not depend on the others.
    pub fn logits(&self, batch: &Batch) -> Vec<f32> {
        match &self.network {
            Network::Own(own) => own.inference.logits(&batch.images, batch.size),
            Network::Exported(run) => run(&batch.images),
        }
    }

    /// The architecture, for as many classes as the model has, and the parameters by name, norms not folded in; none of
    /// an exported network.
    pub fn own(&self) -> Option<(&Arch, &Weights)> {
        match &self.network {
            Network::Own(own) => Some((&own.arch, &own.weights)),
            Network::Exported(_) => None,
        }
    }
}

/// A batch's images on a device: `[batch, 3, size, size]`.
pub fn images(batch: Batch, device: &Device) -> Tensor<4> {
    let shape = [batch.len(), 3, batch.size, batch.size];
    upload(batch.images, shape, device)
}

/// The architecture of a model file, for as many classes as its head has.
///
/// # Errors
/// If the file does not say which, or has no head.
pub fn arch_of(file: &ModelFile) -> Result<Arch> {
    let name = file.arch_name.as_deref().unwrap_or("model");
    if file.weights.is_empty() {
        return Err(Error::new("it is a network without weights").help("train it first"));
    }
    let no_head = || Error::new("it has no classification head (no `linear.weight`)");
    let no_head = || no_head().help("it may be the body of another network; a classifier is wanted");
    let classes = file.classes().ok_or_else(no_head)?;
    match &file.arch {
        Some(text) => Arch::parse(name, text, classes),
        None => Err(Error::new("it does not say which architecture it has")
            .help("give it as the `weights` of a model node that names its `arch`")),
    }
}

/// The eval chain that a file tells, or the default one; it must be one that a pipeline file could have.
fn chain(size: usize, told: Option<Value>) -> Result<Vec<EvalOp>> {
    let eval = match told {
        Some(chain) => serde_json::from_value(chain)
            .map_err(|error| Error::new("its preprocessing is not one that Kiln knows").because(error))?,
        None => default_eval(),
    };
    let chains = Transforms { size, eval, train: Vec::new() };
    match chains.check().into_iter().find(|fault| fault.chain != Some(Chain::Train)) {
        None => Ok(chains.eval),
        Some(fault) => Err(Error::new(format!("its preprocessing is not valid: {}", fault.message))),
    }
}

/// Checks that every parameter of `computation` is among `weights`, in the same shape.
fn complete(computation: &Computation, weights: &Weights) -> Result<()> {
    let wanted = computation.shapes();
    let total = wanted.len();
    let fits = |name: &str, shape: &[usize]| weights.get(name).is_some_and(|array| array.shape == shape);
    let missing: Vec<String> =
        wanted.into_iter().filter(|(name, shape)| !fits(name, shape)).map(|(name, _)| name).collect();
    match missing.first() {
        None => Ok(()),
        Some(first) => Err(Error::new(format!(
            "{} of {total} parameters are missing or of another shape, the first is {first}",
            missing.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> ModelFile {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights");
        weights::read(&fixtures.join("tiny-yolo11.pt")).unwrap()
    }

    fn of(change: impl FnOnce(&mut ModelFile)) -> Result<Classifier> {
        let mut file = file();
        change(&mut file);
        Classifier::of_file(file, Device::flex())
    }

    #[test]
    fn a_model_is_seen_at_the_size_that_it_was_trained_at() {
        assert_eq!(of(|file| file.size = Some(48)).unwrap().size, 48);
        assert_eq!(of(|file| file.size = None).unwrap().size, default_size());
    }

    #[test]
    fn a_size_that_the_network_cannot_take_is_refused() {
        let with_areas = |file: &mut ModelFile| {
            let text = "backbone: [[-1, 1, Conv, [64, 3, 2]], [-1, 1, A2C2f, [64, true, 4]]]\n\
                        head: [[-1, 1, Classify, [nc]]]";
            let arch = Arch::parse("areas", text, 4).unwrap();
            file.weights = weights::fresh(&Computation::of(&arch), 0);
            file.arch = Some(text.to_owned());
        };
        let error = of(with_areas).unwrap().at_size(Some(38)).err().unwrap().to_string();
        assert!(error.contains("361 positions can't be divided into 4 areas"), "{error}");
        assert!(of(with_areas).unwrap().at_size(Some(36)).is_ok());
    }

    #[test]
    fn what_is_no_whole_model_is_refused() {
        let error = |change: fn(&mut ModelFile)| of(change).err().unwrap().to_string();
        let names = error(|file| drop(file.names.as_mut().unwrap().pop()));
        assert_eq!(names, "it names 3 classes, but its network has 4");
        let shape = error(|file| {
            file.weights.get_mut("model.10.linear.bias").unwrap().shape = vec![2, 2];
        });
        assert!(shape.ends_with("missing or of another shape, the first is model.10.linear.bias"), "{shape}");
    }

    #[test]
    fn a_branch_that_is_missing_is_told_and_not_left_out() {
        let text = "backbone: [[-1, 1, RepC3, [16]]]\nhead: [[-1, 1, Classify, [nc]]]";
        let arch = Arch::parse("rep", text, 2).unwrap();
        let error = |lost: &str| {
            let mut weights = weights::fresh(&Computation::of(&arch), 0);
            assert!(lost.is_empty() || weights.remove(lost).is_some(), "{lost}");
            let file = ModelFile { arch: Some(text.to_owned()), weights, ..ModelFile::default() };
            Classifier::of_file(file, Device::flex()).err().map(|error| error.to_string())
        };
        assert_eq!(error(""), None);
        for part in ["conv1.conv.weight", "conv2.conv.weight", "conv2.bn.running_var"] {
            let told = error(&format!("model.0.m.0.{part}")).unwrap();
            assert!(told.contains("missing or of another shape, the first is model.0.m.0.conv"), "{told}");
        }
    }
}

//! What a PyTorch file holds, read into a [`ModelFile`]: a checkpoint of the reference, a whole
//! module, or a state dict.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    MAX_NAME, MAX_TENSORS, ModelFile, Weights,
    description::Description,
    is_counter,
    item::{Pickle, View},
    legacy::Legacy,
    malformed, model_yaml, shown,
    tensors::{Tensors, is_tensor},
    torch::Archive,
};
use crate::{budget::Budget, error::Result};

/// Most modules in a network; the largest known classifier has about 900.
const MAX_MODULES: usize = 10_000;
/// Deepest nesting of modules.
const MAX_DEPTH: usize = 64;
/// The most that all names of parameters and modules may have, in bytes: a long one may stand before many.
const MAX_NAMES: u64 = 16 << 20;
/// Most class names, and all their bytes: one name in the file may be used many times.
const MAX_CLASSES: usize = 100_000;
const MAX_CLASS_BYTES: usize = 16 << 20;
/// Most steps of a transform chain; the reference's has four.
const MAX_STEPS: usize = 32;

/// Where training programs put the weights, the averaged ones first.
const PLACES: [&str; 6] = ["ema", "state_dict_ema", "model_ema", "model", "state_dict", "model_state_dict"];

/// Reads the bytes of PyTorch's zip archive.
///
/// # Errors
/// If they are none, or hold no weights.
pub(super) fn read(bytes: &[u8]) -> Result<ModelFile> {
    let (mut archive, pickle) = Archive::open(bytes)?;
    let description = archive.description()?.map(|text| Description::parse(&text)).transpose()?;
    model_file(&pickle, Tensors::new(archive, bytes.len()), description)
}

/// Reads the bytes of a file as PyTorch before 1.6 wrote it.
///
/// # Errors
/// As [`read`].
pub(super) fn read_legacy(bytes: &[u8]) -> Result<ModelFile> {
    let (storages, pickle) = Legacy::open(bytes)?;
    model_file(&pickle, Tensors::new(storages, bytes.len()), None)
}

fn model_file(
    pickle: &Pickle,
    mut tensors: Tensors<'_>,
    description: Option<Description>,
) -> Result<ModelFile> {
    let file = find(pickle.root(), &mut tensors, description);
    // What was not seen may be what the file lacks.
    pickle.seen().map_err(|_| malformed("more nested parts than any model"))?;
    file
}

fn find(root: View<'_>, tensors: &mut Tensors<'_>, description: Option<Description>) -> Result<ModelFile> {
    let nothing = || malformed("no network and no weights");
    let model = model(root).ok_or_else(nothing)?;
    let mut file = match description {
        Some(description) => description.with(Weights::new()),
        None if is_module(model) => describe(model, root, tensors)?,
        None => ModelFile::default(),
    };
    file.weights = weights(model, tensors)?;
    if file.weights.is_empty() { Err(nothing()) } else { Ok(file) }
}

/// The network among all that a training run keeps: the averaged one if it is there.
fn model(root: View<'_>) -> Option<View<'_>> {
    let inside = PLACES.into_iter().filter_map(|key| root.get(key));
    inside.chain([root]).find(|view| is_module(*view) || is_state_dict(*view))
}

fn is_module(view: View<'_>) -> bool {
    view.attribute("_modules").is_some()
}

fn is_state_dict(view: View<'_>) -> bool {
    view.is_mapping() && view.entries().any(|(_, value)| is_tensor(value))
}

fn describe(model: View<'_>, root: View<'_>, tensors: &mut Tensors<'_>) -> Result<ModelFile> {
    let yaml = model.attribute("yaml").filter(|yaml| yaml.is_mapping());
    let compose = model.attribute("transforms").filter(|compose| compose.attribute("transforms").is_some());
    let chain = compose.map(|compose| transforms(compose, tensors)).transpose()?.flatten();
    let foreign = compose.filter(|_| chain.is_none());
    let trained = root.get("train_args").and_then(|args| args.get("imgsz")).and_then(image_size);
    let size = trained.or(chain.as_ref().map(|(size, _)| *size));
    Ok(ModelFile {
        arch: yaml.and_then(model_yaml::text),
        arch_name: yaml.and_then(arch_name),
        names: model.attribute("names").and_then(names),
        size,
        // As in the reference: a chain for another size than the training's does not count.
        transforms: chain.filter(|(cropped, _)| Some(*cropped) == size).map(|(_, chain)| chain),
        remark: foreign.map(foreign_transforms),
        ..ModelFile::default()
    })
}

/// The stem of the model YAML's file name, e.g. `yolo11n-cls`.
fn arch_name(yaml: View<'_>) -> Option<String> {
    let file = yaml.get("yaml_file")?.str()?;
    // Written on any system: both separators count.
    let name = file.rsplit(['/', '\\']).next().filter(|name| name.len() <= MAX_NAME)?;
    Path::new(name).file_stem()?.to_str().map(str::to_owned)
}

/// Class names: a list, or a dict from index to name.
fn names(view: View<'_>) -> Option<Vec<String>> {
    let mut names: Vec<(usize, &str)> = if view.is_sequence() {
        let names = view.elements().take(MAX_CLASSES + 1).enumerate();
        names.map(|(index, name)| Some((index, name.str()?))).collect::<Option<_>>()?
    } else {
        let names = view.entries().take(MAX_CLASSES + 1);
        names.map(|(index, name)| Some((index.size()?, name.str()?))).collect::<Option<_>>()?
    };
    names.sort_unstable();
    let bytes: usize = names.iter().map(|(_, name)| name.len()).sum();
    let whole = !names.is_empty() && names.iter().enumerate().all(|(i, (index, _))| i == *index);
    let fits = names.len() <= MAX_CLASSES && bytes <= MAX_CLASS_BYTES;
    (whole && fits).then(|| names.into_iter().map(|(_, name)| name.to_owned()).collect())
}

/// A square side: a number, or two that are equal.
fn image_size(view: View<'_>) -> Option<usize> {
    let sides: Vec<usize> =
        view.size().into_iter().chain(view.elements().take(3).filter_map(View::size)).collect();
    match sides[..] {
        [side] if side > 0 => Some(side),
        [height, width] if height == width && height > 0 => Some(height),
        _ => None,
    }
}

/// Says that a `torchvision` pipeline is left aside.
fn foreign_transforms(compose: View<'_>) -> String {
    let steps = compose.attribute("transforms").into_iter().flat_map(View::elements).take(MAX_STEPS);
    let names: Vec<String> = steps.filter_map(|step| Some(shown(step.class()?.1))).collect();
    format!(
        "Kiln can't do all of the file's own eval transforms ({}) and resizes and crops instead: its numbers may differ",
        names.join(", ")
    )
}

/// The side of a `torchvision` pipeline's crop and its eval chain, if Kiln has all its steps.
fn transforms(compose: View<'_>, tensors: &mut Tensors<'_>) -> Result<Option<(usize, Value)>> {
    let Some(steps) = compose.attribute("transforms") else { return Ok(None) };
    if steps.elements().count() > MAX_STEPS {
        return Ok(None);
    }
    let (mut resized, mut cropped, mut normalized) = (None, None, None);
    for step in steps.elements() {
        match step.class() {
            Some((_, "Resize")) => resized = resize(step),
            Some((_, "CenterCrop")) => cropped = step.attribute("size").and_then(image_size),
            Some((_, "ToTensor")) => {}
            Some((_, "Normalize")) => match normalize(step, tensors)? {
                Some(step) => normalized = step,
                None => return Ok(None),
            },
            _ => return Ok(None),
        }
    }
    let (Some((short, interpolation)), Some(size)) = (resized, cropped) else { return Ok(None) };
    let mut resize = json!({"type": "resize", "interpolation": interpolation});
    if short != size {
        resize["size"] = json!(short);
    }
    let chain = [resize, json!({"type": "center_crop"})].into_iter().chain(normalized);
    Ok(Some((size, Value::Array(chain.collect()))))
}

/// The shortest side and the interpolation of a step that Kiln has too.
fn resize(step: View<'_>) -> Option<(usize, String)> {
    let size = step.attribute("size").and_then(image_size)?;
    let interpolation = match step.attribute("interpolation") {
        Some(mode) => interpolation(mode)?,
        None => "bilinear".to_owned(),
    };
    ["bilinear", "bicubic"].contains(&interpolation.as_str()).then_some((size, interpolation))
}

/// `InterpolationMode("bilinear")`, `getattr(InterpolationMode, "BILINEAR")` in Python 3.11 and
/// later, or Pillow's number in torchvision before 0.9.
fn interpolation(mode: View<'_>) -> Option<String> {
    match (mode.int(), mode.class()) {
        (Some(2), _) => Some("bilinear".to_owned()),
        (Some(3), _) => Some("bicubic".to_owned()),
        (None, Some(("builtins" | "__builtin__", "getattr"))) => {
            Some(mode.args().nth(1)?.str()?.to_lowercase())
        }
        _ => mode.args().next()?.str().map(str::to_owned),
    }
}

/// The step, `Some(None)` if it changes nothing, `None` if it can't be read.
#[expect(clippy::option_option, reason = "a step that changes nothing is not one that can't be read")]
fn normalize(step: View<'_>, tensors: &mut Tensors<'_>) -> Result<Option<Option<Value>>> {
    let mean = three(step.attribute("mean"), tensors)?;
    let deviation = three(step.attribute("std"), tensors)?;
    Ok(mean.zip(deviation).map(|(mean, std)| {
        let idle = mean == [0.0; 3] && std == [1.0; 3];
        (!idle).then(|| json!({"type": "normalize", "mean": mean, "std": std}))
    }))
}

/// Three numbers in a tensor, list or tuple.
fn three(view: Option<View<'_>>, tensors: &mut Tensors<'_>) -> Result<Option<[f32; 3]>> {
    let Some(view) = view else { return Ok(None) };
    let numbers = match tensors.tensor(view)? {
        Some(tensor) => tensor.data,
        None => view.elements().take(4).filter_map(View::float).map(|value| value as f32).collect(),
    };
    Ok(numbers.try_into().ok())
}

fn weights(model: View<'_>, tensors: &mut Tensors<'_>) -> Result<Weights> {
    let mut found = Found { weights: Weights::new(), names: Budget::new(MAX_NAMES) };
    if !is_module(model) {
        found.add("", model, tensors)?;
        return Ok(found.weights);
    }
    let mut open = vec![(String::new(), model, 0)];
    let mut seen = 0;
    while let Some((prefix, module, depth)) = open.pop() {
        seen += 1;
        if seen > MAX_MODULES || depth > MAX_DEPTH {
            return Err(malformed("more modules inside modules than any network"));
        }
        for kind in ["_parameters", "_buffers"] {
            if let Some(own) = module.attribute(kind) {
                found.add(&prefix, own, tensors)?;
            }
        }
        for (name, inner) in
            module.attribute("_modules").into_iter().flat_map(View::entries).take(MAX_MODULES)
        {
            if let Some(name) = name.str() {
                open.push((found.dotted(&prefix, name)? + ".", inner, depth + 1));
            }
        }
    }
    Ok(found.weights)
}

/// The weights so far.
struct Found {
    weights: Weights,
    /// How many more bytes of names may be made.
    names: Budget,
}

impl Found {
    /// Adds the tensors of a dict, without counters.
    fn add(&mut self, prefix: &str, dict: View<'_>, tensors: &mut Tensors<'_>) -> Result<()> {
        for (name, value) in dict.entries() {
            let Some(name) = name.str().filter(|name| !is_counter(name)) else { continue };
            if let Some(array) = tensors.tensor(value)? {
                let name = self.dotted(prefix, name)?;
                self.weights.insert(name, array);
            }
            if self.weights.len() > MAX_TENSORS {
                return Err(malformed("more arrays than any network"));
            }
        }
        Ok(())
    }

    fn dotted(&mut self, prefix: &str, name: &str) -> Result<String> {
        let length = prefix.len() + name.len();
        if length > MAX_NAME || self.names.take(length as u64).is_err() {
            return Err(malformed("names that are too long for parameters"));
        }
        Ok(format!("{prefix}{name}"))
    }
}

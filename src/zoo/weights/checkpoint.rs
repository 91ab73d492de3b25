//! What a PyTorch file holds, read into a [`ModelFile`]: a checkpoint of the reference, a whole
//! module, or a state dict.

use std::path::Path;

use serde_json::{Value, json};

use super::{ModelFile, Weights, item::View, model_yaml, torch::Archive};
use crate::error::{Error, Result};

/// Most modules in a network; the largest known classifier has about 900.
const MAX_MODULES: usize = 10_000;
/// Deepest nesting of modules.
const MAX_DEPTH: usize = 64;

/// Reads the bytes of a `.pt` file.
///
/// # Errors
/// If they are no PyTorch archive, or hold no weights.
pub fn read(bytes: &[u8]) -> Result<ModelFile> {
    let (mut archive, pickle) = Archive::open(bytes)?;
    let root = pickle.root();
    let model = model(root).ok_or_else(|| Error::new("it has no network and no weights"))?;
    let mut file =
        if model.has_state() { describe(model, root, &mut archive)? } else { ModelFile::default() };
    file.weights = weights(model, &mut archive)?;
    if file.weights.is_empty() {
        return Err(Error::new("it has no network and no weights"));
    }
    Ok(file)
}

/// The network among all that a training run keeps: the averaged one if it is there.
fn model(root: View<'_>) -> Option<View<'_>> {
    let holds = |view: &View<'_>| view.attribute("_modules").is_some() || view.is_mapping();
    let inside =
        ["ema", "model", "state_dict", "model_state_dict"].into_iter().filter_map(|key| root.get(key));
    inside.chain([root]).find(holds)
}

fn describe(model: View<'_>, root: View<'_>, archive: &mut Archive<'_>) -> Result<ModelFile> {
    let yaml = model.attribute("yaml").filter(|yaml| yaml.is_mapping());
    let chain = model.attribute("transforms").map(|chain| transforms(chain, archive)).transpose()?.flatten();
    let trained = root.get("train_args").and_then(|args| args.get("imgsz")).and_then(image_size);
    let size = trained.or(chain.as_ref().map(|(size, _)| *size));
    Ok(ModelFile {
        arch: yaml.and_then(model_yaml::text),
        arch_name: yaml.and_then(arch_name),
        names: model.attribute("names").and_then(names),
        size,
        // As in the reference: a chain for another size than the training's does not count.
        transforms: chain.filter(|(cropped, _)| Some(*cropped) == size).map(|(_, chain)| chain),
        ..ModelFile::default()
    })
}

/// The stem of the model YAML's file name, e.g. `yolo11n-cls`.
fn arch_name(yaml: View<'_>) -> Option<String> {
    let file = yaml.get("yaml_file")?.str()?;
    // Written on any system: both separators count.
    let name = file.rsplit(['/', '\\']).next()?;
    Path::new(name).file_stem()?.to_str().map(str::to_owned)
}

/// Class names: a list, or a dict from index to name.
fn names(view: View<'_>) -> Option<Vec<String>> {
    if view.is_sequence() {
        return view.elements().map(|name| name.str().map(str::to_owned)).collect();
    }
    let mut names: Vec<(usize, String)> = view
        .entries()
        .map(|(index, name)| Some((index.size()?, name.str()?.to_owned())))
        .collect::<Option<_>>()?;
    names.sort_unstable();
    let whole = !names.is_empty() && names.iter().enumerate().all(|(i, (index, _))| i == *index);
    whole.then(|| names.into_iter().map(|(_, name)| name).collect())
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

/// The side of a `torchvision` pipeline's crop and its eval chain, if Kiln has all its steps.
fn transforms(compose: View<'_>, archive: &mut Archive<'_>) -> Result<Option<(usize, Value)>> {
    let Some(steps) = compose.attribute("transforms") else { return Ok(None) };
    let (mut resized, mut cropped, mut normalized) = (None, None, None);
    for step in steps.elements() {
        match step.class() {
            Some((_, "Resize")) => resized = resize(step),
            Some((_, "CenterCrop")) => cropped = step.attribute("size").and_then(image_size),
            Some((_, "ToTensor")) => {}
            Some((_, "Normalize")) => match normalize(step, archive)? {
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
fn resize(step: View<'_>) -> Option<(usize, &str)> {
    let size = step.attribute("size").and_then(image_size)?;
    let interpolation = match step.attribute("interpolation") {
        Some(mode) => mode.args().next().and_then(View::str)?,
        None => "bilinear",
    };
    ["bilinear", "bicubic"].contains(&interpolation).then_some((size, interpolation))
}

/// The step, `Some(None)` if it changes nothing, `None` if it can't be read.
fn normalize(step: View<'_>, archive: &mut Archive<'_>) -> Result<Option<Option<Value>>> {
    let mean = three(step.attribute("mean"), archive)?;
    let deviation = three(step.attribute("std"), archive)?;
    Ok(mean.zip(deviation).map(|(mean, std)| {
        let idle = mean == [0.0; 3] && std == [1.0; 3];
        (!idle).then(|| json!({"type": "normalize", "mean": mean, "std": std}))
    }))
}

/// Three numbers in a tensor, list or tuple.
fn three(view: Option<View<'_>>, archive: &mut Archive<'_>) -> Result<Option<[f32; 3]>> {
    let Some(view) = view else { return Ok(None) };
    let numbers = match archive.tensor(view)? {
        Some(tensor) => tensor.data,
        None => view.elements().take(4).filter_map(View::float).map(|value| value as f32).collect(),
    };
    Ok(numbers.try_into().ok())
}

fn weights(model: View<'_>, archive: &mut Archive<'_>) -> Result<Weights> {
    let mut weights = Weights::new();
    if model.attribute("_modules").is_none() {
        add(&mut weights, "", model, archive)?;
        return Ok(without_wrapper(weights));
    }
    let mut open = vec![(String::new(), model, 0)];
    let mut seen = 0;
    while let Some((prefix, module, depth)) = open.pop() {
        seen += 1;
        if seen > MAX_MODULES || depth > MAX_DEPTH {
            return Err(Error::new("it has more modules inside modules than any network"));
        }
        for kind in ["_parameters", "_buffers"] {
            if let Some(tensors) = module.attribute(kind) {
                add(&mut weights, &prefix, tensors, archive)?;
            }
        }
        let inner = module.attribute("_modules").into_iter().flat_map(View::entries);
        let inner =
            inner.filter_map(|(name, inner)| Some((format!("{prefix}{}.", name.str()?), inner, depth + 1)));
        open.extend(inner.take(MAX_MODULES));
    }
    Ok(weights)
}

/// Adds the tensors of a dict. BatchNorm's step counters are left out: nothing in inference or in
/// training with a fixed momentum uses them.
fn add(weights: &mut Weights, prefix: &str, tensors: View<'_>, archive: &mut Archive<'_>) -> Result<()> {
    for (name, value) in tensors.entries() {
        let Some(name) = name.str().filter(|name| *name != "num_batches_tracked") else { continue };
        if name.ends_with(".num_batches_tracked") {
            continue;
        }
        if let Some(array) = archive.tensor(value)? {
            weights.insert(format!("{prefix}{name}"), array);
        }
    }
    Ok(())
}

/// Names without the `module.` that data-parallel training puts before all of them.
fn without_wrapper(weights: Weights) -> Weights {
    if !weights.keys().all(|name| name.starts_with("module.")) {
        return weights;
    }
    weights.into_iter().map(|(name, array)| (name["module.".len()..].to_owned(), array)).collect()
}

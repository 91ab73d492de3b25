//! `type: predict`: which class a model gives to images.

mod source;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::source::Entry;
use crate::{
    data::{decode::decode, files::Files, transform::Transforms},
    error::{Error, Result},
    eval::{
        Classifier,
        annotate::annotate,
        predictions::{self, Prediction},
        table::Table,
    },
    names::plain_part,
    node::{ArtifactType, Context, Input, Node, Source},
};

/// How many unreadable images are shown one by one; `errors.csv` has all.
const MAX_WARNINGS: usize = 10;

/// Classifies images: `predictions.jsonl` and `predictions.csv` with the likeliest classes of each,
/// `errors.csv` with the images that can't be read.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Predict {
    /// The node that gives the model: a train node, or a model node with weights.
    pub model: String,
    /// An image, a folder of images, a pattern such as `photos/*.jpg` or `photos/**/*.jpg`, or a list: a
    /// `.txt` or `.csv` file with one image, folder or pattern a line, relative to the list.
    #[schemars(length(min = 1))]
    pub source: String,
    /// Whether images in folders below the source folder count, too.
    #[serde(default)]
    pub recursive: bool,
    /// How many classes to list for each image, likeliest first. More than the model has means all.
    #[serde(default = "top")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub top: usize,
    /// Side of the square images in pixels; left out, what the model was trained at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4096))]
    pub size: Option<usize>,
    /// Images per forward pass. Changes speed and memory, not results.
    #[serde(default = "batch")]
    #[schemars(range(min = 1, max = 65_536))]
    pub batch: usize,
    /// Whether to write copies of the images with the likeliest classes on them, in `annotated/`.
    #[serde(default)]
    pub annotate: bool,
}

fn top() -> usize {
    5
}

fn batch() -> usize {
    16
}

impl Node for Predict {
    const NAME: &'static str = "predict";
    const VERSION: u32 = 3;
    const INPUTS: &'static [Input] =
        &[Input { port: "model", accepts: &[ArtifactType::Model], required: true }];
    const RUNTIME: &'static [&'static str] = &["batch"];

    fn output(&self) -> ArtifactType {
        ArtifactType::Predictions
    }

    fn uses_device(&self) -> bool {
        true
    }

    fn sources(&self) -> Vec<Source> {
        let list = if self.recursive { source::list_below } else { source::list };
        vec![Source { key: "source", path: self.source.clone(), list }]
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let source = cx.sources.get("source").ok_or_else(|| Error::new("the node has no `source`"))?;
        let entries = source::entries(&source.path, self.recursive)?;
        if entries.is_empty() {
            return Err(no_image(&source.path));
        }
        let found = self.classify(cx, &entries)?;
        warn(cx, &found.failed);
        if found.predictions.is_empty() {
            return Err(nothing_readable(&source.path, &found.failed));
        }
        cx.progress.note(note(&found));
        self.write(cx, &entries, &found)
    }
}

/// The trained model at the port `model`, at its own size or at another.
///
/// # Errors
/// When it can't be loaded on the device, or its eval chain does not end at the size.
pub(super) fn classifier(cx: &Context<'_>, size: Option<usize>) -> Result<Classifier> {
    let path = cx.required("model").path("model.safetensors")?;
    let mut model = Classifier::load(&path, cx.device)?;
    model.size = size.unwrap_or(model.size);
    let transforms = Transforms { size: model.size, eval: model.eval.clone(), ..Transforms::default() };
    match transforms.check().into_iter().next() {
        None => Ok(model),
        Some(fault) => Err(Error::new(format!(
            "the model's preprocessing does not work at {} pixels: {}",
            model.size, fault.message
        ))
        .help(fault.help)),
    }
}

/// What became of the images.
struct Found {
    /// Of those that could be read, in order, with their place among the entries.
    predictions: Vec<Prediction>,
    places: Vec<usize>,
    /// The others: name and reason.
    failed: Vec<(String, String)>,
}

impl Predict {
    fn classify(&self, cx: &Context<'_>, entries: &[Entry]) -> Result<Found> {
        let model = classifier(cx, self.size)?;
        let paths = entries.iter().map(|entry| entry.path.clone()).collect();
        let files = Files::new(paths, &model.eval, model.size, self.batch, cx.threads);
        let mut found = Found { predictions: Vec::new(), places: Vec::new(), failed: Vec::new() };
        for part in files {
            cx.progress.check()?;
            found.failed.extend(
                part.failed.iter().map(|(place, error)| (entries[*place].name.clone(), reason(error))),
            );
            if !part.batch.is_empty() {
                let places = part.batch.indices.clone();
                let logits = model.logits(part.batch);
                for (row, place) in logits.chunks_exact(model.names.len()).zip(places) {
                    found.predictions.push(Prediction::new(
                        &entries[place].name,
                        row,
                        &model.names,
                        self.top,
                    )?);
                    found.places.push(place);
                }
            }
            let done = found.predictions.len() + found.failed.len();
            cx.progress.step("predict", done, entries.len(), "images");
        }
        Ok(found)
    }

    fn write(&self, cx: &Context<'_>, entries: &[Entry], found: &Found) -> Result<()> {
        predictions::save_json_lines(&found.predictions, &cx.out.join("predictions.jsonl"))?;
        predictions::table(&found.predictions).save(&cx.out.join("predictions.csv"))?;
        let mut errors = Table::new(["path", "error"]);
        found.failed.iter().for_each(|(name, reason)| errors.row([name, reason]));
        errors.save(&cx.out.join("errors.csv"))?;
        if self.annotate { draw(cx, entries, found) } else { Ok(()) }
    }
}

/// Why an image can't be read: the cause where it is known, for the message names the path.
fn reason(error: &Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn warn(cx: &Context<'_>, failed: &[(String, String)]) {
    for (name, reason) in failed.iter().take(MAX_WARNINGS) {
        cx.progress.warn(format!("cannot read {name}: {reason}"));
    }
    if failed.len() > MAX_WARNINGS {
        let more = failed.len() - MAX_WARNINGS;
        cx.progress.warn(format!("{more} more images can't be read; errors.csv names them"));
    }
}

fn note(found: &Found) -> String {
    match found.failed.len() {
        0 => format!("{} images", found.predictions.len()),
        failed => format!("{} images, {failed} unreadable", found.predictions.len()),
    }
}

fn no_image(source: &Path) -> Error {
    let error = Error::new(format!("there is no image in {}", source.display()));
    if source.is_dir() {
        return error.help("add `recursive: true` if the images lie in folders below it");
    }
    error.help("name an image, a folder of images, a pattern with `*`, or a list of paths")
}

fn nothing_readable(source: &Path, failed: &[(String, String)]) -> Error {
    let error = Error::new(format!("no image in {} can be read", source.display()));
    let first = failed.first().map(|(name, reason)| format!("the first, {name}: {reason}"));
    first.into_iter().fold(error, Error::help)
}

/// Writes `annotated/<stem>.png` for each image, at its own size.
fn draw(cx: &Context<'_>, entries: &[Entry], found: &Found) -> Result<()> {
    let folder = cx.out.join("annotated");
    fs::create_dir(&folder).map_err(|error| Error::io("create", &folder, error))?;
    // Shorter than a name may be, so that there is room for a number and the extension.
    let name = |&place: &usize| plain_part(&stem(&entries[place].path), 240);
    let names = unique(found.places.iter().map(name));
    for (i, ((prediction, &place), name)) in
        found.predictions.iter().zip(&found.places).zip(names).enumerate()
    {
        cx.progress.check()?;
        let mut image = decode(&entries[place].path)?;
        annotate(&mut image, &prediction.top);
        let path: PathBuf = folder.join(format!("{name}.png"));
        image
            .save(&path)
            .map_err(|error| Error::new(format!("cannot write {}", path.display())).because(error))?;
        cx.progress.step("annotate", i + 1, found.predictions.len(), "images");
    }
    Ok(())
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "image".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// The names in order; one that was there already gets `-2`, `-3`, …. Names that differ only in
/// upper and lower case count as equal, because some file systems take them so.
fn unique(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut free = |name: &String| taken.insert(name.to_lowercase());
    let mut all = Vec::new();
    for name in names {
        let numbered = (2..).map(|n| format!("{name}-{n}"));
        let first = std::iter::once(name.clone()).chain(numbered).find(|name| free(name));
        all.push(first.expect("numbers don't end"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_repeat_get_numbers() {
        let names = ["a", "b", "a", "a-2", "A", "a"].map(String::from);
        assert_eq!(unique(names), ["a", "b", "a-2", "a-2-2", "A-3", "a-4"]);
    }

    #[test]
    fn a_folder_without_images_may_have_them_below() {
        let dir = tempfile::tempdir().unwrap();
        assert!(no_image(dir.path()).hint().unwrap().contains("recursive"));
        assert!(!no_image(Path::new("/no/list.txt")).hint().unwrap().contains("recursive"));
    }

    #[test]
    fn the_reason_is_told_without_the_path() {
        let error = decode(Path::new("/no/such.png")).unwrap_err();
        assert!(reason(&error).starts_with("No such file"), "{}", reason(&error));
    }

    #[test]
    fn defaults_are_those_of_the_manual() {
        let node: Predict = serde_json::from_str(r#"{"model": "fit", "source": "a.png"}"#).unwrap();
        assert_eq!(
            (node.top, node.batch, node.recursive, node.annotate, node.size),
            (5, 16, false, false, None)
        );
        assert!(serde_json::from_str::<Predict>(r#"{"model": "m", "source": "a", "save": true}"#).is_err());
    }
}

//! `type: predict`: which class a model gives to images.

mod contents;
mod journal;
mod list;
mod pattern;
pub mod remote;
mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{journal::Journal, source::Entry};
use super::artifacts::{MODEL, PRECISION, PREDICTIONS};
use crate::{
    data::{Batch, decode::decode, files::Files, transform::Transforms},
    download::Url,
    error::{Error, Result},
    eval::{
        Classifier,
        predictions::{self, Guess, Prediction},
        table::Table,
    },
    names::plain_part,
    node::{ArtifactType, Context, KeyRole, Node, NodeKind, SourcePath},
    plot::annotate::annotate,
    shown,
    spec::{Place, Problem},
};

/// How many unreadable images are shown one by one; `errors.csv` has all.
const MAX_WARNINGS: usize = 10;

/// Classifies images: `predictions.jsonl` and `predictions.csv` with the likeliest classes of each,
/// `errors.csv` with the images that can't be read. In the tables, as in all that Kiln writes, a cell that a
/// spreadsheet would take for a formula has an apostrophe before it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Predict {
    /// The node that gives the model: a train node, or a model node with weights.
    pub model: String,
    /// An image, a folder of images, a pattern such as `photos/*.jpg` or `photos/**/*.jpg`, a list, or the https URL
    /// of one image. A list is a `.txt`, `.csv` or `.tsv` file with one image, folder or pattern a line, relative
    /// to the list; a title such as `path` says in which column they are. What a URL gave stays the result, until
    /// `sha256` is another or the node is forced; `kiln predict MODEL URL` looks what lies there now.
    #[schemars(length(min = 1))]
    pub source: String,
    /// The SHA-256 of the image behind a URL, as `sha256sum FILE` prints it: any other is an error, and one that
    /// was fetched before is not fetched again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        regex(pattern = "^[0-9a-fA-F]{64}$"),
        extend("patternErrorMessage" = "must be 64 hexadecimal digits")
    )]
    pub sha256: Option<String>,
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

impl NodeKind for Predict {
    const NAME: &'static str = "predict";
    const VERSION: u32 = 4;
    const KEYS: &'static [(&'static str, KeyRole)] =
        &[("model", KeyRole::Input(&[MODEL])), ("source", KeyRole::Source), ("batch", KeyRole::Runtime)];
    const SYNONYMS: &'static [(&'static str, &'static [&'static str])] =
        &[("source", &["sources", "images", "input", "inputs", "path"])];
}

impl Node for Predict {
    fn output(&self) -> ArtifactType {
        PREDICTIONS
    }

    fn precision(&self) -> Option<&'static str> {
        Some(PRECISION)
    }

    fn sources(&self) -> Vec<SourcePath> {
        // What a URL gives is no file here before the node runs: it counts by its text, and its `sha256`.
        if self.url().is_some() {
            return Vec::new();
        }
        let list = if self.recursive { source::list_below } else { source::list };
        vec![SourcePath::new("source", &self.source, list)]
    }

    fn check(&self) -> Vec<Problem> {
        let problem = |key: &str, message: String| Problem::rule(Place::Value([key].into()), message);
        let Some(url) = self.url() else {
            let stray = self.sha256.as_ref().map(|_| problem("sha256", "a `sha256` of a path".to_owned()));
            let help = "it belongs to a URL; files here count by their content anyway: leave it out";
            return stray.into_iter().map(|problem| problem.help(help)).collect();
        };
        let wrong = Url::parse(url).err();
        let problem = wrong.map(|error| {
            let help = error.hint().unwrap_or("write https://HOST/PATH").to_owned();
            problem("source", error.to_string()).label("can't be fetched").help(help)
        });
        problem.into_iter().collect()
    }

    fn check_sources(&self, paths: &BTreeMap<&'static str, PathBuf>) -> Vec<Problem> {
        paths.get("source").and_then(|path| contents::problem(path, self.recursive)).into_iter().collect()
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let entries = self.entries(cx)?;
        let outcomes = self.classify(cx, &entries)?;
        let failed = failed(&entries, &outcomes);
        warn(cx, &failed);
        if failed.len() == outcomes.len() {
            return Err(nothing_readable(&self.source, &failed));
        }
        cx.progress.note(note(outcomes.len() - failed.len(), failed.len()));
        self.write(cx, &entries, &outcomes, &failed)
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

/// What became of an image, or why it can't be read.
type Outcome = Result<Prediction, String>;

impl Predict {
    /// The URL, if `source` is meant as one.
    fn url(&self) -> Option<&str> {
        Some(self.source.as_str()).filter(|text| Url::is_meant_by(text))
    }

    /// The images to look at; at least one.
    fn entries(&self, cx: &Context<'_>) -> Result<Vec<Entry>> {
        if let Some(url) = self.url() {
            let path = remote::fetch(cx, url, self.sha256.as_deref())?;
            return Ok(vec![Entry { name: url.to_owned(), path }]);
        }
        let source = cx.sources.get("source").ok_or_else(|| Error::new("the node has no `source`"))?;
        let entries = source::entries(&source.path, self.recursive, cx.progress.stop())?;
        if entries.is_empty() {
            let fault = contents::no_image(&source.path, self.recursive);
            return Err(Error::new(fault.message).help(fault.help));
        }
        Ok(entries)
    }

    /// The outcome of each entry. Predictions are kept as they are made, and those of an earlier try are taken up.
    fn classify(&self, cx: &Context<'_>, entries: &[Entry]) -> Result<Vec<Outcome>> {
        let model = classifier(cx, self.size)?;
        let mut journal = Journal::open(cx.scratch)?;
        let mut outcomes: Vec<Option<Outcome>> =
            entries.iter().map(|entry| journal.known(&entry.name).map(Ok)).collect();
        let open: Vec<usize> = (0..entries.len()).filter(|place| outcomes[*place].is_none()).collect();
        let paths = open.iter().map(|place| entries[*place].path.clone()).collect();
        let mut done = entries.len() - open.len();
        for part in Files::new(paths, &model.eval, model.size, self.batch, cx.threads) {
            cx.progress.check()?;
            done += part.failed.len() + part.batch.indices.len();
            for (i, error) in part.failed {
                outcomes[open[i]] = Some(Err(reason(&entries[open[i]], &error)));
            }
            let places: Vec<usize> = part.batch.indices.iter().map(|i| open[*i]).collect();
            let predictions =
                self.predict(&model, part.batch, places.iter().map(|place| &entries[*place]))?;
            journal.keep(&predictions)?;
            for (place, prediction) in places.into_iter().zip(predictions) {
                outcomes[place] = Some(Ok(prediction));
            }
            cx.progress.step("predict", done, entries.len(), "images");
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// What the model says about a batch of these entries.
    fn predict<'e>(
        &self,
        model: &Classifier,
        batch: Batch,
        entries: impl Iterator<Item = &'e Entry>,
    ) -> Result<Vec<Prediction>> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let logits = model.logits(batch);
        let rows = logits.chunks_exact(model.names.len());
        rows.zip(entries)
            .map(|(row, entry)| Prediction::new(&entry.name, row, &model.names, self.top))
            .collect()
    }

    fn write(
        &self,
        cx: &Context<'_>,
        entries: &[Entry],
        outcomes: &[Outcome],
        failed: &[(&str, &str)],
    ) -> Result<()> {
        let predictions = || outcomes.iter().flatten();
        predictions::save_json_lines(predictions(), &cx.out.join("predictions.jsonl"))?;
        predictions::table(predictions()).save(&cx.out.join("predictions.csv"))?;
        let mut errors = Table::new(["path", "error"]);
        failed.iter().for_each(|(name, reason)| errors.row([name, reason]));
        errors.save(&cx.out.join("errors.csv"))?;
        if self.annotate { draw(cx, entries, outcomes) } else { Ok(()) }
    }
}

/// The entries that can't be read: name and reason.
fn failed<'a>(entries: &'a [Entry], outcomes: &'a [Outcome]) -> Vec<(&'a str, &'a str)> {
    let failed = |(entry, outcome): (&'a Entry, &'a Outcome)| {
        outcome.as_ref().err().map(|reason| (entry.name.as_str(), reason.as_str()))
    };
    entries.iter().zip(outcomes).filter_map(failed).collect()
}

/// Why an image can't be read: the cause where it is known, for the message names the path.
fn reason(entry: &Entry, error: &Error) -> String {
    if Url::is_meant_by(&entry.name) {
        return "a URL in a list is not fetched; give it as a source of its own".to_owned();
    }
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn warn(cx: &Context<'_>, failed: &[(&str, &str)]) {
    for (name, reason) in failed.iter().take(MAX_WARNINGS) {
        cx.progress.warn(format!("cannot read {}: {reason}", shown::text(name)));
    }
    if failed.len() > MAX_WARNINGS {
        let more = failed.len() - MAX_WARNINGS;
        cx.progress.warn(format!("{more} more images can't be read; errors.csv names them"));
    }
}

fn note(readable: usize, failed: usize) -> String {
    match failed {
        0 => format!("{readable} images"),
        failed => format!("{readable} images, {failed} unreadable"),
    }
}

fn nothing_readable(source: &str, failed: &[(&str, &str)]) -> Error {
    let error = Error::new(format!("no image in {} can be read", shown::text(source)));
    let first = failed.first().map(|(name, reason)| format!("the first, {}: {reason}", shown::text(name)));
    first.into_iter().fold(error, Error::help)
}

/// Writes `annotated/<stem>.png` for each image, at its own size.
fn draw(cx: &Context<'_>, entries: &[Entry], outcomes: &[Outcome]) -> Result<()> {
    let folder = cx.out.join("annotated");
    fs::create_dir(&folder).map_err(|error| Error::io("create", &folder, error))?;
    let found: Vec<(&Entry, &Prediction)> = entries
        .iter()
        .zip(outcomes)
        .filter_map(|(entry, outcome)| Some((entry, outcome.as_ref().ok()?)))
        .collect();
    // Shorter than a name may be, so that there is room for a number and the extension.
    let names = unique(found.iter().map(|(entry, _)| plain_part(&stem(&entry.path), 240)));
    for (i, ((entry, prediction), name)) in found.iter().zip(names).enumerate() {
        cx.progress.check()?;
        match decode(&entry.path) {
            Ok(mut image) => {
                let lines: Vec<String> = prediction.top.iter().map(Guess::label).collect();
                annotate(&mut image, &lines);
                let path = folder.join(format!("{name}.png"));
                image.save(&path).map_err(|error| {
                    Error::new(format!("cannot write {}", shown::path(&path))).because(error)
                })?;
            }
            // It could be read a moment ago.
            Err(error) => cx.progress.warn(format!("{error}, so it is not annotated")),
        }
        cx.progress.step("annotate", i + 1, found.len(), "images");
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
    fn the_reason_is_told_without_the_path() {
        let of = |name: &str| {
            reason(&Entry { name: name.into(), path: name.into() }, &decode(Path::new(name)).unwrap_err())
        };
        assert!(of("/no/such.png").starts_with("No such file"));
        assert!(of("https://example.org/a.png").starts_with("a URL in a list is not fetched"));
    }

    #[test]
    fn a_sha256_belongs_to_a_url_and_a_url_must_be_safe() {
        let told = |source: &str, sha256: Option<&str>| -> Vec<String> {
            let node: Predict =
                serde_json::from_value(serde_json::json!({"model": "m", "source": source, "sha256": sha256}))
                    .unwrap();
            node.check()
                .iter()
                .map(|problem| {
                    format!("{} ({})", problem.message, problem.help.as_deref().unwrap_or_default())
                })
                .collect()
        };
        let digest = "a".repeat(64);
        assert!(told("https://example.org/a.png", None).is_empty());
        assert!(told("https://example.org/a.png", Some(&digest)).is_empty());
        assert_eq!(told("a.png", Some(&digest)).len(), 1);
        insta::assert_snapshot!(told("http://example.org/a.png", None).concat(), @"`http://example.org/a.png` is an http URL (write https://…: what comes over http can be read and changed on its way)");
    }

    #[test]
    fn what_a_url_gives_counts_by_its_text_and_digest() {
        let node: Predict =
            serde_json::from_str(r#"{"model": "m", "source": "https://example.org/a.png"}"#).unwrap();
        assert!(node.sources().is_empty() && node.pinned().is_empty());
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

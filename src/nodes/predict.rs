//! `type: predict`: which class a model gives to images.

mod annotated;
mod contents;
mod list;
mod pattern;
pub mod remote;
mod source;

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    PRECISION,
    artifacts::{MODEL, PREDICTIONS},
    model::classifier,
};
use crate::{
    device,
    download::Url,
    error::{Error, Result},
    eval::{
        journal::Journal,
        predict::{ImageFile, PredictOptions, predict},
        predictions::{self, Prediction},
        table::Table,
    },
    node::{ArtifactType, Context, KeyRole, Node, NodeKind, SourcePath},
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
    /// to the list; a title such as `path` says in which column they are. What a URL gave stays the result
    /// until `sha256` changes or the node is forced; `kiln predict MODEL URL` fetches what is there now.
    #[schemars(length(min = 1))]
    pub source: String,
    /// The SHA-256 of the image behind a URL, as `sha256sum FILE` prints it. Any other file is an
    /// error, and a file that was fetched before is not fetched again.
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
    const VERSION: u32 = 8;
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
        device::guard(|| self.work(cx))
    }
}

impl Predict {
    fn work(&self, cx: &Context<'_>) -> Result<()> {
        let entries = self.entries(cx)?;
        let model = classifier(cx, self.size)?;
        let options = PredictOptions { top: self.top, batch: self.batch, threads: cx.threads };
        let mut journal = Journal::open(cx.scratch)?;
        let outcomes = predict(&model, &entries, &options, &mut journal, &cx.progress)?;
        let failed = failed(&entries, &outcomes);
        warn(cx, &failed);
        if failed.len() == outcomes.len() {
            return Err(nothing_readable(&self.source, &failed));
        }
        cx.progress.note(note(outcomes.len() - failed.len(), failed.len()));
        self.write(cx, &entries, &outcomes, &failed)
    }

    /// The URL, if `source` is meant as one.
    fn url(&self) -> Option<&str> {
        Some(self.source.as_str()).filter(|text| Url::is_meant_by(text))
    }

    /// The images to look at; at least one.
    fn entries(&self, cx: &Context<'_>) -> Result<Vec<ImageFile>> {
        if let Some(url) = self.url() {
            let path = remote::fetch(cx, url, self.sha256.as_deref())?;
            return Ok(vec![ImageFile { name: url.to_owned(), path }]);
        }
        let source = cx.sources.get("source").ok_or_else(|| Error::new("the node has no `source`"))?;
        let entries = source::entries(&source.path, self.recursive, cx.progress.stop())?;
        if entries.is_empty() {
            let fault = contents::no_image(&source.path, self.recursive);
            return Err(Error::new(fault.message).help(fault.help));
        }
        Ok(entries)
    }

    fn write(
        &self,
        cx: &Context<'_>,
        entries: &[ImageFile],
        outcomes: &[Result<Prediction>],
        failed: &[(&str, String)],
    ) -> Result<()> {
        let predictions = || outcomes.iter().flatten();
        cx.write("predictions.jsonl", predictions::json_lines(predictions()))?;
        cx.write("predictions.csv", predictions::table(predictions()))?;
        let mut errors = Table::new(["path", "error"]);
        failed.iter().for_each(|(name, reason)| errors.row([*name, reason]));
        cx.write("errors.csv", errors)?;
        if self.annotate { annotated::write(cx, entries, outcomes) } else { Ok(()) }
    }
}

/// The entries that can't be read: name and reason.
fn failed<'a>(entries: &'a [ImageFile], outcomes: &[Result<Prediction>]) -> Vec<(&'a str, String)> {
    let failed = |(entry, outcome): (&'a ImageFile, &Result<Prediction>)| {
        outcome.as_ref().err().map(|error| (entry.name.as_str(), reason(entry, error)))
    };
    entries.iter().zip(outcomes).filter_map(failed).collect()
}

/// Why an image can't be read: the cause where it is known, for the message names the path.
fn reason(entry: &ImageFile, error: &Error) -> String {
    if Url::is_meant_by(&entry.name) {
        return "a URL in a list is not fetched; give it as a source of its own".to_owned();
    }
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn warn(cx: &Context<'_>, failed: &[(&str, String)]) {
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

fn nothing_readable(source: &str, failed: &[(&str, String)]) -> Error {
    let error = Error::new(format!("no image in {} can be read", shown::text(source)));
    let first = failed.first().map(|(name, reason)| format!("the first, {}: {reason}", shown::text(name)));
    first.into_iter().fold(error, Error::help)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::data::decode::decode;

    #[test]
    fn the_reason_is_told_without_the_path() {
        let of = |name: &str| {
            reason(&ImageFile { name: name.into(), path: name.into() }, &decode(Path::new(name)).unwrap_err())
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

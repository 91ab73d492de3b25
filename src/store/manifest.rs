//! The record of a finished result, kept as JSON beside nothing else: its recipe, its files, its story.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    digest::Digest,
    key::{Key, Recipe, canonical},
};

/// Raised when the layout of [`Manifest`] changes.
pub const FORMAT: u32 = 1;

const CHECKSUM_DOMAIN: &str = "kiln 2026 manifest";
const CONTENT_DOMAIN: &str = "kiln 2026 artifact";

/// One file of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Of the content.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
}

/// What the work was done on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system, e.g. `linux`.
    pub os: String,
    /// Processor family, e.g. `x86_64`.
    pub arch: String,
    /// How many hardware threads it has.
    pub cpus: usize,
    /// How many threads the node might use.
    pub threads: usize,
    /// The device asked for, e.g. `cpu`.
    pub device: String,
}

impl Machine {
    /// This machine, with `threads` threads and `device` given to the work.
    pub fn this(threads: usize, device: &str) -> Self {
        Self {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            threads,
            device: device.to_owned(),
        }
    }
}

/// Who made a result, for people and for `why`; none of it is in the key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Story {
    /// The pipeline's name.
    pub pipeline: String,
    /// The node's name there.
    pub node: String,
    /// What the node gives, e.g. `model`.
    pub gives: String,
    /// Files that tell how the work went: kept, but without part in the content's digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<String>,
    /// What came of the work in one line, e.g. a score; told again whenever the result is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headline: Option<String>,
    /// How long the work took.
    pub seconds: f64,
    /// What it was done on.
    pub machine: Machine,
}

/// The record of a finished result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The digest of the recipe: the result's name.
    pub key: Key,
    /// All that decided the result.
    pub recipe: Recipe,
    /// Decided by names and contents of the files, and by nothing else.
    pub digest: Digest,
    /// The files, by name, with `/` between folders.
    pub outputs: BTreeMap<String, Output>,
    /// Who made it.
    pub story: Story,
    /// The program that made it, e.g. `kiln 0.1.0`.
    pub tool: String,
    /// When, in UTC, e.g. `2026-11-23T22:17:50Z`.
    pub created: String,
}

impl Manifest {
    /// The record of `outputs`, made just now.
    pub fn new(recipe: Recipe, outputs: BTreeMap<String, Output>, story: Story) -> Self {
        let counts = |(name, _): &(&String, &Output)| !story.logs.contains(name);
        let named = outputs.iter().filter(counts).map(|(name, output)| (name.as_str(), output.digest));
        Self {
            format: FORMAT,
            key: recipe.key(),
            digest: Digest::of_named(CONTENT_DOMAIN, named),
            recipe,
            outputs,
            story,
            tool: concat!("kiln ", env!("CARGO_PKG_VERSION")).to_owned(),
            created: rfc3339(SystemTime::now()),
        }
    }

    /// All files together, in bytes.
    pub fn size(&self) -> u64 {
        self.outputs.values().map(|output| output.size).sum()
    }

    /// As JSON, with a checksum of its own.
    pub fn to_json(&self) -> String {
        let mut value = serde_json::to_value(self).expect("a manifest is plain data with string keys");
        value[CHECKSUM] = checksum(&value).to_string().into();
        serde_json::to_string_pretty(&value).expect("a JSON value can be written") + "\n"
    }

    /// Reads what [`Self::to_json`] wrote; `None` if it is damaged or of another version.
    pub fn from_json(text: &str) -> Option<Self> {
        let mut value: Value = serde_json::from_str(text).ok()?;
        let sum = value.as_object_mut()?.shift_remove(CHECKSUM)?;
        if sum.as_str()? != checksum(&value).to_string() {
            return None;
        }
        let manifest: Self = serde_json::from_value(value).ok()?;
        (manifest.format == FORMAT).then_some(manifest)
    }
}

const CHECKSUM: &str = "checksum";

fn checksum(value: &Value) -> Digest {
    Digest::of_text(CHECKSUM_DOMAIN, &canonical(value))
}

/// A moment in UTC to the second, as RFC 3339 writes it.
///
/// The calendar is Howard Hinnant's `civil_from_days` ("chrono-compatible low-level date algorithms").
pub fn rfc3339(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (day, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    pub(crate) fn example() -> Manifest {
        let recipe = Recipe {
            format: crate::store::key::FORMAT,
            kind: "val".into(),
            version: 1,
            params: serde_json::Map::from_iter([("top".to_owned(), 5.into())]),
            inputs: BTreeMap::new(),
            sources: BTreeMap::new(),
            seed: None,
            precision: Some("f32".into()),
        };
        let outputs = [("metrics.json".to_owned(), Output { digest: Digest::of_bytes(b"{}"), size: 2 })];
        let story = Story {
            pipeline: "p".into(),
            node: "score".into(),
            gives: "metrics".into(),
            logs: Vec::new(),
            headline: None,
            seconds: 0.1,
            machine: Machine::this(2, "cpu"),
        };
        Manifest::new(recipe, outputs.into(), story)
    }

    #[test]
    fn is_read_back_as_written() {
        let manifest = example();
        assert_eq!(Manifest::from_json(&manifest.to_json()), Some(manifest));
    }

    #[test]
    fn damage_is_noticed() {
        let text = example().to_json();
        assert_eq!(Manifest::from_json(&text.replace("score", "scope")), None);
        assert_eq!(Manifest::from_json(&text[..text.len() - 3]), None);
        assert_eq!(Manifest::from_json(""), None);
    }

    #[test]
    fn content_counts_and_story_does_not() {
        let manifest = example();
        let again = Manifest::new(
            Recipe { version: 2, ..manifest.recipe.clone() },
            manifest.outputs.clone(),
            Story { seconds: 9.0, ..manifest.story.clone() },
        );
        assert_eq!(again.digest, manifest.digest);
        let renamed = manifest.outputs.values().map(|output| ("other".to_owned(), *output)).collect();
        assert_ne!(Manifest::new(manifest.recipe, renamed, manifest.story).digest, manifest.digest);
    }

    #[test]
    fn a_headline_is_kept_and_does_not_count() {
        let plain = example();
        assert!(!plain.to_json().contains("headline"), "as records were written before there were headlines");
        let story = Story { headline: Some("top-1 0.5".to_owned()), ..plain.story.clone() };
        let told = Manifest::new(plain.recipe.clone(), plain.outputs.clone(), story);
        assert_eq!(told.digest, plain.digest);
        assert_eq!(Manifest::from_json(&told.to_json()), Some(told));
    }

    #[test]
    fn logs_are_kept_but_do_not_count() {
        let plain = example();
        let mut outputs = plain.outputs.clone();
        outputs.insert("times.csv".to_owned(), Output { digest: Digest::of_bytes(b"1 s"), size: 3 });
        let story = Story { logs: vec!["times.csv".to_owned()], ..plain.story.clone() };
        let logged = Manifest::new(plain.recipe.clone(), outputs, story);
        assert_eq!(logged.digest, plain.digest);
        assert!(logged.outputs.contains_key("times.csv"));
    }

    #[test]
    fn moments_are_written_as_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_472_270, "2026-11-23T22:17:50Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }
}

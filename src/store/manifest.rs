//! The record of a finished result, kept as JSON under the result's key: its recipe, its files, and who made it, how.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    digest::Digest,
    key::{Key, Recipe},
    surroundings::Surroundings,
};
use crate::{files, names::PlainName};

/// Raised when the layout of [`Manifest`] changes.
pub(super) const FORMAT: u32 = 1;

/// The most bytes that a record may have: some 400,000 files, which are read in less than a second.
pub(super) const LIMIT: u64 = 64 << 20;

/// Names that no file of a result may have: where results are shown, these tell of them.
const RESERVED: [&str; 2] = ["manifest.json", "recipe.json"];

const CHECKSUM_DOMAIN: &str = "kiln 2026 manifest";
const CONTENT_DOMAIN: &str = "kiln 2026 artifact";

/// One file of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The digest of the file's content, under which the store keeps it.
    pub digest: Digest,
    /// The size of the file, in bytes.
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
pub struct Provenance {
    /// The name of the pipeline that made the result.
    pub pipeline: String,
    /// The name of the node that made the result.
    pub node: String,
    /// What the node gives, e.g. `model`.
    #[serde(rename = "gives")]
    pub output_type: String,
    /// Files that tell how the work went: kept, but without part in the content's digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<String>,
    /// What came of the work in one line, e.g. a score; told again whenever the result is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headline: Option<String>,
    /// Numbers by which the result is compared with others, e.g. `top1`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
    /// How long the work took, in seconds.
    pub seconds: f64,
    /// The machine, threads and device that the work was done on.
    pub machine: Machine,
    /// The program, the sources and the command line.
    #[serde(default, skip_serializing_if = "Surroundings::is_empty")]
    pub surroundings: Surroundings,
}

#[cfg(test)]
impl Provenance {
    /// Of the node `n` of the pipeline `p`, for tests.
    pub(crate) fn example() -> Self {
        Self {
            pipeline: "p".into(),
            node: "n".into(),
            output_type: "text".into(),
            logs: Vec::new(),
            headline: None,
            metrics: BTreeMap::new(),
            seconds: 0.0,
            machine: Machine::this(1, "cpu"),
            surroundings: Surroundings::default(),
        }
    }
}

/// The record of a finished result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The layout of the record: `FORMAT` when it was written.
    pub format: u32,
    /// The digest of the recipe: the result's name.
    pub key: Key,
    /// All that decided the result.
    pub recipe: Recipe,
    /// Decided by names and contents of the files, and by nothing else.
    pub digest: Digest,
    /// The files, by name, with `/` between folders.
    pub outputs: BTreeMap<PlainName, Output>,
    /// Which node of which pipeline made the result, how and on what; no part of the key.
    #[serde(rename = "story")]
    pub provenance: Provenance,
    /// The program that made it, e.g. `kiln 0.1.0`.
    pub tool: String,
    /// When, in UTC, e.g. `2026-11-23T22:17:50Z`.
    pub created: String,
    /// The digest of all other fields, which tells a damaged record.
    checksum: Digest,
}

impl Manifest {
    /// The record of `outputs`, made just now.
    pub fn new(recipe: Recipe, outputs: BTreeMap<PlainName, Output>, provenance: Provenance) -> Self {
        let mut manifest = Self {
            format: FORMAT,
            key: recipe.key(),
            digest: content(&outputs, &provenance.logs),
            recipe,
            outputs,
            provenance,
            tool: concat!("kiln ", env!("CARGO_PKG_VERSION")).to_owned(),
            created: rfc3339(SystemTime::now()),
            checksum: Digest::of_bytes(b""),
        };
        manifest.checksum = manifest.sum();
        manifest
    }

    /// All files together, in bytes.
    pub fn size(&self) -> u64 {
        // A record may say what it likes, and a sum too large is no reason to panic.
        self.outputs.values().fold(0, |sum, output| sum.saturating_add(output.size))
    }

    /// As JSON, with a checksum of its own.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a manifest is plain data with string keys") + "\n"
    }

    /// The record in a file; `None` if there is none, or as [`Self::from_json`].
    pub fn read(path: &Path) -> Option<Self> {
        Self::from_json(&String::from_utf8(files::read(path, LIMIT).ok()?).ok()?)
    }

    /// Reads what [`Self::to_json`] wrote; `None` if it is damaged, of another version, or says what no result can
    /// be. The checksum finds damage, and anybody can make one: nothing in a record is trusted because of it.
    pub fn from_json(text: &str) -> Option<Self> {
        let manifest: Self = serde_json::from_str(text).ok()?;
        let sound = manifest.format == FORMAT
            && manifest.checksum == manifest.sum()
            && manifest.key == manifest.recipe.key()
            && manifest.digest == content(&manifest.outputs, &manifest.provenance.logs)
            && can_be_files(&manifest.outputs);
        sound.then_some(manifest)
    }

    /// The digest of everything but the checksum, as JSON with sorted keys and no blanks.
    fn sum(&self) -> Digest {
        #[derive(Serialize)]
        struct Sorted<'m> {
            created: &'m str,
            digest: Digest,
            format: u32,
            key: Key,
            outputs: &'m BTreeMap<PlainName, Output>,
            recipe: Value,
            #[serde(rename = "story")]
            provenance: Value,
            tool: &'m str,
        }
        let Self { format, key, recipe, digest, outputs, provenance, tool, created, checksum: _ } = self;
        let (recipe, provenance) = (sorted(recipe), sorted(provenance));
        let (format, key, digest) = (*format, *key, *digest);
        Digest::of_json(
            CHECKSUM_DOMAIN,
            &Sorted { created, digest, format, key, outputs, recipe, provenance, tool },
        )
    }
}

/// Whether no file of a result may have this name. Some file systems take upper and lower case as equal.
pub(super) fn is_reserved(name: &PlainName) -> bool {
    RESERVED.iter().any(|reserved| name.as_str().eq_ignore_ascii_case(reserved))
}

/// Whether files of these names can lie in one folder: none is reserved, and none is also a folder.
fn can_be_files(outputs: &BTreeMap<PlainName, Output>) -> bool {
    let mut names: Vec<_> = outputs.keys().map(PlainName::as_str).collect();
    names.sort_by(|a, b| in_order(a).cmp(in_order(b)));
    let is_folder = |pair: &[&str]| pair[1].strip_prefix(pair[0]).is_some_and(|rest| rest.starts_with('/'));
    !names.windows(2).any(is_folder) && !outputs.keys().any(is_reserved)
}

/// Bytes by which what lies in a folder comes right after the folder's own name: no other one is below `/`.
fn in_order(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().map(|byte| if byte == b'/' { 0 } else { byte })
}

/// Decided by names and contents of the files but for the logs.
fn content(outputs: &BTreeMap<PlainName, Output>, logs: &[String]) -> Digest {
    let logs: BTreeSet<_> = logs.iter().map(String::as_str).collect();
    let counts = |(name, _): &(&PlainName, &Output)| !logs.contains(name.as_str());
    let named = outputs.iter().filter(counts).map(|(name, output)| (name.as_str(), output.digest));
    Digest::of_named(CONTENT_DOMAIN, named)
}

fn sorted(value: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(value).expect("a manifest is plain data with string keys");
    value.sort_all_objects();
    value
}

/// A moment in UTC to the second, as RFC 3339 writes it.
///
/// The calendar is Howard Hinnant's `civil_from_days` ("chrono-compatible low-level date algorithms").
pub fn rfc3339(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (day, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (generation, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + generation * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn name(text: &str) -> PlainName {
        text.parse().unwrap()
    }

    fn example() -> Manifest {
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
        let outputs = [(name("metrics.json"), Output { digest: Digest::of_bytes(b"{}"), size: 2 })];
        let provenance = Provenance { node: "score".into(), ..Provenance::example() };
        Manifest::new(recipe, outputs.into(), provenance)
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

    /// What somebody may write who knows how records are made: the change, and a checksum that fits.
    fn forged(change: impl FnOnce(&mut Value)) -> String {
        let mut value = serde_json::to_value(example()).unwrap();
        let object = value.as_object_mut().unwrap();
        object.shift_remove("checksum");
        change(&mut value);
        let sum = Digest::of_text(CHECKSUM_DOMAIN, &crate::store::canonical(&value));
        value["checksum"] = sum.to_string().into();
        value.to_string()
    }

    /// A record of files with these names, in which everything fits but what the names are.
    fn with_files(names: &[&str]) -> String {
        forged(|value| {
            let output = value["outputs"]["metrics.json"].clone();
            let digest: Digest = output["digest"].as_str().unwrap().parse().unwrap();
            let mut sorted = names.to_vec();
            sorted.sort_unstable();
            let content = Digest::of_named(CONTENT_DOMAIN, sorted.iter().map(|name| (*name, digest)));
            value["digest"] = content.to_string().into();
            value["outputs"] = names.iter().map(|name| ((*name).to_owned(), output.clone())).collect();
        })
    }

    #[test]
    fn the_checksum_is_that_of_the_first_stores() {
        assert!(Manifest::from_json(&forged(|_| ())).is_some());
        let text = example().to_json();
        let mut value: Value = serde_json::from_str(&text).unwrap();
        let checksum = value.as_object_mut().unwrap().shift_remove("checksum").unwrap();
        let sum = Digest::of_text(CHECKSUM_DOMAIN, &crate::store::canonical(&value));
        assert_eq!(checksum, sum.to_string());
        assert!(text.ends_with(&format!("\n  \"checksum\": \"{sum}\"\n}}\n")));
    }

    #[test]
    fn a_forged_record_is_damage() {
        let digest = Digest::of_bytes(b"another").to_string();
        for (key, value) in [
            ("format", 2.into()),
            ("key", digest.clone().into()),
            ("digest", digest.clone().into()),
            ("recipe", Value::Null),
        ] {
            assert_eq!(Manifest::from_json(&forged(|all| all[key] = value)), None, "{key}");
        }
        assert_eq!(Manifest::from_json(&forged(|all| all["recipe"]["version"] = 2.into())), None);
    }

    #[test]
    fn names_that_can_not_be_files_of_a_result_are_damage() {
        assert!(Manifest::from_json(&with_files(&["a", "a-b", "ab/c", "é/..x"])).is_some());
        for names in [
            &["../../hooks/evil"][..],
            &["/etc/passwd"],
            &["a/../b"],
            &["a\\b"],
            &["C:x"],
            &[""],
            &["."],
            &["a\nb"],
            &["manifest.json"],
            &["Recipe.JSON"],
            &["a", "a-b", "a/b"],
            &["a/b/c", "a.x", "a/b", "a/b-"],
        ] {
            assert_eq!(Manifest::from_json(&with_files(names)), None, "{names:?}");
        }
        assert!(Manifest::from_json(&with_files(&["sub/manifest.json"])).is_some());
    }

    #[test]
    fn sizes_without_end_are_no_panic() {
        let text = forged(|all| {
            all["outputs"]["metrics.json"]["size"] = u64::MAX.into();
            all["outputs"]["log"] = all["outputs"]["metrics.json"].clone();
            all["story"]["logs"] = vec!["log"].into();
        });
        assert_eq!(Manifest::from_json(&text).unwrap().size(), u64::MAX);
    }

    #[test]
    fn a_million_files_are_read_as_fast_as_their_list() {
        let output =
            r#"{"digest":"af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262","size":0}"#;
        let names = |i: usize| format!(r#""{i}/{}":{output}"#, "a/".repeat(20) + "b");
        let list = (0..200_000).map(names).collect::<Vec<_>>().join(",");
        let text = example().to_json().replacen("\"metrics.json\"", &format!("{list},\"metrics.json\""), 1);
        // All of it is looked at before the checksum is found to be wrong.
        assert_eq!(Manifest::from_json(&text), None);
        let manifest: Manifest = serde_json::from_str(&text).unwrap();
        assert!(can_be_files(&manifest.outputs));
    }

    #[test]
    fn content_counts_and_story_does_not() {
        let manifest = example();
        let again = Manifest::new(
            Recipe { version: 2, ..manifest.recipe.clone() },
            manifest.outputs.clone(),
            Provenance { seconds: 9.0, ..manifest.provenance.clone() },
        );
        assert_eq!(again.digest, manifest.digest);
        let renamed = manifest.outputs.values().map(|output| (name("other"), *output)).collect();
        assert_ne!(Manifest::new(manifest.recipe, renamed, manifest.provenance).digest, manifest.digest);
    }

    #[test]
    fn a_headline_is_kept_and_does_not_count() {
        let plain = example();
        assert!(!plain.to_json().contains("headline"), "as records were written before there were headlines");
        let provenance = Provenance { headline: Some("top-1 0.5".to_owned()), ..plain.provenance.clone() };
        let told = Manifest::new(plain.recipe.clone(), plain.outputs.clone(), provenance);
        assert_eq!(told.digest, plain.digest);
        assert_eq!(Manifest::from_json(&told.to_json()), Some(told));
    }

    #[test]
    fn logs_are_kept_but_do_not_count() {
        let plain = example();
        let mut outputs = plain.outputs.clone();
        outputs.insert(name("times.csv"), Output { digest: Digest::of_bytes(b"1 s"), size: 3 });
        let provenance = Provenance { logs: vec!["times.csv".to_owned()], ..plain.provenance.clone() };
        let logged = Manifest::new(plain.recipe.clone(), outputs, provenance);
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

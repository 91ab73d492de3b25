//! The lock of a pipeline: what each of its nodes was made of and gave, in a file to be kept in git beside it.
//!
//! ```text
//! # kiln lock 1: …
//! device cpu
//! kiln 0.1.0
//!
//! [score]
//! input.dataset 5f0a…
//! input.model 93c1…
//! key 7d2e…
//! kind val 7
//! metric.top1 0.8
//! output.metrics.json 11ab…
//! param.split "val"
//! ```
//!
//! One fact a line, sorted, without times and places, each node under its own heading: branches that change different nodes
//! merge as text, and a diff reads as what changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

use super::{
    comparison::{FactDifference, differences},
    why::fields,
};
use crate::{
    atomic::{self, Durability},
    error::{Error, ErrorKind, Result},
    files,
    plan::Plan,
    shown,
    store::{Artifact, Manifest, Provenance, Recipe, canonical},
};

/// How the file begins; nothing else is taken for a lock, nor overwritten.
const HEAD: &str = "# kiln lock 1";

const INTRODUCTION: &str = ": what each node was made of and gave. Kept in git, it lets `kiln run --locked` fail\n\
                            # where anything differs. `kiln run` writes it.\n";

/// Of results with more files, not each has a line: all of them together have one anyway.
const FILES: usize = 32;

/// The most bytes that a lock may have.
const LIMIT: u64 = 64 << 20;

/// What one node was made of and gave: values by the names of facts, e.g. `param.epochs`, `output.model.safetensors`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts(pub BTreeMap<String, String>);

/// The lock of a pipeline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lockfile {
    /// What the results were made with: `device`, `kiln`.
    pub made_with: BTreeMap<String, String>,
    /// The facts of each node, by its name.
    pub nodes: BTreeMap<String, Facts>,
}

impl Facts {
    /// What decides a result.
    pub fn of_recipe(recipe: &Recipe) -> Self {
        let mut facts = BTreeMap::from([
            ("key".to_owned(), recipe.key().to_string()),
            ("kind".to_owned(), format!("{} {}", recipe.kind, recipe.version)),
        ]);
        for (field, value) in fields(recipe) {
            let name = match field.split_once('.') {
                Some(("params", key)) => format!("param.{key}"),
                Some(("inputs", port)) => format!("input.{port}"),
                Some(("sources", key)) => format!("source.{key}"),
                _ if field == "seed" || field == "precision" => field,
                _ => continue,
            };
            let text = value.as_str().filter(|_| !name.starts_with("param.")).map(str::to_owned);
            facts.insert(word(&name), text.unwrap_or_else(|| canonical(&value)));
        }
        Self(facts)
    }

    /// What decided a result, and what it is. Files that tell how the work went are no part of it.
    pub fn of(artifact: &Artifact) -> Self {
        Self::of_manifest(artifact.manifest())
    }

    fn of_manifest(manifest: &Manifest) -> Self {
        let Self(mut facts) = Self::of_recipe(&manifest.recipe);
        let made = &manifest.provenance;
        facts.extend(made.metrics.iter().map(|(name, value)| (format!("metric.{name}"), value.to_string())));
        facts.insert("output".to_owned(), manifest.digest.to_string());
        if manifest.outputs.len() <= FILES {
            let is_log = |name: &str| made.logs.iter().any(|log| log == name);
            let files = manifest.outputs.iter().filter(|(name, _)| !is_log(name.as_str()));
            facts.extend(
                files.map(|(name, file)| {
                    (word(&format!("output.{}", name.as_str())), file.digest.to_string())
                }),
            );
        }
        Self(facts)
    }

    /// What was there before the node worked: not what it gave.
    fn without_results(&self) -> Self {
        let result = |name: &str| name.starts_with("metric.") || name.starts_with("output");
        Self(self.0.iter().filter(|(name, _)| !result(name)).map(|(a, b)| (a.clone(), b.clone())).collect())
    }
}

impl Lockfile {
    /// The lock's place: that of the pipeline file, with the extension `lock`.
    pub fn path_of(pipeline: &Path) -> PathBuf {
        pipeline.with_extension("lock")
    }

    /// Reads a lock; `None` if there is no file.
    ///
    /// # Errors
    /// If it can't be read or is no lock, with the line that is wrong.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let bytes = match files::read(path, LIMIT) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(|error| Error::io("read", path, error))?,
        };
        let text = String::from_utf8_lossy(&bytes);
        let lock = Self::parse(&text).map_err(|fault| {
            Error::new(format!("{} {fault}", shown::path(path))).of_kind(ErrorKind::Drift).help(
                "take one side of a merge with git, or remove the file; `kiln run` without `--locked` writes it anew",
            )
        })?;
        Ok(Some(lock))
    }

    /// Reads the text of a lock.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence that begins with the lock's name.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        if !text.starts_with(HEAD) {
            return Err("is not a lock that this Kiln wrote".to_owned());
        }
        let mut lock = Self::default();
        let mut node: Option<String> = None;
        for (number, line) in
            text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                lock.nodes.entry(name.to_owned()).or_default();
                node = Some(name.to_owned());
                continue;
            }
            let marked =
                ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|mark| line.starts_with(mark));
            let fact = line.split_once(' ').filter(|_| !marked);
            let (name, value) = fact
                .ok_or_else(|| format!("has a line {} that is no fact: {}", number + 1, shown::text(line)))?;
            let facts = node
                .as_ref()
                .and_then(|node| lock.nodes.get_mut(node))
                .map_or(&mut lock.made_with, |facts| &mut facts.0);
            facts.insert(name.to_owned(), value.to_owned());
        }
        Ok(lock)
    }

    /// Writes the lock, if it is not there as it is.
    ///
    /// # Errors
    /// If there is a file that is no lock, or it can't be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = self.to_string();
        let before = files::read(path, LIMIT).ok();
        if before.as_deref() == Some(text.as_bytes()) {
            return Ok(());
        }
        if before.is_some_and(|before| !before.starts_with(HEAD.as_bytes())) {
            let message = format!("{} is not a lock of Kiln's, and stays as it is", shown::path(path));
            return Err(
                Error::new(message).help("rename it, or the pipeline file: the lock has the pipeline's name")
            );
        }
        atomic::write(path, text.as_bytes(), Durability::Relaxed)
            .map_err(|error| Error::io("write", path, error))
    }

    /// The lock after a run that gave `results`; nodes that the plan no longer has are dropped.
    #[must_use]
    pub fn after(mut self, plan: &Plan, results: &BTreeMap<usize, Artifact>) -> Self {
        let names: BTreeSet<_> = plan.steps().iter().map(|step| step.id.as_str()).collect();
        self.nodes.retain(|name, _| names.contains(name.as_str()));
        let facts =
            results.iter().map(|(&index, artifact)| (plan.steps()[index].id.clone(), Facts::of(artifact)));
        self.nodes.extend(facts);
        if results.len() == names.len() {
            self.made_with.clear();
        }
        results.values().for_each(|artifact| self.note_made_with(artifact.manifest()));
        self
    }

    /// Adds what a result was made with to what the lock says of all: more than one version or device is possible.
    fn note_made_with(&mut self, manifest: &Manifest) {
        let Provenance { machine, surroundings, .. } = &manifest.provenance;
        // Where a node needs no device, the one that was asked for says nothing.
        let device = manifest.recipe.precision.as_ref().map(|_| machine.device.as_str());
        let kiln = manifest.tool.strip_prefix("kiln ").unwrap_or(&manifest.tool);
        for (name, value) in
            [("device", device), ("kiln", Some(kiln)), ("libtorch", surroundings.libtorch.as_deref())]
        {
            let Some(value) = value.map(word) else { continue };
            let all = self.made_with.entry(name.to_owned()).or_default();
            let values: BTreeSet<_> = all.split(' ').filter(|one| !one.is_empty()).chain([&*value]).collect();
            *all = values.into_iter().collect::<Vec<_>>().join(" ");
        }
    }

    /// In what a recipe is not that of the lock.
    pub fn drift_before(&self, node: &str, recipe: &Recipe) -> Vec<FactDifference> {
        self.drift(node, Facts::without_results, &Facts::of_recipe(recipe))
    }

    /// In what a result is not that of the lock.
    pub fn drift_after(&self, node: &str, artifact: &Artifact) -> Vec<FactDifference> {
        self.drift(node, Facts::clone, &Facts::of(artifact))
    }

    fn drift(&self, node: &str, part: fn(&Facts) -> Facts, now: &Facts) -> Vec<FactDifference> {
        match self.nodes.get(node) {
            Some(locked) => differences(&part(locked), now),
            None => {
                vec![FactDifference { fact: NODE.to_owned(), before: None, after: Some(node.to_owned()) }]
            }
        }
    }
}

/// The name of the fact that there is a node.
pub(super) const NODE: &str = "node";

/// The name of a fact: one word on one line, whatever keys and files are called.
fn word(name: &str) -> String {
    shown::text(name).replace(' ', r"\u{20}")
}

impl fmt::Display for Lockfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEAD}{INTRODUCTION}")?;
        self.made_with.iter().try_for_each(|(name, value)| writeln!(f, "{name} {value}"))?;
        for (node, Facts(facts)) in &self.nodes {
            writeln!(f, "\n[{node}]")?;
            facts.iter().try_for_each(|(name, value)| writeln!(f, "{name} {value}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::{Digest, FORMAT, Output};

    fn recipe(epochs: u64) -> Recipe {
        let params = json!({ "epochs": epochs, "class_weights": { "big cat": 2.0 }, "optimizer": "a b" });
        Recipe {
            format: FORMAT,
            kind: "train".into(),
            version: 8,
            params: params.as_object().unwrap().clone(),
            inputs: [("model".to_owned(), Digest::of_bytes(b"m"))].into(),
            sources: [("root".to_owned(), Digest::of_bytes(b"r"))].into(),
            seed: Some(3),
            precision: Some("f32".into()),
        }
    }

    fn manifest(epochs: u64, files: &[&str]) -> Manifest {
        let outputs = files.iter().map(|name| {
            let file = Output { digest: Digest::of_bytes(name.as_bytes()), size: 1 };
            ((*name).parse().unwrap(), file)
        });
        let provenance = Provenance {
            logs: vec!["times.csv".into()],
            metrics: [("top1".to_owned(), 0.8)].into(),
            ..Provenance::example()
        };
        Manifest::new(recipe(epochs), outputs.collect(), provenance)
    }

    fn lock(epochs: u64) -> Lockfile {
        let manifest = manifest(epochs, &["model.bin", "my file", "times.csv"]);
        let mut lock = Lockfile::default();
        lock.note_made_with(&manifest);
        lock.nodes.insert("fit".into(), Facts::of_manifest(&manifest));
        lock
    }

    #[test]
    fn one_fact_a_line() {
        let text = lock(10).to_string();
        insta::assert_snapshot!(text);
        assert_eq!(Lockfile::parse(&text), Ok(lock(10)));
    }

    #[test]
    fn what_differs_is_named_and_not_what_follows_from_it() {
        let facts =
            |drifts: Vec<FactDifference>| drifts.into_iter().map(|drift| drift.fact).collect::<Vec<_>>();
        assert_eq!(facts(lock(10).drift_before("fit", &recipe(10))), [] as [&str; 0]);
        assert_eq!(facts(lock(10).drift_before("fit", &recipe(11))), ["param.epochs"]);
        assert_eq!(facts(lock(10).drift_before("other", &recipe(10))), ["node"]);
        let now = Facts::of_manifest(&manifest(10, &["model.bin", "times.csv"]));
        assert_eq!(facts(differences(&lock(10).nodes["fit"], &now)), ["output", r"output.my\u{20}file"]);
    }

    #[test]
    fn of_many_files_none_has_a_line() {
        let names: Vec<_> = (0..=FILES).map(|number| number.to_string()).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let Facts(facts) = Facts::of_manifest(&manifest(10, &names));
        assert!(facts.contains_key("output") && !facts.keys().any(|name| name.starts_with("output.")));
    }

    #[test]
    fn what_is_no_lock_is_told() {
        let fault = |text: &str| Lockfile::parse(text).unwrap_err();
        assert_eq!(fault("version: 1"), "is not a lock that this Kiln wrote");
        let merged = lock(10).to_string().replace("key ", "<<<<<<< ours\nkey ");
        assert_eq!(fault(&merged), "has a line 8 that is no fact: <<<<<<< ours");
        assert_eq!(fault(&format!("{HEAD}\nword\n")), "has a line 2 that is no fact: word");
    }

    #[test]
    fn only_a_lock_is_overwritten_and_only_where_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.lock");
        assert_eq!(Lockfile::read(&path).unwrap(), None);
        lock(1).write(&path).unwrap();
        assert_eq!(Lockfile::read(&path).unwrap(), Some(lock(1)));
        lock(2).write(&path).unwrap();
        assert_eq!(Lockfile::read(&path).unwrap(), Some(lock(2)));
        std::fs::write(&path, "mine").unwrap();
        assert!(lock(2).write(&path).unwrap_err().to_string().contains("stays as it is"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_a_panic(text in "(# kiln lock 1\n)?(\\[[a-z]*\\]\n|[a-z.]* ?[ -~]*\n){0,8}") {
            if let Ok(lock) = Lockfile::parse(&text) {
                assert_eq!(Lockfile::parse(&lock.to_string()), Ok(lock));
            }
        }
    }
}

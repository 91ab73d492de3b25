//! What ran, and when: a small file for each run, the newest thousand.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use super::{Found, RUNS, Store, inside, store_error::store_error};
use crate::{
    atomic::{self, Durability},
    error::Result,
};

/// How many runs are remembered.
pub(super) const KEPT: usize = 1_000;

/// The most bytes that a record of a run may have: some 50,000 nodes.
const LIMIT: u64 = 16 << 20;

/// What became of a run and of its nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The name of the pipeline.
    pub pipeline: String,
    /// The pipeline file, from the project's folder; none where a command without a file ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The words of the command line, where they are known.
    pub command: Vec<String>,
    /// The device asked for, e.g. `cpu`.
    pub device: String,
    /// When the run began, in UTC, e.g. `2026-11-23T22:17:50Z`.
    pub started: String,
    /// How long it took.
    pub seconds: f64,
    /// What the program said to the shell; 0 is success.
    pub exit: u8,
    /// The names of the points of a sweep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<String>,
    /// What became of each node that the run was asked for, by its name.
    pub nodes: BTreeMap<String, NodeRecord>,
}

/// What became of a node in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Whether it ran, and how that ended.
    pub ending: NodeEnding,
    /// The name of its result in the store, where it was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How long it worked, where it ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// How a node ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeEnding {
    /// It worked and gave a result.
    Ran,
    /// Its result was in the store.
    Cached,
    /// It worked and failed.
    Failed,
    /// It was not begun, because of a failure or a stop.
    Skipped,
    /// It was stopped at work.
    Interrupted,
}

impl Store {
    /// Remembers a run that began at `started`; a store that may only be read does not.
    ///
    /// # Errors
    /// Of kind store, when it can't be written.
    pub fn add_run(&self, started: SystemTime, record: &RunRecord) -> Result<()> {
        if self.may_write().is_err() {
            return Ok(());
        }
        let millis = started.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let name = format!("{millis:013}-{}.json", std::process::id());
        let (folder, text) =
            (self.root.join(RUNS), serde_json::to_string(record).expect("plain data") + "\n");
        let path = folder.join(name);
        inside::make(&self.root, &folder)
            .and_then(|()| atomic::write(&path, text.as_bytes(), Durability::Relaxed))
            .map_err(|error| store_error("write", &path, error))?;
        self.late_runs().iter().try_for_each(|path| self.remove(path))
    }

    /// The runs that are remembered, the last one first. What is no record is left out.
    pub fn runs(&self) -> Vec<RunRecord> {
        let read = |found: Found| {
            let bytes = inside::read(&self.root, &found.path, LIMIT).ok()?;
            serde_json::from_slice(&bytes).ok()
        };
        self.run_files().into_iter().rev().filter_map(read).collect()
    }

    /// Files of runs that are no longer to be remembered.
    pub(super) fn late_runs(&self) -> Vec<PathBuf> {
        let files = self.run_files();
        let late = files.len().saturating_sub(KEPT);
        files.into_iter().take(late).map(|found| found.path).collect()
    }

    /// The files with names that [`Self::add_run`] gives, in order of time.
    fn run_files(&self) -> Vec<Found> {
        let mut files = inside::list(&self.root.join(RUNS));
        files.retain(|found| !found.is_folder && is_of_run(&found.name));
        files
    }
}

fn is_of_run(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.strip_suffix(".json").and_then(|name| name.split_once('-'));
    parts.is_some_and(|(millis, process)| millis.len() == 13 && digits(millis) && digits(process))
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::*;

    fn record(pipeline: usize) -> RunRecord {
        let node = NodeRecord { ending: NodeEnding::Ran, key: Some("k".into()), seconds: Some(1.5) };
        RunRecord {
            pipeline: pipeline.to_string(),
            file: None,
            command: vec!["kiln".into(), "run".into()],
            device: "cpu".into(),
            started: "2026-11-23T22:17:50Z".into(),
            seconds: 2.0,
            exit: 0,
            points: Vec::new(),
            nodes: [("fit".to_owned(), node)].into(),
        }
    }

    #[test]
    fn the_newest_runs_are_remembered_and_nothing_else_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let others = dir.path().join("runs/notes.json");
        fs::create_dir_all(others.parent().unwrap()).unwrap();
        fs::write(&others, "mine").unwrap();
        for run in 0..KEPT + 2 {
            store
                .add_run(UNIX_EPOCH + Duration::from_secs(1_795_472_270 + run as u64), &record(run))
                .unwrap();
        }
        let runs = store.runs();
        assert_eq!(runs.len(), KEPT);
        assert_eq!((&runs[0], &runs[KEPT - 1]), (&record(KEPT + 1), &record(2)));
        assert!(others.exists());
        assert_eq!(Store::peek(dir.path()).unwrap().runs().len(), KEPT);
    }

    #[test]
    fn what_is_no_record_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.add_run(UNIX_EPOCH, &record(1)).unwrap();
        fs::write(dir.path().join("runs/1795472270000-1.json"), "{\"pipeline\":").unwrap();
        assert_eq!(store.runs(), [record(1)]);
    }
}

//! Predictions kept as they are made: work that ends early, however it ends, goes on behind them.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use super::predictions::{self, Prediction};
use crate::error::{Error, Result};

/// A file of predictions as JSON Lines that grows, so that work that ends early can be taken up.
pub struct Journal {
    path: PathBuf,
    /// Opened with the first prediction.
    file: Option<File>,
    known: BTreeMap<String, Prediction>,
}

impl Journal {
    /// The journal in `scratch`, with what an earlier try left there.
    ///
    /// # Errors
    /// When what was left can't be taken up.
    pub fn open(scratch: &Path) -> Result<Self> {
        let path = scratch.join("predictions.jsonl");
        let bytes = fs::read(&path).unwrap_or_default();
        let mut known = BTreeMap::new();
        let mut whole = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(prediction) = read(line) else { break };
            whole += line.len();
            known.insert(prediction.path.clone(), prediction);
        }
        if whole < bytes.len() {
            let cut = File::options().write(true).open(&path).and_then(|file| file.set_len(whole as u64));
            cut.map_err(|error| Error::io("write", &path, error))?;
        }
        Ok(Self { path, file: None, known })
    }

    /// What is known of the image called `name`.
    pub fn known(&self, name: &str) -> Option<Prediction> {
        self.known.get(name).cloned()
    }

    /// Keeps predictions; they survive the end of the process.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn keep(&mut self, predictions: &[Prediction]) -> Result<()> {
        // What would read as another number is made anew instead.
        let exact = |prediction: &&Prediction| {
            read(predictions::json_lines([*prediction]).as_bytes()).as_ref() == Some(prediction)
        };
        let text = predictions::json_lines(predictions.iter().filter(exact));
        let failed = |error| Error::io("write", &self.path, error);
        if self.file.is_none() {
            let options = File::options().append(true).create(true).open(&self.path);
            self.file = Some(options.map_err(failed)?);
        }
        self.file.iter_mut().try_for_each(|file| file.write_all(text.as_bytes())).map_err(failed)
    }
}

/// The prediction of a whole line.
fn read(line: &[u8]) -> Option<Prediction> {
    serde_json::from_slice(line.strip_suffix(b"\n")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(path: &str) -> Prediction {
        Prediction::new(path, &[0.1, 0.7], &["a".into(), "b\n".into()], 2).unwrap()
    }

    #[test]
    fn what_was_kept_is_known_and_half_a_line_is_not() {
        let scratch = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(scratch.path()).unwrap();
        assert!(journal.known("1.png").is_none());
        journal.keep(&[prediction("1.png"), prediction("2\n.png")]).unwrap();
        journal.keep(&[prediction("3ü.png")]).unwrap();
        drop(journal);
        let path = scratch.path().join("predictions.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        // In the middle of a letter.
        fs::write(&path, &text.as_bytes()[..=text.find('ü').unwrap()]).unwrap();
        let mut journal = Journal::open(scratch.path()).unwrap();
        assert_eq!(journal.known("1.png"), Some(prediction("1.png")));
        assert_eq!(journal.known("2\n.png"), Some(prediction("2\n.png")));
        assert_eq!(journal.known("3ü.png"), None);
        journal.keep(&[prediction("3ü.png")]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn a_folder_without_predictions_stays_empty() {
        let scratch = tempfile::tempdir().unwrap();
        drop(Journal::open(scratch.path()).unwrap());
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    }
}

//! What labelled images tell of a model.

use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{Measured, measure::thousandth};
use crate::{
    data::{
        Dataset, Index, Split,
        loader::{Loader, Purpose},
    },
    error::{Error, Result},
    eval::{
        Classifier,
        evaluate::{Evaluation, evaluate},
    },
    progress::{Progress, Stop, Update},
};

/// How many images go through the network at once; no digit depends on it.
const BATCH: usize = 16;

/// Labelled images.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Labelled {
    /// The folder that they are in.
    pub root: PathBuf,
    /// The file with their index.
    pub index: PathBuf,
}

impl Labelled {
    /// Adds to `measured` the accuracy of `model`, computed on `threads` threads, and how long it takes to make images
    /// ready, which is timed for `limit` at most.
    pub(super) fn score(
        &self,
        model: &Classifier,
        threads: usize,
        limit: Duration,
        measured: Measured,
    ) -> Result<Measured> {
        let remarks = Mutex::new(Vec::new());
        let hear = |update| {
            if let Update::Warning(line) = update {
                remarks.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        };
        let stop = Stop::default();
        let progress = Progress::new(&hear, &stop);
        let evaluation = evaluate(model, &self.load()?, Split::Val, BATCH, threads, &progress)?;
        let metrics = evaluation.metrics();
        Ok(Measured {
            top1: Some(metrics.top1),
            top5: metrics.top5,
            ms_decode: Some(thousandth(decoding(model, &evaluation, limit)? * 1e3)),
            remarks: remarks.into_inner().unwrap_or_else(PoisonError::into_inner),
            ..measured
        })
    }

    fn load(&self) -> Result<Dataset> {
        let bytes = fs::read(&self.index).map_err(|error| Error::io("read", &self.index, error))?;
        let index: Index = serde_json::from_slice(&bytes)
            .map_err(|error| Error::new("the index of the data is damaged").because(error))?;
        Dataset::open(&self.root, index)
    }
}

/// How many seconds an image takes on one thread of the loader, on average over those that were scored, or as many as
/// there is time for.
fn decoding(model: &Classifier, evaluation: &Evaluation, limit: Duration) -> Result<f64> {
    let Evaluation { dataset, split, .. } = evaluation;
    let loader = Loader::new(dataset, *split, &model.transforms(), Purpose::Eval, 1, 1);
    let (start, mut images) = (Instant::now(), 0_u32);
    let mut batches = loader.epoch(0);
    while images == 0 || start.elapsed() < limit {
        let Some(batch) = batches.next() else { break };
        batch?;
        images += 1;
    }
    Ok(start.elapsed().as_secs_f64() / f64::from(images.max(1)))
}

//! Images from files to a batch by the default chains, at 224 pixels, on one thread of the loader. The twin is `load.py`.

use std::{error::Error, fs, path::Path};

use kiln::data::{
    Dataset, Index, Sample, Split,
    loader::{Loader, Purpose},
    source::{Folder, Location},
    transform::Transforms,
};

const BATCH: usize = 16;

/// Images a second, of those in `folder`.
pub(crate) fn rate(folder: &Path, chain: &str, seconds: f64) -> Result<f64, Box<dyn Error>> {
    let purpose = if chain == "train" { Purpose::Train { seed: 0 } } else { Purpose::Eval };
    let loader = Loader::new(&dataset(folder)?, Split::Train, &Transforms::default(), purpose, BATCH, 1);
    let mut batches = (0..).flat_map(|epoch| loader.epoch(epoch));
    let mut failed = None;
    let rate = super::rate::rate(BATCH, seconds, || {
        if let Some(Err(error)) = batches.next() {
            failed = Some(error);
        }
    });
    failed.map_or(Ok(rate), |error| Err(error.into()))
}

/// The files of a folder as images of one class.
fn dataset(folder: &Path) -> Result<Dataset, Box<dyn Error>> {
    let mut train = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let size = entry.metadata()?.len();
        train.push(Sample { location: Location::File(name), class: 0, size, digest: String::new() });
    }
    // Whole batches only, so that each call of the loader gives as many.
    train.truncate(train.len() / BATCH * BATCH);
    Ok(Dataset::new(Folder::new(folder), Index { train, ..Index::default() }))
}

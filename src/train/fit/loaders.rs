//! Which images a network learns from, and which choose its best epoch.

use std::collections::BTreeSet;

use super::FitInput;
use crate::{
    data::{
        Dataset, Index, Sample, Split,
        loader::{Loader, Purpose},
    },
    error::{Error, Result},
    eval::classes::{Classes, Hits},
    progress::Progress,
    train::batch_norm_check,
};

/// Decoded images are kept up to this many bytes.
const CACHE: u64 = 2 << 30;

/// Says how many images a `fraction` leaves, and whether classes go with the others.
pub(super) fn tell_fraction(input: &FitInput<'_>, part: &Dataset) {
    let (all, used) = (&input.dataset.index, &part.index.train);
    if used.len() == all.train.len() {
        return;
    }
    input.progress.note(format!("learns from {} of {} images", used.len(), all.train.len()));
    let classes =
        |samples: &[Sample]| samples.iter().map(|sample| sample.class).collect::<BTreeSet<_>>().len();
    let (left, there) = (classes(used), classes(&all.train));
    if left < there {
        input.progress.warn(format!("`fraction` leaves images of only {left} of the {there} classes"));
    }
}

/// Says what the scores of all epochs rest on.
pub(super) fn tell_validation(index: &Index, progress: &Progress<'_>) {
    let split = validates(index);
    if split == Split::Test {
        progress.warn("the dataset has no val images; its test images choose the best epoch");
    }
    let hits = index.counts(split).into_iter().map(|images| Hits { images: images as u64, right: 0 });
    let hits: Vec<Hits> = hits.collect();
    progress.note(format!("validates on {}", Classes::new(&index.classes, &hits).ground()));
}

/// The split whose images choose the best epoch.
fn validates(index: &Index) -> Split {
    if index.val.is_empty() { Split::Test } else { Split::Val }
}

/// The training images in batches, and those that validate in batches twice as large.
pub(super) fn loaders(input: &FitInput<'_>, dataset: &Dataset) -> Result<(Loader, Loader)> {
    let index = &dataset.index;
    if index.train.is_empty() {
        return Err(Error::new("the dataset has no training images"));
    }
    let split = validates(index);
    if index.split(split).is_empty() {
        return Err(Error::new("the dataset has no images to validate on").help(
            "add a val folder; or use class folders without splits, with at least two images each, and a `val_fraction` above 0",
        ));
    }
    let batch = input.batch;
    batch_norm_check::check(input.arch, index.train.len(), batch, input.transforms.size)?;
    let cache = if input.cache { CACHE } else { 0 };
    let make = |split, purpose, batch| {
        Loader::new(dataset, split, input.transforms, purpose, batch, input.threads).with_cache(cache)
    };
    Ok((
        make(Split::Train, Purpose::Train { seed: input.seed }, batch),
        make(split, Purpose::Eval, 2 * batch),
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        data::source::Location,
        progress::{Stop, Update},
    };

    #[test]
    fn what_validates_is_told_and_test_images_are_warned_of() {
        let sample =
            |class| Sample { location: Location::File(String::new()), class, size: 1, digest: String::new() };
        let classes = ["ant", "bee"].map(ToOwned::to_owned).to_vec();
        let mut index = Index { classes, val: [0, 1, 1].map(sample).to_vec(), ..Index::default() };
        let told = |index: &Index| {
            let said = Mutex::new(Vec::new());
            let sink = |update| said.lock().unwrap().push(update);
            tell_validation(index, &Progress::new(&sink, &Stop::default()));
            said.into_inner().unwrap()
        };
        let note =
            "validates on 3 images of 2 classes: bee 2, ant 1; the largest class alone gives top-1 0.667";
        assert_eq!(told(&index), [Update::Note(note.into())]);
        std::mem::swap(&mut index.val, &mut index.test);
        let warning = "the dataset has no val images; its test images choose the best epoch";
        assert_eq!(told(&index), [Update::Warning(warning.into()), Update::Note(note.into())]);
    }
}

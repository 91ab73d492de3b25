//! The images that prove an exported file: some of a dataset, or made-up ones.

use crate::{
    data::{
        Batch, Dataset, Index, Sample, Split,
        loader::{Loader, Purpose},
        transform::Transforms,
    },
    error::Result,
    progress::Progress,
    random::Random,
};

/// How many images of a dataset prove a file.
const IMAGES: usize = 16;
/// How many images are made up where there is no dataset.
const GENERATED: usize = 8;

/// Images, as the network takes them.
pub struct SampleImages {
    /// Where they come from, for a sentence: `val images`.
    pub source: String,
    /// They themselves.
    pub batches: Vec<Batch>,
}

impl SampleImages {
    /// Images of the dataset through the eval chain, or made-up ones where there are none; warns if a dataset has none.
    ///
    /// # Errors
    /// If an image can't be read.
    pub fn new(
        dataset: Option<&Dataset>,
        transforms: &Transforms,
        threads: usize,
        progress: &Progress<'_>,
    ) -> Result<Self> {
        let found = dataset.and_then(|dataset| Some((dataset, split(&dataset.index)?)));
        let Some((dataset, split)) = found else {
            if dataset.is_some() {
                progress.warn("the dataset has no images; made-up ones prove the file");
            }
            return Ok(Self { source: "made-up images".to_owned(), batches: vec![made_up(transforms.size)] });
        };
        let some = dataset.with_index(spread(&dataset.index, split, IMAGES));
        let loader = Loader::new(&some, split, transforms, Purpose::Eval, IMAGES, threads);
        let batches = loader.epoch(0).collect::<Result<_>>()?;
        Ok(Self { source: format!("{split} images"), batches })
    }
}

/// The first of these splits that has images.
fn split(index: &Index) -> Option<Split> {
    [Split::Val, Split::Test, Split::Train].into_iter().find(|split| !index.split(*split).is_empty())
}

/// An index with at most `count` samples of `split`, evenly spread: all classes have their turn.
fn spread(index: &Index, split: Split, count: usize) -> Index {
    let samples = index.split(split);
    let count = count.min(samples.len());
    let mut some = Index { classes: index.classes.clone(), ..Index::default() };
    let chosen = (0..count).map(|i| samples[i * samples.len() / count].clone());
    *some.split_mut(split) = chosen.collect::<Vec<Sample>>();
    some
}

/// Noise from dark to bright; the same each time.
pub(super) fn made_up(size: usize) -> Batch {
    let pixels = 3 * size * size;
    let image = |i: usize| {
        let mut random = Random::new("export verification", &[i as u64]);
        let brightest = (i + 1) as f64 / GENERATED as f64;
        (0..pixels).map(move |_| random.uniform(0.0, brightest) as f32)
    };
    let images = (0..GENERATED).flat_map(image).collect();
    Batch { images, targets: vec![0; GENERATED], indices: (0..GENERATED).collect(), size }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::source::Location;

    #[test]
    fn samples_are_spread_over_the_split() {
        let sample = |i: usize| Sample {
            location: Location::File(i.to_string()),
            class: i,
            size: 1,
            digest: String::new(),
        };
        let index = Index { val: (0..10).map(sample).collect(), ..Index::default() };
        let paths = |count| -> Vec<String> {
            spread(&index, Split::Val, count)
                .val
                .iter()
                .map(|sample| sample.location.name().to_owned())
                .collect()
        };
        assert_eq!(paths(4), ["0", "2", "5", "7"]);
        assert_eq!(paths(16).len(), 10);
        assert_eq!((split(&index), split(&Index::default())), (Some(Split::Val), None));
    }

    #[test]
    fn made_up_images_are_always_the_same() {
        let batch = made_up(8);
        assert_eq!(batch, made_up(8));
        assert_eq!(batch.images.len(), GENERATED * 3 * 8 * 8);
        assert!(batch.images.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
    }
}

//! A split as batches, epoch after epoch: decoded and transformed ahead by threads, in an order that
//! depends on seed and epoch alone.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use image::RgbImage;

use crate::{
    data::{
        Batch, Dataset, Sample, Split, decode,
        prefetch::Prefetch,
        source::{Location, Reader},
        transform::{Transforms, eval_needed, eval_numbers, eval_pixels},
    },
    error::Result,
    random::Random,
};

/// What the images are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// In a new random order each epoch, through the train chain.
    Train {
        /// Decides the order and every random number of the ops.
        seed: u64,
    },
    /// In the index's order, through the eval chain.
    Eval,
}

/// Makes batches of a split.
#[derive(Debug, Clone)]
pub struct Loader {
    images: Arc<Images>,
    batch: usize,
    threads: usize,
}

/// What the threads share.
#[derive(Debug)]
struct Images {
    reader: Arc<dyn Reader>,
    items: Vec<Item>,
    transforms: Transforms,
    purpose: Purpose,
    cache: Cache,
}

#[derive(Debug)]
struct Item {
    location: Location,
    class: usize,
    size: u64,
}

impl Loader {
    /// Batches of `batch` images of a split; the last one may be smaller.
    pub fn new(
        dataset: &Dataset,
        split: Split,
        transforms: &Transforms,
        purpose: Purpose,
        batch: usize,
        threads: usize,
    ) -> Self {
        let item = |Sample { location, class, size, .. }: &Sample| Item {
            location: location.clone(),
            class: *class,
            size: *size,
        };
        let items: Vec<Item> = dataset.index.split(split).iter().map(item).collect();
        let images = Images {
            cache: Cache::new(items.len(), 0),
            reader: dataset.reader.clone(),
            items,
            transforms: transforms.clone(),
            purpose,
        };
        Self { images: Arc::new(images), batch: batch.max(1), threads: threads.max(1) }
    }

    /// Keeps images in memory, up to `bytes` in all, so that they are decoded once.
    /// To be called before anything is loaded.
    #[must_use]
    pub fn with_cache(mut self, bytes: u64) -> Self {
        let count = self.images.items.len();
        if let Some(images) = Arc::get_mut(&mut self.images) {
            images.cache = Cache::new(count, bytes);
        }
        self
    }

    /// How many images an epoch has.
    pub fn len(&self) -> usize {
        self.images.items.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.images.items.is_empty()
    }

    /// How many batches an epoch has.
    pub fn batches(&self) -> usize {
        self.len().div_ceil(self.batch)
    }

    /// The batches of an epoch, in order. After an error there are no more.
    pub fn epoch(&self, epoch: u64) -> Batches {
        self.epoch_from(epoch, 0)
    }

    /// The batches of an epoch from batch `first` on; those before it are not read.
    pub fn epoch_from(&self, epoch: u64, first: usize) -> Batches {
        let order = Arc::new(self.images.order(epoch));
        let start = first.saturating_mul(self.batch).min(order.len());
        let (images, places) = (self.images.clone(), order.clone());
        let load = move |position: usize| images.load(epoch, places[position]);
        let window = self.batch + 2 * self.threads;
        Batches {
            ahead: Some(Prefetch::new(start..order.len(), self.threads, window, load)),
            position: start,
            batch: self.batch,
            images: self.images.clone(),
            order,
        }
    }
}

/// The batches of one epoch.
pub struct Batches {
    ahead: Option<Prefetch<Result<Loaded>>>,
    images: Arc<Images>,
    order: Arc<Vec<usize>>,
    position: usize,
    batch: usize,
}

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        self.next_pixels().map(|pixels| pixels.map(Pixels::into_batch))
    }
}

impl Batches {
    /// The next batch, before its pixels become numbers.
    pub fn next_pixels(&mut self) -> Option<Result<Pixels>> {
        let end = (self.position + self.batch).min(self.order.len());
        if self.position == end {
            return None;
        }
        let pixels = self.assemble(end);
        if pixels.is_err() {
            self.ahead = None;
        }
        self.position = if pixels.is_ok() { end } else { self.order.len() };
        Some(pixels)
    }

    fn assemble(&mut self, end: usize) -> Result<Pixels> {
        let indices = self.order[self.position..end].to_vec();
        let loaded = self.ahead.iter_mut().flatten().take(indices.len()).collect::<Result<_>>()?;
        Ok(Pixels { images: self.images.clone(), loaded, indices })
    }
}

/// A batch whose images are still pixels.
pub struct Pixels {
    images: Arc<Images>,
    loaded: Vec<Loaded>,
    indices: Vec<usize>,
}

impl Pixels {
    /// How many images there are.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Side of the square images, in pixels.
    pub fn size(&self) -> usize {
        self.images.transforms.size
    }

    /// The class of each image: `[batch]`.
    pub fn targets(&self) -> Vec<usize> {
        self.indices.iter().map(|index| self.images.items[*index].class).collect()
    }

    /// The batch, whose images went through the rest of the chain.
    pub fn into_batch(self) -> Batch {
        let (targets, size) = (self.targets(), self.size());
        let mut images = Vec::with_capacity(self.len() * self.images.transforms.numbers());
        self.loaded.into_iter().for_each(|loaded| self.images.append(loaded, &mut images));
        Batch { images, targets, indices: self.indices, size }
    }

    /// The images `[batch, size, size, 3]` as far as bytes can go through the train chain; what is left is
    /// [`Transforms::train_scalings`].
    pub fn into_train_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len() * self.images.transforms.numbers());
        for Loaded { pixels, mut random } in self.loaded {
            self.images.transforms.train_bytes(&pixels, &mut random, &mut bytes);
        }
        bytes
    }
}

/// An image as far as threads of its own bring it: a quarter of the bytes that its numbers have.
struct Loaded {
    /// At the size of the transforms.
    pixels: Arc<RgbImage>,
    /// What the chain has still to draw.
    random: Random,
}

impl Images {
    fn order(&self, epoch: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.items.len()).collect();
        if let Purpose::Train { seed } = self.purpose {
            Random::new("order", &[seed, epoch]).shuffle(&mut order);
        }
        order
    }

    /// One image through the chain's ops on pixels.
    fn load(&self, epoch: u64, index: usize) -> Result<Loaded> {
        let Item { location, size, .. } = &self.items[index];
        let narrow = |narrow| decode::unusable(&self.reader.path(location), narrow);
        match self.purpose {
            Purpose::Train { seed } => {
                let mut random = Random::new("augment", &[seed, epoch, index as u64]);
                let image = self.cache.get(index, |is_kept| {
                    // What is kept is for other parts, too.
                    let needed = |image| {
                        let needed = self.transforms.train_needed(image, random.clone());
                        if is_kept { needed.whole(image) } else { needed }
                    };
                    self.reader.decode_unchanged_as_needed(location, *size, needed).map(Arc::new)
                })?;
                let pixels = self.transforms.train_pixels(image.into(), &mut random).map_err(narrow)?;
                Ok(Loaded { pixels, random })
            }
            Purpose::Eval => {
                let (eval, side) = (&self.transforms.eval, self.transforms.size);
                let needed = |image| eval_needed(eval, side, image);
                let made = |_| {
                    let image = self.reader.decode_unchanged_as_needed(location, *size, needed)?;
                    eval_pixels(eval, side, image.into()).map_err(narrow)
                };
                Ok(Loaded { pixels: self.cache.get(index, made)?, random: Random::new("eval", &[]) })
            }
        }
    }

    /// Appends `[3, size, size]` of an image to `numbers`.
    fn append(&self, Loaded { pixels, mut random }: Loaded, numbers: &mut Vec<f32>) {
        match self.purpose {
            Purpose::Train { .. } => self.transforms.train_numbers(&pixels, &mut random, numbers),
            Purpose::Eval => eval_numbers(&self.transforms.eval, self.transforms.size, &pixels, numbers),
        }
    }
}

/// Images that are kept between epochs, as many as fit: as they were decoded for training, whose chain makes
/// another picture each time; at the size of the transforms for the rest.
#[derive(Debug)]
struct Cache {
    images: Vec<OnceLock<Arc<RgbImage>>>,
    /// Bytes that are still free.
    free: AtomicU64,
}

impl Cache {
    fn new(count: usize, bytes: u64) -> Self {
        let count = if bytes == 0 { 0 } else { count };
        Self { images: (0..count).map(|_| OnceLock::new()).collect(), free: AtomicU64::new(bytes) }
    }

    /// The image at `index`: kept, or made now and kept if there is room. `make` is told whether it may be kept.
    fn get(&self, index: usize, make: impl FnOnce(bool) -> Result<Arc<RgbImage>>) -> Result<Arc<RgbImage>> {
        let Some(slot) = self.images.get(index) else { return make(false) };
        if let Some(image) = slot.get() {
            return Ok(image.clone());
        }
        let image = make(true)?;
        let bytes = image.len() as u64;
        let reserve = |free: u64| free.checked_sub(bytes);
        if self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, reserve).is_ok()
            && slot.set(image.clone()).is_err()
        {
            self.free.fetch_add(bytes, Ordering::Relaxed);
        }
        Ok(image)
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::data::{Index, source::Folder};

    /// Images of 20 x 16 pixels, one class each two.
    fn dataset(count: usize) -> (tempfile::TempDir, Dataset) {
        let dir = tempfile::tempdir().unwrap();
        let sample = |i: usize| {
            let path = format!("{i}.png");
            let pixel = |x: u32, y: u32| Rgb([(x * 12) as u8, (y * 15) as u8, (i * 6) as u8]);
            RgbImage::from_fn(20, 16, pixel).save(dir.path().join(&path)).unwrap();
            let size = std::fs::metadata(dir.path().join(&path)).unwrap().len();
            Sample { location: Location::File(path), class: i / 2, size, digest: String::new() }
        };
        let index = Index { train: (0..count).map(sample).collect(), ..Index::default() };
        let dataset = Dataset::new(Folder::new(dir.path()), index);
        (dir, dataset)
    }

    fn transforms() -> Transforms {
        Transforms { size: 12, ..Transforms::default() }
    }

    fn loader(dataset: &Dataset, purpose: Purpose, threads: usize) -> Loader {
        Loader::new(dataset, Split::Train, &transforms(), purpose, 4, threads)
    }

    fn epoch(loader: &Loader, epoch: u64) -> Vec<Batch> {
        loader.epoch(epoch).collect::<Result<_>>().unwrap()
    }

    #[test]
    fn bytes_do_not_depend_on_threads_or_cache() {
        let (_dir, dataset) = dataset(11);
        let train = Purpose::Train { seed: 7 };
        let one = loader(&dataset, train, 1);
        let four = loader(&dataset, train, 4);
        let cached = loader(&dataset, train, 4).with_cache(20 * 16 * 3 * 5);
        for number in 0..3 {
            let batches = epoch(&one, number);
            assert!(batches == epoch(&four, number), "epoch {number}");
            assert!(batches == epoch(&cached, number), "epoch {number}");
        }
        assert_eq!(kept(&cached), [(20, 16); 5]);
    }

    /// Large enough to be reduced once.
    #[test]
    fn what_is_kept_is_reduced_and_becomes_the_same() {
        let (_dir, dataset) = dataset(11);
        let chain = r#"{"size": 4, "train": [{"type": "reduce"}, {"type": "random_resized_crop"}],
            "eval": [{"type": "reduce"}, {"type": "resize"}, {"type": "center_crop"}]}"#;
        let transforms: Transforms = serde_json::from_str(chain).unwrap();
        for purpose in [Purpose::Train { seed: 7 }, Purpose::Eval] {
            let loader = || Loader::new(&dataset, Split::Train, &transforms, purpose, 4, 2);
            let (plain, cached) = (loader(), loader().with_cache(10 * 8 * 3 * 5));
            for number in 0..2 {
                assert!(epoch(&plain, number) == epoch(&cached, number));
            }
            let side = if purpose == Purpose::Eval { (4, 4) } else { (10, 8) };
            assert!(kept(&cached).len() >= 5 && kept(&cached).into_iter().all(|size| size == side));
        }
    }

    /// Width and height of each image that a loader keeps.
    fn kept(loader: &Loader) -> Vec<(u32, u32)> {
        loader.images.cache.images.iter().filter_map(|slot| Some(slot.get()?.dimensions())).collect()
    }

    #[test]
    fn what_is_measured_is_kept_at_the_size_of_the_network() {
        let (_dir, dataset) = dataset(11);
        let plain = loader(&dataset, Purpose::Eval, 2);
        let cached = loader(&dataset, Purpose::Eval, 2).with_cache(12 * 12 * 3 * 4);
        for number in 0..2 {
            assert!(epoch(&plain, number) == epoch(&cached, number));
        }
        assert_eq!(kept(&cached), [(12, 12); 4]);
    }

    #[test]
    fn every_epoch_has_every_image_once_in_its_own_order() {
        let (_dir, dataset) = dataset(11);
        let loader = loader(&dataset, Purpose::Train { seed: 7 }, 2);
        let order = |number| -> Vec<usize> {
            epoch(&loader, number).into_iter().flat_map(|batch| batch.indices).collect()
        };
        let mut sorted = order(0);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..11).collect::<Vec<_>>());
        assert_ne!(order(0), order(1));
        assert_eq!(order(1), order(1));
    }

    #[test]
    fn evaluation_is_in_order_with_a_smaller_last_batch() {
        let (_dir, dataset) = dataset(11);
        let loader = loader(&dataset, Purpose::Eval, 3);
        let batches = epoch(&loader, 0);
        assert_eq!(loader.batches(), 3);
        assert_eq!(batches.iter().map(Batch::len).collect::<Vec<_>>(), [4, 4, 3]);
        assert_eq!(batches[2].indices, [8, 9, 10]);
        assert_eq!(batches[2].targets, [4, 4, 5]);
        assert_eq!(batches[2].images.len(), 3 * 3 * 12 * 12);
        assert!(batches == epoch(&loader, 1));
    }

    #[test]
    fn an_epoch_can_begin_in_its_middle() {
        let (_dir, dataset) = dataset(11);
        let loader = loader(&dataset, Purpose::Train { seed: 1 }, 2);
        let rest: Vec<Batch> = loader.epoch_from(5, 2).collect::<Result<_>>().unwrap();
        assert!(rest == epoch(&loader, 5)[2..]);
        assert_eq!(loader.epoch_from(5, 9).count(), 0);
    }

    #[test]
    fn a_file_that_changed_is_named_and_ends_the_epoch() {
        let (dir, dataset) = dataset(11);
        std::fs::write(dir.path().join("5.png"), "other").unwrap();
        let loader = loader(&dataset, Purpose::Eval, 2);
        let results: Vec<Result<Batch>> = loader.epoch(0).collect();
        assert_eq!(results.len(), 2);
        let error = results[1].as_ref().unwrap_err().to_string();
        assert!(error.contains("5.png changed since it was indexed"), "{error}");
    }

    #[test]
    fn an_epoch_may_be_left_early() {
        let (_dir, dataset) = dataset(40);
        let loader = loader(&dataset, Purpose::Train { seed: 0 }, 2);
        assert!(loader.epoch(0).next().is_some_and(|batch| batch.is_ok()));
    }
}

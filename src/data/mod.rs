//! IMAGES TO BATCHES: source, index, decode, transform, loader. Plain Rust, no tensors.

pub mod decode;
pub mod findings;
pub mod image_files;
pub mod image_list;
pub mod index;
pub mod loader;
pub(crate) mod prefetch;
pub mod reduction;
pub mod resample;
pub mod source;
pub mod system;
pub mod transform;

use std::{path::Path, sync::Arc};

use image::RgbImage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::source::{Location, Reader};
use crate::error::Result;

/// A part of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// What the network learns from.
    Train,
    /// What chooses the best epoch.
    Val,
    /// What is looked at in the end.
    Test,
}

/// One labelled image of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Where it lies in the dataset's source.
    #[serde(rename = "path")]
    pub location: Location,
    /// The image's class, as its place in [`Index::classes`].
    pub class: usize,
    /// How many bytes the encoded image has.
    pub size: u64,
    /// BLAKE3 of its bytes, in hex.
    pub digest: String,
}

/// Which images a dataset has, by split, in the reference's order: by class, then by path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Class names in code-point order; a class's index is its place.
    pub classes: Vec<String>,
    /// What the network learns from.
    pub train: Vec<Sample>,
    /// What chooses the best epoch.
    pub val: Vec<Sample>,
    /// What is looked at in the end.
    pub test: Vec<Sample>,
}

/// An index, and what reads its images.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Which images the dataset has.
    pub index: Index,
    reader: Arc<dyn Reader>,
}

/// Images ready for a network, with their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[batch, 3, size, size]`, RGB, row by row.
    pub images: Vec<f32>,
    /// The class of each image: `[batch]`.
    pub targets: Vec<usize>,
    /// The place of each image in its split: `[batch]`.
    pub indices: Vec<usize>,
    /// Side of the square images, in pixels.
    pub size: usize,
}

impl Split {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Train, Self::Val, Self::Test];

    /// As in a folder's name: `train`, `val`, `test`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Index {
    /// The images of a split.
    pub fn split(&self, split: Split) -> &[Sample] {
        match split {
            Split::Train => &self.train,
            Split::Val => &self.val,
            Split::Test => &self.test,
        }
    }

    /// The images of a split, to be changed.
    pub fn split_mut(&mut self, split: Split) -> &mut Vec<Sample> {
        match split {
            Split::Train => &mut self.train,
            Split::Val => &mut self.val,
            Split::Test => &mut self.test,
        }
    }

    /// How many images of each class a split has.
    pub fn counts(&self, split: Split) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for sample in self.split(split) {
            counts[sample.class] += 1;
        }
        counts
    }
}

impl Dataset {
    /// The images of `index`, which `reader` reads.
    pub fn new(reader: impl Reader + 'static, index: Index) -> Self {
        Self { index, reader: Arc::new(reader) }
    }

    /// The images of `index` in the source at `root`.
    ///
    /// # Errors
    /// When no kind of source is there.
    pub fn open(root: &Path, index: Index) -> Result<Self> {
        Ok(Self { index, reader: source::open(root)? })
    }

    /// Other images of the same source.
    #[must_use]
    pub fn with_index(&self, index: Index) -> Self {
        Self { index, reader: self.reader.clone() }
    }

    /// The pixels of an image.
    ///
    /// # Errors
    /// When it changed since it was indexed, or can't be read or decoded.
    pub fn decode(&self, sample: &Sample) -> Result<RgbImage> {
        self.reader.decode_unchanged(&sample.location, sample.size)
    }
}

impl Batch {
    /// How many images there are.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }
}

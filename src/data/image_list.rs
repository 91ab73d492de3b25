//! A list of image files without labels as batches, for prediction. An unreadable file is reported
//! in its place and the rest goes on.

use std::{path::PathBuf, sync::Arc};

use image::RgbImage;

use crate::{
    data::{
        Batch,
        decode::{decode_needed, read, unusable},
        prefetch::Prefetch,
        transform::{EvalOp, eval_needed, eval_numbers, eval_pixels},
    },
    error::{Error, Result},
};

/// The readable images of one stretch of the list, and the others.
#[derive(Debug)]
pub struct FileBatch {
    /// The images that could be read; `indices` are places in the list, `targets` is empty.
    pub batch: Batch,
    /// Place in the list and reason of each file that could not be read.
    pub failed: Vec<(usize, Error)>,
}

/// Batches over a list of files.
pub struct ImageList {
    ahead: Prefetch<Result<Arc<RgbImage>>>,
    ops: Arc<[EvalOp]>,
    /// Place in the list of the next file.
    next: usize,
    batch: usize,
    size: usize,
}

impl ImageList {
    /// Brings `files` through the eval chain `ops` to `size` x `size`, in batches of at most `batch`.
    pub fn new(files: Vec<PathBuf>, ops: &[EvalOp], size: usize, batch: usize, threads: usize) -> Self {
        let (batch, threads) = (batch.max(1), threads.max(1));
        let count = files.len();
        let (files, ops): (Arc<[PathBuf]>, Arc<[EvalOp]>) = (files.into(), ops.into());
        let chain = ops.clone();
        let load = move |place: usize| {
            let bytes = read(&files[place])?;
            let image = decode_needed(&bytes, &files[place], |image| eval_needed(&chain, size, image))?;
            eval_pixels(&chain, size, image.into()).map_err(|narrow| unusable(&files[place], narrow))
        };
        let ahead = Prefetch::new(0..count, threads, batch + 2 * threads, load);
        Self { ahead, ops, next: 0, batch, size }
    }
}

impl Iterator for ImageList {
    type Item = FileBatch;

    fn next(&mut self) -> Option<FileBatch> {
        let empty = Batch { images: Vec::new(), targets: Vec::new(), indices: Vec::new(), size: self.size };
        let mut batch = FileBatch { batch: empty, failed: Vec::new() };
        let first = self.next;
        for loaded in self.ahead.by_ref().take(self.batch) {
            match loaded {
                Ok(pixels) => {
                    eval_numbers(&self.ops, self.size, &pixels, &mut batch.batch.images);
                    batch.batch.indices.push(self.next);
                }
                Err(error) => batch.failed.push((self.next, error)),
            }
            self.next += 1;
        }
        (self.next > first).then_some(batch)
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::data::transform::default_eval;

    #[test]
    fn unreadable_files_are_reported_in_their_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = |i: usize| dir.path().join(format!("{i}.png"));
        for i in [0, 2, 3] {
            RgbImage::new(15, 12).save(path(i)).unwrap();
        }
        std::fs::write(path(1), "no image").unwrap();
        let files = ImageList::new((0..5).map(path).collect(), &default_eval(), 10, 2, 3);
        let batches: Vec<FileBatch> = files.collect();
        let readable: Vec<&[usize]> = batches.iter().map(|batch| &batch.batch.indices[..]).collect();
        assert_eq!(readable, [&[0][..], &[2, 3], &[]]);
        let failed: Vec<(usize, String)> = batches
            .iter()
            .flat_map(|batch| &batch.failed)
            .map(|(place, error)| (*place, error.to_string()))
            .collect();
        assert_eq!(failed[0], (1, format!("cannot decode {}", path(1).display())));
        assert_eq!(failed[1], (4, format!("cannot read {}", path(4).display())));
        assert_eq!(batches[1].batch.images.len(), 2 * 3 * 10 * 10);
    }
}

//! Which memory each slab has: that of slabs which nobody needs any more is used again.

use super::{
    pixel::Pixel,
    steps::{SlabId, Steps},
};

/// The memory that the slabs share, planned.
pub(super) struct Buffers {
    /// Where each slab lies.
    places: Vec<usize>,
    /// How many pixels of an image each place has.
    pixels: Vec<usize>,
}

/// The memory itself, by places.
pub(super) type Memory = Vec<Vec<Pixel>>;

impl Buffers {
    /// `sides`: those of all values.
    pub(super) fn new(steps: &Steps, sides: &[usize]) -> Self {
        let pixels = |slab: SlabId| sides[steps.values[slab].0].pow(2);
        let last = last_uses(steps);
        let mut buffers = Self { places: vec![usize::MAX; steps.values.len()], pixels: Vec::new() };
        let mut free: Vec<usize> = Vec::new();
        for (i, step) in steps.steps.iter().enumerate() {
            step.outputs
                .iter()
                .for_each(|slab| buffers.places[*slab] = buffers.take(&mut free, pixels(*slab)));
            let used = step.inputs.iter().chain(&step.added).chain(&step.outputs);
            let mut over: Vec<usize> =
                used.filter(|slab| last[**slab] == i).map(|slab| buffers.places[*slab]).collect();
            over.sort_unstable();
            over.dedup();
            free.extend(over);
        }
        buffers
    }

    /// The free place that fits best, the latest of those; the largest made larger where none is large enough; a new
    /// one where none is free.
    fn take(&mut self, free: &mut Vec<usize>, pixels: usize) -> usize {
        let fit = |place: &usize| {
            let has = self.pixels[*place];
            if has >= pixels { (0, has - pixels) } else { (1, pixels - has) }
        };
        let best = (0..free.len()).rev().min_by_key(|i| fit(&free[*i]));
        match best {
            Some(i) => {
                let place = free.remove(i);
                self.pixels[place] = self.pixels[place].max(pixels);
                place
            }
            None => {
                self.pixels.push(pixels);
                self.pixels.len() - 1
            }
        }
    }

    /// Where a slab lies.
    pub(super) fn place(&self, slab: SlabId) -> usize {
        self.places[slab]
    }

    /// Memory for so many images: their pixels in each place, and one of zeros behind them.
    pub(super) fn memory(&self, images: usize) -> Memory {
        self.pixels.iter().map(|pixels| vec![Pixel::ZERO; pixels * images + 1]).collect()
    }
}

/// For each slab, the last step that needs it.
fn last_uses(steps: &Steps) -> Vec<usize> {
    let mut last = vec![0; steps.values.len()];
    for (i, step) in steps.steps.iter().enumerate() {
        step.inputs.iter().chain(&step.added).chain(&step.outputs).for_each(|slab| last[*slab] = i);
    }
    steps.logits.iter().for_each(|(slab, _)| last[*slab] = usize::MAX);
    last
}

//! A network made ready for inference on the CPU: steps over memory planned once, with weights packed once.
//!
//! A map lies in slabs of 16 channels, pixel by pixel ([`pixel`]), so that vectors run along the channels and every
//! number is a sum of its own: neither the width of vectors, nor how many images go together, nor how many threads
//! there are changes a bit of it. Values are lists of slabs, so concatenations and splits are free ([`cuts`]);
//! activations and residual sums are done along with convolutions ([`fuse`]). The innermost loops are in [`tile`].

mod attention;
mod buffers;
mod colors;
mod convolution;
mod cuts;
mod depthwise;
mod exponential;
mod finish;
mod fuse;
mod pixel;
mod pixelwise;
mod pool;
mod slabs;
mod steps;
mod tile;
mod walk;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use pulp::Arch;
use rayon::prelude::*;

use self::{
    buffers::{Buffers, Memory},
    pixel::{Slab, SlabMut},
    steps::{Step, Steps},
};
use crate::{
    arch::{
        computation::{COLORS, Computation},
        sizes::sizes,
    },
    error::Result,
    weights::Weights,
};

/// A network ready for images of any size.
pub(crate) struct Prepared {
    arch: Arch,
    computation: Computation,
    steps: Steps,
    /// What is known for the sizes of images that were seen.
    sizes: Mutex<BTreeMap<usize, Arc<AtSize>>>,
}

/// All that depends on the size of the images.
struct AtSize {
    /// Of each value's maps.
    sides: Vec<usize>,
    buffers: Buffers,
    /// Images that go through all steps together: enough to make good use of each weight that is read, and so few that
    /// their maps stay in the cache.
    together: usize,
    /// Memory that nobody is using.
    free: Mutex<Vec<Memory>>,
}

/// Pixels that go through all steps together, about.
const PIXELS: usize = 1 << 16;
/// Images that go through all steps together, at most.
const TOGETHER: usize = 16;

impl Prepared {
    /// A network that does `computation`, which has no norms, if this processor has vectors and fused multiply-adds.
    ///
    /// # Panics
    /// If a parameter is not among `weights`.
    pub(crate) fn new(computation: &Computation, weights: &Weights) -> Option<Self> {
        match Arch::new() {
            Arch::Scalar => None,
            arch => Some(Self::on(arch, computation, weights)),
        }
    }

    fn on(arch: Arch, computation: &Computation, weights: &Weights) -> Self {
        let steps = Steps::new(computation, weights, arch);
        Self { arch, computation: computation.clone(), steps, sizes: Mutex::default() }
    }

    /// Logits `[batch, classes]` of images `[batch, 3, size, size]`.
    ///
    /// # Errors
    /// If the network can't take images of that size.
    pub(crate) fn logits(&self, images: &[f32], size: usize) -> Result<Vec<f32>> {
        let at_size = self.at(size)?;
        let classes = self.computation.classes();
        let image = COLORS * size * size;
        let mut logits = vec![0.0; images.len() / image * classes];
        let parts = logits.par_chunks_mut(at_size.together * classes);
        parts.zip(images.par_chunks(at_size.together * image)).for_each(|(logits, images)| {
            let mut memory = at_size.memory();
            self.run(&at_size, images, images.len() / image, &mut memory);
            self.read(&at_size, &memory, logits);
            locked(&at_size.free).push(memory);
        });
        Ok(logits)
    }

    fn at(&self, size: usize) -> Result<Arc<AtSize>> {
        let mut known = locked(&self.sizes);
        if let Some(at_size) = known.get(&size) {
            return Ok(at_size.clone());
        }
        let sides: Vec<usize> = sizes(&self.computation, size)?.iter().map(|map| map.side).collect();
        let buffers = Buffers::new(&self.steps, &sides);
        let together = (PIXELS / (size * size)).clamp(1, TOGETHER);
        let at_size = Arc::new(AtSize { sides, buffers, together, free: Mutex::default() });
        known.insert(size, at_size.clone());
        Ok(at_size)
    }

    /// All steps for some images.
    fn run(&self, at_size: &AtSize, images: &[f32], count: usize, memory: &mut Memory) {
        for step in &self.steps.steps {
            self.step(step, at_size, images, count, memory);
        }
    }

    /// A step: what it fills is taken out of the memory meanwhile.
    fn step(&self, step: &Step, at_size: &AtSize, images: &[f32], count: usize, memory: &mut Memory) {
        let walk = step.walk(&at_size.sides, count);
        let place = |slab: &usize| at_size.buffers.place(*slab);
        let mut outs: Vec<_> =
            step.outputs.iter().map(|slab| std::mem::take(&mut memory[place(slab)])).collect();
        let inputs: Vec<Slab<'_>> = step.inputs.iter().map(|slab| walk.read(&memory[place(slab)])).collect();
        let added: Vec<Slab<'_>> =
            step.added.iter().map(|slab| &memory[place(slab)][..walk.out_pixels()]).collect();
        let filled: Vec<SlabMut<'_>> = outs.iter_mut().map(|out| &mut out[..walk.out_pixels()]).collect();
        step.run(self.arch, &walk, images, [&inputs, &added], filled);
        for (slab, mut out) in step.outputs.iter().zip(outs) {
            out[walk.out_pixels()] = pixel::Pixel::ZERO;
            memory[place(slab)] = out;
        }
    }

    /// The logits that the last step left in the memory, row by row.
    fn read(&self, at_size: &AtSize, memory: &Memory, logits: &mut [f32]) {
        let rows = logits.chunks_exact_mut(self.computation.classes());
        for (image, row) in rows.enumerate() {
            let mut first = 0;
            for (slab, classes) in &self.steps.logits {
                let pixel = &memory[at_size.buffers.place(*slab)][image];
                row[first..first + classes].copy_from_slice(&pixel.0[..*classes]);
                first += classes;
            }
        }
    }
}

impl AtSize {
    /// Memory for the images that go together.
    fn memory(&self) -> Memory {
        let free = locked(&self.free).pop();
        free.unwrap_or_else(|| self.buffers.memory(self.together))
    }
}

/// What a lock holds; nothing is ever left half done in it.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        arch::{Arch as Architecture, names},
        network::test_support,
        weights::fold_weights,
    };

    fn prepared(arch: &Architecture, instructions: Arch) -> (Prepared, Weights) {
        let computation = Computation::of(arch);
        let folded = fold_weights(&computation, &test_support::weights(arch));
        (Prepared::on(instructions, &computation.folded(), &folded), folded)
    }

    /// Different images `[count, 3, size, size]`.
    fn images(count: usize, size: usize) -> Vec<f32> {
        let mut pixels = test_support::pixels(size);
        let mut image = |_| {
            pixels.rotate_left(997);
            pixels.clone()
        };
        (0..count).flat_map(&mut image).collect()
    }

    fn assert_as_forward(arch: &Architecture, size: usize) {
        let pixels = test_support::pixels(size);
        let (prepared, folded) = prepared(arch, Arch::new());
        let ours = prepared.logits(&pixels, size).unwrap();
        let theirs = test_support::logits(prepared.computation.clone(), &folded, &pixels, size);
        let largest = theirs.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let off = ours.iter().zip(&theirs).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
        assert!(largest > 0.5 && off <= 1e-4 * largest, "{} at {size}: {off} of {largest}", arch.name);
    }

    #[test]
    fn prepared_networks_give_what_burns_operations_give() {
        for arch in test_support::archs() {
            assert_as_forward(&arch, 64);
            assert_as_forward(&arch, 96);
        }
    }

    #[test]
    fn all_built_in_networks_can_be_prepared() {
        for name in names() {
            assert_as_forward(&Architecture::built_in(&name, 10).unwrap(), 64);
        }
    }

    #[test]
    fn an_images_logits_depend_on_no_other_image_and_no_threads() {
        let size = 64;
        let images = images(TOGETHER + 3, size);
        for arch in test_support::archs() {
            let (prepared, _) = prepared(&arch, Arch::new());
            let on = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| prepared.logits(&images, size).unwrap())
            };
            let all = on(4);
            assert_eq!(all, on(1), "{}", arch.name);
            let single = images.chunks_exact(COLORS * size * size);
            let single: Vec<f32> = single.flat_map(|image| prepared.logits(image, size).unwrap()).collect();
            assert_eq!(all, single, "{}", arch.name);
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn narrow_vectors_change_no_bit() {
        let Some(narrow) = pulp::x86::V3::try_new() else { return };
        let images = images(2, 64);
        for arch in test_support::archs() {
            let [wide, narrow] =
                [Arch::new(), Arch::V3(narrow)].map(|instructions| prepared(&arch, instructions).0);
            assert_eq!(
                wide.logits(&images, 64).unwrap(),
                narrow.logits(&images, 64).unwrap(),
                "{}",
                arch.name
            );
        }
    }

    #[test]
    fn images_that_do_not_fit_are_told() {
        let (prepared, _) = prepared(&Architecture::built_in("yolo12n-cls", 2).unwrap(), Arch::new());
        let error = prepared.logits(&images(1, 40), 40).unwrap_err().to_string();
        assert!(error.contains("can't be divided into 4 areas"), "{error}");
        assert!(prepared.logits(&[], 64).unwrap().is_empty());
    }
}

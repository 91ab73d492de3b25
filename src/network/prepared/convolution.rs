//! Convolutions, and what is one: linear layers.
//!
//! Weights are packed once, in the order in which [`super::tile`] reads them: a panel for every few slabs of the output.

use std::ops::Range;

use pulp::Arch;
use rayon::prelude::*;

use super::{
    finish::Finish,
    pixel::{LANES, Pixel, Slab, SlabMut},
    tile::{Input, Tiles, widest},
    walk::Walk,
};

/// A convolution ready to run.
pub(super) struct Convolution {
    /// How many channels the slabs have that it reads.
    lanes: Vec<usize>,
    pub panels: Vec<Panel>,
    pub finish: Finish,
}

/// The weights of some slabs of the output.
pub(super) struct Panel {
    /// The slabs of the output.
    pub slabs: Range<usize>,
    /// The slabs of the input that they depend on.
    inputs: Range<usize>,
    /// For each place of the kernel and each channel that is read, a pixel for each slab.
    pub weights: Vec<Pixel>,
    /// A pixel for each slab.
    pub bias: Vec<Pixel>,
}

/// A convolution's parameters.
#[derive(Clone, Copy)]
pub(super) struct Kernels<'a> {
    /// `[outputs, inputs / groups, kernel, kernel]`.
    pub weight: &'a [f32],
    /// `[outputs]`.
    pub bias: &'a [f32],
    pub kernel: usize,
    pub groups: usize,
}

/// Multiplications of a task, at least.
const GRAIN: usize = 1 << 20;
/// A multiple of all numbers of pixels that are calculated at once.
const PIXELS: usize = 24;

impl Convolution {
    /// Packs the weights for maps cut into slabs of so many channels.
    pub(super) fn new(kernels: Kernels<'_>, lanes: [&[usize]; 2], finish: Finish, arch: Arch) -> Self {
        let [read, written] = lanes;
        // Groups see few slabs each; together they would see all.
        let widest = if kernels.groups == 1 { widest(arch) } else { 1 };
        let panels = widths(written.len(), widest);
        let panels =
            panels.par_iter().map(|slabs| Panel::new(kernels, read, written, slabs.clone())).collect();
        Self { lanes: read.to_vec(), panels, finish }
    }

    /// A convolution of single pixels without a bias, whose weights are pixels: for a channel that is read, those of
    /// each slab that is written.
    pub(super) fn of_pixels(
        [read, written]: [&[usize]; 2],
        arch: Arch,
        weights: impl Fn(usize, usize) -> Pixel,
    ) -> Self {
        let channels = read.iter().sum();
        let panel = |slabs: Range<usize>| Panel {
            weights: (0..channels)
                .flat_map(|channel| slabs.clone().map(move |slab| (channel, slab)))
                .map(|(channel, slab)| weights(channel, slab))
                .collect(),
            bias: vec![Pixel::ZERO; slabs.len()],
            inputs: 0..read.len(),
            slabs,
        };
        let panels = widths(written.len(), widest(arch)).into_iter().map(panel).collect();
        Self { lanes: read.to_vec(), panels, finish: Finish::default() }
    }

    /// The convolution of `inputs`, plus the map `added` if any.
    pub(super) fn run(
        &self,
        arch: Arch,
        walk: &Walk,
        inputs: &[Slab<'_>],
        added: &[Slab<'_>],
        outs: Vec<SlabMut<'_>>,
    ) {
        let inputs: Vec<Input<'_>> =
            inputs.iter().zip(&self.lanes).map(|(slab, lanes)| (*slab, *lanes)).collect();
        let tasks = self.tasks(outs);
        let run = |(panel, first, outs): (&Panel, usize, Vec<SlabMut<'_>>)| {
            self.part(arch, walk, (panel, first), &inputs, added, outs);
        };
        match tasks.len() {
            1 => tasks.into_iter().for_each(run),
            _ => tasks.into_par_iter().for_each(run),
        }
    }

    /// Panels with runs of output pixels, each enough work for a task.
    fn tasks<'a>(&self, outs: Vec<SlabMut<'a>>) -> Vec<(&Panel, usize, Vec<SlabMut<'a>>)> {
        let mut outs = outs.into_iter();
        let mut tasks = Vec::new();
        for panel in &self.panels {
            let pixels = (GRAIN / (panel.weights.len() * LANES)).next_multiple_of(PIXELS).max(PIXELS);
            let slabs = outs.by_ref().take(panel.slabs.len());
            let mut parts: Vec<_> = slabs.map(|slab| slab.chunks_mut(pixels)).collect();
            let mut first = 0;
            while let Some(outs) = parts.iter_mut().map(|parts| parts.next()).collect::<Option<Vec<_>>>() {
                tasks.push((panel, first, outs));
                first += pixels;
            }
        }
        tasks
    }

    /// Some output pixels of a panel's slabs.
    fn part(
        &self,
        arch: Arch,
        walk: &Walk,
        (panel, first): (&Panel, usize),
        inputs: &[Input<'_>],
        added: &[Slab<'_>],
        outs: Vec<SlabMut<'_>>,
    ) {
        let pixels = first..first + outs[0].len();
        let added: Option<Vec<Slab<'_>>> = (!added.is_empty())
            .then(|| added[panel.slabs.clone()].iter().map(|slab| &slab[pixels.clone()]).collect());
        let job = Part { walk, first, panel, inputs: &inputs[panel.inputs.clone()], finish: self.finish };
        match outs.len() {
            1 => job.run::<1>(arch, outs, added),
            2 => job.run::<2>(arch, outs, added),
            3 => job.run::<3>(arch, outs, added),
            _ => job.run::<4>(arch, outs, added),
        }
    }
}

struct Part<'a> {
    walk: &'a Walk,
    first: usize,
    panel: &'a Panel,
    inputs: &'a [Input<'a>],
    finish: Finish,
}

impl Part<'_> {
    fn run<const F: usize>(&self, arch: Arch, outs: Vec<SlabMut<'_>>, added: Option<Vec<Slab<'_>>>) {
        let Ok(outs) = outs.try_into() else { unreachable!("a panel has at most four slabs") };
        let added = added.map(|added| added.try_into().expect("what is added is cut alike"));
        let Panel { weights, bias, .. } = self.panel;
        let Self { walk, first, inputs, finish, .. } = *self;
        arch.dispatch(Tiles::<F> { walk, first, inputs, weights, bias, outs, added, finish });
    }
}

/// Slabs in panels of about the same width, at most `widest`.
fn widths(slabs: usize, widest: usize) -> Vec<Range<usize>> {
    let panels = slabs.div_ceil(widest);
    let start = |panel: usize| panel * slabs / panels;
    (0..panels).map(|panel| start(panel)..start(panel + 1)).collect()
}

/// The channels of each slab.
pub(super) fn channels(lanes: &[usize]) -> Vec<Range<usize>> {
    let mut end = 0;
    let range = |lanes: &usize| {
        end += lanes;
        end - lanes..end
    };
    lanes.iter().map(range).collect()
}

impl Panel {
    fn new(kernels: Kernels<'_>, read: &[usize], written: &[usize], slabs: Range<usize>) -> Self {
        let (read, written) = (channels(read), channels(written));
        let written = &written[slabs.clone()];
        let bias = written.iter().map(|channels| Pixel::of(&kernels.bias[channels.clone()])).collect();
        let seen = kernels.seen(written[0].start..written[written.len() - 1].end, &read);
        let inputs = read.iter().position(|slab| slab.end > seen.start).unwrap_or(0)
            ..read.iter().rposition(|slab| slab.start < seen.end).map_or(0, |last| last + 1);
        let mut weights = Vec::new();
        for place in 0..kernels.kernel * kernels.kernel {
            for channel in read[inputs.clone()].iter().cloned().flatten() {
                weights.extend(
                    written.iter().map(|outputs| kernels.pixel(outputs.clone(), channel, place, &read)),
                );
            }
        }
        Self { slabs, inputs, weights, bias }
    }
}

impl Kernels<'_> {
    /// The input channels that some output channels depend on.
    fn seen(&self, outputs: Range<usize>, read: &[Range<usize>]) -> Range<usize> {
        let (c1, c2) = (read.last().map_or(0, |slab| slab.end), self.bias.len());
        let (inputs, each) = (c1 / self.groups, c2 / self.groups);
        outputs.start / each * inputs..((outputs.end - 1) / each + 1) * inputs
    }

    /// The weights of some output channels for an input channel at a place of the kernel; 0 in other groups.
    fn pixel(&self, outputs: Range<usize>, channel: usize, place: usize, read: &[Range<usize>]) -> Pixel {
        let (c1, c2, area) =
            (read.last().map_or(0, |slab| slab.end), self.bias.len(), self.kernel * self.kernel);
        let (inputs, each) = (c1 / self.groups, c2 / self.groups);
        let mut pixel = Pixel::ZERO;
        for (lane, output) in outputs.enumerate() {
            if output / each == channel / inputs {
                pixel.0[lane] = self.weight[(output * inputs + channel % inputs) * area + place];
            }
        }
        pixel
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_are_about_as_wide() {
        assert_eq!(widths(5, 4), [0..2, 2..5]);
        assert_eq!(widths(8, 4), [0..4, 4..8]);
        assert_eq!(widths(3, 1), [0..1, 1..2, 2..3]);
    }

    #[test]
    fn a_group_sees_its_own_channels() {
        let (weight, bias) = (vec![1.0; 2 * 64 * 32], vec![0.0; 64]);
        let kernels = Kernels { weight: &weight, bias: &bias, kernel: 1, groups: 2 };
        let panel = Panel::new(kernels, &[16; 4], &[16; 4], 2..3);
        assert_eq!((panel.inputs, panel.weights.len()), (2..4, 32));
    }
}

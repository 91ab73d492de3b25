//! A computation as steps over slabs, with its weights packed: all that does not depend on the size of the images.

use pulp::Arch;
use rayon::prelude::*;

use super::{
    attention::{Heads, heads},
    colors::{self, Colors},
    convolution::{Convolution, Kernels, channels},
    cuts::{self, depthwise},
    depthwise::Depthwise,
    finish::Finish,
    fuse::{Fused, fused},
    pixel::{Pixel, Slab, SlabMut},
    pixelwise, pool,
    walk::Walk,
};
use crate::{
    arch::{
        Activation, Window,
        computation::{Attention, COLORS, Computation, IMAGES, Op, ValueId},
    },
    weights::Weights,
};

/// A slab of some value, by number.
pub(super) type SlabId = usize;

/// All steps in order.
pub(super) struct Steps {
    pub steps: Vec<Step>,
    /// For each slab, the first value that it is a part of.
    pub values: Vec<ValueId>,
    /// The slabs of the logits, and how many classes each has.
    pub logits: Vec<(SlabId, usize)>,
}

/// A step: it reads some slabs and fills others.
pub(super) struct Step {
    work: Work,
    /// Side and stride of the window that it reads through.
    window: Window,
    /// A value that it reads, and one that it gives: their sides are known.
    pub values: [ValueId; 2],
    pub inputs: Vec<SlabId>,
    /// What is added to the output.
    pub added: Vec<SlabId>,
    pub outputs: Vec<SlabId>,
}

/// What a step does.
enum Work {
    /// Makes slabs of the images' colors, so many in each.
    Images(Vec<usize>),
    Colors(Colors),
    Convolution(Convolution),
    Depthwise(Depthwise),
    Activation(Activation),
    Sum,
    Scale(Vec<Pixel>),
    EverySecond(usize, usize),
    MaxPool,
    Attention(Heads),
    Mean,
}

impl Step {
    /// How it goes over the maps of some images, by the sides of all values.
    pub(super) fn walk(&self, sides: &[usize], images: usize) -> Walk {
        let Window { kernel, stride, .. } = self.window;
        let [side, out_side] = self.values.map(|value| sides[value.0]);
        Walk { kernel, stride, side, out_side, images }
    }

    /// Fills `outs`; `images` are those that all begins with.
    pub(super) fn run(
        &self,
        arch: Arch,
        walk: &Walk,
        images: &[f32],
        [inputs, added]: [&[Slab<'_>]; 2],
        outs: Vec<SlabMut<'_>>,
    ) {
        match &self.work {
            Work::Images(lanes) => pixelwise::images(walk, images, lanes, outs),
            Work::Colors(colors) => colors.run(arch, walk, images, outs),
            Work::Convolution(convolution) => convolution.run(arch, walk, inputs, added, outs),
            Work::Depthwise(depthwise) => depthwise.run(arch, walk, inputs, added, outs),
            Work::Activation(activation) => pixelwise::activation(arch, *activation, inputs, outs),
            Work::Sum => pixelwise::sum(arch, inputs, outs),
            Work::Scale(factors) => pixelwise::scale(arch, factors, inputs, outs),
            Work::EverySecond(row, column) => {
                pixelwise::every_second(arch, walk, (*row, *column), inputs, outs);
            }
            Work::MaxPool => pool::max(arch, walk, inputs, outs),
            Work::Attention(heads) => heads.run(arch, walk, inputs, outs),
            Work::Mean => pool::mean(arch, walk, inputs, outs),
        }
    }
}

/// What a step will be, before its weights are packed.
struct Draft<'a> {
    fused: &'a Fused<'a>,
    inputs: Vec<SlabId>,
    added: Vec<SlabId>,
    outputs: Vec<SlabId>,
}

impl Steps {
    /// The steps of a computation without norms.
    ///
    /// # Panics
    /// If a parameter has no value.
    pub(super) fn new(computation: &Computation, weights: &Weights, arch: Arch) -> Self {
        let fused = fused(computation);
        let mut layout = Layout::new(computation);
        let drafts: Vec<Draft<'_>> = fused.iter().filter_map(|fused| layout.draft(fused)).collect();
        let pack = Pack { weights, lanes: &layout.lanes, arch };
        let steps = drafts.into_par_iter().map(|draft| pack.step(draft));
        let images = layout.maps[IMAGES.0].clone().map(|slabs| pack.images(slabs));
        let steps = images.into_par_iter().chain(steps).collect();
        let logits = layout.map(computation.logits).into_iter();
        let logits = logits.zip(layout.lanes[computation.logits.0].iter().copied()).collect();
        Self { steps, values: layout.values, logits }
    }
}

/// Which slabs each value is made of.
struct Layout {
    lanes: Vec<Vec<usize>>,
    maps: Vec<Option<Vec<SlabId>>>,
    values: Vec<ValueId>,
}

impl Layout {
    fn new(computation: &Computation) -> Self {
        let lanes = cuts::lanes(computation);
        Self { maps: vec![None; lanes.len()], lanes, values: Vec::new() }
    }

    /// The slabs of a value. Those of the images are made when somebody wants them.
    fn map(&mut self, value: ValueId) -> Vec<SlabId> {
        match &self.maps[value.0] {
            Some(map) => map.clone(),
            None => self.fresh(value),
        }
    }

    /// New slabs for a value.
    fn fresh(&mut self, value: ValueId) -> Vec<SlabId> {
        let first = self.values.len();
        self.values.extend(vec![value; self.lanes[value.0].len()]);
        let map: Vec<SlabId> = (first..self.values.len()).collect();
        self.maps[value.0] = Some(map.clone());
        map
    }

    /// What is to be done for an operation; nothing where values only go by other names.
    fn draft<'a>(&mut self, fused: &'a Fused<'a>) -> Option<Draft<'a>> {
        let operation = fused.operation;
        if of_images(fused) {
            return Some(Draft {
                fused,
                inputs: Vec::new(),
                added: Vec::new(),
                outputs: self.fresh(fused.output),
            });
        }
        let inputs: Vec<SlabId> = operation.inputs.iter().flat_map(|input| self.map(*input)).collect();
        match &operation.op {
            Op::Concat | Op::Dropout => {
                self.maps[fused.output.0] = Some(inputs);
                return None;
            }
            Op::Split(_) => {
                let mut inputs = inputs.into_iter();
                for output in &operation.outputs {
                    self.maps[output.0] = Some(inputs.by_ref().take(self.lanes[output.0].len()).collect());
                }
                return None;
            }
            Op::Attention(attention) => {
                self.values(*attention, operation.inputs[0], operation.outputs[1], &inputs);
            }
            _ => {}
        }
        let added = fused.added.map(|added| self.map(added)).unwrap_or_default();
        Some(Draft { fused, inputs, added, outputs: self.fresh(fused.output) })
    }

    /// An attention's values are some of the slabs that it reads.
    fn values(&mut self, attention: Attention, qkv: ValueId, values: ValueId, inputs: &[SlabId]) {
        let heads = heads(attention, &self.lanes[qkv.0]);
        self.maps[values.0] =
            Some(heads.iter().flat_map(|head| inputs[head.value.clone()].to_vec()).collect());
    }
}

/// Whether it is a convolution of the images that needs no slabs of them.
fn of_images(fused: &Fused<'_>) -> bool {
    matches!(&fused.operation.op, Op::Convolution(convolution) if colors::known(convolution.window))
        && fused.operation.inputs[0] == IMAGES
        && fused.added.is_none()
}

/// Packs weights.
struct Pack<'a> {
    weights: &'a Weights,
    lanes: &'a [Vec<usize>],
    arch: Arch,
}

impl Pack<'_> {
    fn images(&self, outputs: Vec<SlabId>) -> Step {
        let work = Work::Images(self.lanes[IMAGES.0].clone());
        Step {
            work,
            window: Window::POINT,
            values: [IMAGES; 2],
            inputs: Vec::new(),
            added: Vec::new(),
            outputs,
        }
    }

    fn step(&self, Draft { fused, inputs, added, outputs }: Draft<'_>) -> Step {
        let values = [fused.operation.inputs[0], fused.output];
        Step { work: self.work(fused), window: window(&fused.operation.op), values, inputs, added, outputs }
    }

    fn work(&self, fused: &Fused<'_>) -> Work {
        let Fused { operation, finish, output, .. } = fused;
        let lanes = [operation.inputs[0], *output].map(|value| self.lanes[value.0].as_slice());
        match &operation.op {
            Op::Convolution(convolution) => {
                let kernels = self.kernels(&convolution.name, convolution.window);
                match of_images(fused) {
                    true => Work::Colors(self.colors(kernels, lanes[1], *finish)),
                    false if depthwise(convolution) => {
                        Work::Depthwise(Depthwise::new(kernels, lanes[1], *finish))
                    }
                    false => Work::Convolution(Convolution::new(kernels, lanes, *finish, self.arch)),
                }
            }
            Op::Linear(linear) => {
                let kernels = self.kernels(&linear.name, Window::POINT);
                Work::Convolution(Convolution::new(kernels, lanes, *finish, self.arch))
            }
            Op::Scale(scaling) => {
                let gamma = self.numbers(&scaling.gamma);
                let channels = channels(lanes[1]);
                Work::Scale(channels.into_iter().map(|channels| Pixel::of(&gamma[channels])).collect())
            }
            Op::Activation(activation) => Work::Activation(*activation),
            Op::Add => Work::Sum,
            Op::EverySecond { row, column } => Work::EverySecond(*row, *column),
            Op::MaxPool(_) => Work::MaxPool,
            Op::Attention(attention) => Work::Attention(Heads::new(*attention, lanes[0])),
            Op::GlobalAverage => Work::Mean,
            Op::Concat | Op::Split(_) | Op::Dropout => unreachable!("they are no steps"),
        }
    }

    /// What lies under the window are channels of single pixels, in the order of the weight.
    fn colors(&self, kernels: Kernels<'_>, written: &[usize], finish: Finish) -> Colors {
        let read = [COLORS * kernels.kernel * kernels.kernel];
        let kernels = Kernels { kernel: 1, ..kernels };
        Colors { convolution: Convolution::new(kernels, [&read, written], finish, self.arch) }
    }

    fn kernels(&self, name: &str, Window { kernel, groups, .. }: Window) -> Kernels<'_> {
        let [weight, bias] = ["weight", "bias"].map(|part| self.numbers(&format!("{name}.{part}")));
        Kernels { weight, bias, kernel, groups }
    }

    fn numbers(&self, name: &str) -> &[f32] {
        &self.weights.get(name).unwrap_or_else(|| panic!("{name} has a value")).data
    }
}

/// The window that an operation reads through.
fn window(op: &Op) -> Window {
    match op {
        Op::Convolution(convolution) => convolution.window,
        Op::MaxPool(window) => *window,
        _ => Window::POINT,
    }
}

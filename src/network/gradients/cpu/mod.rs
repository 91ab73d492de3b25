//! Forward and backward on the CPU: each operation of a computation leaves behind how gradients find their way back
//! through it.

mod attention;
mod channels;
mod convolution;
mod elementwise;
mod pixels;

use std::{collections::BTreeMap, ops::Range};

use burn::{
    backend::{Flex, ops::FloatTensorOps, tensor::FloatTensor},
    tensor::{Device, Tensor, TensorData},
};

use super::Pass;
use crate::{
    arch::computation::{IMAGES, Op, Operation, ValueId},
    network::{
        Network, Parameters, Statistics,
        kernels::cpu::{Array, array, in_parts},
    },
};

/// [`super::pass`] on the backend `cpu`.
pub(super) fn pass(
    network: &Network,
    parameters: &Parameters,
    images: Tensor<4>,
    mask: Option<Tensor<2>>,
    loss: impl FnOnce(Tensor<2>) -> Tensor<1>,
) -> Pass {
    let mut tape = Tape::new(network, parameters, primitive(images), mask.map(primitive));
    for operation in &network.computation().operations {
        tape.forward(operation);
    }
    let logits = tape.maps[network.computation().logits.0].take().expect("the last operation gives logits");
    let statistics = std::mem::take(&mut tape.statistics);
    let of_logits = loss_gradient(logits, loss);
    let gradient = tape.backward(of_logits);
    Pass { gradient, statistics: super::joined(parameters, statistics) }
}

/// The gradient of the logits, `[batch, classes, 1, 1]`, by burn's autodiff.
fn loss_gradient(logits: Array, loss: impl FnOnce(Tensor<2>) -> Tensor<1>) -> Array {
    let logits = Tensor::<4>::from_primitive::<Flex>(logits);
    let [batch, classes, ..] = logits.dims();
    let leaf = Tensor::from_inner(logits.reshape([batch, classes])).require_grad();
    let gradients = loss(leaf.clone()).backward();
    let gradient = leaf.grad(&gradients).expect("the loss depends on the logits");
    primitive(gradient.reshape([batch, classes, 1, 1]))
}

fn primitive<const D: usize>(tensor: Tensor<D>) -> FloatTensor<Flex> {
    tensor.try_into_primitive::<Flex>().expect("all lies on the CPU").to_contiguous()
}

/// How gradients of an operation's outputs become those of its inputs, and of its parameters. An output that nothing
/// depends on has none, nor has an input that needs none.
type Backward = Box<dyn FnOnce(Vec<Option<Array>>, &mut Gradient<'_>) -> Vec<Option<Array>>>;

/// What an operation gives, and the way back.
struct Recorded {
    outputs: Vec<Array>,
    backward: Backward,
}

impl Recorded {
    /// Of an operation with one output.
    fn one(
        output: Array,
        backward: impl FnOnce(Array, &mut Gradient<'_>) -> Vec<Option<Array>> + 'static,
    ) -> Self {
        let backward: Backward =
            Box::new(|gradients, gradient| match gradients.into_iter().flatten().next() {
                Some(of_output) => backward(of_output, gradient),
                None => Vec::new(),
            });
        Self { outputs: vec![output], backward }
    }

    /// This, and then what comes of its one output.
    fn then(self, next: impl FnOnce(Array) -> Self) -> Self {
        let Self { mut outputs, backward: first } = self;
        let Self { outputs, backward: second } = next(outputs.remove(0));
        let backward = |gradients, gradient: &mut Gradient<'_>| first(second(gradients, gradient), gradient);
        Self { outputs, backward: Box::new(backward) }
    }
}

/// A pass on its way.
struct Tape<'a> {
    network: &'a Network,
    parameters: &'a Parameters,
    ranges: BTreeMap<&'a str, Range<usize>>,
    mask: Option<Array>,
    maps: Vec<Option<Array>>,
    /// For each value, whether anything that is learnt comes before it.
    learns: Vec<bool>,
    /// The way back of each operation so far; none where nothing before it is learnt.
    steps: Vec<Option<Backward>>,
    statistics: Vec<Statistics>,
    device: Device,
}

impl<'a> Tape<'a> {
    fn new(network: &'a Network, parameters: &'a Parameters, images: Array, mask: Option<Array>) -> Self {
        let count = network.computation().channels.len();
        let mut maps = vec![None; count];
        maps[IMAGES.0] = Some(images);
        let ranges =
            parameters.layout.slots().iter().map(|slot| (slot.name.as_str(), slot.range())).collect();
        let (learns, steps, statistics) = (vec![false; count], Vec::new(), Vec::new());
        Self { network, parameters, ranges, mask, maps, learns, steps, statistics, device: Device::flex() }
    }

    fn forward(&mut self, operation: &'a Operation) {
        let last = self.network.last_uses(self.steps.len());
        let inputs: Vec<Array> =
            operation.inputs.iter().zip(last).map(|(id, last)| self.take(*id, *last)).collect();
        let before = operation.inputs.iter().any(|input| self.learns[input.0]);
        let learns = before || operation.op.parameters().iter().any(|it| self.is_learnt(&it.name));
        let Recorded { outputs, backward } = self.run(&operation.op, inputs, before);
        for (id, output) in operation.outputs.iter().zip(outputs) {
            (self.maps[id.0], self.learns[id.0]) = (Some(output), learns);
        }
        self.steps.push(learns.then_some(backward));
    }

    fn take(&mut self, id: ValueId, last: bool) -> Array {
        let map = if last { self.maps[id.0].take() } else { self.maps[id.0].clone() };
        map.expect("operations come after those whose values they take")
    }

    /// The numbers of a parameter.
    fn part(&self, module: &str, part: &str) -> Array {
        self.value(&format!("{module}.{part}"))
    }

    fn value(&self, name: &str) -> Array {
        primitive(self.parameters.range(self.ranges[name].clone()))
    }

    fn is_learnt(&self, name: &str) -> bool {
        self.ranges[name].end <= self.parameters.layout.learnt().end
    }

    /// Does an operation; `before` says whether its inputs want gradients.
    fn run(&mut self, op: &'a Op, inputs: Vec<Array>, before: bool) -> Recorded {
        let mut inputs = inputs.into_iter();
        let mut next = || inputs.next().expect("an operation has its inputs");
        match op {
            Op::Convolution(convolution) => self.convolution(convolution, next(), before),
            Op::Linear(linear) => self.linear(linear, next(), before),
            Op::Scale(scaling) => self.scale(scaling, next()),
            Op::Dropout => self.dropout(next()),
            Op::Activation(activation) => elementwise::activated(*activation, next()),
            Op::Add => elementwise::sum(next(), next()),
            Op::Concat => channels::concat(&inputs.collect::<Vec<_>>()),
            Op::Split(parts) => channels::split(&next(), parts),
            Op::Attention(attention) => attention::attend(&next(), *attention),
            Op::EverySecond { row, column } => pixels::every_second(&next(), *row, *column),
            Op::MaxPool(window) => pixels::max_pool(&next(), *window),
            Op::GlobalAverage => pixels::average(&next()),
        }
    }

    fn backward(self, of_logits: Array) -> Tensor<1> {
        let computation = self.network.computation();
        let mut gradients = vec![None; computation.channels.len()];
        gradients[computation.logits.0] = Some(of_logits);
        let mut gradient =
            Gradient { numbers: vec![0.0; self.parameters.layout.learnt().end], ranges: self.ranges };
        for (operation, backward) in computation.operations.iter().zip(self.steps).rev() {
            let Some(backward) = backward else { continue };
            let given = operation.outputs.iter().map(|output| gradients[output.0].take()).collect();
            for (input, of_input) in operation.inputs.iter().zip(backward(given, &mut gradient)) {
                add(&mut gradients[input.0], of_input);
            }
        }
        gradient.into_tensor()
    }
}

/// The gradient of all that is learnt.
struct Gradient<'a> {
    numbers: Vec<f32>,
    ranges: BTreeMap<&'a str, Range<usize>>,
}

impl Gradient<'_> {
    /// Adds the gradient of the parameter `module.part`, if that is learnt.
    fn add(&mut self, module: &str, part: &str, of_parameter: &[f32]) {
        self.add_to(&format!("{module}.{part}"), of_parameter);
    }

    fn add_to(&mut self, name: &str, of_parameter: &[f32]) {
        if let Some(numbers) = self.numbers.get_mut(self.ranges[name].clone()) {
            numbers.iter_mut().zip(of_parameter).for_each(|(sum, x)| *sum += x);
        }
    }

    fn into_tensor(self) -> Tensor<1> {
        let count = self.numbers.len();
        Tensor::from_data(TensorData::new(self.numbers, [count]), &Device::flex())
    }
}

/// The same numbers, row-major, in another shape.
fn reshaped<const D: usize>(x: Array, shape: [usize; D]) -> Array {
    Flex::float_reshape(x, shape.into())
}

/// Adds a gradient to what others gave to the same value.
fn add(sum: &mut Option<Array>, gradient: Option<Array>) {
    match (sum.as_mut(), gradient) {
        (Some(sum), Some(gradient)) => {
            in_parts(sum.storage_mut::<f32>(), gradient.storage::<f32>(), |sum, x| sum + x);
        }
        (None, gradient) => *sum = gradient,
        (Some(_), None) => {}
    }
}

/// The gradient, or zeros of such a shape.
fn or_zeros(gradient: Option<Array>, shape: [usize; 4]) -> Array {
    gradient.unwrap_or_else(|| array(vec![0.0; shape.iter().product()], shape.to_vec()))
}

//! A lowered network's operators as layers.

use super::{
    IMAGES, PROBABILITIES,
    graph::{Graph, Source, listed},
    ir::Net,
};
use crate::{
    arch::Window,
    export::lowered::{ConstantId, INPUT, Instruction, Lowered, Operator},
};

/// The layers of a lowered network, and the numbers of their constants.
pub(super) fn net(lowered: &Lowered) -> (Net, Vec<u8>) {
    let mut layers = Layers { lowered, graph: Graph::default(), sources: Vec::new() };
    layers.sources.push(layers.graph.input(IMAGES, lowered.dims(INPUT)));
    for instruction in &lowered.instructions {
        let inputs: Vec<Source> =
            instruction.inputs.iter().map(|input| layers.sources[input.0].clone()).collect();
        let outputs: Vec<Vec<i64>> = instruction.outputs.iter().map(|output| lowered.dims(*output)).collect();
        let sources = layers.operator(instruction, &inputs.iter().collect::<Vec<_>>(), &outputs);
        layers.sources.extend(sources);
    }
    layers.graph.finish(&layers.sources[lowered.probabilities.0], PROBABILITIES)
}

/// Layers on their way.
struct Layers<'a> {
    lowered: &'a Lowered,
    graph: Graph,
    /// Where each tensor comes out, by its number.
    sources: Vec<Source>,
}

impl Layers<'_> {
    /// Adds what an instruction does with what comes from these `inputs`; where its tensors of these sizes come out.
    fn operator(
        &mut self,
        Instruction { operator, at, .. }: &Instruction,
        inputs: &[&Source],
        outputs: &[Vec<i64>],
    ) -> Vec<Source> {
        let (x, dims) = (inputs[0], outputs[0].as_slice());
        vec![match operator {
            Operator::Convolution { weight, bias, window } => {
                let y = self.convolution(at, x, *weight, *window, dims);
                self.plus(at, &y, *bias)
            }
            Operator::Silu => self.graph.layer(at, ("Swish", "opset4"), &[], inputs, dims),
            Operator::Relu => self.graph.layer(at, ("ReLU", "opset1"), &[], inputs, dims),
            Operator::Add => self.graph.layer(at, ("Add", "opset1"), &[broadcast()], inputs, dims),
            Operator::Scale(factor) => self.scaled(at, x, *factor),
            Operator::Concat { axis } => {
                self.graph.layer(at, ("Concat", "opset1"), &[("axis", axis.to_string())], inputs, dims)
            }
            Operator::Split { axis, sizes } => return self.split(at, x, *axis, sizes, outputs),
            Operator::EverySecond { row, column } => self.every_second(at, x, [*row, *column], dims),
            Operator::MaxPool(window) => self.max_pool(at, x, *window, dims),
            Operator::Reshape(shape) => self.reshaped(at, x, shape, dims),
            Operator::Transpose { order } => {
                let order = self.sizes(at, "order", order);
                self.graph.layer(at, ("Transpose", "opset1"), &[], &[x, &order], dims)
            }
            Operator::MatMul { transpose_a, transpose_b } => {
                self.product(at, inputs, [*transpose_a, *transpose_b], dims)
            }
            Operator::Softmax => {
                self.graph.layer(at, ("SoftMax", "opset8"), &[("axis", "-1".to_owned())], inputs, dims)
            }
            Operator::GlobalAverage => self.average(at, x, dims),
            Operator::Linear { weight, bias } => {
                let weight = self.lowered.constant(*weight);
                let weight = self.graph.floats(weight, &weight.shape);
                let y = self.product(at, &[x, &weight], [false, true], dims);
                self.plus(at, &y, *bias)
            }
        }]
    }

    /// Whole numbers that belong to a layer of the module `at`.
    fn sizes(&mut self, at: &str, name: &str, numbers: &[usize]) -> Source {
        let numbers: Vec<i64> = numbers.iter().map(|number| *number as i64).collect();
        self.graph.whole(&format!("{at}/{name}"), &numbers)
    }

    /// A convolution without its bias. Groups are a dimension of the weight.
    fn convolution(
        &mut self,
        at: &str,
        x: &Source,
        weight: ConstantId,
        window: Window,
        dims: &[i64],
    ) -> Source {
        let weight = self.lowered.constant(weight);
        let (groups, data) =
            (window.groups, [("dilations", "1,1".to_owned())].into_iter().chain(placed(window)));
        let data: Vec<_> = data.collect();
        if groups == 1 {
            let weight = self.graph.floats(weight, &weight.shape);
            return self.graph.layer(at, ("Convolution", "opset1"), &data, &[x, &weight], dims);
        }
        let grouped = [&[groups, weight.shape[0] / groups], &weight.shape[1..]].concat();
        let weight = self.graph.floats(weight, &grouped);
        self.graph.layer(at, ("GroupConvolution", "opset1"), &data, &[x, &weight], dims)
    }

    /// `y` plus a bias: a number for each place along the second dimension.
    fn plus(&mut self, at: &str, y: &Source, bias: ConstantId) -> Source {
        let bias = self.lowered.constant(bias);
        let mut shape = vec![1; y.dims.len()];
        shape[1] = bias.data.len();
        let bias = self.graph.floats(bias, &shape);
        self.graph.layer(at, ("Add", "opset1"), &[broadcast()], &[y, &bias], &y.dims)
    }

    fn scaled(&mut self, at: &str, x: &Source, factor: ConstantId) -> Source {
        let factor = self.lowered.constant(factor);
        let factor = self.graph.floats(factor, &factor.shape);
        self.graph.layer(at, ("Multiply", "opset1"), &[broadcast()], &[x, &factor], &x.dims)
    }

    fn split(
        &mut self,
        at: &str,
        x: &Source,
        axis: usize,
        sizes: &[usize],
        outputs: &[Vec<i64>],
    ) -> Vec<Source> {
        let axis = self.graph.scalar(&format!("{at}/axis"), axis as i64);
        let sizes = self.sizes(at, "sizes", sizes);
        self.graph.layers(at, ("VariadicSplit", "opset1"), &[], &[x, &axis, &sizes], outputs)
    }

    fn every_second(&mut self, at: &str, x: &Source, first: [usize; 2], dims: &[i64]) -> Source {
        let first = self.sizes(at, "first", &first);
        let end = self.graph.whole(&format!("{at}/end"), &x.dims[2..]);
        let [steps, axes] =
            [("steps", [2, 2]), ("axes", [2, 3])].map(|(name, numbers)| self.sizes(at, name, &numbers));
        self.graph.layer(at, ("Slice", "opset8"), &[], &[x, &first, &end, &steps, &axes], dims)
    }

    fn max_pool(&mut self, at: &str, x: &Source, window: Window, dims: &[i64]) -> Source {
        let own = [("kernel", listed(&[window.kernel; 2])), ("rounding_type", "floor".to_owned())];
        let data: Vec<_> = own.into_iter().chain(placed(window)).collect();
        self.graph.layer(at, ("MaxPool", "opset1"), &data, &[x], dims)
    }

    /// The same numbers in another shape; a size of 0 stays as it was.
    fn reshaped(&mut self, at: &str, x: &Source, shape: &[usize], dims: &[i64]) -> Source {
        let shape = self.sizes(at, "shape", &[&[0], shape].concat());
        let data = [("special_zero", "true".to_owned())];
        self.graph.layer(at, ("Reshape", "opset1"), &data, &[x, &shape], dims)
    }

    fn product(&mut self, at: &str, factors: &[&Source], [a, b]: [bool; 2], dims: &[i64]) -> Source {
        let data = [("transpose_a", a.to_string()), ("transpose_b", b.to_string())];
        self.graph.layer(at, ("MatMul", "opset1"), &data, factors, dims)
    }

    fn average(&mut self, at: &str, x: &Source, dims: &[i64]) -> Source {
        let axes = self.sizes(at, "axes", &[2, 3]);
        let data = [("keep_dims", "false".to_owned())];
        self.graph.layer(at, ("ReduceMean", "opset1"), &data, &[x, &axes], dims)
    }
}

/// How a window goes over a map, which is padded by half of it.
fn placed(Window { kernel, stride, .. }: Window) -> [(&'static str, String); 4] {
    let padding = listed(&[kernel / 2; 2]);
    [
        ("strides", listed(&[stride; 2])),
        ("pads_begin", padding.clone()),
        ("pads_end", padding),
        ("auto_pad", "explicit".to_owned()),
    ]
}

/// Sizes of 1 are stretched to the other tensor's.
fn broadcast() -> (&'static str, String) {
    ("auto_broadcast", "numpy".to_owned())
}

//! A lowered network's operators as ONNX nodes.

use super::graph::{Attribute, Graph};
use crate::{
    arch::Window,
    export::{
        Precision,
        lowered::{Constant, ConstantId, INPUT, Instruction, Lowered, Operator, TensorId},
    },
};

/// The graph with a lowered network behind what is there; the images are called `images`.
pub(super) fn add(lowered: &Lowered, graph: Graph, images: &str) -> Graph {
    let mut names = vec![String::new(); lowered.shapes.len()];
    images.clone_into(&mut names[INPUT.0]);
    let mut nodes = Nodes { lowered, graph, names };
    lowered.instructions.iter().for_each(|instruction| nodes.instruction(instruction));
    nodes.graph
}

/// Nodes on their way.
struct Nodes<'a> {
    lowered: &'a Lowered,
    graph: Graph,
    /// What each tensor is called, by its number.
    names: Vec<String>,
}

impl Nodes<'_> {
    fn instruction(&mut self, instruction: &Instruction) {
        let names: Vec<String> = instruction.inputs.iter().map(|input| self.names[input.0].clone()).collect();
        let inputs: Vec<&str> = names.iter().map(String::as_str).collect();
        let outputs = self.operator(instruction, &inputs);
        for (tensor, name) in instruction.outputs.iter().zip(outputs) {
            self.names[tensor.0] = name;
        }
    }

    /// Writes an operator; the names of what it gives.
    fn operator(
        &mut self,
        Instruction { operator, at, inputs: tensors, .. }: &Instruction,
        inputs: &[&str],
    ) -> Vec<String> {
        let x = inputs[0];
        vec![match operator {
            Operator::Convolution { weight, bias, window } => {
                let [weight, bias] = self.constants([*weight, *bias]);
                self.convolution(at, [x, &weight, &bias], *window)
            }
            Operator::Silu => {
                let gate = self.graph.op(at, "Sigmoid", &[x], &[]);
                self.graph.op(at, "Mul", &[x, &gate], &[])
            }
            Operator::Relu => self.graph.op(at, "Relu", &[x], &[]),
            Operator::Add => self.graph.op(at, "Add", inputs, &[]),
            Operator::Scale(factor) => {
                let [factor] = self.constants([*factor]);
                self.graph.op(at, "Mul", &[x, &factor], &[])
            }
            Operator::Concat { axis } => {
                self.graph.op(at, "Concat", inputs, &[Attribute::Int("axis", *axis as i64)])
            }
            Operator::Split { axis, sizes } => return self.graph.split(at, x, *axis as i64, sizes),
            Operator::EverySecond { row, column } => self.graph.every_second(at, x, [*row, *column]),
            Operator::MaxPool(window) => self.max_pool(at, x, *window),
            Operator::Reshape(shape) => self.graph.reshape(at, x, &[&[0], &**shape].concat()),
            Operator::Transpose { order } => self.graph.transpose(at, x, order),
            Operator::MatMul { transpose_a, transpose_b } => {
                let swapped = [(tensors[0], *transpose_a), (tensors[1], *transpose_b)];
                let [a, b] = swapped.map(|(tensor, swapped)| self.factor(at, tensor, swapped));
                self.graph.op(at, "MatMul", &[&a, &b], &[])
            }
            Operator::Softmax => self.graph.op(at, "Softmax", &[x], &[Attribute::Int("axis", -1)]),
            Operator::GlobalAverage => {
                let map = self.graph.op(at, "GlobalAveragePool", &[x], &[]);
                let at = at.strip_suffix(".pool").unwrap_or(at);
                self.graph.op(at, "Flatten", &[&map], &[Attribute::Int("axis", 1)])
            }
            Operator::Linear { weight, bias } => {
                let [weight, bias] = self.constants([*weight, *bias]);
                self.graph.op(at, "Gemm", &[x, &weight, &bias], &[Attribute::Int("transB", 1)])
            }
        }]
    }

    /// Adds constants to the graph; their names.
    fn constants<const N: usize>(&mut self, ids: [ConstantId; N]) -> [String; N] {
        let lowered = self.lowered;
        ids.map(|id| {
            let Constant { name, shape, data, precision } = lowered.constant(id);
            match precision {
                Precision::Fp32 => self.graph.floats(name, shape, data),
                Precision::Fp16 => self.graph.halves(name, shape, data),
            }
        })
    }

    fn convolution(&mut self, at: &str, inputs: [&str; 3], window: Window) -> String {
        let [kernel, stride, groups] = numbers([window.kernel, window.stride, window.groups]);
        let attributes = [
            Attribute::Ints("dilations", &[1, 1]),
            Attribute::Int("group", groups),
            Attribute::Ints("kernel_shape", &[kernel; 2]),
            Attribute::Ints("pads", &[kernel / 2; 4]),
            Attribute::Ints("strides", &[stride; 2]),
        ];
        self.graph.op(at, "Conv", &inputs, &attributes)
    }

    fn max_pool(&mut self, at: &str, x: &str, window: Window) -> String {
        let [kernel, stride] = numbers([window.kernel, window.stride]);
        let attributes = [
            Attribute::Ints("kernel_shape", &[kernel; 2]),
            Attribute::Ints("pads", &[kernel / 2; 4]),
            Attribute::Ints("strides", &[stride; 2]),
        ];
        self.graph.op(at, "MaxPool", &[x], &attributes)
    }

    /// A factor of a product, its last two dimensions swapped if that is wanted.
    fn factor(&mut self, at: &str, tensor: TensorId, swapped: bool) -> String {
        let name = self.names[tensor.0].clone();
        if !swapped {
            return name;
        }
        let rank = self.lowered.shape(tensor).len() + 1;
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(rank - 2, rank - 1);
        self.graph.transpose(at, &name, &order)
    }
}

fn numbers<const N: usize>(sizes: [usize; N]) -> [i64; N] {
    sizes.map(|size| size as i64)
}

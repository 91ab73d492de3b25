//! The operators of a network with its channels last as TensorFlow's nodes.

use super::{
    Attribute, Graph, IMAGES, Type, Word,
    builder::{Builder, FLOATS},
};
use crate::export::{
    channels_last::ChannelsLast,
    lowered::{ConstantId, INPUT, Instruction, Lowered, Operator, TensorId},
};

/// The graph of a network.
pub(super) fn graph(ChannelsLast(lowered): &ChannelsLast) -> Graph {
    let mut builder = Builder::default();
    let names = builder.names.all(lowered.named(IMAGES));
    let shape = ("shape", Attribute::Shape(lowered.dims(INPUT)));
    builder.named(IMAGES, "Placeholder", &[], [("dtype", Attribute::Type(Type::Float)), shape]);
    let mut nodes = Nodes { lowered, builder, names };
    lowered.instructions.iter().for_each(|instruction| nodes.instruction(instruction));
    nodes.builder.finish()
}

/// Nodes on their way.
pub(super) struct Nodes<'a> {
    pub(super) lowered: &'a Lowered,
    pub(super) builder: Builder,
    /// What each tensor is called, by its number.
    pub(super) names: Vec<String>,
}

impl Nodes<'_> {
    /// What a tensor is called.
    pub(super) fn tensor(&self, tensor: TensorId) -> String {
        self.names[tensor.0].clone()
    }

    fn instruction(&mut self, Instruction { operator, inputs, outputs, .. }: &Instruction) {
        let names: Vec<String> = inputs.iter().map(|input| self.tensor(*input)).collect();
        let (all, y) = (names.iter().map(String::as_str).collect::<Vec<_>>(), &self.tensor(outputs[0]));
        let x = all[0];
        match operator {
            Operator::Convolution { weight, bias, window } => {
                let channels = self.lowered.shape(inputs[0])[2];
                self.convolution(y, x, channels, [*weight, *bias], *window);
            }
            Operator::MaxPool(window) => self.max_pool(y, x, *window),
            Operator::Silu => self.silu(y, x),
            Operator::Relu => self.builder.named(y, "Relu", &all, [FLOATS]),
            Operator::Add => self.builder.named(y, "AddV2", &all, [FLOATS]),
            Operator::Softmax => self.builder.named(y, "Softmax", &all, [FLOATS]),
            Operator::Scale(factor) => self.scale(y, x, *factor),
            Operator::Linear { weight, bias } => self.linear(y, x, [*weight, *bias]),
            Operator::MatMul { transpose_a, transpose_b } => {
                let swapped = [("adj_x", *transpose_a), ("adj_y", *transpose_b)];
                self.product(y, "BatchMatMulV2", &all, swapped);
            }
            Operator::Concat { axis } => self.concat(y, &all, *axis),
            Operator::Split { axis, sizes } => self.split(x, outputs, *axis, sizes),
            Operator::EverySecond { row, column } => self.every_second(y, x, [*row, *column]),
            Operator::Reshape(_) => self.reshape(y, x, &self.lowered.dims(outputs[0])),
            Operator::Transpose { order } => self.transpose(y, x, order),
            Operator::GlobalAverage => self.average(y, x),
        }
    }

    /// `x · sigmoid(x)`
    fn silu(&mut self, y: &str, x: &str) {
        let gate = self.builder.node(y, "Sigmoid", &[x], [FLOATS]);
        self.builder.named(y, "Mul", &[x, &gate], [FLOATS]);
    }

    /// Times one number, or times one for each channel: the last axis.
    fn scale(&mut self, y: &str, x: &str, factor: ConstantId) {
        let constant = self.lowered.constant(factor);
        let shape = &constant.shape[..constant.shape.len().min(1)];
        let factor = self.builder.floats(&constant.name, shape, &constant.data, constant.precision);
        self.builder.named(y, "Mul", &[x, &factor], [FLOATS]);
    }

    fn linear(&mut self, y: &str, x: &str, [weight, bias]: [ConstantId; 2]) {
        let weight = self.constant(weight);
        let product = self.builder.names.free(&format!("{y}_MatMul"));
        self.product(&product, "MatMul", &[x, &weight], [("transpose_a", false), ("transpose_b", true)]);
        self.bias(y, &product, bias);
    }

    /// A matrix product of factors that are transposed before or not.
    fn product(&mut self, y: &str, op: &str, factors: &[&str], transposed: [(&'static str, bool); 2]) {
        let transposed = transposed.map(|(key, flag)| (key, Attribute::Flag(flag)));
        self.builder.named(y, op, factors, transposed.into_iter().chain([FLOATS]));
    }

    /// Adds a number to each channel.
    pub(super) fn bias(&mut self, y: &str, x: &str, bias: ConstantId) {
        let bias = self.constant(bias);
        self.builder.named(y, "BiasAdd", &[x, &bias], [FLOATS, layout()]);
    }

    /// Adds a constant as it is.
    fn constant(&mut self, id: ConstantId) -> String {
        let constant = self.lowered.constant(id);
        self.builder.floats(&constant.name, &constant.shape, &constant.data, constant.precision)
    }
}

/// Channels last.
pub(super) fn layout() -> (&'static str, Attribute) {
    ("data_format", Attribute::Word(Word::Nhwc))
}

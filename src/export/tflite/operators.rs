//! The operators of a network with its channels last, as those of LiteRT.

use super::{
    IMAGES, PROBABILITIES,
    file::File,
    schema::{self, Kind, options},
};
use crate::{
    error::Result,
    export::{
        channels_last::ChannelsLast,
        flatbuffer::Table,
        lowered::{BatchDimension, INPUT, Instruction, Lowered, Operator, TensorId},
    },
};

/// The bytes of a file of this network.
///
/// # Errors
/// If it is too large for such a file.
pub(super) fn write(ChannelsLast(lowered): &ChannelsLast, description: &str) -> Result<Vec<u8>> {
    let mut operators = Operators { lowered, file: File::new(), tensors: Vec::new() };
    operators.tensors.push(operators.file.tensor(IMAGES, &operators.shape(INPUT)));
    for instruction in &lowered.instructions {
        operators.name(instruction);
        operators.instruction(instruction);
    }
    let ends = [INPUT, lowered.probabilities].map(|tensor| operators.tensors[tensor.0]);
    operators.file.finish(description, ends)
}

/// Operators on their way.
pub(super) struct Operators<'a> {
    pub(super) lowered: &'a Lowered,
    pub(super) file: File,
    /// The file's number of each tensor.
    tensors: Vec<i32>,
}

impl Operators<'_> {
    /// The file's number of a tensor.
    pub(super) fn tensor(&self, tensor: TensorId) -> i32 {
        self.tensors[tensor.0]
    }

    /// The sizes of a tensor, the batch included.
    pub(super) fn shape(&self, tensor: TensorId) -> Vec<i32> {
        self.with_batch(self.lowered.shape(tensor))
    }

    /// These sizes behind that of the batch.
    pub(super) fn with_batch(&self, shape: &[usize]) -> Vec<i32> {
        let batch = match self.lowered.batch {
            BatchDimension::Fixed(images) => images,
            // The format does not leave that choice.
            BatchDimension::Any => 1,
        };
        std::iter::once(batch).chain(shape.iter().copied()).map(|size| size as i32).collect()
    }

    /// Adds the tensors that an instruction gives.
    fn name(&mut self, Instruction { at, outputs, .. }: &Instruction) {
        for output in outputs {
            let name = match *output == self.lowered.probabilities {
                true => PROBABILITIES.to_owned(),
                false => format!("{at}/{}", output.0),
            };
            self.tensors.push(self.file.tensor(&name, &self.shape(*output)));
        }
    }

    fn instruction(&mut self, instruction: &Instruction) {
        let Instruction { operator, at, inputs, outputs } = instruction;
        let (x, y) = (inputs[0], outputs[0]);
        match operator {
            Operator::Convolution { weight, bias, window } => {
                self.convolution(at, [x, y], [*weight, *bias], *window);
            }
            Operator::MaxPool(window) => self.max_pool(at, [x, y], *window),
            Operator::GlobalAverage => self.global_average(at, [x, y]),
            Operator::EverySecond { row, column } => self.every_second(at, [x, y], [*row, *column]),
            Operator::Split { axis, sizes } => self.split(at, x, outputs, *axis, sizes),
            Operator::Silu => self.silu(at, [x, y]),
            Operator::Relu => self.plain(schema::RELU, inputs, &[], y),
            Operator::Add => self.plain(schema::ADD, inputs, &[], y),
            Operator::Scale(factor) => {
                let factor = self.floats(*factor, &[self.lowered.constant(*factor).data.len()]);
                self.plain(schema::MUL, inputs, &[factor], y);
            }
            Operator::Linear { weight, bias } => {
                let constants = [weight, bias].map(|id| self.floats(*id, &self.lowered.constant(*id).shape));
                self.plain(schema::FULLY_CONNECTED, inputs, &constants, y);
            }
            Operator::Transpose { order } => {
                let order: Vec<i32> = order.iter().map(|axis| *axis as i32).collect();
                let order = self.row(at, "order", &order);
                self.plain(schema::TRANSPOSE, inputs, &[order], y);
            }
            Operator::Reshape(_) => {
                let (x, shape) = (self.tensor(x), self.shape(y));
                self.reshape(at, x, &shape, y);
            }
            Operator::Concat { axis } => {
                let options = Table::new().number(options::CONCATENATION_AXIS, *axis as i32);
                self.with(schema::CONCATENATION, inputs, y, options);
            }
            Operator::MatMul { transpose_a, transpose_b } => {
                let options = Table::new().number(options::TRANSPOSE_A, *transpose_a);
                self.with(
                    schema::BATCH_MATMUL,
                    inputs,
                    y,
                    options.number(options::TRANSPOSE_B, *transpose_b),
                );
            }
            Operator::Softmax => {
                self.with(schema::SOFTMAX, inputs, y, Table::new().number(options::SOFTMAX_BETA, 1.0_f32));
            }
        }
    }

    /// Adds an operator of tensors and constants that has no options of its own.
    pub(super) fn plain(&mut self, kind: Kind, inputs: &[TensorId], constants: &[i32], output: TensorId) {
        let inputs = inputs.iter().map(|input| self.tensor(*input)).chain(constants.iter().copied());
        self.file.operator(kind, inputs.collect(), vec![self.tensor(output)], Table::new());
    }

    /// Adds an operator of tensors with options.
    fn with(&mut self, kind: Kind, inputs: &[TensorId], output: TensorId, options: Table) {
        let inputs = inputs.iter().map(|input| self.tensor(*input)).collect();
        self.file.operator(kind, inputs, vec![self.tensor(output)], options);
    }

    /// `x · sigmoid(x)`
    fn silu(&mut self, at: &str, [x, y]: [TensorId; 2]) {
        let gate = self.file.tensor(&format!("{at}/gate"), &self.shape(x));
        self.file.operator(schema::LOGISTIC, vec![self.tensor(x)], vec![gate], Table::new());
        self.plain(schema::MUL, &[x], &[gate], y);
    }

    /// Gives a tensor another shape.
    pub(super) fn reshape(&mut self, at: &str, x: i32, shape: &[i32], y: TensorId) {
        let row = self.row(at, "shape", shape);
        let (y, options) = (self.tensor(y), Table::new().child(options::NEW_SHAPE, shape.to_vec()));
        self.file.operator(schema::RESHAPE, vec![x, row], vec![y], options);
    }

    /// Takes each part by itself.
    fn split(&mut self, at: &str, x: TensorId, outputs: &[TensorId], axis: usize, sizes: &[usize]) {
        let mut first = vec![0; self.lowered.shape(x).len() + 1];
        for (output, size) in outputs.iter().zip(sizes) {
            let bounds = [self.row(at, "first", &first), self.row(at, "size", &self.shape(*output))];
            self.plain(schema::SLICE, &[x], &bounds, *output);
            first[axis] += *size as i32;
        }
    }

    /// Every second pixel of every second row, from this row and column on.
    fn every_second(&mut self, at: &str, [x, y]: [TensorId; 2], [row, column]: [usize; 2]) {
        let (first, end) = ([0, row as i32, column as i32, 0], self.shape(x));
        let bounds = [("first", &first[..]), ("end", &end), ("step", &[1, 2, 2, 1])];
        let bounds = bounds.map(|(what, numbers)| self.row(at, what, numbers));
        self.plain(schema::STRIDED_SLICE, &[x], &bounds, y);
    }
}

//! The operators of a lowered network, as those of MNN.

use super::{
    IMAGES, PROBABILITIES,
    file::File,
    parameters::{averaged, convolved, pooled, scaled},
    schema::{self, Format, Kind, field, input},
};
use crate::{
    arch::Window,
    error::Result,
    export::{
        flatbuffer::Table,
        lowered::{ConstantId, INPUT, Instruction, Lowered, Operator, TensorId},
    },
};

/// The bytes of a file of this network.
///
/// # Errors
/// If it is too large for such a file.
pub(super) fn write(lowered: &Lowered, metadata: &str) -> Result<Vec<u8>> {
    let tensors = vec![[None; 2]; lowered.shapes.len()];
    let mut operators = Operators { lowered, file: File::default(), tensors };
    operators.images();
    lowered.instructions.iter().for_each(|instruction| operators.instruction(instruction));
    let probabilities = operators.tensor(lowered.probabilities, Format::Plain);
    operators.file.call(probabilities, PROBABILITIES);
    operators.file.finish(PROBABILITIES, metadata)
}

/// Operators on their way.
struct Operators<'a> {
    lowered: &'a Lowered,
    file: File,
    /// The file's number of each tensor, plain and packed, as far as it has been asked for.
    tensors: Vec<[Option<i32>; 2]>,
}

/// Which of a tensor's numbers is that of this format.
fn place(format: Format) -> usize {
    usize::from(format == Format::Packed)
}

impl Operators<'_> {
    fn images(&mut self) {
        let shape: Vec<i32> = self.lowered.dims(INPUT).into_iter().map(|size| size as i32).collect();
        let parameters = Table::new()
            .child(input::SHAPE, shape)
            .number(input::TYPE, schema::FLOAT)
            .number(input::FORMAT, Format::Plain as i8);
        let images = self.file.operator(schema::INPUT, (IMAGES, Format::Plain), Vec::new(), parameters);
        self.file.call(images, IMAGES);
        self.tensors[INPUT.0][place(Format::Plain)] = Some(images);
    }

    /// The file's number of a tensor in this format, into which it is put where it is not.
    fn tensor(&mut self, tensor: TensorId, format: Format) -> i32 {
        let [plain, packed] = self.tensors[tensor.0];
        let (there, other) = if format == Format::Plain { (plain, packed) } else { (packed, plain) };
        if let Some(number) = there {
            return number;
        }
        let other = other.expect("a tensor is made before it is used");
        let number = self.converted(other, format);
        self.tensors[tensor.0][place(format)] = Some(number);
        number
    }

    /// A tensor that is in the other format, in this one.
    fn converted(&mut self, x: i32, format: Format) -> i32 {
        let from = if format == Format::Plain { Format::Packed } else { Format::Plain };
        let parameters = Table::new().number(field::FROM, from as i8).number(field::TO, format as i8);
        self.file.operator(schema::CONVERT, ("format", format), vec![x], parameters)
    }

    /// The format in which an operator takes its inputs. What works on single numbers or on the channels takes them as
    /// one of them is.
    fn taken(&self, operator: &Operator, inputs: &[TensorId]) -> Format {
        let one_is_packed = || inputs.iter().any(|tensor| self.tensors[tensor.0][1].is_some());
        let packed = match operator {
            Operator::Convolution { .. } | Operator::MaxPool(_) | Operator::GlobalAverage => true,
            Operator::Scale(factor) => !self.lowered.constant(*factor).shape.is_empty(),
            Operator::Silu
            | Operator::Relu
            | Operator::Add
            | Operator::Concat { axis: 1 }
            | Operator::Split { axis: 1, .. } => one_is_packed(),
            Operator::Concat { .. }
            | Operator::Split { .. }
            | Operator::EverySecond { .. }
            | Operator::Reshape(_)
            | Operator::Transpose { .. }
            | Operator::MatMul { .. }
            | Operator::Softmax
            | Operator::Linear { .. } => false,
        };
        if packed { Format::Packed } else { Format::Plain }
    }

    fn instruction(&mut self, instruction: &Instruction) {
        let Instruction { operator, inputs, outputs, .. } = instruction;
        let format = self.taken(operator, inputs);
        let takes = inputs.iter().map(|input| self.tensor(*input, format)).collect();
        let gives = self.operator(instruction, format, takes);
        // One number for each channel is no map.
        let format = if *operator == Operator::GlobalAverage { Format::Plain } else { format };
        for (output, number) in outputs.iter().zip(gives) {
            self.tensors[output.0][place(format)] = Some(number);
        }
    }

    /// Adds what an instruction does with these tensors of this format; those that it gives.
    fn operator(&mut self, instruction: &Instruction, format: Format, takes: Vec<i32>) -> Vec<i32> {
        let Instruction { operator, at, outputs, .. } = instruction;
        let x = takes[0];
        let (kind, parameters) = match operator {
            Operator::Convolution { weight, bias, window } => self.convolution([*weight, *bias], *window),
            Operator::MaxPool(window) => (schema::POOLING, pooled(*window)),
            Operator::Silu => (schema::UNARY, operation(schema::SILU)),
            Operator::Relu => (schema::RELU, Table::new().number(field::SLOPE, 0.0_f32)),
            Operator::Add => (schema::BINARY, operation(schema::ADD)),
            Operator::Concat { axis } => (schema::CONCAT, along(*axis as i32)),
            Operator::Softmax => (schema::SOFTMAX, along(-1)),
            Operator::Transpose { order } => {
                (schema::PERMUTE, Table::new().child(field::ORDER, whole(order)))
            }
            Operator::MatMul { transpose_a, transpose_b } => {
                let parameters = Table::new().number(field::TRANSPOSE_A, *transpose_a);
                (schema::BATCH_MATMUL, parameters.number(field::TRANSPOSE_B, *transpose_b))
            }
            Operator::Scale(factor) => match &self.lowered.constant(*factor).data[..] {
                [factor] => return vec![self.times(at, x, *factor)],
                factors => (schema::SCALE, scaled(factors)),
            },
            Operator::Split { axis, sizes } => return self.split((at, format), x, *axis, sizes),
            Operator::EverySecond { row, column } => return vec![self.every_second(at, x, [*row, *column])],
            Operator::Reshape(shape) => return vec![self.reshape(at, x, shape)],
            Operator::GlobalAverage => return vec![self.average(at, x, self.lowered.shape(outputs[0]))],
            Operator::Linear { weight, bias } => return vec![self.linear(at, x, [*weight, *bias])],
        };
        vec![self.file.operator(kind, (at, format), takes, parameters)]
    }

    fn convolution(&self, [weight, bias]: [ConstantId; 2], window: Window) -> (Kind, Table) {
        let [weight, bias] = [weight, bias].map(|id| self.lowered.constant(id));
        let each_by_itself = window.groups > 1 && weight.shape[..2] == [window.groups, 1];
        let kind = if each_by_itself { schema::DEPTHWISE } else { schema::CONVOLUTION };
        (kind, convolved(weight, bias, window))
    }

    /// All numbers times one.
    fn times(&mut self, at: &str, x: i32, factor: f32) -> i32 {
        let factor = self.file.number(at, factor);
        let named = (at, Format::Plain);
        self.file.operator(schema::BINARY, named, vec![x, factor], operation(schema::MUL))
    }

    fn split(&mut self, named: (&str, Format), x: i32, axis: usize, sizes: &[usize]) -> Vec<i32> {
        let parts = self.file.whole(named.0, whole(sizes));
        let parameters = along(axis as i32).number(field::SLICE_SOURCE, schema::TORCH);
        self.file.operators(schema::SLICE, named, vec![x, parts], sizes.len(), parameters)
    }

    /// Every second pixel of every second row, from these on to wherever the map ends.
    fn every_second(&mut self, at: &str, x: i32, [row, column]: [usize; 2]) -> i32 {
        let bounds = [vec![0, 0, row as i32, column as i32], vec![i32::MAX; 4], vec![1, 1, 2, 2]];
        let [first, end, step] = bounds.map(|places| self.file.whole(at, places));
        let parameters =
            Table::new().number(field::PLACES_TYPE, schema::INT32).number(field::SLICED_TYPE, schema::FLOAT);
        let named = (at, Format::Plain);
        self.file.operator(schema::STRIDED_SLICE, named, vec![x, first, end, step], parameters)
    }

    /// A tensor in this shape behind the batch, of which there are as many as there were.
    fn reshape(&mut self, at: &str, x: i32, shape: &[usize]) -> i32 {
        let shape = self.file.whole(at, [&[0], &whole(shape)[..]].concat());
        let parameters = Table::new().number(field::RESHAPE_FORMAT, Format::Plain as i8);
        self.file.operator(schema::RESHAPE, (at, Format::Plain), vec![x, shape], parameters)
    }

    /// The means of whole maps, in a row.
    fn average(&mut self, at: &str, x: i32, shape: &[usize]) -> i32 {
        let pixels = self.file.operator(schema::POOLING, (at, Format::Packed), vec![x], averaged());
        let pixels = self.converted(pixels, Format::Plain);
        self.reshape(at, pixels, shape)
    }

    /// A linear layer is a convolution of maps of one pixel.
    fn linear(&mut self, at: &str, x: i32, [weight, bias]: [ConstantId; 2]) -> i32 {
        let [outputs, inputs] = [0, 1].map(|axis| self.lowered.constant(weight).shape[axis]);
        let pixels = self.reshape(at, x, &[inputs, 1, 1]);
        let pixels = self.converted(pixels, Format::Packed);
        let (kind, parameters) = self.convolution([weight, bias], Window::POINT);
        let pixels = self.file.operator(kind, (at, Format::Packed), vec![pixels], parameters);
        let pixels = self.converted(pixels, Format::Plain);
        self.reshape(at, pixels, &[outputs])
    }
}

fn whole(numbers: &[usize]) -> Vec<i32> {
    numbers.iter().map(|number| *number as i32).collect()
}

/// Parameters of what works along an axis.
fn along(axis: i32) -> Table {
    Table::new().number(field::AXIS, axis)
}

/// Parameters of what works on single numbers.
fn operation(of: i32) -> Table {
    Table::new().number(field::OPERATION, of).number(field::OPERATION_TYPE, schema::FLOAT)
}

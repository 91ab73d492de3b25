//! A lowered network's operators as MIL operations.

use half::f16;

use super::{
    blobs::Blobs,
    block::{Block, Given},
    proto::{BlobFile, BlockProto, Place, Value, ValueType},
    values::{FLOAT16, FLOAT32, Literal, STRING, numbers_by_text, tensor_type, texts},
};
use crate::{
    arch::Window,
    error::{Error, Result},
    export::{
        Precision,
        lowered::{ConstantId, INPUT, Instruction, Lowered, Operator, TensorId},
    },
};

/// What the images are called.
pub(super) const IMAGES: &str = "images";
/// What the class is called that an image is of, and the probabilities by class.
pub(super) const LABEL: &str = "classLabel";
pub(super) const PROBABILITIES: &str = "classLabel_probs";
/// Where constants stand, as Core ML looks for it.
const WEIGHTS: &str = "@model_path/weights/weight.bin";
/// Pixels come from 0 to 255.
pub(super) const PIXEL: f32 = 1.0 / 255.0;

/// The operations of a network that tells `classes` apart, and the file of its weights.
///
/// # Errors
/// If a number is too large for 16 bits, where those were asked for.
pub(super) fn program(lowered: &Lowered, classes: &[String]) -> Result<(BlockProto, Vec<u8>)> {
    let half = lowered.constants.iter().any(|constant| constant.precision == Precision::Fp16);
    let mut block = Block::default();
    let names = block.names.all(lowered.named(IMAGES));
    let mut writer = Writer { lowered, half, block, blobs: Blobs::new(), names };
    writer.images();
    lowered.instructions.iter().try_for_each(|instruction| writer.instruction(instruction))?;
    writer.classify(classes);
    Ok((writer.block.finish(&[LABEL, PROBABILITIES]), writer.blobs.finish()))
}

/// Operations on their way.
struct Writer<'a> {
    lowered: &'a Lowered,
    /// Whether it computes in 16 bits, as Apple's neural engine does; else in 32.
    half: bool,
    block: Block,
    blobs: Blobs,
    /// What each tensor is called, by its number.
    names: Vec<String>,
}

/// What an operation is, and what it takes beside tensors.
type Wanted<'a> = (&'static str, Vec<(&'static str, Given<'a>)>);

impl Writer<'_> {
    /// The images from 0 to 1, in as many bits as are computed with.
    fn images(&mut self) {
        let scaled = self.block.names.free("images_scaled");
        let shape = self.batched(INPUT);
        let arguments = vec![("x", Given::Name(IMAGES)), ("y", Given::Literal(Literal::Float(PIXEL)))];
        self.block.operation("mul", arguments, vec![(&scaled, tensor_type(FLOAT32, &shape))]);
        self.names[INPUT.0] = scaled;
        if self.half {
            self.names[INPUT.0] = self.cast(INPUT, FLOAT16);
        }
    }

    /// A tensor in other bits.
    fn cast(&mut self, tensor: TensorId, data_type: i32) -> String {
        let to = if data_type == FLOAT16 { "fp16" } else { "fp32" };
        let (x, shape) = (self.names[tensor.0].clone(), self.batched(tensor));
        let name = self.block.names.free(&format!("{x}_{to}"));
        let arguments = vec![("x", Given::Name(&x)), ("dtype", Given::Literal(Literal::text(to)))];
        self.block.operation("cast", arguments, vec![(&name, tensor_type(data_type, &shape))]);
        name
    }

    /// The sizes of a tensor, the batch of one image included.
    fn batched(&self, tensor: TensorId) -> Vec<usize> {
        [&[1], self.lowered.shape(tensor)].concat()
    }

    fn r#type(&self, tensor: TensorId) -> ValueType {
        // The probabilities have 32 bits: in 16, small ones are lost.
        let half = self.half && tensor != self.lowered.probabilities;
        tensor_type(if half { FLOAT16 } else { FLOAT32 }, &self.batched(tensor))
    }

    fn instruction(&mut self, instruction: &Instruction) -> Result<()> {
        let Instruction { inputs, outputs, .. } = instruction;
        if self.half && outputs.contains(&self.lowered.probabilities) {
            self.names[inputs[0].0] = self.cast(inputs[0], FLOAT32);
        }
        let inputs: Vec<String> = inputs.iter().map(|tensor| self.names[tensor.0].clone()).collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let constants = self.constants(&instruction.operator)?;
        let (kind, arguments) = operation(&instruction.operator, &inputs, &constants);
        let types: Vec<ValueType> = outputs.iter().map(|tensor| self.r#type(*tensor)).collect();
        let names = outputs.iter().map(|tensor| self.names[tensor.0].as_str());
        let outputs = names.zip(types);
        self.block.operation(kind, arguments, outputs.collect());
        Ok(())
    }

    /// Adds the constants that an operator needs; their names.
    fn constants(&mut self, operator: &Operator) -> Result<Vec<String>> {
        match operator {
            Operator::Convolution { weight, bias, .. } | Operator::Linear { weight, bias } => {
                [weight, bias].into_iter().map(|id| self.constant(*id)).collect()
            }
            Operator::Scale(factor) => Ok(vec![self.constant(*factor)?]),
            _ => Ok(Vec::new()),
        }
    }

    fn constant(&mut self, id: ConstantId) -> Result<String> {
        let constant = self.lowered.constant(id);
        if self.half && constant.data.iter().any(|x| f16::from_f32(*x).is_infinite()) {
            return Err(Error::new(format!("{} has a number that 16 bits can't hold", constant.name))
                .help("the largest is 65504; leave out `precision: fp16`"));
        }
        let value = match (constant.shape.is_empty(), self.half) {
            (true, true) => Literal::Half(f16::from_f32(constant.data[0])).value(),
            (true, false) => Literal::Float(constant.data[0]).value(),
            (false, half) => {
                let (file_name, offset) = (WEIGHTS.to_owned(), self.blobs.add(&constant.data, half));
                let r#type = tensor_type(if half { FLOAT16 } else { FLOAT32 }, &constant.shape);
                Value { r#type: Some(r#type), place: Some(Place::File(BlobFile { file_name, offset })) }
            }
        };
        let name = self.block.names.free(&constant.name);
        self.block.constant(&name, value);
        Ok(name)
    }

    /// The name of the likeliest class, and the probabilities by name.
    fn classify(&mut self, classes: &[String]) {
        let probabilities = &self.names[self.lowered.probabilities.0];
        let arguments =
            vec![("probabilities", Given::Name(probabilities)), ("classes", Given::Value(texts(classes)))];
        let outputs = vec![(LABEL, tensor_type(STRING, &[])), (PROBABILITIES, numbers_by_text())];
        self.block.operation("classify", arguments, outputs);
    }
}

/// The operation that an operator is, with all that it takes.
fn operation<'a>(operator: &Operator, inputs: &[&'a str], constants: &'a [String]) -> Wanted<'a> {
    let x = ("x", Given::Name(inputs[0]));
    let name = |key, name: &'a str| (key, Given::Name(name));
    let it = |key, literal| (key, Given::Literal(literal));
    let index = |index: &usize| Literal::Int(*index as i32);
    match operator {
        Operator::Convolution { window, .. } => {
            let dilations = it("dilations", Literal::Ints(vec![1; 2]));
            let weights = [name("weight", &constants[0]), name("bias", &constants[1])];
            let more = [dilations, it("groups", index(&window.groups))];
            ("conv", [x].into_iter().chain(weights).chain(more).chain(moved(window)).collect())
        }
        Operator::Silu => ("silu", vec![x]),
        Operator::Relu => ("relu", vec![x]),
        Operator::Add => ("add", vec![x, name("y", inputs[1])]),
        Operator::Scale(_) => ("mul", vec![x, name("y", &constants[0])]),
        Operator::Concat { axis } => {
            let values = ("values", Given::Names(inputs.to_vec()));
            ("concat", vec![values, it("axis", index(axis)), it("interleave", Literal::Bool(false))])
        }
        Operator::Split { axis, sizes } => {
            ("split", vec![x, it("split_sizes", Literal::sizes(sizes)), it("axis", index(axis))])
        }
        Operator::EverySecond { row, column } => ("slice_by_index", every_second(x, *row, *column)),
        Operator::MaxPool(window) => {
            let kernel = it("kernel_sizes", Literal::sizes(&[window.kernel; 2]));
            let more = [x, kernel, it("ceil_mode", Literal::Bool(false))];
            ("max_pool", more.into_iter().chain(moved(window)).collect())
        }
        Operator::Reshape(shape) => {
            ("reshape", vec![x, it("shape", Literal::sizes(&[&[1], &shape[..]].concat()))])
        }
        Operator::Transpose { order } => ("transpose", vec![x, it("perm", Literal::sizes(order))]),
        Operator::MatMul { transpose_a, transpose_b } => {
            let swapped = [("transpose_x", transpose_a), ("transpose_y", transpose_b)];
            let [a, b] = swapped.map(|(key, swapped)| it(key, Literal::Bool(*swapped)));
            ("matmul", vec![x, name("y", inputs[1]), a, b])
        }
        Operator::Softmax => ("softmax", vec![x, it("axis", Literal::Int(-1))]),
        Operator::GlobalAverage => {
            let axes = it("axes", Literal::Ints(vec![2, 3]));
            ("reduce_mean", vec![x, axes, it("keep_dims", Literal::Bool(false))])
        }
        Operator::Linear { .. } => {
            ("linear", vec![x, name("weight", &constants[0]), name("bias", &constants[1])])
        }
    }
}

/// How a window goes over a map.
fn moved(window: &Window) -> [(&'static str, Given<'static>); 3] {
    let Window { kernel, stride, .. } = window;
    let pad = [("pad_type", Literal::text("custom")), ("pad", Literal::sizes(&[kernel / 2; 4]))];
    let [pad_type, pad] = pad.map(|(key, literal)| (key, Given::Literal(literal)));
    [("strides", Given::Literal(Literal::sizes(&[*stride; 2]))), pad_type, pad]
}

/// From a row and a column on, to the end of both, in steps of two.
fn every_second<'a>(
    x: (&'static str, Given<'a>),
    row: usize,
    column: usize,
) -> Vec<(&'static str, Given<'a>)> {
    let literals = [
        ("begin", Literal::sizes(&[0, 0, row, column])),
        ("end", Literal::Ints(vec![0; 4])),
        ("stride", Literal::Ints(vec![1, 1, 2, 2])),
        ("begin_mask", Literal::Bools(vec![true, true, false, false])),
        ("end_mask", Literal::Bools(vec![true; 4])),
    ];
    let literals = literals.map(|(key, literal)| (key, Given::Literal(literal)));
    std::iter::once(x).chain(literals).collect()
}

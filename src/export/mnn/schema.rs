//! The numbers by which MNN's schema (schema/default) calls its operators, their parameters and fields.

/// An operator and the table that its parameters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// What the schema calls it.
    pub(super) name: &'static str,
    /// Its number.
    pub(super) code: i32,
    /// The number of its parameters' table.
    pub(super) parameters: u8,
}

impl Kind {
    const fn new(name: &'static str, code: i32, parameters: u8) -> Self {
        Self { name, code, parameters }
    }
}

pub(super) const BINARY: Kind = Kind::new("BinaryOp", 7, 6);
pub(super) const CONCAT: Kind = Kind::new("Concat", 10, 4);
pub(super) const CONST: Kind = Kind::new("Const", 11, 7);
pub(super) const CONVOLUTION: Kind = Kind::new("Convolution", 12, 9);
pub(super) const DEPTHWISE: Kind = Kind::new("ConvolutionDepthwise", 13, 9);
pub(super) const INPUT: Kind = Kind::new("Input", 34, 21);
pub(super) const PERMUTE: Kind = Kind::new("Permute", 46, 29);
pub(super) const POOLING: Kind = Kind::new("Pooling", 47, 31);
pub(super) const RELU: Kind = Kind::new("ReLU", 69, 51);
pub(super) const RESHAPE: Kind = Kind::new("Reshape", 73, 55);
pub(super) const SCALE: Kind = Kind::new("Scale", 77, 58);
pub(super) const SLICE: Kind = Kind::new("Slice", 83, 61);
pub(super) const SOFTMAX: Kind = Kind::new("Softmax", 85, 4);
pub(super) const STRIDED_SLICE: Kind = Kind::new("StridedSlice", 91, 65);
pub(super) const UNARY: Kind = Kind::new("UnaryOp", 101, 70);
pub(super) const BATCH_MATMUL: Kind = Kind::new("BatchMatMul", 106, 73);
pub(super) const CONVERT: Kind = Kind::new("ConvertTensor", 129, 66);

/// All that are read.
pub(super) const KINDS: [Kind; 17] = [
    BINARY,
    CONCAT,
    CONST,
    CONVOLUTION,
    DEPTHWISE,
    INPUT,
    PERMUTE,
    POOLING,
    RELU,
    RESHAPE,
    SCALE,
    SLICE,
    SOFTMAX,
    STRIDED_SLICE,
    UNARY,
    BATCH_MATMUL,
    CONVERT,
];

/// How the numbers of a tensor lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i8)]
pub(super) enum Format {
    /// As we have them.
    Plain = 0,
    /// Channels in packs of four, as convolutions and poolings want them.
    Packed = 2,
}

impl Format {
    /// The format of a number; none for what Kiln does not know.
    pub(super) fn of(number: i8) -> Option<Self> {
        [Self::Plain, Self::Packed].into_iter().find(|format| *format as i8 == number)
    }
}

/// Numbers of 32 bits with a point.
pub(super) const FLOAT: i32 = 1;
/// Whole numbers of 32 bits.
pub(super) const INT32: i32 = 3;
/// The binary operator that adds.
pub(super) const ADD: i32 = 0;
/// The binary operator that multiplies.
pub(super) const MUL: i32 = 2;
/// The unary operator `x · sigmoid(x)`, since MNN 3.
pub(super) const SILU: i32 = 34;
/// A slice whose second input is the sizes of its parts, as PyTorch's files have them.
pub(super) const TORCH: i8 = 4;
/// Where the file says that it came from.
pub(super) const ONNX: i8 = 3;
/// Weights in 16 bits.
pub(super) const HALF: i32 = 3;
/// The pooling that takes the maximum.
pub(super) const MAXIMUM: i8 = 0;
/// The pooling that averages.
pub(super) const AVERAGE: i8 = 1;

/// Fields of `Net`.
pub(super) mod net {
    pub(in super::super) const METADATA: usize = 0;
    pub(in super::super) const OPERATORS: usize = 3;
    pub(in super::super) const OUTPUTS: usize = 4;
    pub(in super::super) const SOURCE: usize = 6;
    pub(in super::super) const TENSORS: usize = 7;
    pub(in super::super) const EXTRA: usize = 12;
}

/// Fields of `ExtraInfo`.
pub(super) mod extra {
    pub(in super::super) const VERSION: usize = 2;
}

/// Fields of `Op`.
pub(super) mod op {
    pub(in super::super) const INPUTS: usize = 0;
    pub(in super::super) const PARAMETERS_TYPE: usize = 1;
    pub(in super::super) const PARAMETERS: usize = 2;
    pub(in super::super) const NAME: usize = 3;
    pub(in super::super) const OUTPUTS: usize = 4;
    pub(in super::super) const TYPE: usize = 5;
    pub(in super::super) const FORMAT: usize = 6;
}

/// Fields of `Blob`.
pub(super) mod blob {
    pub(in super::super) const SHAPE: usize = 0;
    pub(in super::super) const FORMAT: usize = 1;
    pub(in super::super) const TYPE: usize = 2;
    pub(in super::super) const INT32S: usize = 5;
    pub(in super::super) const FLOATS: usize = 7;
}

/// Fields of `Input`.
pub(super) mod input {
    pub(in super::super) const SHAPE: usize = 0;
    pub(in super::super) const TYPE: usize = 1;
    pub(in super::super) const FORMAT: usize = 2;
}

/// Fields of `Convolution2D` and of the common part of all convolutions.
pub(super) mod convolution {
    use super::Fields;

    pub(in super::super) const COMMON: usize = 0;
    pub(in super::super) const WEIGHT: usize = 1;
    pub(in super::super) const BIAS: usize = 2;
    pub(in super::super) const QUANTISED: usize = 3;

    pub(in super::super) const WINDOW: Fields =
        Fields { paddings: [0, 1], kernels: [2, 3], strides: [4, 5], sides: 14, least: 1 };
    pub(in super::super) const SPREADS: [usize; 2] = [6, 7];
    pub(in super::super) const PADDING_MODE: usize = 8;
    pub(in super::super) const GROUPS: usize = 9;
    pub(in super::super) const OUTPUTS: usize = 10;
    pub(in super::super) const INPUTS: usize = 11;
    pub(in super::super) const ACTIVATIONS: [usize; 2] = [12, 13];
}

/// Fields of `IDSTQuan`.
pub(super) mod quantised {
    pub(in super::super) const BYTES: usize = 0;
    pub(in super::super) const TYPE: usize = 2;
}

/// Fields of `Pool`.
pub(super) mod pool {
    use super::Fields;

    pub(in super::super) const WINDOW: Fields =
        Fields { paddings: [0, 1], kernels: [3, 4], strides: [5, 6], sides: 11, least: 0 };
    pub(in super::super) const GLOBAL: usize = 2;
    pub(in super::super) const TYPE: usize = 7;
    pub(in super::super) const PADDING_MODE: usize = 8;
    pub(in super::super) const ROUNDS_UP: usize = 10;
}

/// Where a table says how a window goes over a map; of the two sides, the width is first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// What is put around the map on either side.
    pub(super) paddings: [usize; 2],
    /// Sides of the window.
    pub(super) kernels: [usize; 2],
    /// How far it moves.
    pub(super) strides: [usize; 2],
    /// What is put around the map on each of its four sides.
    pub(super) sides: usize,
    /// What kernels and strides are that are left out.
    pub(super) least: i32,
}

/// Fields of `Scale`.
pub(super) mod scale {
    pub(in super::super) const CHANNELS: usize = 0;
    pub(in super::super) const FACTORS: usize = 1;
    pub(in super::super) const BIASES: usize = 2;
}

/// Fields of other parameters.
pub(super) mod field {
    pub(in super::super) const AXIS: usize = 0;
    pub(in super::super) const SLICE_SOURCE: usize = 2;
    pub(in super::super) const OPERATION: usize = 0;
    pub(in super::super) const OPERATION_TYPE: usize = 1;
    pub(in super::super) const SLOPE: usize = 0;
    pub(in super::super) const RESHAPE_FORMAT: usize = 1;
    pub(in super::super) const ORDER: usize = 0;
    pub(in super::super) const TRANSPOSE_A: usize = 0;
    pub(in super::super) const TRANSPOSE_B: usize = 1;
    pub(in super::super) const FROM: usize = 0;
    pub(in super::super) const TO: usize = 1;
    pub(in super::super) const PLACES_TYPE: usize = 0;
    pub(in super::super) const SLICED_TYPE: usize = 1;
    /// Each of them makes a slice mean something else.
    pub(in super::super) const MASKS: std::ops::Range<usize> = 2..7;
}

//! The numbers by which LiteRT's schema calls its operators, types and fields: tensorflow/compiler/mlir/lite/schema.

/// An operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// What the schema calls it.
    pub(super) name: &'static str,
    /// Its number.
    pub(super) code: i32,
    /// Which table its options are; 0 if it has none.
    pub(super) options: u8,
    /// Since which version it means what it does here.
    pub(super) version: i32,
}

impl Kind {
    const fn new(name: &'static str, code: i32, options: u8) -> Self {
        Self { name, code, options, version: 1 }
    }
}

pub(super) const ADD: Kind = Kind::new("ADD", 0, 11);
pub(super) const AVERAGE_POOL_2D: Kind = Kind::new("AVERAGE_POOL_2D", 1, 5);
pub(super) const CONCATENATION: Kind = Kind::new("CONCATENATION", 2, 10);
pub(super) const CONV_2D: Kind = Kind::new("CONV_2D", 3, 1);
pub(super) const DEPTHWISE_CONV_2D: Kind = Kind::new("DEPTHWISE_CONV_2D", 4, 2);
/// Its third version reads numbers of 16 bits.
pub(super) const DEQUANTIZE: Kind = Kind { version: 3, ..Kind::new("DEQUANTIZE", 6, 38) };
pub(super) const FULLY_CONNECTED: Kind = Kind::new("FULLY_CONNECTED", 9, 8);
pub(super) const LOGISTIC: Kind = Kind::new("LOGISTIC", 14, 0);
pub(super) const MAX_POOL_2D: Kind = Kind::new("MAX_POOL_2D", 17, 5);
pub(super) const MUL: Kind = Kind::new("MUL", 18, 21);
pub(super) const RELU: Kind = Kind::new("RELU", 19, 0);
pub(super) const RESHAPE: Kind = Kind::new("RESHAPE", 22, 17);
pub(super) const SOFTMAX: Kind = Kind::new("SOFTMAX", 25, 9);
pub(super) const PAD: Kind = Kind::new("PAD", 34, 22);
pub(super) const TRANSPOSE: Kind = Kind::new("TRANSPOSE", 39, 26);
pub(super) const STRIDED_SLICE: Kind = Kind::new("STRIDED_SLICE", 45, 32);
pub(super) const PADV2: Kind = Kind::new("PADV2", 60, 43);
pub(super) const SLICE: Kind = Kind::new("SLICE", 65, 48);
pub(super) const BATCH_MATMUL: Kind = Kind::new("BATCH_MATMUL", 126, 101);

/// All that are read.
pub(super) const KINDS: [Kind; 19] = [
    ADD,
    AVERAGE_POOL_2D,
    CONCATENATION,
    CONV_2D,
    DEPTHWISE_CONV_2D,
    DEQUANTIZE,
    FULLY_CONNECTED,
    LOGISTIC,
    MAX_POOL_2D,
    MUL,
    RELU,
    RESHAPE,
    SOFTMAX,
    PAD,
    TRANSPOSE,
    STRIDED_SLICE,
    PADV2,
    SLICE,
    BATCH_MATMUL,
];

/// What a tensor's numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i8)]
pub(super) enum Type {
    Float32 = 0,
    Float16 = 1,
    Int32 = 2,
}

/// What a window that does not fit looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i8)]
pub(super) enum Padding {
    /// As much as is needed for as many results as there are pixels; the half of a window, if it moves by one.
    Same = 0,
    /// Nothing.
    Valid = 1,
}

/// Fields of `Model`.
pub(super) mod model {
    pub(in super::super) const VERSION: usize = 0;
    pub(in super::super) const OPERATOR_CODES: usize = 1;
    pub(in super::super) const SUBGRAPHS: usize = 2;
    pub(in super::super) const DESCRIPTION: usize = 3;
    pub(in super::super) const BUFFERS: usize = 4;
}

/// Fields of `OperatorCode`.
pub(super) mod operator_code {
    /// As far as it is below 127.
    pub(in super::super) const OLD_CODE: usize = 0;
    pub(in super::super) const VERSION: usize = 2;
    pub(in super::super) const CODE: usize = 3;
}

/// Fields of `SubGraph`.
pub(super) mod subgraph {
    pub(in super::super) const TENSORS: usize = 0;
    pub(in super::super) const INPUTS: usize = 1;
    pub(in super::super) const OUTPUTS: usize = 2;
    pub(in super::super) const OPERATORS: usize = 3;
    pub(in super::super) const NAME: usize = 4;
}

/// Fields of `Tensor`.
pub(super) mod tensor {
    pub(in super::super) const SHAPE: usize = 0;
    pub(in super::super) const TYPE: usize = 1;
    pub(in super::super) const BUFFER: usize = 2;
    pub(in super::super) const NAME: usize = 3;
}

/// Fields of `Buffer`.
pub(super) mod buffer {
    pub(in super::super) const DATA: usize = 0;
}

/// Fields of `Operator`.
pub(super) mod operator {
    pub(in super::super) const CODE: usize = 0;
    pub(in super::super) const INPUTS: usize = 1;
    pub(in super::super) const OUTPUTS: usize = 2;
    pub(in super::super) const OPTIONS_TYPE: usize = 3;
    pub(in super::super) const OPTIONS: usize = 4;
}

/// Fields of the options of convolutions and poolings.
pub(super) mod window {
    pub(in super::super) const PADDING: usize = 0;
    pub(in super::super) const STRIDE_WIDTH: usize = 1;
    pub(in super::super) const STRIDE_HEIGHT: usize = 2;
    pub(in super::super) const POOL_WIDTH: usize = 3;
    pub(in super::super) const POOL_HEIGHT: usize = 4;
    pub(in super::super) const DEPTH_MULTIPLIER: usize = 3;
}

/// Fields of other options.
pub(super) mod options {
    pub(in super::super) const CONCATENATION_AXIS: usize = 0;
    pub(in super::super) const SOFTMAX_BETA: usize = 0;
    pub(in super::super) const TRANSPOSE_A: usize = 0;
    pub(in super::super) const TRANSPOSE_B: usize = 1;
    pub(in super::super) const NEW_SHAPE: usize = 0;
}

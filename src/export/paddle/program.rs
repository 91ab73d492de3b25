//! A program: operations one after another on values that have numbers. What is written and what is read.

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Operation {
    /// What it does: `1.conv2d`. What begins with 0 is of programs themselves, with 1 of Paddle.
    pub(super) kind: String,
    /// What belongs to it, by name.
    pub(super) attributes: Vec<(String, Attribute)>,
    /// The values that it takes.
    pub(super) inputs: Vec<u64>,
    /// The values that it gives.
    pub(super) outputs: Vec<Output>,
}

/// A value that an operation gives.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Output {
    pub(super) id: u64,
    pub(super) holds: Holds,
}

/// What a value holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Holds {
    /// Numbers.
    Tensor(Tensor),
    /// Several tensors.
    Several(Vec<Tensor>),
}

/// The numbers of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    pub(super) kind: Kind,
    /// Sizes of its dimensions; -1 is a size that each run decides.
    pub(super) dims: Vec<i64>,
}

/// The kinds of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Floats of 32 bits.
    F32,
    /// Whole numbers of 32 bits.
    I32,
    /// Whole numbers of 64 bits.
    I64,
}

/// What belongs to an operation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Attribute {
    Flag(bool),
    /// A whole number of 32 bits.
    Whole(i64),
    Float(f64),
    Text(String),
    /// Whole numbers of 32 bits.
    Wholes(Vec<i64>),
    /// Whole numbers of 64 bits.
    LongWholes(Vec<i64>),
    /// Sizes of a tensor.
    Sizes(Vec<i64>),
    /// The kind of a tensor's numbers.
    Kind(Kind),
    /// Where a tensor lies: 0 where the program runs, 1 in the processor's memory.
    Place(i64),
}

/// The operation that stands for a parameter, which has its `name`.
pub(super) const PARAMETER: &str = "p";
/// The name of a parameter's attribute.
pub(super) const NAME: &str = "name";

impl Kind {
    /// All kinds.
    pub(super) const ALL: [Self; 3] = [Self::F32, Self::I32, Self::I64];

    /// What a type calls it.
    pub(super) fn of_type(self) -> &'static str {
        match self {
            Self::F32 => "0.t_f32",
            Self::I32 => "0.t_i32",
            Self::I64 => "0.t_i64",
        }
    }

    /// What an attribute calls it.
    pub(super) fn of_attribute(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::I32 => "int32",
            Self::I64 => "int64",
        }
    }
}

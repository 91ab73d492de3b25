//! What nodes say of how they do what they do.

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::export) enum Attribute {
    /// A word that TensorFlow knows.
    Word(Word),
    /// A whole number.
    Int(i64),
    /// Several.
    Ints(Vec<i64>),
    /// Yes or no.
    Flag(bool),
    /// What numbers are.
    Type(Type),
    /// Sizes, of which -1 is any.
    Shape(Vec<i64>),
    /// Numbers.
    Tensor(Tensor),
}

/// A word that TensorFlow knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::export) enum Word {
    /// Maps have their channels last.
    Nhwc,
    /// A window with stride 1 gives a map as large as the one that it goes over.
    Same,
    /// Nothing is put around a map.
    Valid,
}

/// What numbers are, by TensorFlow's own number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(in crate::export) enum Type {
    /// 32-bit floats.
    Float = 1,
    /// 32-bit whole numbers.
    Int32 = 3,
    /// 16-bit floats.
    Half = 19,
}

/// Numbers in a shape.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::export) struct Tensor {
    /// What they are.
    pub(in crate::export) of: Type,
    /// Sizes, outermost first; empty for a single number.
    pub(in crate::export) shape: Vec<i64>,
    /// The numbers, little-endian.
    pub(in crate::export) bytes: Vec<u8>,
}

impl Word {
    const ALL: [Self; 3] = [Self::Nhwc, Self::Same, Self::Valid];

    /// The word of this text.
    pub(in crate::export) fn of(text: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.text().as_bytes() == text)
    }

    /// The word whose text is this in base 64.
    pub(in crate::export) fn of_base64(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.base64() == text)
    }

    /// Its text.
    pub(in crate::export) fn text(self) -> &'static str {
        match self {
            Self::Nhwc => "NHWC",
            Self::Same => "SAME",
            Self::Valid => "VALID",
        }
    }

    /// Its text in base 64.
    pub(in crate::export) fn base64(self) -> &'static str {
        match self {
            Self::Nhwc => "TkhXQw==",
            Self::Same => "U0FNRQ==",
            Self::Valid => "VkFMSUQ=",
        }
    }
}

impl Type {
    const ALL: [Self; 3] = [Self::Float, Self::Int32, Self::Half];

    /// The type of this number.
    pub(in crate::export) fn of(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|of| *of as i32 == number)
    }

    /// The type of this name.
    pub(in crate::export) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|of| of.name() == name)
    }

    /// What TensorFlow calls it.
    pub(in crate::export) fn name(self) -> &'static str {
        match self {
            Self::Float => "DT_FLOAT",
            Self::Int32 => "DT_INT32",
            Self::Half => "DT_HALF",
        }
    }

    /// How many bytes a number has.
    pub(in crate::export) fn width(self) -> usize {
        if self == Self::Half { 2 } else { 4 }
    }
}

//! The kinds of numbers that constants are made of.

/// A kind of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// Floats of 32 bits.
    F32,
    /// Floats of 16 bits.
    F16,
    /// Whole numbers of 64 bits.
    I64,
}

impl Element {
    /// The kind that a constant calls by this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::F32, Self::F16, Self::I64].into_iter().find(|element| element.name() == name)
    }

    /// What a constant calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::I64 => "i64",
        }
    }

    /// What a port calls it.
    pub(super) fn precision(self) -> &'static str {
        match self {
            Self::F32 => "FP32",
            Self::F16 => "FP16",
            Self::I64 => "I64",
        }
    }
}

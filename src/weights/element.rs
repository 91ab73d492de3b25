//! Types of stored numbers; all of them become f32.

use burn_pack::DType;
use half::{bf16, f16};
use safetensors::Dtype;

/// What a stored array is made of, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    F16,
    Bf16,
    F32,
    F64,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
}

impl Element {
    /// Of PyTorch's storage `class`, e.g. `HalfStorage`.
    pub(super) fn of_storage(class: &str) -> Option<Self> {
        Some(match class {
            "HalfStorage" => Self::F16,
            "BFloat16Storage" => Self::Bf16,
            "FloatStorage" => Self::F32,
            "DoubleStorage" => Self::F64,
            "CharStorage" => Self::I8,
            "ByteStorage" | "BoolStorage" => Self::U8,
            "ShortStorage" => Self::I16,
            "IntStorage" => Self::I32,
            "LongStorage" => Self::I64,
            _ => return None,
        })
    }

    /// Of a safetensors array.
    pub(super) fn of_safetensors(dtype: Dtype) -> Option<Self> {
        Some(match dtype {
            Dtype::F16 => Self::F16,
            Dtype::BF16 => Self::Bf16,
            Dtype::F32 => Self::F32,
            Dtype::F64 => Self::F64,
            Dtype::I8 => Self::I8,
            Dtype::U8 | Dtype::BOOL => Self::U8,
            Dtype::I16 => Self::I16,
            Dtype::U16 => Self::U16,
            Dtype::I32 => Self::I32,
            Dtype::U32 => Self::U32,
            Dtype::I64 => Self::I64,
            Dtype::U64 => Self::U64,
            _ => return None,
        })
    }

    /// Of a burnpack tensor.
    pub(super) fn of_burnpack(dtype: DType) -> Option<Self> {
        Some(match dtype {
            DType::F16 => Self::F16,
            DType::BF16 => Self::Bf16,
            DType::F32 | DType::Flex32 => Self::F32,
            DType::F64 => Self::F64,
            DType::I8 => Self::I8,
            DType::U8 => Self::U8,
            DType::I16 => Self::I16,
            DType::U16 => Self::U16,
            DType::I32 => Self::I32,
            DType::U32 => Self::U32,
            DType::I64 => Self::I64,
            DType::U64 => Self::U64,
            DType::Bool(_) | DType::QFloat(_) => return None,
        })
    }

    /// How many bytes an element takes.
    pub(super) fn width(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// One number for every [`width`](Self::width) bytes.
    pub(super) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F16 => numbers(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => numbers(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Self::F32 => numbers(bytes, f32::from_le_bytes),
            Self::F64 => numbers(bytes, |b| f64::from_le_bytes(b) as f32),
            Self::I8 => numbers(bytes, |b| f32::from(i8::from_le_bytes(b))),
            Self::U8 => numbers(bytes, |[b]| f32::from(b)),
            Self::I16 => numbers(bytes, |b| f32::from(i16::from_le_bytes(b))),
            Self::U16 => numbers(bytes, |b| f32::from(u16::from_le_bytes(b))),
            Self::I32 => numbers(bytes, |b| i32::from_le_bytes(b) as f32),
            Self::U32 => numbers(bytes, |b| u32::from_le_bytes(b) as f32),
            Self::I64 => numbers(bytes, |b| i64::from_le_bytes(b) as f32),
            Self::U64 => numbers(bytes, |b| u64::from_le_bytes(b) as f32),
        }
    }
}

fn numbers<const N: usize>(bytes: &[u8], decode: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| decode(*chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_type_becomes_f32() {
        let one = |class: &str, bytes: &[u8]| Element::of_storage(class).unwrap().decode(bytes);
        assert_eq!(one("HalfStorage", &f16::from_f32(-1.5).to_le_bytes()), [-1.5]);
        assert_eq!(one("BFloat16Storage", &bf16::from_f32(-1.5).to_le_bytes()), [-1.5]);
        assert_eq!(one("DoubleStorage", &0.5_f64.to_le_bytes()), [0.5]);
        assert_eq!(one("LongStorage", &(-3_i64).to_le_bytes()), [-3.0]);
        assert_eq!(one("BoolStorage", &[1, 0]), [1.0, 0.0]);
        assert_eq!(Element::of_storage("QUInt8Storage"), None);
    }

    #[test]
    fn the_formats_agree() {
        let same = [
            ("HalfStorage", Dtype::F16, DType::F16),
            ("BFloat16Storage", Dtype::BF16, DType::BF16),
            ("FloatStorage", Dtype::F32, DType::F32),
            ("DoubleStorage", Dtype::F64, DType::F64),
            ("LongStorage", Dtype::I64, DType::I64),
        ];
        for (class, safetensors, burnpack) in same {
            let element = Element::of_storage(class);
            assert!(element.is_some());
            assert_eq!(element, Element::of_safetensors(safetensors));
            assert_eq!(element, Element::of_burnpack(burnpack));
        }
    }
}

//! Types and small values, as MIL has them.

use half::f16;

use super::proto::{
    Bools, Bytes, ConstantDimension, DictionaryType, Dimension, Elements, Floats, Immediate, Ints, Kind,
    ListType, ListValue, Place, TensorType, TensorValue, Texts, Value, ValueType,
};

pub(super) const BOOL: i32 = 1;
pub(super) const STRING: i32 = 2;
pub(super) const FLOAT16: i32 = 10;
pub(super) const FLOAT32: i32 = 11;
pub(super) const FLOAT64: i32 = 12;
pub(super) const INT32: i32 = 23;

/// A small value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Bool(bool),
    Bools(Vec<bool>),
    Int(i32),
    Ints(Vec<i32>),
    Text(String),
    Float(f32),
    Half(f16),
}

impl Literal {
    /// Sizes or places.
    pub(super) fn sizes(sizes: &[usize]) -> Self {
        Self::Ints(sizes.iter().map(|size| *size as i32).collect())
    }

    /// A text.
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// The same, as the file has it.
    pub(super) fn value(self) -> Value {
        let (data_type, shape, elements) = match self {
            Self::Bool(it) => (BOOL, vec![], Elements::Bools(Bools { values: vec![it] })),
            Self::Bools(values) => (BOOL, vec![values.len()], Elements::Bools(Bools { values })),
            Self::Int(it) => (INT32, vec![], Elements::Ints(Ints { values: vec![it] })),
            Self::Ints(values) => (INT32, vec![values.len()], Elements::Ints(Ints { values })),
            Self::Text(it) => (STRING, vec![], Elements::Texts(Texts { values: vec![it] })),
            Self::Float(it) => (FLOAT32, vec![], Elements::Floats(Floats { values: vec![it] })),
            Self::Half(it) => (FLOAT16, vec![], Elements::Bytes(Bytes { values: it.to_le_bytes().to_vec() })),
        };
        let tensor = Some(TensorValue { elements: Some(elements) });
        here(tensor_type(data_type, &shape), Immediate { tensor, list: None })
    }
}

fn here(r#type: ValueType, immediate: Immediate) -> Value {
    Value { r#type: Some(r#type), place: Some(Place::Here(immediate)) }
}

/// A tensor of such elements and sizes.
pub(super) fn tensor_type(data_type: i32, shape: &[usize]) -> ValueType {
    let dimensions = shape.iter().map(|size| dimension(*size)).collect();
    let tensor = TensorType { data_type, rank: shape.len() as i64, dimensions };
    ValueType { kind: Some(Kind::Tensor(tensor)) }
}

fn dimension(size: usize) -> Dimension {
    Dimension { constant: Some(ConstantDimension { size: size as u64 }) }
}

/// A 64-bit number for each of some texts.
pub(super) fn numbers_by_text() -> ValueType {
    let [key, value] = [STRING, FLOAT64].map(|of| Some(tensor_type(of, &[])));
    ValueType { kind: Some(Kind::Dictionary(Box::new(DictionaryType { key, value }))) }
}

/// A list of texts.
pub(super) fn texts(texts: &[String]) -> Value {
    let list = ListType { r#type: Some(tensor_type(STRING, &[])), length: Some(dimension(texts.len())) };
    let r#type = ValueType { kind: Some(Kind::List(Box::new(list))) };
    let values = texts.iter().map(|text| Literal::text(text).value()).collect();
    here(r#type, Immediate { tensor: None, list: Some(ListValue { values }) })
}

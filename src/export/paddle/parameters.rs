//! Parameters as bytes: tensors one after another, in the order of their names, which are not among them.

use prost::Message;

use crate::export::lowered::Constant;

/// What stands before each tensor: versions, and that it is no list of lists.
pub(super) const HEAD: [u8; 16] = [0; 16];
/// The number of the floats of 32 bits.
pub(super) const FLOATS: i32 = 5;

/// What a tensor is.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Description {
    /// Of what numbers.
    #[prost(int32, tag = "1")]
    pub(super) kind: i32,
    /// The sizes of its dimensions.
    #[prost(int64, repeated, packed = "false", tag = "2")]
    pub(super) dims: Vec<i64>,
}

/// The bytes of parameters.
pub(super) fn bytes(parameters: &[Constant]) -> Vec<u8> {
    let mut sorted: Vec<&Constant> = parameters.iter().collect();
    sorted.sort_by_key(|parameter| &parameter.name);
    sorted.into_iter().flat_map(parameter).collect()
}

fn parameter(Constant { shape, data, .. }: &Constant) -> Vec<u8> {
    let dims = shape.iter().map(|size| *size as i64).collect();
    let description = Description { kind: FLOATS, dims }.encode_to_vec();
    let length = (description.len() as i32).to_le_bytes();
    let numbers = data.iter().flat_map(|x| x.to_le_bytes());
    [&HEAD[..], &length, &description].concat().into_iter().chain(numbers).collect()
}

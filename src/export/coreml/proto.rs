//! The part of Core ML's protocol buffers (`Model.proto`, `FeatureTypes.proto`, `MIL.proto`) that a classifier needs.
//!
//! Field numbers are the standard's; fields that Kiln never writes are left out.

use std::collections::BTreeMap;

use prost::{Message, Oneof};

/// A whole `model.mlmodel`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelProto {
    #[prost(int32, tag = "1")]
    pub(super) specification_version: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) description: Option<Description>,
    #[prost(message, optional, tag = "502")]
    pub(super) program: Option<Program>,
}

/// What a program that uses the model is told.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Description {
    #[prost(message, repeated, tag = "1")]
    pub(super) input: Vec<Feature>,
    #[prost(message, repeated, tag = "10")]
    pub(super) output: Vec<Feature>,
    #[prost(string, tag = "11")]
    pub(super) predicted_feature_name: String,
    #[prost(string, tag = "12")]
    pub(super) predicted_probabilities_name: String,
    #[prost(message, optional, tag = "100")]
    pub(super) metadata: Option<Metadata>,
}

/// An input or output.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Feature {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "3")]
    pub(super) r#type: Option<FeatureType>,
}

/// What an input or output is.
#[derive(Clone, PartialEq, Message)]
pub(super) struct FeatureType {
    #[prost(oneof = "FeatureKind", tags = "3, 4, 6")]
    pub(super) kind: Option<FeatureKind>,
}

/// A text, an image, or a number for each of some texts.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum FeatureKind {
    #[prost(message, tag = "3")]
    Text(Empty),
    #[prost(message, tag = "4")]
    Image(ImageType),
    #[prost(message, tag = "6")]
    Dictionary(DictionaryFeature),
}

/// Nothing.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Empty {}

/// An image of this size; the color space 20 is RGB.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ImageType {
    #[prost(int64, tag = "1")]
    pub(super) width: i64,
    #[prost(int64, tag = "2")]
    pub(super) height: i64,
    #[prost(int32, tag = "3")]
    pub(super) color_space: i32,
}

/// A number for each of some texts.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DictionaryFeature {
    #[prost(message, optional, tag = "2")]
    pub(super) text_keys: Option<Empty>,
}

/// What people are told.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Metadata {
    #[prost(string, tag = "1")]
    pub(super) short_description: String,
    #[prost(string, tag = "2")]
    pub(super) version: String,
    #[prost(string, tag = "3")]
    pub(super) author: String,
    #[prost(btree_map = "string, string", tag = "100")]
    pub(super) user_defined: BTreeMap<String, String>,
}

/// Functions by name.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Program {
    #[prost(int64, tag = "1")]
    pub(super) version: i64,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(super) functions: BTreeMap<String, Function>,
}

/// What a function takes, and what it does by the set of operations that it is written in.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Function {
    #[prost(message, repeated, tag = "1")]
    pub(super) inputs: Vec<NamedType>,
    #[prost(string, tag = "2")]
    pub(super) opset: String,
    #[prost(btree_map = "string, message", tag = "3")]
    pub(super) blocks: BTreeMap<String, BlockProto>,
}

/// Operations, each after those whose results it takes.
#[derive(Clone, PartialEq, Message)]
pub(super) struct BlockProto {
    #[prost(string, repeated, tag = "2")]
    pub(super) outputs: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    pub(super) operations: Vec<Operation>,
}

/// One operation.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Operation {
    #[prost(string, tag = "1")]
    pub(super) r#type: String,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(super) inputs: BTreeMap<String, Argument>,
    #[prost(message, repeated, tag = "3")]
    pub(super) outputs: Vec<NamedType>,
    #[prost(btree_map = "string, message", tag = "5")]
    pub(super) attributes: BTreeMap<String, Value>,
}

/// What an operation takes: one value, or several.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Argument {
    #[prost(message, repeated, tag = "1")]
    pub(super) arguments: Vec<Binding>,
}

/// One value.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Binding {
    #[prost(oneof = "Bound", tags = "1, 2")]
    pub(super) bound: Option<Bound>,
}

/// By its name, or itself.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Bound {
    #[prost(string, tag = "1")]
    Name(String),
    #[prost(message, tag = "2")]
    Value(Value),
}

/// What is called so, and its type.
#[derive(Clone, PartialEq, Message)]
pub(super) struct NamedType {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) r#type: Option<ValueType>,
}

/// A type.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueType {
    #[prost(oneof = "Kind", tags = "1, 2, 4")]
    pub(super) kind: Option<Kind>,
}

/// What a value can be.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Kind {
    #[prost(message, tag = "1")]
    Tensor(TensorType),
    #[prost(message, tag = "2")]
    List(Box<ListType>),
    #[prost(message, tag = "4")]
    Dictionary(Box<DictionaryType>),
}

/// A tensor: kind of its elements, and sizes.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorType {
    #[prost(int32, tag = "1")]
    pub(super) data_type: i32,
    #[prost(int64, tag = "2")]
    pub(super) rank: i64,
    #[prost(message, repeated, tag = "3")]
    pub(super) dimensions: Vec<Dimension>,
}

/// A list.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ListType {
    #[prost(message, optional, tag = "1")]
    pub(super) r#type: Option<ValueType>,
    #[prost(message, optional, tag = "2")]
    pub(super) length: Option<Dimension>,
}

/// A dictionary.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DictionaryType {
    #[prost(message, optional, tag = "1")]
    pub(super) key: Option<ValueType>,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<ValueType>,
}

/// One size, if it is known.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Dimension {
    #[prost(message, optional, tag = "1")]
    pub(super) constant: Option<ConstantDimension>,
}

/// A known size.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ConstantDimension {
    #[prost(uint64, tag = "1")]
    pub(super) size: u64,
}

/// A value with its type: here, or in the file of weights.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(message, optional, tag = "2")]
    pub(super) r#type: Option<ValueType>,
    #[prost(oneof = "Place", tags = "3, 5")]
    pub(super) place: Option<Place>,
}

/// Where a value stands.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Place {
    #[prost(message, tag = "3")]
    Here(Immediate),
    #[prost(message, tag = "5")]
    File(BlobFile),
}

/// The place of a value in the file of weights.
#[derive(Clone, PartialEq, Message)]
pub(super) struct BlobFile {
    #[prost(string, tag = "1")]
    pub(super) file_name: String,
    #[prost(uint64, tag = "2")]
    pub(super) offset: u64,
}

/// A value that stands here: a tensor or a list.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Immediate {
    #[prost(message, optional, tag = "1")]
    pub(super) tensor: Option<TensorValue>,
    #[prost(message, optional, tag = "3")]
    pub(super) list: Option<ListValue>,
}

/// The elements of a list.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ListValue {
    #[prost(message, repeated, tag = "1")]
    pub(super) values: Vec<Value>,
}

/// The elements of a tensor.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorValue {
    #[prost(oneof = "Elements", tags = "1, 2, 3, 4, 7")]
    pub(super) elements: Option<Elements>,
}

/// Elements by their kind; bytes are those of 16-bit floats.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Elements {
    #[prost(message, tag = "1")]
    Floats(Floats),
    #[prost(message, tag = "2")]
    Ints(Ints),
    #[prost(message, tag = "3")]
    Bools(Bools),
    #[prost(message, tag = "4")]
    Texts(Texts),
    #[prost(message, tag = "7")]
    Bytes(Bytes),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Floats {
    #[prost(float, repeated, tag = "1")]
    pub(super) values: Vec<f32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Ints {
    #[prost(int32, repeated, tag = "1")]
    pub(super) values: Vec<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Bools {
    #[prost(bool, repeated, tag = "1")]
    pub(super) values: Vec<bool>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Texts {
    #[prost(string, repeated, tag = "1")]
    pub(super) values: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Bytes {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) values: Vec<u8>,
}

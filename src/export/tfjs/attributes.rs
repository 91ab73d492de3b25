//! Nodes as JSON, where whole numbers and bytes are texts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    export::tensorflow::{Attribute, Node, Tensor, Type, Word},
};

/// One operation.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeJson {
    name: String,
    op: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    input: Vec<String>,
    #[serde(default)]
    attr: BTreeMap<String, AttributeJson>,
}

/// The value of an attribute.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum AttributeJson {
    S(String),
    I(String),
    B(bool),
    Type(String),
    Shape(ShapeJson),
    Tensor(TensorJson),
    List(ListJson),
}

/// Whole numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListJson {
    i: Vec<String>,
}

/// Sizes, of which -1 is any.
#[derive(PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShapeJson {
    #[serde(default)]
    dim: Vec<DimensionJson>,
}

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DimensionJson {
    size: String,
}

/// A constant, whose numbers stand elsewhere.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TensorJson {
    dtype: String,
    tensor_shape: ShapeJson,
}

impl NodeJson {
    /// A node, encoded.
    pub(super) fn of(Node { name, op, inputs: input, attributes }: Node) -> Self {
        let attr = attributes.into_iter().map(|(key, value)| (key, encoded(value))).collect();
        Self { name, op, input, attr }
    }

    /// The node that this is.
    ///
    /// # Errors
    /// If it says something of another kind than those that are known.
    pub(super) fn node(&self) -> Result<Node> {
        let Self { name, op, input, attr } = self;
        let known = |(key, value): (&String, &AttributeJson)| match decoded(value) {
            Some(value) => Ok((key.clone(), value)),
            None => Err(Error::new(format!("{name}: Kiln doesn't know {op} with such a value of {key}"))),
        };
        let attributes = attr.iter().map(known).collect::<Result<_>>()?;
        Ok(Node { name: name.clone(), op: op.clone(), inputs: input.clone(), attributes })
    }
}

impl ShapeJson {
    /// These sizes, of which -1 is any.
    pub(super) fn of(shape: &[i64]) -> Self {
        Self { dim: shape.iter().map(|size| DimensionJson { size: size.to_string() }).collect() }
    }

    fn sizes(&self) -> Option<Vec<i64>> {
        self.dim.iter().map(|dimension| dimension.size.parse().ok()).collect()
    }
}

fn encoded(attribute: Attribute) -> AttributeJson {
    match attribute {
        Attribute::Word(word) => AttributeJson::S(word.base64().to_owned()),
        Attribute::Int(int) => AttributeJson::I(int.to_string()),
        Attribute::Ints(ints) => {
            AttributeJson::List(ListJson { i: ints.iter().map(i64::to_string).collect() })
        }
        Attribute::Flag(flag) => AttributeJson::B(flag),
        Attribute::Type(of) => AttributeJson::Type(of.name().to_owned()),
        Attribute::Shape(shape) => AttributeJson::Shape(ShapeJson::of(&shape)),
        Attribute::Tensor(Tensor { of, shape, .. }) => {
            let tensor_shape = ShapeJson::of(&shape);
            AttributeJson::Tensor(TensorJson { dtype: of.name().to_owned(), tensor_shape })
        }
    }
}

fn decoded(attribute: &AttributeJson) -> Option<Attribute> {
    Some(match attribute {
        AttributeJson::S(text) => Attribute::Word(Word::of_base64(text)?),
        AttributeJson::I(int) => Attribute::Int(int.parse().ok()?),
        AttributeJson::List(list) => {
            Attribute::Ints(list.i.iter().map(|int| int.parse().ok()).collect::<Option<_>>()?)
        }
        AttributeJson::B(flag) => Attribute::Flag(*flag),
        AttributeJson::Type(name) => Attribute::Type(Type::named(name)?),
        AttributeJson::Shape(shape) => Attribute::Shape(shape.sizes()?),
        AttributeJson::Tensor(TensorJson { dtype, tensor_shape }) => Attribute::Tensor(Tensor {
            of: Type::named(dtype)?,
            shape: tensor_shape.sizes()?,
            bytes: Vec::new(),
        }),
    })
}

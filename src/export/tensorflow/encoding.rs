//! Graphs as protocol buffers, and back.

use super::{
    Attribute, Graph, Node, PRODUCER, Tensor, Type, Word,
    proto::{
        AttributeProto, DimensionProto, GraphProto, ListProto, NodeProto, ShapeProto, TensorProto, Value,
        VersionsProto,
    },
};
use crate::error::{Error, Result};

impl ShapeProto {
    /// These sizes, of which -1 is any.
    pub(in crate::export) fn of(shape: &[i64]) -> Self {
        Self { dimensions: shape.iter().map(|size| DimensionProto { size: *size }).collect() }
    }

    fn sizes(self) -> Vec<i64> {
        self.dimensions.into_iter().map(|dimension| dimension.size).collect()
    }
}

impl GraphProto {
    /// A graph, encoded.
    pub(in crate::export) fn of(graph: Graph) -> Self {
        let nodes = graph.nodes.into_iter().map(|Node { name, op, inputs: input, attributes }| {
            let attribute = |(key, value)| (key, AttributeProto { value: Some(encoded(value)) });
            NodeProto { name, op, input, attributes: attributes.into_iter().map(attribute).collect() }
        });
        Self { nodes: nodes.collect(), versions: Some(VersionsProto { producer: PRODUCER }) }
    }

    /// The graph that this is.
    ///
    /// # Errors
    /// If a node says something of another kind than those that are known.
    pub(in crate::export) fn graph(self) -> Result<Graph> {
        let nodes = self.nodes.into_iter().map(NodeProto::node).collect::<Result<_>>()?;
        Ok(Graph { nodes })
    }
}

impl NodeProto {
    fn node(self) -> Result<Node> {
        let Self { name, op, input: inputs, attributes } = self;
        let known = |(key, attribute): (String, AttributeProto)| match attribute.value.and_then(decoded) {
            Some(value) => Ok((key, value)),
            None => Err(Error::new(format!("{name}: Kiln doesn't know {op} with such a value of {key}"))),
        };
        let attributes = attributes.into_iter().map(known).collect::<Result<_>>()?;
        Ok(Node { name, op, inputs, attributes })
    }
}

fn encoded(attribute: Attribute) -> Value {
    match attribute {
        Attribute::Word(word) => Value::Text(word.text().as_bytes().to_vec()),
        Attribute::Int(int) => Value::Int(int),
        Attribute::Ints(ints) => Value::List(ListProto { ints }),
        Attribute::Flag(flag) => Value::Flag(flag),
        Attribute::Type(of) => Value::Type(of as i32),
        Attribute::Shape(shape) => Value::Shape(ShapeProto::of(&shape)),
        Attribute::Tensor(Tensor { of, shape, bytes }) => {
            let shape = Some(ShapeProto::of(&shape));
            Value::Tensor(TensorProto { of: of as i32, shape, content: bytes })
        }
    }
}

fn decoded(value: Value) -> Option<Attribute> {
    Some(match value {
        Value::Text(text) => Attribute::Word(Word::of(&text)?),
        Value::Int(int) => Attribute::Int(int),
        Value::List(list) => Attribute::Ints(list.ints),
        Value::Flag(flag) => Attribute::Flag(flag),
        Value::Type(of) => Attribute::Type(Type::of(of)?),
        Value::Shape(shape) => Attribute::Shape(shape.sizes()),
        Value::Tensor(TensorProto { of, shape, content: bytes }) => {
            Attribute::Tensor(Tensor { of: Type::of(of)?, shape: shape.unwrap_or_default().sizes(), bytes })
        }
    })
}

//! A block under construction: operations are added one by one, and all that they take is an operation too, even a
//! stride.

use super::{
    proto::{Argument, Binding, BlockProto, Bound, NamedType, Operation, Value, ValueType},
    values::Literal,
};
use crate::export::identifiers::Identifiers;

/// Operations so far.
#[derive(Default)]
pub(super) struct Block {
    operations: Vec<Operation>,
    /// What all that was made is called.
    pub(super) names: Identifiers,
}

/// What an operation is given for one of its arguments.
pub(super) enum Given<'a> {
    /// What was made before.
    Name(&'a str),
    /// Several such.
    Names(Vec<&'a str>),
    /// A small value.
    Literal(Literal),
    /// A value that stands in the operation itself.
    Value(Value),
}

impl Block {
    /// Adds a constant of this name.
    pub(super) fn constant(&mut self, name: &str, value: Value) {
        let outputs = vec![NamedType { name: name.to_owned(), r#type: value.r#type.clone() }];
        let attributes = [("val".to_owned(), value), named(name)].into();
        let operation = Operation { r#type: "const".to_owned(), outputs, attributes, ..Operation::default() };
        self.operations.push(operation);
    }

    /// Adds an operation that gives `outputs`.
    pub(super) fn operation(
        &mut self,
        kind: &str,
        arguments: Vec<(&str, Given<'_>)>,
        outputs: Vec<(&str, ValueType)>,
    ) {
        let first = outputs[0].0;
        let given = |(key, given): (&str, Given<'_>)| {
            let bound = match given {
                Given::Name(name) => vec![Bound::Name(name.to_owned())],
                Given::Names(names) => names.into_iter().map(|name| Bound::Name(name.to_owned())).collect(),
                Given::Literal(literal) => {
                    let name = self.names.free(&format!("{first}_{key}"));
                    self.constant(&name, literal.value());
                    vec![Bound::Name(name)]
                }
                Given::Value(value) => vec![Bound::Value(value)],
            };
            let arguments = bound.into_iter().map(|bound| Binding { bound: Some(bound) }).collect();
            (key.to_owned(), Argument { arguments })
        };
        let inputs = arguments.into_iter().map(given).collect();
        let (r#type, attributes) = (kind.to_owned(), [named(first)].into());
        let named = |(name, of): (&str, ValueType)| NamedType { name: name.to_owned(), r#type: Some(of) };
        let outputs = outputs.into_iter().map(named).collect();
        self.operations.push(Operation { r#type, inputs, outputs, attributes });
    }

    /// The block, which gives these results.
    pub(super) fn finish(self, outputs: &[&str]) -> BlockProto {
        let outputs = outputs.iter().map(|&name| name.to_owned()).collect();
        BlockProto { outputs, operations: self.operations }
    }
}

/// The attribute that says what an operation is called.
fn named(name: &str) -> (String, Value) {
    ("name".to_owned(), Literal::text(name).value())
}

//! A file under construction: tensors by name, and operators on them.

use super::schema::{self, Format, Kind, blob, extra, net, op};
use crate::{
    error::Result,
    export::flatbuffer::{Child, Table},
};

/// Which programs can run the file: those that know all its operators.
const VERSION: &str = "3.0.0";

/// Tensors and operators so far.
#[derive(Default)]
pub(super) struct File {
    names: Vec<String>,
    operators: Vec<Table>,
}

impl File {
    /// Adds an operator that gives one tensor; its number.
    pub(super) fn operator(
        &mut self,
        kind: Kind,
        named: (&str, Format),
        inputs: Vec<i32>,
        parameters: Table,
    ) -> i32 {
        self.operators(kind, named, inputs, 1, parameters)[0]
    }

    /// Adds an operator that gives so many tensors; their numbers.
    pub(super) fn operators(
        &mut self,
        kind: Kind,
        (name, format): (&str, Format),
        inputs: Vec<i32>,
        outputs: usize,
        parameters: Table,
    ) -> Vec<i32> {
        let first = self.names.len();
        let given = first..first + outputs;
        self.names.extend(given.clone().map(|tensor| format!("{name}/{tensor}")));
        let given: Vec<i32> = given.map(|tensor| tensor as i32).collect();
        let table = Table::new()
            .child(op::INPUTS, inputs)
            .number(op::PARAMETERS_TYPE, kind.parameters)
            .child(op::PARAMETERS, parameters)
            .child(op::NAME, name)
            .child(op::OUTPUTS, given.clone())
            .number(op::TYPE, kind.code)
            .number(op::FORMAT, format as i8);
        self.operators.push(table);
        given
    }

    /// Calls a tensor by a name that programs ask for.
    pub(super) fn call(&mut self, tensor: i32, name: &str) {
        self.names[tensor as usize] = name.to_owned();
    }

    /// Adds whole numbers that are known beforehand.
    pub(super) fn whole(&mut self, name: &str, numbers: Vec<i32>) -> i32 {
        let shape = vec![numbers.len() as i32];
        self.known(name, blob_of(schema::INT32, shape).child(blob::INT32S, numbers))
    }

    /// Adds a number that is known beforehand.
    pub(super) fn number(&mut self, name: &str, number: f32) -> i32 {
        self.known(name, blob_of(schema::FLOAT, vec![1]).child(blob::FLOATS, vec![number]))
    }

    fn known(&mut self, name: &str, blob: Table) -> i32 {
        self.operator(schema::CONST, (name, Format::Plain), Vec::new(), blob)
    }

    /// The bytes of the file, which gives the tensor of this name.
    ///
    /// # Errors
    /// If it is too large for such a file.
    pub(super) fn finish(self, output: &str, metadata: &str) -> Result<Vec<u8>> {
        Table::new()
            .child(net::METADATA, metadata)
            .child(net::OPERATORS, self.operators.into_iter().collect::<Child>())
            .child(net::OUTPUTS, [output].into_iter().collect::<Child>())
            .number(net::SOURCE, schema::ONNX)
            .child(net::TENSORS, self.names.iter().map(String::as_str).collect::<Child>())
            .child(net::EXTRA, Table::new().child(extra::VERSION, VERSION))
            .file(None)
    }
}

/// Numbers of this type and shape, which are still to be added.
fn blob_of(of: i32, shape: Vec<i32>) -> Table {
    Table::new().child(blob::SHAPE, shape).number(blob::FORMAT, Format::Plain as i8).number(blob::TYPE, of)
}

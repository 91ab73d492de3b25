//! A file under construction: tensors, the numbers of those that are known beforehand, and operators on them.

use super::schema::{Kind, Type, buffer, model, operator, operator_code, subgraph, tensor};
use crate::{
    error::Result,
    export::flatbuffer::{Child, Table},
};

/// What files of LiteRT are marked with.
pub(super) const MARK: [u8; 4] = *b"TFL3";
/// The version of the schema.
pub(super) const VERSION: u32 = 3;
/// The largest number of an operator that the field for old programs can hold.
const OLD_CODES: i32 = 127;

/// Tensors and operators so far.
pub(super) struct File {
    tensors: Vec<Table>,
    /// The first is that of tensors that nobody knows beforehand.
    buffers: Vec<Table>,
    operators: Vec<Table>,
    kinds: Vec<Kind>,
}

impl File {
    /// A file of nothing.
    pub(super) fn new() -> Self {
        let (tensors, operators, kinds) = (Vec::new(), Vec::new(), Vec::new());
        Self { tensors, buffers: vec![Table::new()], operators, kinds }
    }

    /// Adds a tensor that an operator gives, or an image; its number.
    pub(super) fn tensor(&mut self, name: &str, shape: &[i32]) -> i32 {
        self.add(name, shape, Type::Float32, 0)
    }

    /// Adds a tensor of numbers that are known beforehand.
    pub(super) fn constant(&mut self, name: &str, shape: &[i32], of: Type, bytes: Vec<u8>) -> i32 {
        self.buffers.push(Table::new().child(buffer::DATA, Child::data(bytes)));
        self.add(name, shape, of, self.buffers.len() - 1)
    }

    /// Adds whole numbers in a row, or in rows of two.
    pub(super) fn whole(&mut self, name: &str, shape: &[i32], numbers: &[i32]) -> i32 {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.constant(name, shape, Type::Int32, bytes)
    }

    /// Adds a single number.
    pub(super) fn number(&mut self, name: &str, number: f32) -> i32 {
        self.constant(name, &[1], Type::Float32, number.to_le_bytes().to_vec())
    }

    fn add(&mut self, name: &str, shape: &[i32], of: Type, buffer: usize) -> i32 {
        let table = Table::new()
            .child(tensor::SHAPE, shape.to_vec())
            .number(tensor::TYPE, of as i8)
            .number(tensor::BUFFER, buffer as u32)
            .child(tensor::NAME, name);
        self.tensors.push(table);
        self.tensors.len() as i32 - 1
    }

    /// Adds an operator.
    pub(super) fn operator(&mut self, kind: Kind, inputs: Vec<i32>, outputs: Vec<i32>, options: Table) {
        let code = self.kinds.iter().position(|known| *known == kind).unwrap_or_else(|| {
            self.kinds.push(kind);
            self.kinds.len() - 1
        });
        let table = Table::new()
            .number(operator::CODE, code as u32)
            .child(operator::INPUTS, inputs)
            .child(operator::OUTPUTS, outputs);
        let table = match kind.options {
            0 => table,
            of => table.number(operator::OPTIONS_TYPE, of).child(operator::OPTIONS, options),
        };
        self.operators.push(table);
    }

    /// The bytes of the file, whose network goes from one tensor to another.
    ///
    /// # Errors
    /// If it is too large for such a file.
    pub(super) fn finish(self, description: &str, [images, probabilities]: [i32; 2]) -> Result<Vec<u8>> {
        let graph = Table::new()
            .child(subgraph::TENSORS, self.tensors.into_iter().collect::<Child>())
            .child(subgraph::INPUTS, vec![images])
            .child(subgraph::OUTPUTS, vec![probabilities])
            .child(subgraph::OPERATORS, self.operators.into_iter().collect::<Child>())
            .child(subgraph::NAME, "main");
        Table::new()
            .number(model::VERSION, VERSION)
            .child(model::OPERATOR_CODES, self.kinds.into_iter().map(code).collect::<Child>())
            .child(model::SUBGRAPHS, [graph].into_iter().collect::<Child>())
            .child(model::DESCRIPTION, description)
            .child(model::BUFFERS, self.buffers.into_iter().collect::<Child>())
            .file(Some(MARK))
    }
}

/// How a file says of which kind an operator is.
fn code(kind: Kind) -> Table {
    Table::new()
        .number(operator_code::OLD_CODE, kind.code.min(OLD_CODES) as i8)
        .number(operator_code::VERSION, kind.version)
        .number(operator_code::CODE, kind.code)
}

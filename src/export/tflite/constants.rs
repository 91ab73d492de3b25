//! Numbers that are known beforehand.

use half::f16;

use super::{operators::Operators, schema, schema::Type};
use crate::export::{
    Precision,
    channels_last::reordered,
    flatbuffer::Table,
    lowered::{Constant, ConstantId},
};

impl Operators<'_> {
    /// Adds whole numbers in a row.
    pub(super) fn row(&mut self, at: &str, what: &str, numbers: &[i32]) -> i32 {
        self.file.whole(&format!("{at}/{what}"), &[numbers.len() as i32], numbers)
    }

    /// Adds a constant in this shape.
    pub(super) fn floats(&mut self, id: ConstantId, shape: &[usize]) -> i32 {
        let constant = self.lowered.constant(id);
        self.numbers(constant, shape, &constant.data)
    }

    /// Adds the weights of a convolution with their axes in this order.
    pub(super) fn weight(&mut self, id: ConstantId, order: [usize; 4]) -> i32 {
        let constant = self.lowered.constant(id);
        let shape = std::array::from_fn(|axis| constant.shape[axis]);
        let numbers = reordered(&constant.data, shape, order);
        self.numbers(constant, &order.map(|axis| shape[axis]), &numbers)
    }

    /// Adds numbers in as many bits as `constant` says. Those of 16 are widened before they are used.
    fn numbers(&mut self, constant: &Constant, shape: &[usize], numbers: &[f32]) -> i32 {
        let (name, shape) = (&constant.name, shape.iter().map(|size| *size as i32).collect::<Vec<_>>());
        match constant.precision {
            Precision::Fp32 => {
                let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                self.file.constant(name, &shape, Type::Float32, bytes)
            }
            Precision::Fp16 => {
                let bytes = numbers.iter().flat_map(|number| f16::from_f32(*number).to_le_bytes()).collect();
                let half = self.file.constant(name, &shape, Type::Float16, bytes);
                let widened = self.file.tensor(&format!("{name}/widened"), &shape);
                self.file.operator(schema::DEQUANTIZE, vec![half], vec![widened], Table::new());
                widened
            }
        }
    }
}

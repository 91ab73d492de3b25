//! Matrices as formats want them that multiply from the other side.

use super::Constant;

impl Constant {
    /// A matrix with its rows as columns. Its first dimension are the rows, and whatever is behind are the columns.
    pub(in crate::export) fn transposed(&self) -> Self {
        let rows = self.shape.first().copied().unwrap_or(1);
        let columns = self.data.len().checked_div(rows).unwrap_or(0);
        let column = |at: usize| self.data.iter().skip(at).step_by(columns).copied();
        let data = (0..columns).flat_map(column).collect();
        Self { name: self.name.clone(), shape: vec![columns, rows], data, precision: self.precision }
    }
}

//! `C3k`: a C3 whose bottlenecks have two kernels of one size.

use super::{Block, Bottleneck, C3, Repeats};
use crate::arch::{
    computation::{Builder, ValueId},
    row::RowReader,
};

/// A [`C3`] with kernels of 3² pixels, or another size.
#[derive(Debug, Clone, PartialEq)]
pub struct C3k(C3);

impl C3k {
    /// The one with two bottlenecks that C3k2 and A2C2f hold: `c` channels in and out.
    pub(super) fn inside(c: usize, groups: usize, add: bool) -> Self {
        let hidden = (c / 2).max(1);
        let inner = Bottleneck { c2: hidden, hidden, kernels: [3, 3], groups, add };
        Self(C3 { c2: c, hidden, n: 2, inner })
    }
}

impl Block for C3k {
    const NAME: &'static str = "C3k";
    const ARGUMENTS: &'static [&'static str] = &["channels", "shortcut", "groups", "expansion", "kernel"];
    const REPEATS: Repeats = Repeats::Inside;

    fn read(row: &mut RowReader<'_>) -> Self {
        Self(C3::with_kernels(row, |row| [row.kernel(4, 3); 2]))
    }

    fn channels(&self) -> usize {
        self.0.channels()
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        self.0.build(to, at, x)
    }
}

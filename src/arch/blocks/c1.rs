//! `C1`: a convolution, and `n` more whose result is added to its own.

use super::{Block, Repeats};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::RowReader,
};

/// One pixel first, then `n` convolutions of 3×3 pixels with a residual sum around them all.
#[derive(Debug, Clone, PartialEq)]
pub struct C1 {
    c2: usize,
    n: usize,
}

impl Block for C1 {
    const NAME: &'static str = "C1";
    const ARGUMENTS: &'static [&'static str] = &["channels"];
    const REPEATS: Repeats = Repeats::Inside;

    fn read(row: &mut RowReader<'_>) -> Self {
        Self { c2: row.channels(0), n: row.n }
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let x = to.conv(&format!("{at}.cv1"), x, self.c2, Window::POINT);
        let conv = |y, i| to.conv(&format!("{at}.m.{i}"), y, self.c2, Window::square(3));
        let y = (0..self.n).fold(x, conv);
        to.add(at, y, x)
    }
}

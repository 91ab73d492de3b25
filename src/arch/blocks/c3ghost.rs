//! `C3Ghost`: a C3 with ghost bottlenecks.

use super::{Block, GhostBottleneck, Repeats, c3::branches};
use crate::arch::{
    computation::{Builder, ValueId},
    row::RowReader,
};

/// `n` ghost bottlenecks of `hidden` channels on one of two branches.
#[derive(Debug, Clone, PartialEq)]
pub struct C3Ghost {
    c2: usize,
    hidden: usize,
    n: usize,
}

impl Block for C3Ghost {
    const NAME: &'static str = "C3Ghost";
    /// The reference takes `shortcut` and `groups`, and nothing depends on them.
    const ARGUMENTS: &'static [&'static str] = &["channels", "shortcut", "groups", "expansion"];
    const REPEATS: Repeats = Repeats::Inside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let c2 = row.channels(0);
        let (_, hidden) = (row.flag(1, true), row.hidden(c2, 3));
        row.groups(2, hidden);
        if !hidden.is_multiple_of(4) {
            row.channels_misfit(format!("C3Ghost needs hidden channels in multiples of 4, not {hidden}"), c2);
        }
        Self { c2, hidden, n: row.n }
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let inner = GhostBottleneck::inside(self.hidden);
        branches(to, at, x, [self.hidden, self.c2], self.n, |to, at, x| inner.build(to, at, x))
    }
}

//! `C2PSA`: two halves of the channels, one of them through attention, joined.

use super::{
    Block, Repeats,
    attention::{Halves, psa_block},
};
use crate::arch::{
    computation::{Builder, ValueId},
    row::RowReader,
};

/// `n` attention blocks behind one half of the channels.
#[derive(Debug, Clone, PartialEq)]
pub struct C2psa {
    halves: Halves,
    n: usize,
}

impl Block for C2psa {
    const NAME: &'static str = "C2PSA";
    const ARGUMENTS: &'static [&'static str] = &["channels", "expansion"];
    const REPEATS: Repeats = Repeats::Inside;

    fn read(row: &mut RowReader<'_>) -> Self {
        Self { halves: Halves::read(row), n: row.n }
    }

    fn channels(&self) -> usize {
        self.halves.c
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let heads = self.halves.heads;
        self.halves.build(to, at, x, |to, y| {
            (0..self.n).fold(y, |y, i| psa_block(to, &format!("{at}.m.{i}"), y, heads))
        })
    }
}

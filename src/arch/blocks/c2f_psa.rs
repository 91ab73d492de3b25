//! `C2fPSA`: a C2f with attention.

use super::{
    Block, Repeats,
    attention::{Halves, psa_block},
    c2f::split,
};
use crate::arch::{
    computation::{Builder, ValueId},
    row::RowReader,
};

/// `n` attention blocks behind one half of the channels, all stages joined.
#[derive(Debug, Clone, PartialEq)]
pub struct C2fPsa {
    halves: Halves,
    n: usize,
}

impl Block for C2fPsa {
    const NAME: &'static str = "C2fPSA";
    const ARGUMENTS: &'static [&'static str] = &["channels", "expansion"];
    const REPEATS: Repeats = Repeats::Inside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let halves = Halves::read(row);
        // C2PSA has one head then; this module divides by none.
        if halves.hidden < 64 {
            let message = format!("C2fPSA needs 64 hidden channels at least, not {}", halves.hidden);
            row.channels_misfit(message, halves.c);
        }
        Self { halves, n: row.n }
    }

    fn channels(&self) -> usize {
        self.halves.c
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let Halves { c, hidden, heads } = self.halves;
        split(to, at, x, [hidden, c], self.n, |to, at, x| psa_block(to, at, x, heads))
    }
}

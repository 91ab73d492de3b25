//! `PSA`: two halves of the channels, one of them through attention, joined (Wang et al., "YOLOv10", 2024).

use super::{
    Block, Repeats,
    attention::{Halves, psa_block},
};
use crate::arch::{
    computation::{Builder, ValueId},
    row::RowReader,
};

/// A C2PSA with one attention block, whose parameters have names of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct Psa(Halves);

impl Block for Psa {
    const NAME: &'static str = "PSA";
    const ARGUMENTS: &'static [&'static str] = &["channels", "expansion"];
    const REPEATS: Repeats = Repeats::Outside;

    fn read(row: &mut RowReader<'_>) -> Self {
        Self(Halves::read(row))
    }

    fn channels(&self) -> usize {
        self.0.c
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        self.0.build(to, at, x, |to, y| psa_block(to, at, y, self.0.heads))
    }
}

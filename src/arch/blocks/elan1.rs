//! `ELAN1`: two convolutions behind half of the channels, all stages joined (Wang et al., "YOLOv9", 2024).

use super::{Block, Repeats, elan::Stages};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::RowReader,
};

/// Stages that are one convolution each.
#[derive(Debug, Clone, PartialEq)]
pub struct Elan1(Stages);

impl Block for Elan1 {
    const NAME: &'static str = "ELAN1";
    const ARGUMENTS: &'static [&'static str] = &["channels", "inner channels", "stage channels"];
    const REPEATS: Repeats = Repeats::Outside;

    fn read(row: &mut RowReader<'_>) -> Self {
        Self(Stages::read(row))
    }

    fn channels(&self) -> usize {
        self.0.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        self.0.build(to, at, x, |to, at, x| to.conv(at, x, self.0.c4, Window::square(3)))
    }
}

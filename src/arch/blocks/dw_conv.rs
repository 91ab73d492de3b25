//! `DWConv`: a depthwise convolution.

use super::{Block, Conv, Repeats};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::RowReader,
};

/// A [`Conv`] with as many groups as divide both its channels.
#[derive(Debug, Clone, PartialEq)]
pub struct DwConv(pub Conv);

impl DwConv {
    /// From `c1` to `c2` channels.
    pub fn new([c1, c2]: [usize; 2], kernel: usize, stride: usize, activated: bool) -> Self {
        Self(Conv { c2, window: Window { kernel, stride, groups: common(c1, c2) }, activated })
    }
}

impl Block for DwConv {
    const NAME: &'static str = "DWConv";
    const ARGUMENTS: &'static [&'static str] = &["channels", "kernel", "stride", "dilation", "activation"];
    const REPEATS: Repeats = Repeats::Outside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let channels = [row.c1, row.channels(0)];
        row.undilated(3);
        Self::new(channels, row.window(1), row.window(2), row.flag(4, true))
    }

    fn channels(&self) -> usize {
        self.0.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        self.0.build(to, at, x)
    }
}

/// The greatest common divisor.
fn common(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common(b, a % b) }
}

//! `Conv`: convolution, norm, activation.

use super::{Block, Repeats};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::{MAX_CHANNELS, RowReader},
};

/// Convolution without bias, BatchNorm, and the architecture's activation unless that is left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv {
    /// Channels of the convolution's output.
    pub c2: usize,
    /// Kernel, stride and groups.
    pub window: Window,
    /// Whether the activation follows.
    pub activated: bool,
}

impl Block for Conv {
    const NAME: &'static str = "Conv";
    const ARGUMENTS: &'static [&'static str] =
        &["channels", "kernel", "stride", "padding", "groups", "dilation", "activation"];
    const REPEATS: Repeats = Repeats::Outside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let (c1, c2) = (row.c1, row.channels(0));
        let (kernel, stride) = (row.window(1), row.window(2));
        let groups = row.number(4, 1, MAX_CHANNELS);
        row.padding(3, kernel);
        row.undilated(5);
        row.divides(4, groups, c1, c2);
        Self { c2, window: Window { kernel, stride, groups }, activated: row.flag(6, true) }
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        match self.activated {
            true => to.conv(at, x, self.c2, self.window),
            false => to.plain(at, x, self.c2, self.window),
        }
    }
}

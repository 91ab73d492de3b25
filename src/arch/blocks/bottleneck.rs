//! `Bottleneck`: two convolutions with a residual sum.

use super::{Block, Repeats};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::{MAX_CHANNELS, RowReader},
};

/// Two convolutions by way of `hidden` channels; the sum with the input if `add`.
#[derive(Debug, Clone, PartialEq)]
pub struct Bottleneck {
    /// Channels of the block's output.
    pub c2: usize,
    /// Channels between the two convolutions.
    pub hidden: usize,
    /// Of the first convolution, and of the second.
    pub kernels: [usize; 2],
    /// Of the second convolution.
    pub groups: usize,
    /// Whether the input is added.
    pub add: bool,
}

impl Block for Bottleneck {
    const NAME: &'static str = "Bottleneck";
    const ARGUMENTS: &'static [&'static str] = &["channels", "shortcut", "groups", "kernels", "expansion"];
    const REPEATS: Repeats = Repeats::Outside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let (c1, c2) = (row.c1, row.channels(0));
        let (shortcut, groups) = (row.flag(1, true), row.number(2, 1, MAX_CHANNELS));
        let (kernels, hidden) = (row.kernels(3), row.hidden(c2, 4));
        row.divides(2, groups, hidden, c2);
        Self { c2, hidden, kernels, groups, add: shortcut && c1 == c2 }
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let [first, second] = self.kernels.map(Window::square);
        let y = to.conv(&format!("{at}.cv1"), x, self.hidden, first);
        let y = to.conv(&format!("{at}.cv2"), y, self.c2, second.groups(self.groups));
        if self.add { to.add(at, x, y) } else { y }
    }
}

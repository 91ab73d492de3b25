//! `Focus`: pixels moved into channels, then a convolution.

use super::{Block, Conv, Repeats};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::{MAX_CHANNELS, RowReader},
};

/// Each square of 2×2 pixels becomes one with four times the channels, for a [`Conv`].
#[derive(Debug, Clone, PartialEq)]
pub struct Focus(Conv);

/// Row and column of each pixel of the square, in the order of their channels.
const PIXELS: [[usize; 2]; 4] = [[0, 0], [1, 0], [0, 1], [1, 1]];

impl Block for Focus {
    const NAME: &'static str = "Focus";
    const ARGUMENTS: &'static [&'static str] =
        &["channels", "kernel", "stride", "padding", "groups", "activation"];
    const REPEATS: Repeats = Repeats::Outside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let (c1, c2) = (4 * row.c1, row.channels(0));
        let (kernel, stride) = (row.window(1), row.window(2));
        let groups = row.number(4, 1, MAX_CHANNELS);
        row.padding(3, kernel);
        row.divides(4, groups, c1, c2);
        Self(Conv { c2, window: Window { kernel, stride, groups }, activated: row.flag(5, true) })
    }

    fn channels(&self) -> usize {
        self.0.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let pixels = PIXELS.map(|pixel| to.every_second(at, x, pixel));
        let x = to.concat(at, &pixels);
        self.0.build(to, &format!("{at}.conv"), x)
    }
}

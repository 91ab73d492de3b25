//! `GhostConv`: half of the channels by a convolution, the other half cheaply from those (Han et al., "GhostNet", 2020).

use super::{Block, Conv, Repeats};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::{MAX_CHANNELS, RowReader},
};

/// A [`Conv`] to half of the channels, joined with a depthwise convolution of its output.
#[derive(Debug, Clone, PartialEq)]
pub struct GhostConv {
    first: Conv,
    activated: bool,
}

/// Side of the depthwise kernel, in pixels.
const CHEAP: usize = 5;

impl GhostConv {
    /// Of one pixel, to `c2` channels, which are even.
    pub(super) fn point(c2: usize, activated: bool) -> Self {
        Self { first: Conv { c2: c2 / 2, window: Window::POINT, activated }, activated }
    }
}

impl Block for GhostConv {
    const NAME: &'static str = "GhostConv";
    const ARGUMENTS: &'static [&'static str] = &["channels", "kernel", "stride", "groups", "activation"];
    const REPEATS: Repeats = Repeats::Outside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let (c1, half) = (row.c1, row.channels(0) / 2);
        let (kernel, stride) = (row.window(1), row.window(2));
        let (groups, activated) = (row.number(3, 1, MAX_CHANNELS), row.flag(4, true));
        row.divides(3, groups, c1, half);
        Self { first: Conv { c2: half, window: Window { kernel, stride, groups }, activated }, activated }
    }

    fn channels(&self) -> usize {
        2 * self.first.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let first = self.first.build(to, &format!("{at}.cv1"), x);
        let c2 = self.first.c2;
        let cheap = Conv { c2, window: Window::square(CHEAP).groups(c2), activated: self.activated };
        let second = cheap.build(to, &format!("{at}.cv2"), first);
        to.concat(at, &[first, second])
    }
}

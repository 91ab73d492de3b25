//! `GhostBottleneck`: two ghost convolutions with a residual sum (Han et al., "GhostNet", 2020).

use super::{Block, DwConv, GhostConv, Repeats};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::RowReader,
};

/// Two ghost convolutions; between them, at stride 2, a depthwise one, and the input then goes through convolutions too.
#[derive(Debug, Clone, PartialEq)]
pub struct GhostBottleneck {
    c2: usize,
    kernel: usize,
    stride: usize,
}

impl GhostBottleneck {
    /// The one that C3Ghost holds: `c` channels in and out, a multiple of 4.
    pub(super) fn inside(c: usize) -> Self {
        Self { c2: c, kernel: 3, stride: 1 }
    }

    fn depthwise(&self, c: usize) -> DwConv {
        DwConv::new([c, c], self.kernel, self.stride, false)
    }
}

impl Block for GhostBottleneck {
    const NAME: &'static str = "GhostBottleneck";
    const ARGUMENTS: &'static [&'static str] = &["channels", "kernel", "stride"];
    const REPEATS: Repeats = Repeats::Outside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let (c1, c2) = (row.c1, row.channels(0));
        let (kernel, stride) = (row.kernel(1, 3), row.window(2));
        if stride > 2 {
            row.unsupported(2, "the stride of GhostBottleneck is 1 or 2".to_owned(), "another stride");
        }
        if stride == 1 && c1 != c2 {
            let message = format!("GhostBottleneck adds its input, but gets {c1} channels and gives {c2}");
            row.channels_misfit(message, c2);
        }
        Self { c2, kernel, stride }
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let (strided, half) = (self.stride == 2, self.c2 / 2);
        let mut y = GhostConv::point(half, true).build(to, &format!("{at}.conv.0"), x);
        if strided {
            y = self.depthwise(half).build(to, &format!("{at}.conv.1"), y);
        }
        y = GhostConv::point(self.c2, false).build(to, &format!("{at}.conv.2"), y);
        let shortcut = match strided {
            true => {
                let x = self.depthwise(to.channels(x)).build(to, &format!("{at}.shortcut.0"), x);
                to.plain(&format!("{at}.shortcut.1"), x, self.c2, Window::POINT)
            }
            false => x,
        };
        let sum = to.add(at, y, shortcut);
        // The reference has a module that does nothing in the place of each that lacks.
        to.stands_for(if strided { 0 } else { 2 });
        sum
    }
}

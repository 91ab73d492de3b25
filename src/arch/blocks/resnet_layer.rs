//! `ResNetLayer`: the stem of a ResNet, or one of its stages (He et al., 2015).
//!
//! Inner activations are the architecture's, the last of a block is ReLU, as in the reference.

use serde_json::Value;

use super::{Block, Repeats};
use crate::arch::{
    Activation, Window,
    computation::{Builder, ValueId},
    row::{MAX_CHANNELS, MAX_REPEATS, RowReader},
};

/// A 7×7 stem with pooling if `first`, which gives `c2` channels; else `n` blocks, which give `4 c2`.
#[derive(Debug, Clone, PartialEq)]
pub struct ResNetLayer {
    c2: usize,
    stride: usize,
    first: bool,
    n: usize,
}

impl Block for ResNetLayer {
    const NAME: &'static str = "ResNetLayer";
    const ARGUMENTS: &'static [&'static str] = &["input channels", "channels", "stride", "first", "blocks"];
    const REPEATS: Repeats = Repeats::Never;

    fn read(row: &mut RowReader<'_>) -> Self {
        let c1 = row.required(0, MAX_CHANNELS).unwrap_or(row.c1);
        let c2 = row.required(1, MAX_CHANNELS / 4);
        row.explicit = c2.is_some();
        if c1 != row.c1 {
            let message = format!("ResNetLayer takes {c1} channels, but the row before gives {}", row.c1);
            row.misfit(0, message, format!("did you mean {}?", row.c1));
        }
        let stride = row.window(2);
        let (first, n) = (row.flag(3, false), row.number(4, 1, MAX_REPEATS));
        let n = row.affordable(n, &[3, 4]);
        Self { c2: c2.unwrap_or(8), stride, first, n }
    }

    fn channels(&self) -> usize {
        if self.first { self.c2 } else { 4 * self.c2 }
    }

    fn arguments(&self, row: &RowReader<'_>) -> Vec<Value> {
        row.arguments(&[], 0)
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        if self.first {
            let x = to.conv(&format!("{at}.layer.0"), x, self.c2, Window::square(7).stride(2));
            return to.max_pool(&format!("{at}.layer.1"), x, Window::square(3).stride(2));
        }
        (0..self.n).fold(x, |x, i| {
            let stride = if i == 0 { self.stride } else { 1 };
            self.block(to, &format!("{at}.layer.{i}"), x, stride)
        })
    }
}

impl ResNetLayer {
    /// 1×1, 3×3, 1×1 to four times the channels, plus the input, which is projected where it differs.
    fn block(&self, to: &mut Builder, at: &str, x: ValueId, stride: usize) -> ValueId {
        let wide = 4 * self.c2;
        let y = to.conv(&format!("{at}.cv1"), x, self.c2, Window::POINT);
        let y = to.conv(&format!("{at}.cv2"), y, self.c2, Window::square(3).stride(stride));
        let y = to.plain(&format!("{at}.cv3"), y, wide, Window::POINT);
        let projected = stride != 1 || to.channels(x) != wide;
        let x = match projected {
            true => to.plain(&format!("{at}.shortcut.0"), x, wide, Window::POINT.stride(stride)),
            false => x,
        };
        let sum = to.add(at, x, y);
        let y = to.activation(at, sum, Activation::Relu);
        // The reference calls ReLU as a function, and has a module that does nothing where nothing is projected.
        to.stands_for(usize::from(!projected));
        y
    }
}

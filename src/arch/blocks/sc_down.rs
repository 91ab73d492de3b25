//! `SCDown`: channels first, then size (Wang et al., "YOLOv10", 2024).

use super::{Block, Repeats};
use crate::arch::{
    Window,
    arguments::MAX_WINDOW,
    computation::{Builder, ValueId},
    row::RowReader,
};

/// A convolution of single pixels, then a depthwise one without activation.
#[derive(Debug, Clone, PartialEq)]
pub struct ScDown {
    c2: usize,
    kernel: usize,
    stride: usize,
}

impl Block for ScDown {
    const NAME: &'static str = "SCDown";
    const ARGUMENTS: &'static [&'static str] = &["channels", "kernel", "stride"];
    const REPEATS: Repeats = Repeats::Outside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let c2 = row.channels(0);
        let [kernel, stride] = [1, 2].map(|i| row.required(i, MAX_WINDOW).unwrap_or(1));
        Self { c2, kernel, stride }
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let x = to.conv(&format!("{at}.cv1"), x, self.c2, Window::POINT);
        let window = Window { kernel: self.kernel, stride: self.stride, groups: self.c2 };
        to.plain(&format!("{at}.cv2"), x, self.c2, window)
    }
}

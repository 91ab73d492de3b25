//! `SPPELAN`: an SPPF with inner channels of its own (Wang et al., "YOLOv9", 2024).

use super::{Block, Repeats};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::{MAX_CHANNELS, RowReader},
};

/// Three poolings, chained, all stages joined, between two convolutions.
#[derive(Debug, Clone, PartialEq)]
pub struct SppElan {
    c2: usize,
    hidden: usize,
    kernel: usize,
}

impl Block for SppElan {
    const NAME: &'static str = "SPPELAN";
    const ARGUMENTS: &'static [&'static str] = &["channels", "inner channels", "kernel"];
    const REPEATS: Repeats = Repeats::Outside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let c2 = row.channels(0);
        Self { c2, hidden: row.required(1, MAX_CHANNELS).unwrap_or(1), kernel: row.odd_kernel(2, 5) }
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let mut kept = vec![to.conv(&format!("{at}.cv1"), x, self.hidden, Window::POINT)];
        for name in ["cv2", "cv3", "cv4"] {
            let last = kept[kept.len() - 1];
            kept.push(to.max_pool(&format!("{at}.{name}"), last, Window::square(self.kernel)));
        }
        let joined = to.concat(at, &kept);
        to.conv(&format!("{at}.cv5"), joined, self.c2, Window::POINT)
    }
}

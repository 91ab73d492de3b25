//! `SPPF`: spatial pyramid pooling, the same map seen through growing windows.

use super::{Block, Repeats};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::RowReader,
};

/// Three poolings, chained, all stages joined, between two convolutions.
#[derive(Debug, Clone, PartialEq)]
pub struct Sppf {
    c2: usize,
    hidden: usize,
    kernel: usize,
}

impl Block for Sppf {
    const NAME: &'static str = "SPPF";
    const ARGUMENTS: &'static [&'static str] = &["channels", "kernel"];
    const REPEATS: Repeats = Repeats::Outside;

    fn read(row: &mut RowReader<'_>) -> Self {
        Self { c2: row.channels(0), hidden: (row.c1 / 2).max(1), kernel: row.odd_kernel(1, 5) }
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let first = to.conv(&format!("{at}.cv1"), x, self.hidden, Window::POINT);
        let joined = pooled(to, at, first, self.kernel);
        to.conv(&format!("{at}.cv2"), joined, self.c2, Window::POINT)
    }
}

/// The map and three poolings of it, each of the one before, joined. In the reference it is one module, used three
/// times.
pub(super) fn pooled(to: &mut Builder, at: &str, x: ValueId, kernel: usize) -> ValueId {
    let mut kept = vec![x];
    for i in 0..3 {
        let last = kept[kept.len() - 1];
        kept.push(to.max_pool(&format!("{at}.m"), last, Window::square(kernel)));
        to.stands_for(usize::from(i == 0));
    }
    to.concat(at, &kept)
}

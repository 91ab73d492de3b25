//! `SPP`: spatial pyramid pooling (He et al., 2014), the same map seen through windows of several sizes.

use super::{Block, Repeats};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::RowReader,
};

/// A pooling for each kernel, side by side with the map itself, between two convolutions.
#[derive(Debug, Clone, PartialEq)]
pub struct Spp {
    c2: usize,
    hidden: usize,
    kernels: Vec<usize>,
}

impl Block for Spp {
    const NAME: &'static str = "SPP";
    const ARGUMENTS: &'static [&'static str] = &["channels", "kernels"];
    const REPEATS: Repeats = Repeats::Outside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let (c2, hidden) = (row.channels(0), (row.c1 / 2).max(1));
        Self { c2, hidden, kernels: row.odd_kernels(1, &[5, 9, 13]) }
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let x = to.conv(&format!("{at}.cv1"), x, self.hidden, Window::POINT);
        let mut maps = vec![x];
        for (i, kernel) in self.kernels.iter().enumerate() {
            maps.push(to.max_pool(&format!("{at}.m.{i}"), x, Window::square(*kernel)));
        }
        let joined = to.concat(at, &maps);
        to.conv(&format!("{at}.cv2"), joined, self.c2, Window::POINT)
    }
}

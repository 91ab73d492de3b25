//! `RepNCSPELAN4`: two C3 with re-parameterised convolutions behind half of the channels, all stages joined (Wang et
//! al., "YOLOv9", 2024).

use super::{Block, Repeats, c3::branches, elan::Stages, rep_conv::rep_conv};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::{MAX_REPEATS, RowReader},
};

/// Stages that are a C3 with `n` bottlenecks, and a convolution.
#[derive(Debug, Clone, PartialEq)]
pub struct RepNcspElan4 {
    stages: Stages,
    n: usize,
}

impl Block for RepNcspElan4 {
    const NAME: &'static str = "RepNCSPELAN4";
    const ARGUMENTS: &'static [&'static str] = &["channels", "inner channels", "stage channels", "blocks"];
    const REPEATS: Repeats = Repeats::Outside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let stages = Stages::read(row);
        let n = row.number(3, 1, MAX_REPEATS);
        Self { stages, n: row.affordable(n, &[3, 3]) }
    }

    fn channels(&self) -> usize {
        self.stages.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let c4 = self.stages.c4;
        self.stages.build(to, at, x, |to, at, x| {
            let hidden = (c4 / 2).max(1);
            let y = branches(to, &format!("{at}.0"), x, [hidden, c4], self.n, bottleneck);
            to.conv(&format!("{at}.1"), y, c4, Window::square(3))
        })
    }
}

/// A bottleneck that keeps its channels, its first convolution re-parameterised.
fn bottleneck(to: &mut Builder, at: &str, x: ValueId) -> ValueId {
    let c = to.channels(x);
    let y = rep_conv(to, &format!("{at}.cv1"), x, c);
    let y = to.conv(&format!("{at}.cv2"), y, c, Window::square(3));
    to.add(at, x, y)
}

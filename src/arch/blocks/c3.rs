//! `C3`: inner blocks on one branch, nothing on the other, joined.

use super::{Block, Bottleneck, Repeats};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::RowReader,
};

/// `n` bottlenecks of `hidden` channels on one branch.
#[derive(Debug, Clone, PartialEq)]
pub struct C3 {
    /// Channels of the block's output.
    pub c2: usize,
    /// Channels of both branches.
    pub hidden: usize,
    /// How many inner blocks there are.
    pub n: usize,
    /// The block that is repeated, on one of the two branches.
    pub inner: Bottleneck,
}

impl C3 {
    /// The arguments that C3 and C3k share; `kernels` of the bottlenecks.
    pub(super) fn with_kernels(
        row: &mut RowReader<'_>,
        kernels: impl Fn(&mut RowReader<'_>) -> [usize; 2],
    ) -> Self {
        let c2 = row.channels(0);
        let (add, hidden) = (row.flag(1, true), row.hidden(c2, 3));
        let groups = row.groups(2, hidden);
        let inner = Bottleneck { c2: hidden, hidden, kernels: kernels(row), groups, add };
        Self { c2, hidden, n: row.n, inner }
    }
}

impl Block for C3 {
    const NAME: &'static str = "C3";
    const ARGUMENTS: &'static [&'static str] = &["channels", "shortcut", "groups", "expansion"];
    const REPEATS: Repeats = Repeats::Inside;

    fn read(row: &mut RowReader<'_>) -> Self {
        Self::with_kernels(row, |_| [1, 3])
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        branches(to, at, x, [self.hidden, self.c2], self.n, |to, at, x| self.inner.build(to, at, x))
    }
}

/// What C3 and its kin have in common: `n` `inner` blocks (called `m.0`, …) on one branch of `hidden` channels, the other
/// beside it, and a convolution of both to `c2` channels.
pub(super) fn branches(
    to: &mut Builder,
    at: &str,
    x: ValueId,
    [hidden, c2]: [usize; 2],
    n: usize,
    inner: impl Fn(&mut Builder, &str, ValueId) -> ValueId,
) -> ValueId {
    let y = to.conv(&format!("{at}.cv1"), x, hidden, Window::POINT);
    let beside = to.conv(&format!("{at}.cv2"), x, hidden, Window::POINT);
    let y = (0..n).fold(y, |y, i| inner(to, &format!("{at}.m.{i}"), y));
    let joined = to.concat(at, &[y, beside]);
    to.conv(&format!("{at}.cv3"), joined, c2, Window::POINT)
}

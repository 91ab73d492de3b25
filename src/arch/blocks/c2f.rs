//! `C2f`: two halves of the channels, one of them through inner blocks, all stages joined.

use super::{Block, Bottleneck, Repeats};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::RowReader,
};

/// `n` bottlenecks of `hidden` channels behind one half of the channels.
#[derive(Debug, Clone, PartialEq)]
pub struct C2f {
    c2: usize,
    hidden: usize,
    n: usize,
    inner: Bottleneck,
}

impl Block for C2f {
    const NAME: &'static str = "C2f";
    const ARGUMENTS: &'static [&'static str] = &["channels", "shortcut", "groups", "expansion"];
    const REPEATS: Repeats = Repeats::Inside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let c2 = row.channels(0);
        let (add, hidden) = (row.flag(1, false), row.hidden(c2, 3));
        let groups = row.groups(2, hidden);
        Self { c2, hidden, n: row.n, inner: Bottleneck { c2: hidden, hidden, kernels: [3, 3], groups, add } }
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        split(to, at, x, [self.hidden, self.c2], self.n, |to, at, x| self.inner.build(to, at, x))
    }
}

/// What C2f and its kin have in common: a convolution to twice `hidden` channels, whose halves are kept, and `n`
/// `inner` blocks (called `m.0`, …) behind the second half; then [`join_stages`].
pub(super) fn split(
    to: &mut Builder,
    at: &str,
    x: ValueId,
    [hidden, c2]: [usize; 2],
    n: usize,
    inner: impl Fn(&mut Builder, &str, ValueId) -> ValueId,
) -> ValueId {
    let x = to.conv(&format!("{at}.cv1"), x, 2 * hidden, Window::POINT);
    let halves = to.halves(at, x).to_vec();
    join_stages(to, at, halves, c2, n, inner)
}

/// Chains `n` `inner` blocks behind the last of `kept`, joins all stages, and convolves to `c2` channels.
pub(super) fn join_stages(
    to: &mut Builder,
    at: &str,
    mut kept: Vec<ValueId>,
    c2: usize,
    n: usize,
    inner: impl Fn(&mut Builder, &str, ValueId) -> ValueId,
) -> ValueId {
    for i in 0..n {
        let last = kept[kept.len() - 1];
        kept.push(inner(to, &format!("{at}.m.{i}"), last));
    }
    let joined = to.concat(at, &kept);
    to.conv(&format!("{at}.cv2"), joined, c2, Window::POINT)
}

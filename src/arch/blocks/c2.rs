//! `C2`: two halves of the channels, one of them through bottlenecks, joined.

use super::{Block, Bottleneck, Repeats};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::RowReader,
};

/// `n` bottlenecks of `hidden` channels behind the first half of the channels.
#[derive(Debug, Clone, PartialEq)]
pub struct C2 {
    c2: usize,
    hidden: usize,
    n: usize,
    inner: Bottleneck,
}

impl Block for C2 {
    const NAME: &'static str = "C2";
    const ARGUMENTS: &'static [&'static str] = &["channels", "shortcut", "groups", "expansion"];
    const REPEATS: Repeats = Repeats::Inside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let c2 = row.channels(0);
        let (add, hidden) = (row.flag(1, true), row.hidden(c2, 3));
        let groups = row.groups(2, hidden);
        Self { c2, hidden, n: row.n, inner: Bottleneck { c2: hidden, hidden, kernels: [3, 3], groups, add } }
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let x = to.conv(&format!("{at}.cv1"), x, 2 * self.hidden, Window::POINT);
        let [y, kept] = to.halves(at, x);
        let y = (0..self.n).fold(y, |y, i| self.inner.build(to, &format!("{at}.m.{i}"), y));
        let joined = to.concat(at, &[y, kept]);
        to.conv(&format!("{at}.cv2"), joined, self.c2, Window::POINT)
    }
}

//! `RepC3`: re-parameterised convolutions on one branch, nothing on the other, summed.

use super::{Block, Repeats, rep_conv::rep_conv};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::RowReader,
};

/// `n` convolutions of `hidden` channels on one of two branches; a last one where these are not as many as it gives.
#[derive(Debug, Clone, PartialEq)]
pub struct RepC3 {
    c2: usize,
    hidden: usize,
    n: usize,
}

impl Block for RepC3 {
    const NAME: &'static str = "RepC3";
    const ARGUMENTS: &'static [&'static str] = &["channels", "expansion"];
    const REPEATS: Repeats = Repeats::Inside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let c2 = row.channels(0);
        Self { c2, hidden: row.part(c2, 1, 1.0), n: row.n }
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let y = to.conv(&format!("{at}.cv1"), x, self.hidden, Window::POINT);
        let beside = to.conv(&format!("{at}.cv2"), x, self.hidden, Window::POINT);
        let y = (0..self.n).fold(y, |y, i| rep_conv(to, &format!("{at}.m.{i}"), y, self.hidden));
        let sum = to.add(at, y, beside);
        if self.hidden == self.c2 {
            // In the reference, a module that does nothing.
            to.stands_for(1);
            return sum;
        }
        to.conv(&format!("{at}.cv3"), sum, self.c2, Window::POINT)
    }
}

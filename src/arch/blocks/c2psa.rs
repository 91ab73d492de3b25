//! `C2PSA`: two halves of the channels, one of them through attention, joined.

use super::{Block, Repeats, attention::psa_block};
use crate::arch::{
    Window,
    computation::{Builder, ValueId},
    row::RowReader,
};

/// `n` attention blocks of `hidden` channels behind one half of the channels.
#[derive(Debug, Clone, PartialEq)]
pub struct C2psa {
    c: usize,
    hidden: usize,
    n: usize,
    heads: usize,
}

impl Block for C2psa {
    const NAME: &'static str = "C2PSA";
    const ARGUMENTS: &'static [&'static str] = &["channels", "expansion"];
    const REPEATS: Repeats = Repeats::Inside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let (c, c2) = (row.c1, row.channels(0));
        if c != c2 {
            row.channels_misfit(format!("C2PSA keeps its channels, but gets {c} and gives {c2}"), c2);
        }
        let hidden = row.hidden(c, 1);
        let heads = (hidden / 64).max(1);
        if c == c2 && (!hidden.is_multiple_of(heads) || hidden < 2) {
            let message = format!("C2PSA can't divide {hidden} hidden channels into {heads} heads");
            row.misfit(0, message, "a multiple of 128 always works".to_owned());
        }
        Self { c: c2, hidden, n: row.n, heads }
    }

    fn channels(&self) -> usize {
        self.c
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let x = to.conv(&format!("{at}.cv1"), x, 2 * self.hidden, Window::POINT);
        let [kept, y] = to.halves(at, x);
        let y = (0..self.n).fold(y, |y, i| psa_block(to, &format!("{at}.m.{i}"), y, self.heads));
        let joined = to.concat(at, &[kept, y]);
        to.conv(&format!("{at}.cv2"), joined, self.c, Window::POINT)
    }
}

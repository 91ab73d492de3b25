//! `C2fCIB`: a C2f whose inner blocks are depthwise for the most part (Wang et al., "YOLOv10", 2024).

use super::{Block, Repeats, c2f::split};
use crate::arch::{
    Activation, Window,
    computation::{Builder, ValueId},
    row::RowReader,
};

/// `n` inner blocks of `hidden` channels behind one half of the channels.
#[derive(Debug, Clone, PartialEq)]
pub struct C2fCib {
    c2: usize,
    hidden: usize,
    n: usize,
    add: bool,
    large: bool,
}

impl Block for C2fCib {
    const NAME: &'static str = "C2fCIB";
    const ARGUMENTS: &'static [&'static str] =
        &["channels", "shortcut", "large kernel", "groups", "expansion"];
    const REPEATS: Repeats = Repeats::Inside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let c2 = row.channels(0);
        let (add, large) = (row.flag(1, false), row.flag(2, false));
        let hidden = row.hidden(c2, 4);
        row.groups(3, hidden);
        Self { c2, hidden, n: row.n, add, large }
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        split(to, at, x, [self.hidden, self.c2], self.n, |to, at, x| self.inverted(to, at, x))
    }
}

impl C2fCib {
    /// The compact inverted block: depthwise, twice the channels, depthwise, the channels again, depthwise.
    fn inverted(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let (c, wide) = (to.channels(x), 2 * to.channels(x));
        let depthwise = |c| Window::square(3).groups(c);
        let y = to.conv(&format!("{at}.cv1.0"), x, c, depthwise(c));
        let y = to.conv(&format!("{at}.cv1.1"), y, wide, Window::POINT);
        let y = match self.large {
            true => large_depthwise(to, &format!("{at}.cv1.2"), y),
            false => to.conv(&format!("{at}.cv1.2"), y, wide, depthwise(wide)),
        };
        let y = to.conv(&format!("{at}.cv1.3"), y, c, Window::POINT);
        let y = to.conv(&format!("{at}.cv1.4"), y, c, depthwise(c));
        if self.add { to.add(at, x, y) } else { y }
    }
}

/// Two depthwise convolutions of the same map, of 7×7 and of 3×3 pixels, summed before a SiLU of its own.
fn large_depthwise(to: &mut Builder, at: &str, x: ValueId) -> ValueId {
    let c = to.channels(x);
    let y = to.plain(&format!("{at}.conv"), x, c, Window::square(7).groups(c));
    let z = to.plain(&format!("{at}.conv1"), x, c, Window::square(3).groups(c));
    let sum = to.add(at, y, z);
    let y = to.activation(at, sum, Activation::Silu);
    to.stands_for(1);
    y
}

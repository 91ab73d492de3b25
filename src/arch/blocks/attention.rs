//! What blocks with attention are made of.

use crate::arch::{
    Window,
    computation::{Attention, Builder, ValueId},
    row::RowReader,
};

/// C2PSA and its kin: two halves of `hidden` channels each, of which the second attends in `heads` heads; `c` channels
/// in and out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Halves {
    pub c: usize,
    pub hidden: usize,
    pub heads: usize,
}

impl Halves {
    /// Arguments 0 and 1: channels and expansion.
    pub(super) fn read(row: &mut RowReader<'_>) -> Self {
        let (c, c2) = (row.c1, row.channels(0));
        if c != c2 {
            row.channels_misfit(
                format!("{} keeps its channels, but gets {c} and gives {c2}", row.module),
                c2,
            );
        }
        let hidden = row.hidden(c, 1);
        let heads = (hidden / 64).max(1);
        if c == c2 && (!hidden.is_multiple_of(heads) || hidden < 2) {
            let message = format!("{} can't divide {hidden} hidden channels into {heads} heads", row.module);
            row.misfit(0, message, "a multiple of 128 always works".to_owned());
        }
        Self { c: c2, hidden, heads }
    }

    /// A convolution, `attend` on the second half, and a convolution of both.
    pub(super) fn build(
        &self,
        to: &mut Builder,
        at: &str,
        x: ValueId,
        attend: impl Fn(&mut Builder, ValueId) -> ValueId,
    ) -> ValueId {
        let x = to.conv(&format!("{at}.cv1"), x, 2 * self.hidden, Window::POINT);
        let [kept, half] = to.halves(at, x);
        let y = attend(to, half);
        let joined = to.concat(at, &[kept, y]);
        to.conv(&format!("{at}.cv2"), joined, self.c, Window::POINT)
    }
}

/// `x + f(x)` with attention, and a depthwise convolution of `kernel`² pixels for the positions.
pub(super) fn attend(to: &mut Builder, at: &str, x: ValueId, attention: Attention, kernel: usize) -> ValueId {
    let (inside, c) = (format!("{at}.attn"), to.channels(x));
    let width = attention.heads * (2 * attention.key + attention.value);
    let qkv = to.plain(&format!("{inside}.qkv"), x, width, Window::POINT);
    let [mixed, values] = to.attend(&inside, qkv, attention);
    let place = to.plain(&format!("{inside}.pe"), values, c, Window::square(kernel).groups(c));
    let sum = to.add(&inside, mixed, place);
    let y = to.plain(&format!("{inside}.proj"), sum, c, Window::POINT);
    to.add(at, x, y)
}

/// `x + f(x)` with two convolutions of one pixel by way of `wide` channels, the second without activation.
pub(super) fn feed_forward(to: &mut Builder, at: &str, part: &str, x: ValueId, wide: usize) -> ValueId {
    let c = to.channels(x);
    let y = to.conv(&format!("{at}.{part}.0"), x, wide, Window::POINT);
    let y = to.plain(&format!("{at}.{part}.1"), y, c, Window::POINT);
    to.add(at, x, y)
}

/// The reference's PSABlock: attention of all positions in `heads` heads with keys of half the width, and a perceptron.
pub(super) fn psa_block(to: &mut Builder, at: &str, x: ValueId, heads: usize) -> ValueId {
    let value = to.channels(x) / heads;
    let x = attend(to, at, x, Attention { heads, key: value / 2, value, areas: 1 }, 3);
    let wide = 2 * to.channels(x);
    feed_forward(to, at, "ffn", x, wide)
}

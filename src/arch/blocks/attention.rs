//! What blocks with attention are made of.

use crate::arch::{
    Window,
    computation::{Attention, Builder, ValueId},
};

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

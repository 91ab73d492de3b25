//! `A2C2f`: inner blocks chained, all stages joined; with attention within areas of the map (yolo12).

use serde_json::{Value, json};

use super::{
    Block, C3k, Repeats,
    attention::{attend, feed_forward},
    c2f::join_stages,
};
use crate::arch::{
    Window,
    computation::{Attention, Builder, ValueId},
    initial::Initial,
    row::{MAX_CHANNELS, RowReader},
};

/// `n` inner blocks of `hidden` channels, chained. If `residual`, the result is scaled by a learnt `gamma` and added to
/// the input.
#[derive(Debug, Clone, PartialEq)]
pub struct A2c2f {
    c2: usize,
    hidden: usize,
    n: usize,
    inner: Inner,
    residual: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Inner {
    Areas(AreaPair),
    C3k(C3k),
}

/// At the scales l and x the defaults are others: residual, and a narrower perceptron.
fn is_large(row: &RowReader<'_>) -> bool {
    row.scope.scale.is("lx")
}

impl Block for A2c2f {
    const NAME: &'static str = "A2C2f";
    const ARGUMENTS: &'static [&'static str] =
        &["channels", "attention", "areas", "residual", "mlp ratio", "expansion", "groups", "shortcut"];
    const REPEATS: Repeats = Repeats::Inside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let (c2, large) = (row.channels(0), is_large(row));
        let (attention, residual) = (row.flag(1, true), row.flag(3, large));
        let ratio = row.fraction(4, if large { 1.2 } else { 2.0 });
        let hidden = row.hidden(c2, 5);
        if !hidden.is_multiple_of(32) {
            row.channels_misfit(format!("A2C2f needs hidden channels in multiples of 32, not {hidden}"), c2);
        }
        let residual = residual && attention;
        if residual && row.c1 != c2 {
            let message = format!("A2C2f adds its input, but gets {} channels and gives {c2}", row.c1);
            row.channels_misfit(message, c2);
        }
        let inner = match attention {
            true => Inner::Areas(AreaPair::new(hidden, row.number(2, 1, MAX_CHANNELS), ratio)),
            false => {
                let half = row.half(hidden, 5);
                Inner::C3k(C3k::inside(hidden, row.groups(6, half), row.flag(7, true)))
            }
        };
        Self { c2, hidden, n: row.n, inner, residual }
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn arguments(&self, row: &RowReader<'_>) -> Vec<Value> {
        let mut arguments = row.arguments(&[json!(row.c1), json!(self.c2), json!(self.n)], 1);
        if is_large(row) {
            arguments.extend([json!(true), json!(1.2)]);
        }
        arguments
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let first = to.conv(&format!("{at}.cv1"), x, self.hidden, Window::POINT);
        let y = join_stages(to, at, vec![first], self.c2, self.n, |to, at, x| match &self.inner {
            Inner::Areas(pair) => pair.build(to, at, x),
            Inner::C3k(inner) => inner.build(to, at, x),
        });
        if !self.residual {
            return y;
        }
        let scaled = to.scale(at, y);
        to.add(at, x, scaled)
    }
}

/// Two of the reference's ABlocks, one after the other: attention within areas, and a perceptron of `wide` channels.
#[derive(Debug, Clone, PartialEq)]
struct AreaPair {
    heads: usize,
    areas: usize,
    wide: usize,
}

impl AreaPair {
    fn new(c: usize, areas: usize, ratio: f64) -> Self {
        Self { heads: (c / 32).max(1), areas, wide: ((c as f64 * ratio) as usize).max(1) }
    }

    /// The reference draws the convolutions of these blocks from a normal distribution with deviation 0.02
    /// (cut at ±2, a hundred deviations away), unlike all others. Only with `pretrained=False`, which is not
    /// its default, does it then draw them again like the others.
    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        to.drawn(Initial::Normal(0.02), |to| {
            (0..2).fold(x, |x, i| self.area_block(to, &format!("{at}.{i}"), x))
        })
    }

    fn area_block(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        let value = to.channels(x) / self.heads;
        let attention = Attention { heads: self.heads, key: value, value, areas: self.areas };
        let x = attend(to, at, x, attention, 7);
        feed_forward(to, at, "mlp", x, self.wide)
    }
}

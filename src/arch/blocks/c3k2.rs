//! `C3k2`: a C2f whose inner blocks are bottlenecks or C3k.

use serde_json::{Value, json};

use super::{Block, Bottleneck, C3k, Repeats, c2f::split};
use crate::arch::{
    computation::{Builder, ValueId},
    row::{MAX_CHANNELS, RowReader},
};

/// `n` inner blocks of `hidden` channels behind one half of the channels.
#[derive(Debug, Clone, PartialEq)]
pub struct C3k2 {
    c2: usize,
    hidden: usize,
    n: usize,
    inner: Inner,
}

#[derive(Debug, Clone, PartialEq)]
enum Inner {
    Bottleneck(Bottleneck),
    C3k(C3k),
}

/// At the scales m, l and x the inner blocks are C3k, whatever the row says.
fn is_large(row: &RowReader<'_>) -> bool {
    row.scope.scale.is("mlx")
}

impl Block for C3k2 {
    const NAME: &'static str = "C3k2";
    const ARGUMENTS: &'static [&'static str] =
        &["channels", "c3k", "expansion", "attention", "groups", "shortcut"];
    const REPEATS: Repeats = Repeats::Inside;

    fn read(row: &mut RowReader<'_>) -> Self {
        let c2 = row.channels(0);
        let c3k = row.flag(1, false) || is_large(row);
        let hidden = row.hidden(c2, 2);
        if row.flag(3, false) {
            row.unsupported(3, "Kiln does not build C3k2 with attention".to_owned(), "not false");
        }
        let half = row.half(hidden, 2);
        let (groups, add) = (row.number(4, 1, MAX_CHANNELS), row.flag(5, true));
        row.divides(4, groups, half, if c3k { half } else { hidden });
        let inner = match c3k {
            true => Inner::C3k(C3k::inside(hidden, groups, add)),
            false => Inner::Bottleneck(Bottleneck { c2: hidden, hidden: half, kernels: [3, 3], groups, add }),
        };
        Self { c2, hidden, n: row.n, inner }
    }

    fn channels(&self) -> usize {
        self.c2
    }

    fn arguments(&self, row: &RowReader<'_>) -> Vec<Value> {
        let mut arguments = row.arguments(&[json!(row.c1), json!(self.c2), json!(self.n)], 1);
        if is_large(row) {
            arguments.resize(arguments.len().max(4), json!(true));
            arguments[3] = json!(true);
        }
        arguments
    }

    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        split(to, at, x, [self.hidden, self.c2], self.n, |to, at, x| match &self.inner {
            Inner::Bottleneck(inner) => inner.build(to, at, x),
            Inner::C3k(inner) => inner.build(to, at, x),
        })
    }
}

//! Formulas of long vectors by LibTorch's operations, in place wherever nobody else looks.
//!
//! Each operation goes through memory by itself. On the CPU the vectors are cut into blocks that its caches hold, so
//! that only the first operation of a formula waits for memory. All threads work on one block together, and they are
//! LibTorch's own: some of its operations bring a set of threads to whichever thread calls them, and once there are more
//! of those than processors, none of them waits awake for the next piece any more, which makes a training step half as
//! fast.

use std::{
    array::from_fn,
    ops::{Add, Div, Mul, Range, Sub},
    rc::Rc,
};

use tch::{Device, Tensor};

use super::{above, array, below};
use crate::network::kernels::pointwise::{Formula, Number};

/// Numbers of a block on the CPU for each thread: as many as LibTorch gives one at least.
const GRAIN: usize = 1 << 15;

/// A block of a vector, or what became of it. An operation takes its numbers and writes over them, unless a clone of
/// them is still looked at.
#[derive(Clone)]
struct Block(Rc<Tensor>);

impl Block {
    fn new(tensor: Tensor) -> Self {
        Self(Rc::new(tensor))
    }

    fn unary(mut self, within: impl Fn(&mut Tensor) -> Tensor, beside: impl Fn(&Tensor) -> Tensor) -> Self {
        match Rc::get_mut(&mut self.0) {
            Some(numbers) => drop(within(numbers)),
            None => return Self::new(beside(&self.0)),
        }
        self
    }

    /// `into` writes to its third argument, which may be one of the first two.
    fn binary(
        mut self,
        mut other: Self,
        into: impl Fn(&Tensor, &Tensor, &Tensor) -> Tensor,
        beside: impl Fn(&Tensor, &Tensor) -> Tensor,
    ) -> Self {
        if Rc::get_mut(&mut self.0).is_some() {
            drop(into(&self.0, &other.0, &self.0));
            return self;
        }
        if Rc::get_mut(&mut other.0).is_some() {
            drop(into(&self.0, &other.0, &other.0));
            return other;
        }
        Self::new(beside(&self.0, &other.0))
    }
}

impl Add for Block {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.binary(other, |a, b, out| a.add_out(out, b), |a, b| a + b)
    }
}

impl Sub for Block {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.binary(other, |a, b, out| a.sub_out(out, b), |a, b| a - b)
    }
}

impl Mul for Block {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        self.binary(other, |a, b, out| a.mul_out(out, b), |a, b| a * b)
    }
}

impl Div for Block {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        self.binary(other, |a, b, out| a.div_out(out, b), |a, b| a / b)
    }
}

impl Number for Block {
    fn add_scalar(self, number: f64) -> Self {
        self.unary(|x| x.g_add_scalar_(number), |x| x + number)
    }

    fn mul_scalar(self, number: f64) -> Self {
        self.unary(|x| x.g_mul_scalar_(number), |x| x * number)
    }

    fn div_scalar(self, number: f64) -> Self {
        self.unary(|x| x.g_div_scalar_(number), |x| x / number)
    }

    fn sqrt(self) -> Self {
        self.unary(Tensor::sqrt_, Tensor::sqrt)
    }

    fn abs(self) -> Self {
        self.unary(Tensor::abs_, Tensor::abs)
    }

    fn max_pair(self, other: Self) -> Self {
        self.binary(other, |a, b, out| a.maximum_out(out, b), Tensor::maximum)
    }

    fn approach(self, other: Self, share: f64) -> Self {
        self.unary(|x| x.lerp_(&other.0, share), |x| x.lerp(&other.0, share))
    }

    fn mean_with(self, new: Self, beta: f64) -> Self {
        self.approach(new, 1.0 - beta)
    }
}

/// The vectors `written` after each formula changed its range of them, as
/// [`super::super::pointwise::apply`].
pub(in super::super) fn apply<F: Formula<W, R>, const W: usize, const R: usize>(
    formulas: &[(Range<usize>, F)],
    written: [burn::tensor::Tensor<1>; W],
    read: [burn::tensor::Tensor<1>; R],
) -> [burn::tensor::Tensor<1>; W] {
    let (written, read) = (written.map(own), read.map(below));
    for (range, formula) in formulas {
        for block in blocks(range.clone(), written[0].device()) {
            let part = |vector: &Tensor| vector.narrow(0, block.start as i64, block.len() as i64);
            change(formula, written.each_ref().map(part), read.each_ref().map(part));
        }
    }
    written.map(above)
}

/// The vector, or a copy if somebody else holds it.
fn own(vector: burn::tensor::Tensor<1>) -> Tensor {
    let vector = array(vector);
    if vector.can_mut() { vector.tensor } else { vector.tensor.copy() }
}

/// The sum of the squares of all numbers, `[1]`.
pub(in super::super) fn sum_of_squares(vector: burn::tensor::Tensor<1>) -> burn::tensor::Tensor<1> {
    let vector = below(vector);
    above(vector.dot(&vector).reshape([1]))
}

/// A GPU works best on all at once.
fn blocks(range: Range<usize>, device: Device) -> impl Iterator<Item = Range<usize>> {
    let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1);
    let most = if device == Device::Cpu { GRAIN * threads } else { range.len() }.max(1);
    range.clone().step_by(most).map(move |start| start..range.end.min(start + most))
}

/// Writes what a formula makes of a block.
fn change<F: Formula<W, R>, const W: usize, const R: usize>(
    formula: &F,
    written: [Tensor; W],
    read: [Tensor; R],
) {
    let homes: [_; W] = from_fn(|vector| written[vector].data_ptr());
    let into: [Tensor; W] = from_fn(|vector| written[vector].shallow_clone());
    let read = read.map(Block::new);
    let new = formula.of(written.map(Block::new), read.clone());
    // What ended up in the place of another vector is saved before that is written to.
    let mut place = 0..;
    let new = new.map(|Block(new)| {
        let (at, place) = (new.data_ptr(), place.next().unwrap_or_default());
        (at != homes[place]).then(|| if homes.contains(&at) { new.copy() } else { new.shallow_clone() })
    });
    for (mut into, new) in into.into_iter().zip(new) {
        if let Some(new) = new {
            into.copy_(&new);
        }
    }
}

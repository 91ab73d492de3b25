//! Long vectors whose numbers don't look at each other: one formula for the numbers at each place.
//!
//! A formula is written once, over any [`Number`]. On most devices that is a tensor, and the formula a few of burn's
//! operations; on LibTorch's devices a few of its own, in place. On the CPU, where each operation would go through memory
//! by itself, it is a handful of numbers in the vector registers: everything that the formula does happens in one pass, in
//! place where nobody else holds the vector. Each number is calculated in the same order there as by burn's operations, so
//! the results are the same; LibTorch's own take a step of a mean in one go, and differ in the last digits.

use std::{
    array::from_fn,
    ops::{Add, Div, Mul, Range, Sub},
};

use burn::{
    backend::{Flex, tensor::FloatTensor},
    tensor::{Device, Tensor},
};
use rayon::prelude::*;

use super::cpu::vectorized;
#[cfg(feature = "libtorch")]
use super::libtorch;
#[cfg(feature = "libtorch")]
use crate::device::is_libtorch;
use crate::{device::is_cpu, network::parameters::to_vec};

/// What formulas calculate with: numbers of 32 bits.
pub trait Number:
    Clone + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// `self + number`.
    #[must_use]
    fn add_scalar(self, number: f64) -> Self;
    /// `self · number`.
    #[must_use]
    fn mul_scalar(self, number: f64) -> Self;
    /// `self / number`.
    #[must_use]
    fn div_scalar(self, number: f64) -> Self;
    /// `√self`.
    #[must_use]
    fn sqrt(self) -> Self;
    /// `|self|`.
    #[must_use]
    fn abs(self) -> Self;
    /// The larger one of `self` and `other`.
    #[must_use]
    fn max_pair(self, other: Self) -> Self;

    /// `self + (other - self) · share`.
    #[must_use]
    #[inline(always)]
    fn approach(self, other: Self, share: f64) -> Self {
        self.clone() + (other - self).mul_scalar(share)
    }

    /// `self · beta + new · (1 - beta)`: a step of an exponential mean.
    #[must_use]
    #[inline(always)]
    fn mean_with(self, new: Self, beta: f64) -> Self {
        self.mul_scalar(beta) + new.mul_scalar(1.0 - beta)
    }
}

/// What becomes of the numbers at one place of `W` vectors that are written, with those of `R` vectors that are only
/// read.
pub trait Formula<const W: usize, const R: usize>: Sync {
    /// The numbers that are written, of those that are there and those that are read.
    fn of<N: Number>(&self, written: [N; W], read: [N; R]) -> [N; W];
}

impl Number for Tensor<1> {
    fn add_scalar(self, number: f64) -> Self {
        Tensor::add_scalar(self, number)
    }

    fn mul_scalar(self, number: f64) -> Self {
        Tensor::mul_scalar(self, number)
    }

    fn div_scalar(self, number: f64) -> Self {
        Tensor::div_scalar(self, number)
    }

    fn sqrt(self) -> Self {
        Tensor::sqrt(self)
    }

    fn abs(self) -> Self {
        Tensor::abs(self)
    }

    fn max_pair(self, other: Self) -> Self {
        Tensor::max_pair(self, other)
    }
}

/// How many numbers the CPU works on side by side.
const LANES: usize = 16;

/// Numbers side by side.
#[derive(Clone, Copy)]
struct Lanes<const L: usize>([f32; L]);

impl<const L: usize> Lanes<L> {
    #[inline(always)]
    fn each(self, of: impl Fn(f32) -> f32) -> Self {
        Self(self.0.map(of))
    }

    #[inline(always)]
    fn both(self, other: Self, of: impl Fn(f32, f32) -> f32) -> Self {
        Self(from_fn(|lane| of(self.0[lane], other.0[lane])))
    }
}

impl<const L: usize> Add for Lanes<L> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.both(other, |a, b| a + b)
    }
}

impl<const L: usize> Sub for Lanes<L> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.both(other, |a, b| a - b)
    }
}

impl<const L: usize> Mul for Lanes<L> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.both(other, |a, b| a * b)
    }
}

impl<const L: usize> Div for Lanes<L> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.both(other, |a, b| a / b)
    }
}

impl<const L: usize> Number for Lanes<L> {
    #[inline(always)]
    fn add_scalar(self, number: f64) -> Self {
        self.each(|x| x + number as f32)
    }

    #[inline(always)]
    fn mul_scalar(self, number: f64) -> Self {
        self.each(|x| x * number as f32)
    }

    #[inline(always)]
    fn div_scalar(self, number: f64) -> Self {
        self.each(|x| x / number as f32)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.each(f32::sqrt)
    }

    #[inline(always)]
    fn abs(self) -> Self {
        self.each(f32::abs)
    }

    #[inline(always)]
    fn max_pair(self, other: Self) -> Self {
        self.both(other, |a, b| if a < b { b } else { a })
    }
}

/// The vectors `written` after each formula changed its range of them; what no formula has stays.
///
/// Ranges come in order and do not overlap; each lies within all vectors, which may be longer.
pub fn apply<F: Formula<W, R>, const W: usize, const R: usize>(
    formulas: &[(Range<usize>, F)],
    written: [Tensor<1>; W],
    read: [Tensor<1>; R],
) -> [Tensor<1>; W] {
    let device = written[0].device();
    if device == Device::flex() {
        let (written, read) = (written.map(primitive), read.map(primitive));
        return on_cpu(formulas, written, read).map(Tensor::from_primitive::<Flex>);
    }
    #[cfg(feature = "libtorch")]
    if is_libtorch(&device) {
        return libtorch::pointwise::apply(formulas, written, read);
    }
    composed(formulas, written, &read)
}

/// [`apply`] by burn's operations.
fn composed<F: Formula<W, R>, const W: usize, const R: usize>(
    formulas: &[(Range<usize>, F)],
    written: [Tensor<1>; W],
    read: &[Tensor<1>; R],
) -> [Tensor<1>; W] {
    formulas.iter().filter(|(range, _)| !range.is_empty()).fold(written, |written, (range, formula)| {
        let part = |tensor: &Tensor<1>| tensor.clone().slice(range.clone());
        let parts = formula.of(written.each_ref().map(part), read.each_ref().map(part));
        let mut parts = parts.into_iter();
        written.map(|whole| match parts.next() {
            Some(part) if part.dims() == whole.dims() => part,
            Some(part) => whole.slice_assign(range.clone(), part),
            None => whole,
        })
    })
}

/// A tensor of the backend `cpu`.
type Array = FloatTensor<Flex>;

fn primitive(tensor: Tensor<1>) -> Array {
    tensor.try_into_primitive::<Flex>().expect("all vectors of a formula lie on one device")
}

/// The vector from its first place in memory on, so that places in memory are those of the vector.
fn whole(vector: Array) -> Array {
    match vector.as_slice::<f32>().is_some() && vector.layout().start_offset() == 0 {
        true => vector,
        false => vector.to_contiguous(),
    }
}

fn on_cpu<F: Formula<W, R>, const W: usize, const R: usize>(
    formulas: &[(Range<usize>, F)],
    written: [Array; W],
    read: [Array; R],
) -> [Array; W] {
    let (mut written, read) = (written.map(whole), read.map(whole));
    let mut out = written.each_mut().map(|vector| vector.storage_mut::<f32>());
    let read = read.each_ref().map(|vector| vector.storage::<f32>());
    for (range, formula) in formulas {
        let out = out.each_mut().map(|vector| &mut vector[range.clone()]);
        in_parallel(formula, out, read.map(|vector| &vector[range.clone()]));
    }
    written
}

/// Numbers of a task.
const GRAIN: usize = 1 << 14;

/// Cuts the work in halves until a task is small enough.
fn in_parallel<F: Formula<W, R>, const W: usize, const R: usize>(
    formula: &F,
    written: [&mut [f32]; W],
    read: [&[f32]; R],
) {
    let count = written[0].len();
    if count <= GRAIN {
        return vectorized(
            #[inline(always)]
            || in_lanes(formula, written, read),
        );
    }
    let middle = (count / 2).next_multiple_of(LANES);
    let (before, after) = halves(written, middle);
    let (read_before, read_after) = (read.map(|read| &read[..middle]), read.map(|read| &read[middle..]));
    rayon::join(|| in_parallel(formula, before, read_before), || in_parallel(formula, after, read_after));
}

fn halves<const W: usize>(written: [&mut [f32]; W], middle: usize) -> ([&mut [f32]; W], [&mut [f32]; W]) {
    let mut halves = written.map(|vector| {
        let (before, after) = vector.split_at_mut(middle);
        (before, Some(after))
    });
    let after = halves.each_mut().map(|(_, after)| after.take().unwrap_or_default());
    (halves.map(|(before, _)| before), after)
}

/// Works on a handful of numbers at a time, and on the rest one by one.
#[inline(always)]
fn in_lanes<F: Formula<W, R>, const W: usize, const R: usize>(
    formula: &F,
    written: [&mut [f32]; W],
    read: [&[f32]; R],
) {
    let mut written = written.map(|vector| vector.as_chunks_mut::<LANES>());
    let read = read.map(|vector| vector.as_chunks::<LANES>());
    blocks(formula, written.each_mut().map(|(blocks, _)| &mut **blocks), read.map(|(blocks, _)| blocks));
    let rest = written.each_mut().map(|(_, rest)| rest.as_chunks_mut::<1>().0);
    blocks(formula, rest, read.map(|(_, rest)| rest.as_chunks::<1>().0));
}

#[inline(always)]
fn blocks<F: Formula<W, R>, const W: usize, const R: usize, const L: usize>(
    formula: &F,
    written: [&mut [[f32; L]]; W],
    read: [&[[f32; L]]; R],
) {
    for i in 0..written[0].len() {
        let read = from_fn(|vector| Lanes(read[vector][i]));
        let new = formula.of(from_fn(|vector| Lanes(written[vector][i])), read);
        for (vector, new) in new.into_iter().enumerate() {
            written[vector][i] = new.0;
        }
    }
}

/// The sum of the squares of all numbers, `[1]`.
///
/// On the CPU it is summed in 64 bits, in parts whose size no number of threads changes.
pub fn sum_of_squares(vector: Tensor<1>) -> Tensor<1> {
    let device = vector.device();
    #[cfg(feature = "libtorch")]
    if is_libtorch(&device) {
        return libtorch::pointwise::sum_of_squares(vector);
    }
    if device != Device::flex() {
        return (vector.clone() * vector).sum();
    }
    let vector = whole(primitive(vector));
    let parts = vector.as_slice::<f32>().expect("a whole vector").par_chunks(GRAIN).map(|part| {
        vectorized(
            #[inline(always)]
            || squares(part),
        )
    });
    let sum: f64 = parts.collect::<Vec<_>>().iter().sum();
    Tensor::from_floats([sum as f32], &device)
}

#[inline(always)]
fn squares(part: &[f32]) -> f64 {
    let (blocks, rest) = part.as_chunks::<LANES>();
    let mut lanes = [0.0_f64; LANES];
    for block in blocks {
        for (lane, x) in lanes.iter_mut().zip(block) {
            *lane += f64::from(*x) * f64::from(*x);
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>()
}

/// The vector times `factor` `[1]`. The CPU leaves it alone where the factor is 1; a GPU is not waited for to know.
pub fn scaled_by(vector: Tensor<1>, factor: Tensor<1>) -> Tensor<1> {
    if !is_cpu(&vector.device()) {
        return vector * factor;
    }
    match to_vec(factor)[..] {
        [1.0] => vector,
        [factor] => {
            let [scaled] = apply(&[(0..vector.dims()[0], Scaled(factor))], [vector], []);
            scaled
        }
        _ => unreachable!("one factor for all numbers"),
    }
}

/// Each number times this one.
struct Scaled(f32);

impl Formula<1, 0> for Scaled {
    #[inline(always)]
    fn of<N: Number>(&self, [x]: [N; 1], []: [N; 0]) -> [N; 1] {
        [x.mul_scalar(f64::from(self.0))]
    }
}

/// The sum of two vectors, which are equally long, in the place of the first.
pub fn sum(x: Tensor<1>, y: Tensor<1>) -> Tensor<1> {
    let [sum] = apply(&[(0..x.dims()[0], Sum)], [x], [y]);
    sum
}

struct Sum;

impl Formula<1, 1> for Sum {
    #[inline(always)]
    fn of<N: Number>(&self, [x]: [N; 1], [y]: [N; 1]) -> [N; 1] {
        [x + y]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Uses every operation of a [`Number`].
    struct Everything;

    impl Formula<2, 1> for Everything {
        fn of<N: Number>(&self, [a, b]: [N; 2], [c]: [N; 1]) -> [N; 2] {
            let larger = a.clone().max_pair(b.clone()).mul_scalar(0.3).add_scalar(0.1);
            let quotient = (b - c.clone()) / (a.clone().abs().sqrt().add_scalar(1e-3));
            [larger + c.div_scalar(0.7), quotient * a]
        }
    }

    fn vector(name: &str, count: usize) -> Tensor<1> {
        let mut random = Random::new(name, &[]);
        let numbers: Vec<f32> = (0..count).map(|_| random.uniform(-1.0, 1.0) as f32).collect();
        Tensor::from_data(burn::tensor::TensorData::new(numbers, [count]), &Device::flex())
    }

    fn bits(vectors: [Tensor<1>; 2]) -> [Vec<u32>; 2] {
        vectors.map(|vector| to_vec(vector).into_iter().map(f32::to_bits).collect())
    }

    /// More numbers than a task has, and a rest that fills no lanes.
    const COUNT: usize = 3 * GRAIN + 29;

    fn vectors() -> ([Tensor<1>; 2], [Tensor<1>; 1]) {
        ([vector("a", COUNT), vector("b", COUNT + 5)], [vector("c", COUNT + 1)])
    }

    #[test]
    fn one_pass_gives_to_the_bit_what_the_devices_operations_give() {
        let formulas = [
            (0..COUNT - 40, Everything),
            (COUNT - 40..COUNT - 40, Everything),
            (COUNT - 20..COUNT, Everything),
        ];
        let (written, read) = vectors();
        let composed = bits(composed(&formulas, written, &read));
        let (written, read) = vectors();
        let kept = written.clone();
        let fused = bits(apply(&formulas, written, read));
        assert!(fused == composed);
        let before = bits(kept);
        let between = COUNT - 40..COUNT - 20;
        assert!((0..2).all(|i| fused[i][between.clone()] == before[i][between.clone()]));
        assert!(fused[1][COUNT..] == before[1][COUNT..] && fused[0][0] != before[0][0]);
        assert!(before == bits(vectors().0), "what somebody else holds is not written to");
    }

    #[test]
    fn threads_change_no_bit() {
        let all = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (written, read) = vectors();
                let [a, b] = apply(&[(0..COUNT, Everything)], written, read);
                bits([sum_of_squares(a), b])
            })
        };
        assert!(all(1) == all(4));
    }

    #[test]
    fn squares_are_summed_in_64_bits_also_in_a_part_of_a_vector() {
        let part = vector("x", 4 * COUNT).slice(3..3 + COUNT);
        let exact: f64 = to_vec(part.clone()).iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
        let sum = to_vec(sum_of_squares(part))[0];
        assert!((f64::from(sum) / exact - 1.0).abs() < 1e-7, "{sum} {exact}");
    }

    #[test]
    fn a_factor_of_one_leaves_the_vector_alone() {
        let scaled =
            |factor| to_vec(scaled_by(vector("x", 3), Tensor::from_floats([factor], &Device::flex())));
        assert_eq!(scaled(1.0), to_vec(vector("x", 3)));
        assert_eq!(scaled(0.5), to_vec(vector("x", 3).mul_scalar(0.5)));
    }
}

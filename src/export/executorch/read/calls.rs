//! Calls one by one: what each kernel takes, and what that is to us.

use super::{
    super::calls::{
        ADD, ADD_PRODUCT, CAT, CONVOLUTION, MAX_POOL, MEAN, MUL, PERMUTE, PRODUCTS, RELU, SIGMOID, SLICE,
        SOFTMAX, SPLIT, VIEW,
    },
    reader::{Given, Reader},
};
use crate::{
    arch::Window,
    error::{Error, Result},
    export::lowered::{Operator, TensorId},
};

impl Reader<'_> {
    /// Adds what the call at this place of a kernel does.
    pub(super) fn call(&mut self, place: usize, kernel: (&str, &str), arguments: &[i32]) -> Result<()> {
        let at = format!("call {place} ({}.{})", kernel.0, kernel.1);
        self.remember(arguments)?;
        let (value, given) = match (kernel, arguments) {
            (SPLIT, &[x, sizes, axis, parts, same]) if parts == same => {
                return self.split(&at, [x, sizes, axis, parts]);
            }
            (MAX_POOL, &[x, kernel, stride, padding, spread, rounds_up, maxima, places, both]) => {
                must_be(&at, "list", self.tensors(&at, both)? == [maxima, places])?;
                must_be(&at, "rounding", !self.values.flag(rounds_up)?)?;
                let window = self.window(&at, self.values.sizes(kernel)?, [stride, padding, spread])?;
                (maxima, self.plain(&at, Operator::MaxPool(window), &[x])?)
            }
            (kernel, &[ref takes @ .., value, same]) if value == same => {
                (value, self.one(&at, kernel, takes)?)
            }
            _ => return unknown(&at, "number of arguments"),
        };
        self.give(value, given)
    }

    /// What a kernel gives that makes one tensor of these values.
    fn one(&mut self, at: &str, kernel: (&str, &str), takes: &[i32]) -> Result<Given> {
        match (kernel, takes) {
            (CONVOLUTION, &[x, weight, bias, stride, padding, spread, transposed, more, groups]) => {
                must_be(at, "transposition", !self.values.flag(transposed)?)?;
                must_be(at, "padding", self.values.sizes(more)?.iter().all(|size| *size == 0))?;
                let [weight, bias] = [self.constant(weight)?, self.constant(bias)?];
                let sides = self.lowered.constant(weight).shape.get(2..).unwrap_or_default().to_vec();
                let window = self.window(at, sides, [stride, padding, spread])?;
                let window = window.groups(self.values.size(groups)?);
                self.plain(at, Operator::Convolution { weight, bias, window }, &[x])
            }
            (SIGMOID, &[x]) => self.tensor(x).map(Given::Gate),
            (MUL, &[x, factor]) => self.product(at, x, factor),
            (RELU, [_]) => self.plain(at, Operator::Relu, takes),
            (ADD, &[x, y, times]) => {
                must_be(at, "factor", self.values.whole(times)? == 1)?;
                self.plain(at, Operator::Add, &[x, y])
            }
            (CAT, &[all, axis]) => {
                let (all, axis) = (self.tensors(at, all)?, self.values.size(axis)?);
                self.plain(at, Operator::Concat { axis }, &all)
            }
            (SOFTMAX, &[x, axis, widens]) => {
                let (axis, last) = (self.values.whole(axis)?, self.lowered.shape(self.tensor(x)?).len());
                must_be(at, "axis", axis == -1 || axis == last as i64)?;
                must_be(at, "type", !self.values.flag(widens)?)?;
                self.plain(at, Operator::Softmax, &[x])
            }
            (MEAN, &[x, axes, keeps, of]) => {
                must_be(at, "axis", self.values.sizes(axes)? == [2, 3] && !self.values.flag(keeps)?)?;
                must_be(at, "type", self.values.is_null(of))?;
                self.plain(at, Operator::GlobalAverage, &[x])
            }
            (ADD_PRODUCT, &[bias, x, weight, one, other]) => {
                must_be(at, "factor", [self.values.whole(one)?, self.values.whole(other)?] == [1, 1])?;
                self.linear(at, [bias, x, weight])
            }
            (SLICE, &[x, axis, first, end, step]) => self.slice(at, x, [axis, first, end, step]),
            (VIEW, &[x, shape]) => self.view(at, x, self.values.sizes(shape)?),
            (PERMUTE, &[x, order]) => self.permuted(at, x, self.values.sizes(order)?),
            (PRODUCTS, &[a, b]) => self.products(at, [a, b]),
            _ => unknown(at, "kernel"),
        }
    }

    /// Adds an operator on tensors.
    fn plain(&mut self, at: &str, operator: Operator, inputs: &[i32]) -> Result<Given> {
        let tensors: Vec<TensorId> = inputs.iter().map(|value| self.tensor(*value)).collect::<Result<_>>()?;
        self.push(at, operator, &tensors)
    }

    /// The tensors in a list.
    fn tensors(&self, at: &str, value: i32) -> Result<Vec<i32>> {
        self.values.tensors(value).unwrap_or_else(|| unknown(at, "list"))
    }

    /// The window of these sides, which must be alike, and padded by half.
    fn window(&self, at: &str, sides: Vec<usize>, [stride, padding, spread]: [i32; 3]) -> Result<Window> {
        let [stride, padding, spread] = [stride, padding, spread].map(|value| self.values.sizes(value));
        let (stride, padding) = (stride?, padding?);
        must_be(at, "spread", spread? == [1, 1])?;
        match (&sides[..], &stride[..], &padding[..]) {
            (&[kernel, height], &[stride, down], &[left, top])
                if kernel == height && stride == down && [left, top] == [kernel / 2; 2] =>
            {
                Ok(Window::square(kernel).stride(stride))
            }
            _ => unknown(at, "window"),
        }
    }

    /// A tensor times its own sigmoid, or times a constant.
    fn product(&mut self, at: &str, x: i32, factor: i32) -> Result<Given> {
        let tensor = self.tensor(x)?;
        match self.given(factor) {
            Some(Given::Gate(of)) if of == tensor => self.push(at, Operator::Silu, &[tensor]),
            Some(_) => unknown(at, "product of tensors"),
            None => {
                let factor = self.constant(factor)?;
                self.push(at, Operator::Scale(factor), &[tensor])
            }
        }
    }

    fn linear(&mut self, at: &str, [bias, x, weight]: [i32; 3]) -> Result<Given> {
        let weight = self.values.constant(weight).transpose()?.filter(|weight| weight.shape.len() == 2);
        let Some(weight) = weight else { return unknown(at, "weight") };
        let (weight, bias) = (self.lowered.add_constant(weight.transposed()), self.constant(bias)?);
        self.plain(at, Operator::Linear { weight, bias }, &[x])
    }

    fn split(&mut self, at: &str, [x, sizes, axis, parts]: [i32; 4]) -> Result<()> {
        let (x, parts) = (self.tensor(x)?, self.tensors(at, parts)?);
        let split = Operator::Split { axis: self.values.size(axis)?, sizes: self.values.sizes(sizes)? };
        let given = self.lowered.push_all(at, split, &[x])?;
        must_be(at, "number of parts", given.len() == parts.len())?;
        parts.into_iter().zip(given).try_for_each(|(part, tensor)| self.give(part, Given::Tensor(tensor)))
    }

    /// Every second row of a map; or every second pixel of such rows.
    fn slice(&mut self, at: &str, x: i32, bounds: [i32; 4]) -> Result<Given> {
        let [axis, first, end, step] = bounds.map(|value| self.values.size(value));
        let (axis, first, end) = (axis?, first?, end?);
        must_be(at, "step", step? == 2)?;
        match (self.given(x), axis) {
            (Some(Given::Tensor(map)), 2) if self.lowered.shape(map).get(1) == Some(&end) => {
                Ok(Given::Rows(map, first))
            }
            (Some(Given::Rows(map, row)), 3) if self.lowered.shape(map).get(2) == Some(&end) => {
                self.push(at, Operator::EverySecond { row, column: first }, &[map])
            }
            _ => unknown(at, "part"),
        }
    }

    /// A tensor in another shape, which begins with the batch, or leaves out a batch of 1.
    fn view(&mut self, at: &str, x: i32, shape: Vec<usize>) -> Result<Given> {
        let (Some(Given::Tensor(x) | Given::Matrices(x)), batch) = (self.given(x), self.batch()) else {
            return unknown(at, "input");
        };
        match shape.split_first() {
            Some((first, rest)) if *first == batch => self.push(at, Operator::Reshape(rest.to_vec()), &[x]),
            _ if batch == 1 => self.lowered.push(at, Operator::Reshape(shape), &[x]).map(Given::Matrices),
            _ => unknown(at, "shape"),
        }
    }

    fn permuted(&mut self, at: &str, x: i32, order: Vec<usize>) -> Result<Given> {
        match self.given(x) {
            Some(Given::Tensor(x)) => self.push(at, Operator::Transpose { order }, &[x]),
            Some(Given::Matrices(x)) => {
                let axes = order.iter().map(|axis| axis.saturating_add(1));
                let order = std::iter::once(0).chain(axes).collect();
                self.lowered.push(at, Operator::Transpose { order }, &[x]).map(Given::Matrices)
            }
            _ => unknown(at, "input"),
        }
    }

    /// The products of matrices, one after another.
    fn products(&mut self, at: &str, factors: [i32; 2]) -> Result<Given> {
        let product = Operator::MatMul { transpose_a: false, transpose_b: false };
        match factors.map(|value| self.given(value)) {
            [Some(Given::Tensor(a)), Some(Given::Tensor(b))] => self.push(at, product, &[a, b]),
            [Some(Given::Matrices(a)), Some(Given::Matrices(b))] => {
                self.lowered.push(at, product, &[a, b]).map(Given::Matrices)
            }
            _ => unknown(at, "input"),
        }
    }
}

/// Refuses a call unless something about it is as it should be.
fn must_be(at: &str, what: &str, holds: bool) -> Result<()> {
    if holds { Ok(()) } else { unknown(at, what) }
}

/// Refuses a call for something about it.
fn unknown<T>(at: &str, what: &str) -> Result<T> {
    Err(Error::new(format!("{at}: Kiln doesn't know this {what}")))
}

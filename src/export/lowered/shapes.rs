//! Which tensors an operator can take, and the shapes of what it gives. Shapes are those behind the batch's dimension.

use super::{Constant, ConstantId, Lowered, Operator, TensorId};
use crate::{
    arch::Window,
    error::{Error, Result},
};

/// Numbers that a tensor of one image has at most: what is larger does not come from a classifier.
const MOST: usize = 1 << 30;

/// The shapes of what `operator` gives for these tensors.
///
/// # Errors
/// If it can't take them; `at` says where it stands.
pub(super) fn results(
    lowered: &Lowered,
    at: &str,
    operator: &Operator,
    inputs: &[TensorId],
) -> Result<Vec<Vec<usize>>> {
    let inputs: Vec<&[usize]> = inputs.iter().map(|input| lowered.shape(*input)).collect();
    let constant = |id: &ConstantId| &lowered.constants[id.0];
    let shapes = match (operator, inputs.as_slice()) {
        (Operator::Split { axis, sizes }, [x]) => parts(x, *axis, sizes),
        _ => result(operator, &inputs, constant).map(|shape| vec![shape]),
    };
    let sensible = |shape: &Vec<usize>| count(shape).is_some_and(|numbers| (1..=MOST).contains(&numbers));
    shapes
        .filter(|shapes| shapes.iter().all(sensible))
        .ok_or_else(|| Error::new(format!("{at} can't take tensors of the shapes {inputs:?}")))
}

/// The shape of the one tensor that an operator gives; none if it can't take these.
fn result<'a>(
    operator: &Operator,
    inputs: &[&[usize]],
    constant: impl Fn(&ConstantId) -> &'a Constant,
) -> Option<Vec<usize>> {
    match (operator, inputs) {
        (Operator::Convolution { weight, bias, window }, [x]) => {
            convolved(x, [constant(weight), constant(bias)], *window)
        }
        (Operator::Silu | Operator::Relu, [x]) => Some(x.to_vec()),
        (Operator::Softmax, [x]) => (!x.is_empty()).then(|| x.to_vec()),
        (Operator::Add, [x, y]) => (x == y).then(|| x.to_vec()),
        (Operator::Scale(factor), [x]) => scales(constant(factor), x).then(|| x.to_vec()),
        (Operator::Concat { axis }, all) => joined(all, *axis),
        (Operator::EverySecond { row, column }, &[&[channels, height, width]]) => {
            let even = height % 2 == 0 && width % 2 == 0;
            (even && row.max(column) < &2).then(|| vec![channels, height / 2, width / 2])
        }
        (Operator::MaxPool(window), [x]) => pooled(x, *window),
        (Operator::Reshape(shape), [x]) => (count(shape)? == count(x)?).then(|| shape.clone()),
        (Operator::Transpose { order }, [x]) => transposed(x, order),
        (Operator::MatMul { transpose_a, transpose_b }, [a, b]) => {
            product([a, b], [*transpose_a, *transpose_b])
        }
        (Operator::GlobalAverage, &[&[channels, _, _]]) => Some(vec![channels]),
        (Operator::Linear { weight, bias }, [x]) => linear(x, constant(weight), constant(bias)),
        _ => None,
    }
}

/// How many numbers there are, if that can be counted.
fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size))
}

fn convolved(x: &[usize], [weight, bias]: [&Constant; 2], window: Window) -> Option<Vec<usize>> {
    let Window { kernel, groups, .. } = window;
    let (&[channels, ..], &[out, ..]) = (x, weight.shape.as_slice()) else { return None };
    let divided = groups > 0 && channels % groups == 0 && out % groups == 0;
    let fits = divided && weight.shape == [out, channels / groups, kernel, kernel] && bias.shape == [out];
    let side = side(x, window)?;
    fits.then(|| vec![out, side, side])
}

fn pooled(x: &[usize], window: Window) -> Option<Vec<usize>> {
    let side = side(x, window)?;
    (window.groups == 1).then(|| vec![x[0], side, side])
}

/// Side of the map that a window makes of a square one.
fn side(x: &[usize], window: Window) -> Option<usize> {
    let &[_, height, width] = x else { return None };
    let moves = (1..=MOST).contains(&window.kernel) && window.stride > 0;
    (height == width && moves).then(|| window.side(width, "").ok())?
}

/// Whether there is one number, or one for each channel.
fn scales(factor: &Constant, x: &[usize]) -> bool {
    factor.shape.is_empty() || x.len() == 3 && factor.shape == [x[0], 1, 1]
}

/// The shape of tensors joined along `axis`, which counts the batch.
fn joined(all: &[&[usize]], axis: usize) -> Option<Vec<usize>> {
    let axis = axis.checked_sub(1)?;
    let first = all.first().filter(|first| axis < first.len())?;
    let rest = |shape: &[usize]| [&shape[..axis], &shape[axis + 1..]].concat();
    let alike = all.iter().all(|shape| shape.len() == first.len() && rest(shape) == rest(first));
    let mut shape = first.to_vec();
    shape[axis] = alike.then(|| all.iter().map(|shape| shape[axis]).sum())?;
    Some(shape)
}

/// The shapes of the parts that `shape` is cut into along `axis`, which counts the batch.
fn parts(shape: &[usize], axis: usize, sizes: &[usize]) -> Option<Vec<Vec<usize>>> {
    let axis = axis.checked_sub(1)?;
    let whole = sizes.iter().try_fold(0_usize, |sum, size| sum.checked_add(*size))?;
    let part = |size: &usize| {
        let mut part = shape.to_vec();
        part[axis] = *size;
        part
    };
    (shape.get(axis) == Some(&whole)).then(|| sizes.iter().map(part).collect())
}

/// The shape with its dimensions in `order`, in which the batch stays the first.
fn transposed(x: &[usize], order: &[usize]) -> Option<Vec<usize>> {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    let whole = order.first() == Some(&0) && sorted.into_iter().eq(0..=x.len());
    whole.then(|| order[1..].iter().map(|axis| x[axis - 1]).collect())
}

/// The shape of a matrix product of factors of these shapes.
fn product([a, b]: [&[usize]; 2], [transpose_a, transpose_b]: [bool; 2]) -> Option<Vec<usize>> {
    let (a, [rows, inner]) = matrix(a, transpose_a)?;
    let (b, [other, columns]) = matrix(b, transpose_b)?;
    (a == b && inner == other).then(|| [a, &[rows, columns]].concat())
}

/// The last two dimensions, swapped if that is wanted, and those before them.
fn matrix(shape: &[usize], swapped: bool) -> Option<(&[usize], [usize; 2])> {
    let (before, &[rows, columns]) = shape.split_last_chunk()?;
    Some((before, if swapped { [columns, rows] } else { [rows, columns] }))
}

fn linear(x: &[usize], weight: &Constant, bias: &Constant) -> Option<Vec<usize>> {
    let (&[inputs], &[outputs]) = (x, bias.shape.as_slice()) else { return None };
    (weight.shape == [outputs, inputs]).then(|| vec![outputs])
}

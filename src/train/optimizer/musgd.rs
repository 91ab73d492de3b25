//! MuSGD: Muon (Jordan et al., 2024) for matrices and convolutions, then Nesterov SGD for everything.

use burn::tensor::Tensor;

use crate::{
    arch::Role,
    network::{
        Parameters,
        layout::{Layout, Slot},
        pointwise::Number,
    },
};

/// How large Muon's part of the step is.
const MUON: f64 = 0.2;
/// Iterations of Newton and Schulz, and their coefficients.
const ITERATIONS: usize = 5;
const COEFFICIENTS: [f64; 3] = [3.4445, -4.7750, 2.0315];

/// Muon: `m ← β m + (1-β) g`, a step along `u = β m + (1-β) g` made orthogonal, matrix by matrix. `moment` is as long
/// as the learnt weights, `gradient` at least.
pub(super) fn step(
    parameters: &mut Parameters,
    moment: Tensor<1>,
    gradient: &Tensor<1>,
    rate: f64,
    beta: f64,
) -> Tensor<1> {
    let weights = parameters.layout.of_role(Role::Weight);
    if weights.is_empty() {
        return moment;
    }
    let gradient = gradient.clone().slice(weights.clone());
    let moment = moment.mean_with(gradient.clone(), beta);
    let update = moment.clone().mul_scalar(beta) + gradient.mul_scalar(1.0 - beta);
    let moved = parameters.range(weights.clone()) - scaled(&parameters.layout, &update, rate * MUON);
    parameters.values = parameters.values.clone().slice_assign(weights, moved);
    moment
}

/// The orthogonal part of the step, a matrix after another; zeros for vectors.
fn scaled(layout: &Layout, update: &Tensor<1>, rate: f64) -> Tensor<1> {
    let part = |slot: &Slot| {
        let values = update.clone().slice(slot.range());
        match slot.shape[..] {
            [rows, ..] if matches!(slot.shape.len(), 2 | 4) => {
                orthogonal(values, rows).mul_scalar(rate * scale(&slot.shape))
            }
            _ => values.zeros_like(),
        }
    };
    Tensor::cat(layout.slots_in(&layout.of_role(Role::Weight)).iter().map(part).collect(), 0)
}

/// `√max(1, rows / columns)` of the last two dimensions: 1 for a square kernel, more for a tall matrix.
fn scale(shape: &[usize]) -> f64 {
    let [.., rows, columns] = shape else { return 1.0 };
    (*rows as f64 / *columns as f64).max(1.0).sqrt()
}

/// The matrix of `rows` rows that lies nearest to having orthonormal rows or columns, roughly: five
/// iterations of Newton and Schulz. In fp32, where the reference iterates in bf16.
fn orthogonal(values: Tensor<1>, rows: usize) -> Tensor<1> {
    let [count] = values.dims();
    let matrix = values.reshape([rows, count / rows]);
    let norm = matrix.clone().powi_scalar(2).sum().sqrt().add_scalar(1e-7);
    let matrix = matrix / norm.reshape([1, 1]);
    let tall = rows > count / rows;
    let iterated = (0..ITERATIONS).fold(if tall { matrix.transpose() } else { matrix }, |x, _| iterate(x));
    if tall { iterated.transpose() } else { iterated }.reshape([count])
}

/// `X ← a X + (b A + c A²) X` with `A = X Xᵀ`.
fn iterate(x: Tensor<2>) -> Tensor<2> {
    let [a, b, c] = COEFFICIENTS;
    let gram = x.clone().matmul(x.clone().transpose());
    let polynomial = gram.clone().mul_scalar(b) + gram.clone().matmul(gram).mul_scalar(c);
    x.clone().mul_scalar(a) + polynomial.matmul(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tall_matrices_take_longer_steps() {
        let scales = [&[8, 2][..], &[2, 8], &[16, 8, 3, 3], &[5]].map(scale);
        assert_eq!(scales, [2.0, 1.0, 1.0, 1.0]);
    }
}

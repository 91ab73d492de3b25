//! Batch norm folded into the convolution before it: inference makes one pass instead of two.

use burn::tensor::Tensor;

use super::{Parameter, Parameters, layers::EPSILON};

/// The same network without batch norms: `W' = W · γ/√(σ² + ε)` and `b' = β − μ · γ/√(σ² + ε)` for
/// each output channel (section 2.2 of the reference page).
pub fn fold(parameters: &Parameters) -> Parameters {
    let mut folded = parameters.clone();
    let blocks = parameters.keys().filter_map(|name| name.strip_suffix(".bn.running_var"));
    for block in blocks {
        fold_block(&mut folded, block);
    }
    folded
}

fn fold_block(parameters: &mut Parameters, block: &str) {
    let parts = ["weight", "bias", "running_mean", "running_var"];
    let [Some(gamma), Some(beta), Some(mean), Some(var)] =
        parts.map(|part| parameters.remove(&format!("{block}.bn.{part}")))
    else {
        return;
    };
    let scale = gamma.values / var.values.add_scalar(EPSILON).sqrt();
    let shift = beta.values.clone() - mean.values * scale.clone();
    let bias = Parameter { values: shift, ..beta };
    parameters.insert(format!("{block}.conv.bias"), bias);
    if let Some(weight) = parameters.get_mut(&format!("{block}.conv.weight")) {
        weight.values = scale_rows(weight.values.clone(), scale);
    }
}

/// Multiplies each of `scale`'s equal parts of `values` by its number.
fn scale_rows(values: Tensor<1>, scale: Tensor<1>) -> Tensor<1> {
    let ([count], [rows]) = (values.dims(), scale.dims());
    let scaled = values.reshape([rows, count / rows]) * scale.reshape([rows, 1]);
    scaled.reshape([count])
}

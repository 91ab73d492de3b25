//! Attention as reshapes, transpositions, matrix products and a softmax.

use crate::{
    arch::computation::Attention,
    error::Result,
    export::lowered::{Constant, ConstantId, Lowered, Operator, TensorId},
};

/// The mixture and the values of a map of queries, keys and values, `[batch, heads · (2 key + value), side, side]`: two
/// maps `[batch, heads · value, side, side]`.
pub(super) fn attend(
    lowered: &mut Lowered,
    at: &str,
    attention: Attention,
    qkv: TensorId,
) -> Result<Vec<TensorId>> {
    let side = lowered.shape(qkv)[1];
    let mut attending = Attending { lowered, at, attention, side };
    match attention.areas {
        1 => attending.all(qkv),
        _ => attending.areas(qkv),
    }
}

/// Attention over a map of `side` pixels.
struct Attending<'a> {
    lowered: &'a mut Lowered,
    at: &'a str,
    attention: Attention,
    side: usize,
}

impl Attending<'_> {
    fn push(&mut self, operator: Operator, inputs: &[TensorId]) -> Result<TensorId> {
        self.lowered.push(self.at, operator, inputs)
    }

    /// Of every position to every other, on `[batch, heads, width, positions]`.
    fn all(&mut self, qkv: TensorId) -> Result<Vec<TensorId>> {
        let Attention { heads, key, value, .. } = self.attention;
        let shape = vec![heads, 2 * key + value, self.side * self.side];
        let divided = self.push(Operator::Reshape(shape), &[qkv])?;
        let both = self.mix(divided, 2)?;
        both.into_iter().map(|tensor| self.map(tensor)).collect()
    }

    /// Within each of the areas, which are runs of positions, on `[batch, areas, heads, width, positions]`.
    fn areas(&mut self, qkv: TensorId) -> Result<Vec<TensorId>> {
        let Attention { heads, key, value, areas } = self.attention;
        let shape = vec![heads, 2 * key + value, areas, self.side * self.side / areas];
        let divided = self.push(Operator::Reshape(shape), &[qkv])?;
        let divided = self.push(Operator::Transpose { order: vec![0, 3, 1, 2, 4] }, &[divided])?;
        let both = self.mix(divided, 3)?;
        let joined = |tensor| {
            let tensor = self.push(Operator::Transpose { order: vec![0, 2, 3, 1, 4] }, &[tensor])?;
            self.map(tensor)
        };
        both.into_iter().map(joined).collect()
    }

    /// The map that a tensor `[batch, heads, value, ...positions]` is.
    fn map(&mut self, tensor: TensorId) -> Result<TensorId> {
        let shape = vec![self.attention.heads * self.attention.value, self.side, self.side];
        self.push(Operator::Reshape(shape), &[tensor])
    }

    /// `v · softmax((q/√key)ᵀ k)ᵀ` over the last two dimensions of what holds q, k and v along `axis`; and v.
    fn mix(&mut self, divided: TensorId, axis: usize) -> Result<[TensorId; 2]> {
        let Attention { key, value, .. } = self.attention;
        let split = Operator::Split { axis, sizes: vec![key, key, value] };
        let parts = self.lowered.push_all(self.at, split, &[divided])?;
        let (q, k, v) = (parts[0], parts[1], parts[2]);
        let root = self.inverse_root(key);
        let q = self.push(Operator::Scale(root), &[q])?;
        let scores = self.push(Operator::MatMul { transpose_a: true, transpose_b: false }, &[q, k])?;
        let shares = self.push(Operator::Softmax, &[scores])?;
        let mixed = self.push(Operator::MatMul { transpose_a: false, transpose_b: true }, &[v, shares])?;
        Ok([mixed, v])
    }

    /// `1/√width`
    fn inverse_root(&mut self, width: usize) -> ConstantId {
        let data = vec![(width as f64).powf(-0.5) as f32];
        self.lowered.add_constant(Constant {
            name: format!("{}.scale", self.at),
            shape: Vec::new(),
            data,
            precision: crate::export::Precision::Fp32,
        })
    }
}

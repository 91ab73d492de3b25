//! Products of matrices that do not depend on the processor's caches.
//!
//! The crate `gemm` sums in parts that fit the first-level cache, but are never shorter than [`DEPTH`]. Where no
//! sum is longer, it is one part everywhere: the same numbers on every processor with the same instructions.

use burn::{
    backend::{Flex, TensorMetadata, ops::FloatTensorOps},
    tensor::Slice,
};

use super::Array;

/// What `gemm` 0.19 takes as one part on every processor.
const DEPTH: usize = 512;

/// `[m, k]` times `[k, n]`.
pub(super) fn product(a: Array, b: Array) -> Array {
    let depth = a.shape()[1];
    if depth <= DEPTH {
        return Flex::float_matmul(a, b);
    }
    // Parts of about the same length, as `gemm` makes them.
    let part = depth.div_ceil(depth.div_ceil(DEPTH));
    let products = (0..depth).step_by(part).map(|start| {
        let part = Slice::from(start..depth.min(start + part));
        let (a, b) = (a.clone(), b.clone());
        Flex::float_matmul(
            Flex::float_slice(a, &[Slice::full(), part]),
            Flex::float_slice(b, &[part, Slice::full()]),
        )
    });
    products.reduce(Flex::float_add).expect("a long sum has parts")
}

#[cfg(test)]
mod tests {
    use super::{super::array, *};
    use crate::random::Random;

    #[test]
    fn long_sums_are_those_of_their_parts() {
        let (m, k, n) = (3, 1301, 5);
        let mut random = Random::new("product", &[]);
        let mut matrix = |rows, columns| {
            let numbers: Vec<f32> = (0..rows * columns).map(|_| random.uniform(-1.0, 1.0) as f32).collect();
            (array(numbers.clone(), vec![rows, columns]), numbers)
        };
        let ((a, left), (b, right)) = (matrix(m, k), matrix(k, n));
        let ours = product(a, b);
        assert_eq!(ours.shape().to_vec(), [m, n]);
        for (i, ours) in ours.storage::<f32>().iter().enumerate() {
            let terms = (0..k).map(|j| f64::from(left[i / n * k + j]) * f64::from(right[j * n + i % n]));
            assert!((f64::from(*ours) - terms.sum::<f64>()).abs() < 1e-4);
        }
    }
}

//! Spatial pyramid pooling: the same map seen through growing windows.

use burn::{
    module::Module,
    tensor::{Tensor, module::max_pool2d, ops::MaxPoolOptions},
};

use super::ConvBlock;
use crate::network::Builder;

/// Three poolings, chained, all stages joined, between two 1×1 convolutions.
#[derive(Module, Debug)]
pub struct Sppf {
    cv1: ConvBlock,
    cv2: ConvBlock,
    kernel: usize,
}

impl Sppf {
    /// Channels are `[c1, hidden, c2]`; `kernel` is odd.
    pub fn new(b: &Builder<'_>, [c1, hidden, c2]: [usize; 3], kernel: usize) -> Self {
        let cv1 = ConvBlock::new(&b.at("cv1"), c1, hidden, 1);
        Self { cv1, cv2: ConvBlock::new(&b.at("cv2"), 4 * hidden, c2, 1), kernel }
    }

    /// `[batch, c1, h, w]` to `[batch, c2, h, w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let pool = |x| {
            let half = self.kernel / 2;
            max_pool2d(x, MaxPoolOptions::new([self.kernel; 2]).with_stride([1, 1]).with_padding([half; 2]))
        };
        let mut parts = vec![self.cv1.forward(x)];
        for _ in 0..3 {
            parts.push(pool(parts[parts.len() - 1].clone()));
        }
        self.cv2.forward(Tensor::cat(parts, 1))
    }
}

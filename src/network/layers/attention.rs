//! Self-attention over all positions of a feature map.

use burn::{module::Module, tensor::Tensor};

use super::ConvBlock;
use crate::network::Builder;
use crate::network::kernels;

/// Multi-head attention with half-width keys and a depthwise convolution for position.
#[derive(Module, Debug)]
struct Attention {
    qkv: ConvBlock,
    proj: ConvBlock,
    pe: ConvBlock,
    heads: usize,
}

impl Attention {
    fn new(b: &Builder<'_>, c: usize, heads: usize) -> Self {
        let key = c / heads / 2;
        Self {
            qkv: ConvBlock::new(&b.at("qkv"), c, c + 2 * key * heads, 1).linear(),
            proj: ConvBlock::new(&b.at("proj"), c, c, 1).linear(),
            pe: ConvBlock::grouped(&b.at("pe"), c, c, 3, c).linear(),
            heads,
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, c, h, w] = x.dims();
        let (head, key) = (c / self.heads, c / self.heads / 2);
        // Channels are grouped by head as (q, k, v).
        let qkv = self.qkv.forward(x).reshape([batch, self.heads, 2 * key + head, h * w]);
        let q = qkv.clone().narrow(2, 0, key);
        let k = qkv.clone().narrow(2, key, key);
        let v = qkv.narrow(2, 2 * key, head);
        let scores = (q.mul_scalar((key as f64).powf(-0.5))).swap_dims(2, 3).matmul(k);
        let mixed = v.clone().matmul(kernels::softmax(scores, 3).swap_dims(2, 3));
        let position = self.pe.forward(v.reshape([batch, c, h, w]));
        self.proj.forward(kernels::add(mixed.reshape([batch, c, h, w]), position))
    }
}

/// Attention and a two-layer perceptron, each with a residual sum.
#[derive(Module, Debug)]
struct PsaBlock {
    attn: Attention,
    ffn: Vec<ConvBlock>,
}

impl PsaBlock {
    fn new(b: &Builder<'_>, c: usize, heads: usize) -> Self {
        let ffn = b.at("ffn");
        let (up, down) = (ConvBlock::new(&ffn.at(0), c, 2 * c, 1), ConvBlock::new(&ffn.at(1), 2 * c, c, 1));
        Self { attn: Attention::new(&b.at("attn"), c, heads), ffn: vec![up, down.linear()] }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = kernels::add(x.clone(), self.attn.forward(x));
        let y = self.ffn.iter().fold(x.clone(), |x, layer| layer.forward(x));
        kernels::add(x, y)
    }
}

/// Splits the channels, attends on one part, joins.
#[derive(Module, Debug)]
pub struct C2psa {
    cv1: ConvBlock,
    cv2: ConvBlock,
    m: Vec<PsaBlock>,
}

impl C2psa {
    /// `c` channels in and out, `n` attention blocks of `hidden` channels and `heads` heads.
    pub fn new(b: &Builder<'_>, c: usize, n: usize, hidden: usize, heads: usize) -> Self {
        Self {
            cv1: ConvBlock::new(&b.at("cv1"), c, 2 * hidden, 1),
            cv2: ConvBlock::new(&b.at("cv2"), 2 * hidden, c, 1),
            m: (0..n).map(|i| PsaBlock::new(&b.at("m").at(i), hidden, heads)).collect(),
        }
    }

    /// `[batch, c, h, w]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut halves = self.cv1.forward(x).chunk(2, 1).into_iter();
        let (a, b) = (halves.next().expect("two halves"), halves.next().expect("two halves"));
        let b = self.m.iter().fold(b, |x, block| block.forward(x));
        self.cv2.forward(Tensor::cat(vec![a, b], 1))
    }
}

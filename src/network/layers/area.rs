//! Self-attention within areas of a feature map (yolo12).

use burn::{
    module::{Module, Param},
    tensor::Tensor,
};

use super::{ConvBlock, Layer};
use crate::network::kernels;
use crate::{
    arch::Block,
    network::builder::{Builder, Fill},
};

/// Multi-head attention inside `area` equal chunks of the flattened positions.
#[derive(Module, Debug)]
struct AreaAttention {
    qkv: ConvBlock,
    proj: ConvBlock,
    pe: ConvBlock,
    heads: usize,
    area: usize,
}

impl AreaAttention {
    fn new(b: &Builder<'_>, c: usize, heads: usize, area: usize) -> Self {
        Self {
            qkv: ConvBlock::new(&b.at("qkv"), c, 3 * c, 1).linear(),
            proj: ConvBlock::new(&b.at("proj"), c, c, 1).linear(),
            pe: ConvBlock::grouped(&b.at("pe"), c, c, 7, c).linear(),
            heads,
            area,
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, c, h, w] = x.dims();
        let (head, count) = (c / self.heads, h * w / self.area);
        // [batch · area, heads, 3 · head, positions]: chunks of positions become a batch of their own.
        let qkv = self.qkv.forward(x).reshape([batch, self.heads, 3 * head, self.area, count]);
        let qkv = qkv.permute([0, 3, 1, 2, 4]).reshape([batch * self.area, self.heads, 3 * head, count]);
        let q = qkv.clone().narrow(2, 0, head);
        let k = qkv.clone().narrow(2, head, head);
        let v = qkv.narrow(2, 2 * head, head);
        let scores = (q.mul_scalar((head as f64).powf(-0.5))).swap_dims(2, 3).matmul(k);
        let mixed = v.clone().matmul(kernels::softmax(scores, 3).swap_dims(2, 3));
        let whole = |x: Tensor<4>| {
            let x = x.reshape([batch, self.area, c, count]).permute([0, 2, 1, 3]);
            x.reshape([batch, c, h, w])
        };
        self.proj.forward(kernels::add(whole(mixed), self.pe.forward(whole(v))))
    }
}

/// Area attention and a two-layer perceptron, each with a residual sum.
#[derive(Module, Debug)]
pub struct AreaBlock {
    attn: AreaAttention,
    mlp: Vec<ConvBlock>,
}

impl AreaBlock {
    /// The reference draws the convolutions of this block from a normal distribution with deviation 0.02
    /// (cut at ±2, a hundred deviations away), unlike all others. Only with `pretrained=False`, which is not
    /// its default, does it then draw them again like the others.
    fn new(b: &Builder<'_>, c: usize, hidden: usize, heads: usize, area: usize) -> Self {
        let b = b.convolutions(Fill::Normal(0.02));
        let mlp = b.at("mlp");
        let (up, down) = (ConvBlock::new(&mlp.at(0), c, hidden, 1), ConvBlock::new(&mlp.at(1), hidden, c, 1));
        Self { attn: AreaAttention::new(&b.at("attn"), c, heads, area), mlp: vec![up, down.linear()] }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = kernels::add(x.clone(), self.attn.forward(x));
        let y = self.mlp.iter().fold(x.clone(), |x, layer| layer.forward(x));
        kernels::add(x, y)
    }
}

/// Two area-attention blocks, one after the other.
#[derive(Module, Debug)]
pub enum AreaPair {
    /// An enum of one: its name is no part of the parameters' names, which the reference numbers.
    Blocks(Vec<AreaBlock>),
}

impl AreaPair {
    /// Channels are `[c, mlp]`; `heads` heads in `area` areas.
    pub fn new(b: &Builder<'_>, [c, mlp]: [usize; 2], heads: usize, area: usize) -> Self {
        Self::Blocks((0..2).map(|i| AreaBlock::new(&b.at(i), c, mlp, heads, area)).collect())
    }

    /// `[batch, c, h, w]` to the same shape; `h · w` must be a multiple of the areas.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let Self::Blocks(blocks) = self;
        blocks.iter().fold(x, |x, block| block.forward(x))
    }
}

/// Inner blocks, chained, every output joined.
#[derive(Module, Debug)]
pub struct A2c2f {
    gamma: Option<Param<Tensor<1>>>,
    cv1: ConvBlock,
    cv2: ConvBlock,
    m: Vec<Layer>,
}

impl A2c2f {
    /// Channels are `[c1, hidden, c2]`; each inner block keeps the hidden ones.
    pub fn new(b: &Builder<'_>, [c1, hidden, c2]: [usize; 3], inner: &[Block], residual: bool) -> Self {
        Self {
            gamma: residual.then(|| b.parameter("gamma", [c2], Fill::Constant(0.01))),
            cv1: ConvBlock::new(&b.at("cv1"), c1, hidden, 1),
            cv2: ConvBlock::new(&b.at("cv2"), (1 + inner.len()) * hidden, c2, 1),
            m: Layer::all(inner, &b.at("m")),
        }
    }

    /// `[batch, c1, h, w]` to `[batch, c2, h, w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut parts = vec![self.cv1.forward(x.clone())];
        for block in &self.m {
            let last = parts.last().expect("one part at least").clone();
            parts.push(block.forward(last));
        }
        let y = self.cv2.forward(Tensor::cat(parts, 1));
        match &self.gamma {
            Some(gamma) => {
                let gamma = kernels::typed(gamma.val().reshape([1, -1, 1, 1]), y.dtype());
                kernels::add(x, gamma * y)
            }
            None => y,
        }
    }
}

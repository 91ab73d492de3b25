//! The reference's blocks (section 1.4 of its page) as ONNX operations.

use super::{
    fold::{self, fold},
    graph::{Attribute, Graph},
};
use crate::{
    error::{Error, Result},
    zoo::{arch::Block, weights::Weights},
};

/// A feature map in the graph.
#[derive(Debug, Clone)]
pub struct Map {
    /// The value's name.
    pub name: String,
    /// How many channels it has.
    pub channels: usize,
    /// Side of its square, in pixels.
    pub side: usize,
}

impl Map {
    fn named(&self, name: String) -> Self {
        Self { name, ..*self }
    }

    fn wide(&self, name: String, channels: usize) -> Self {
        Self { name, channels, side: self.side }
    }

    fn positions(&self) -> usize {
        self.side * self.side
    }
}

/// What follows a convolution.
#[derive(Clone, Copy, PartialEq)]
enum Activation {
    Silu,
    None,
}

/// Kernel and stride of a convolution; it is padded by half the kernel.
#[derive(Clone, Copy)]
struct Window {
    kernel: usize,
    stride: usize,
    groups: usize,
}

const POINT: Window = Window { kernel: 1, stride: 1, groups: 1 };
const THREE: Window = Window { kernel: 3, stride: 1, groups: 1 };

/// Turns blocks into operations, with the weights that they need.
pub struct Blocks<'a> {
    /// Where the operations go.
    pub graph: Graph,
    weights: &'a Weights,
}

impl<'a> Blocks<'a> {
    /// An empty graph for these weights.
    pub fn new(weights: &'a Weights) -> Self {
        Self { graph: Graph::default(), weights }
    }

    /// Adds the block whose parameters are named `prefix.…`.
    ///
    /// # Errors
    /// If its parameters are missing or of a wrong shape, or the image is too small for it.
    pub fn block(&mut self, prefix: &str, x: &Map, block: &Block) -> Result<Map> {
        match *block {
            Block::Conv { kernel, stride, groups, .. } => {
                self.silu_conv(prefix, x, Window { kernel, stride, groups })
            }
            Block::C2f { n, shortcut, .. } => {
                self.split_chain(prefix, x, n, |blocks, at, y| blocks.bottleneck(at, y, shortcut))
            }
            Block::C3k2 { n, c3k, shortcut, .. } => self.split_chain(prefix, x, n, |blocks, at, y| {
                if c3k { blocks.c3k(at, y, shortcut) } else { blocks.bottleneck(at, y, shortcut) }
            }),
            Block::C2psa { n, heads, .. } => self.c2psa(prefix, x, n, heads),
            Block::A2c2f { n, heads, area, residual, .. } => {
                self.a2c2f(prefix, x, n, (heads, area), residual)
            }
            Block::ResNetLayer { stride, first, n, .. } => self.resnet_layer(prefix, x, stride, first, n),
            Block::Classify { classes, kernel, stride, .. } => {
                self.classify(prefix, x, classes, Window { kernel, stride, groups: 1 })
            }
            Block::Sequence(ref inner) => {
                let mut x = x.clone();
                for (i, block) in inner.iter().enumerate() {
                    x = self.block(&format!("{prefix}.{i}"), &x, block)?;
                }
                Ok(x)
            }
        }
    }

    /// Convolution, BatchNorm (folded in) and perhaps SiLU.
    fn conv(&mut self, prefix: &str, x: &Map, window: Window, activation: Activation) -> Result<Map> {
        let Window { kernel, stride, groups } = window;
        let folded = fold(self.weights, prefix)?;
        let channels = folded.bias.len();
        let expected = [channels, x.channels / groups, kernel, kernel];
        if folded.weight.shape != expected {
            let found = &folded.weight.shape;
            return Err(Error::new(format!(
                "{prefix}.conv.weight has the shape {found:?}, not {expected:?}"
            )));
        }
        let (weight, bias) = (format!("{prefix}.conv.weight"), format!("{prefix}.conv.bias"));
        self.graph.floats(&weight, &folded.weight.shape, &folded.weight.data);
        self.graph.floats(&bias, &[channels], &folded.bias);
        let [kernel, stride, groups] = [kernel, stride, groups].map(|number| number as i64);
        let attributes = [
            Attribute::Ints("dilations", &[1, 1]),
            Attribute::Int("group", groups),
            Attribute::Ints("kernel_shape", &[kernel; 2]),
            Attribute::Ints("pads", &[kernel / 2; 4]),
            Attribute::Ints("strides", &[stride; 2]),
        ];
        let y = self.graph.op(&format!("{prefix}.conv"), "Conv", &[&x.name, &weight, &bias], &attributes);
        let y = Map { name: y, channels, side: shrunk(x.side, window, prefix)? };
        Ok(if activation == Activation::Silu { self.silu(prefix, &y) } else { y })
    }

    fn silu_conv(&mut self, prefix: &str, x: &Map, window: Window) -> Result<Map> {
        self.conv(prefix, x, window, Activation::Silu)
    }

    /// `x · sigmoid(x)`.
    fn silu(&mut self, prefix: &str, x: &Map) -> Map {
        let scope = format!("{prefix}.act");
        let gate = self.graph.op(&scope, "Sigmoid", &[&x.name], &[]);
        x.named(self.graph.op(&scope, "Mul", &[&x.name, &gate], &[]))
    }

    fn add(&mut self, prefix: &str, x: &Map, y: &Map) -> Map {
        y.named(self.graph.op(prefix, "Add", &[&x.name, &y.name], &[]))
    }

    fn concat(&mut self, prefix: &str, maps: &[Map]) -> Map {
        let names: Vec<&str> = maps.iter().map(|map| map.name.as_str()).collect();
        let name = self.graph.op(prefix, "Concat", &names, &[Attribute::Int("axis", 1)]);
        maps[0].wide(name, maps.iter().map(|map| map.channels).sum())
    }

    /// The two halves of the channels.
    fn halves(&mut self, prefix: &str, x: &Map) -> [Map; 2] {
        let half = x.channels / 2;
        self.graph.split(prefix, &x.name, 1, [half, x.channels - half]).map(|name| x.wide(name, half))
    }

    /// Two convolutions around which the input may pass.
    fn bottleneck(&mut self, prefix: &str, x: &Map, shortcut: bool) -> Result<Map> {
        let y = self.silu_conv(&format!("{prefix}.cv1"), x, THREE)?;
        let y = self.silu_conv(&format!("{prefix}.cv2"), &y, THREE)?;
        Ok(if shortcut && x.channels == y.channels { self.add(prefix, x, &y) } else { y })
    }

    /// C2f and C3k2: one half of the channels goes through `n` inner blocks, and every stage of it
    /// is kept.
    fn split_chain(
        &mut self,
        prefix: &str,
        x: &Map,
        n: usize,
        inner: impl Fn(&mut Self, &str, &Map) -> Result<Map>,
    ) -> Result<Map> {
        let x = self.silu_conv(&format!("{prefix}.cv1"), x, POINT)?;
        let mut kept = self.halves(prefix, &x).to_vec();
        for i in 0..n {
            kept.push(inner(self, &format!("{prefix}.m.{i}"), &kept[kept.len() - 1])?);
        }
        let joined = self.concat(prefix, &kept);
        self.silu_conv(&format!("{prefix}.cv2"), &joined, POINT)
    }

    fn c3k(&mut self, prefix: &str, x: &Map, shortcut: bool) -> Result<Map> {
        let mut y = self.silu_conv(&format!("{prefix}.cv1"), x, POINT)?;
        let beside = self.silu_conv(&format!("{prefix}.cv2"), x, POINT)?;
        for i in 0..2 {
            y = self.bottleneck(&format!("{prefix}.m.{i}"), &y, shortcut)?;
        }
        let joined = self.concat(prefix, &[y, beside]);
        self.silu_conv(&format!("{prefix}.cv3"), &joined, POINT)
    }

    fn c2psa(&mut self, prefix: &str, x: &Map, n: usize, heads: usize) -> Result<Map> {
        let x = self.silu_conv(&format!("{prefix}.cv1"), x, POINT)?;
        let [kept, mut y] = self.halves(prefix, &x);
        for i in 0..n {
            let at = format!("{prefix}.m.{i}");
            let attended = self.attention(&format!("{at}.attn"), &y, heads)?;
            y = self.add(&at, &y, &attended);
            y = self.feed_forward(&at, "ffn", &y)?;
        }
        let joined = self.concat(prefix, &[kept, y]);
        self.silu_conv(&format!("{prefix}.cv2"), &joined, POINT)
    }

    /// `x + f(x)` with two convolutions of one pixel, the second without activation.
    fn feed_forward(&mut self, prefix: &str, part: &str, x: &Map) -> Result<Map> {
        let y = self.silu_conv(&format!("{prefix}.{part}.0"), x, POINT)?;
        let y = self.conv(&format!("{prefix}.{part}.1"), &y, POINT, Activation::None)?;
        Ok(self.add(prefix, x, &y))
    }

    /// Attention of every position to every other; a head's channels lie as query, key, value, the
    /// first two half as wide as the third.
    fn attention(&mut self, prefix: &str, x: &Map, heads: usize) -> Result<Map> {
        let width = x.channels / heads;
        let key = width / 2;
        let qkv = self.conv(&format!("{prefix}.qkv"), x, POINT, Activation::None)?;
        let parts = self.graph.reshape(prefix, &qkv.name, &[0, heads, 2 * key + width, qkv.positions()]);
        let [q, k, v] = self.graph.split(prefix, &parts, 2, [key, key, width]);
        let out = self.attend(prefix, [&q, &k, &v], key, &[0, 1, 3, 2]);
        let shape = [0, x.channels, x.side, x.side];
        let [out, v] = [&out, &v].map(|value| x.named(self.graph.reshape(prefix, value, &shape)));
        self.project(prefix, &out, &v, 3)
    }

    /// `v · softmax((q/√width)ᵀ k)ᵀ` over the last two dimensions, which `turn` swaps.
    fn attend(&mut self, prefix: &str, [q, k, v]: [&str; 3], width: usize, turn: &[i64]) -> String {
        let scale = format!("{prefix}.scale");
        self.graph.floats(&scale, &[], &[(width as f64).powf(-0.5) as f32]);
        let q = self.graph.op(prefix, "Mul", &[q, &scale], &[]);
        let q = self.graph.transpose(prefix, &q, turn);
        let scores = self.graph.op(prefix, "MatMul", &[&q, k], &[]);
        let share = self.graph.op(prefix, "Softmax", &[&scores], &[Attribute::Int("axis", -1)]);
        let share = self.graph.transpose(prefix, &share, turn);
        self.graph.op(prefix, "MatMul", &[v, &share], &[])
    }

    /// Adds what a depthwise convolution makes of the values, and mixes the heads.
    fn project(&mut self, prefix: &str, out: &Map, v: &Map, kernel: usize) -> Result<Map> {
        let window = Window { kernel, stride: 1, groups: v.channels };
        let place = self.conv(&format!("{prefix}.pe"), v, window, Activation::None)?;
        let sum = self.add(prefix, out, &place);
        self.conv(&format!("{prefix}.proj"), &sum, POINT, Activation::None)
    }

    fn a2c2f(
        &mut self,
        prefix: &str,
        x: &Map,
        n: usize,
        attention: (usize, usize),
        residual: bool,
    ) -> Result<Map> {
        let mut kept = vec![self.silu_conv(&format!("{prefix}.cv1"), x, POINT)?];
        for i in 0..n {
            let mut y = kept[kept.len() - 1].clone();
            for j in 0..2 {
                let at = format!("{prefix}.m.{i}.{j}");
                let attended = self.area_attention(&format!("{at}.attn"), &y, attention)?;
                y = self.add(&at, &y, &attended);
                y = self.feed_forward(&at, "mlp", &y)?;
            }
            kept.push(y);
        }
        let joined = self.concat(prefix, &kept);
        let y = self.silu_conv(&format!("{prefix}.cv2"), &joined, POINT)?;
        if !residual {
            return Ok(y);
        }
        let gamma = format!("{prefix}.gamma");
        self.graph.floats(&gamma, &[y.channels, 1, 1], &fold::vector(self.weights, &gamma, y.channels)?);
        let scaled = y.named(self.graph.op(prefix, "Mul", &[&y.name, &gamma], &[]));
        Ok(self.add(prefix, x, &scaled))
    }

    /// Attention within each of `areas` runs of positions; a head's channels lie as query, key,
    /// value, all of one width.
    fn area_attention(&mut self, prefix: &str, x: &Map, (heads, areas): (usize, usize)) -> Result<Map> {
        let (width, positions) = (x.channels / heads, x.positions());
        if !positions.is_multiple_of(areas) {
            return Err(Error::new(format!(
                "{positions} positions can't be divided into {areas} areas at {prefix}"
            ))
            .help("choose an image size that is a multiple of 32"));
        }
        let qkv = self.conv(&format!("{prefix}.qkv"), x, POINT, Activation::None)?;
        let parts = self.graph.reshape(prefix, &qkv.name, &[0, heads, 3 * width, areas, positions / areas]);
        let parts = self.graph.transpose(prefix, &parts, &[0, 3, 1, 2, 4]);
        let [q, k, v] = self.graph.split(prefix, &parts, 3, [width; 3]);
        let out = self.attend(prefix, [&q, &k, &v], width, &[0, 1, 2, 4, 3]);
        let shape = [0, x.channels, x.side, x.side];
        let [out, v] = [&out, &v].map(|value| {
            let back = self.graph.transpose(prefix, value, &[0, 2, 3, 1, 4]);
            x.named(self.graph.reshape(prefix, &back, &shape))
        });
        self.project(prefix, &out, &v, 7)
    }

    fn resnet_layer(&mut self, prefix: &str, x: &Map, stride: usize, first: bool, n: usize) -> Result<Map> {
        if first {
            return self.resnet_stem(&format!("{prefix}.layer"), x);
        }
        let mut x = x.clone();
        for i in 0..n {
            x = self.resnet_block(&format!("{prefix}.layer.{i}"), &x, if i == 0 { stride } else { 1 })?;
        }
        Ok(x)
    }

    fn resnet_stem(&mut self, prefix: &str, x: &Map) -> Result<Map> {
        let x = self.silu_conv(&format!("{prefix}.0"), x, Window { kernel: 7, stride: 2, groups: 1 })?;
        let attributes = [
            Attribute::Ints("kernel_shape", &[3, 3]),
            Attribute::Ints("pads", &[1; 4]),
            Attribute::Ints("strides", &[2, 2]),
        ];
        let pooled = self.graph.op(&format!("{prefix}.1"), "MaxPool", &[&x.name], &attributes);
        Ok(Map { name: pooled, side: shrunk(x.side, Window { stride: 2, ..THREE }, prefix)?, ..x })
    }

    fn resnet_block(&mut self, prefix: &str, x: &Map, stride: usize) -> Result<Map> {
        let y = self.silu_conv(&format!("{prefix}.cv1"), x, POINT)?;
        let y = self.silu_conv(&format!("{prefix}.cv2"), &y, Window { stride, ..THREE })?;
        let y = self.conv(&format!("{prefix}.cv3"), &y, POINT, Activation::None)?;
        let beside = if stride != 1 || x.channels != y.channels {
            self.conv(&format!("{prefix}.shortcut.0"), x, Window { stride, ..POINT }, Activation::None)?
        } else {
            x.clone()
        };
        let sum = self.add(prefix, &beside, &y);
        Ok(sum.named(self.graph.op(prefix, "Relu", &[&sum.name], &[])))
    }

    /// The head: its result has `classes` channels and no sides.
    fn classify(&mut self, prefix: &str, x: &Map, classes: usize, window: Window) -> Result<Map> {
        let x = self.silu_conv(&format!("{prefix}.conv"), x, window)?;
        let pooled = self.graph.op(&format!("{prefix}.pool"), "GlobalAveragePool", &[&x.name], &[]);
        let flat = self.graph.op(prefix, "Flatten", &[&pooled], &[Attribute::Int("axis", 1)]);
        let (weight, bias) = (format!("{prefix}.linear.weight"), format!("{prefix}.linear.bias"));
        self.graph.floats(
            &weight,
            &[classes, x.channels],
            &fold::vector(self.weights, &weight, classes * x.channels)?,
        );
        self.graph.floats(&bias, &[classes], &fold::vector(self.weights, &bias, classes)?);
        let scope = format!("{prefix}.linear");
        let logits = self.graph.op(&scope, "Gemm", &[&flat, &weight, &bias], &[Attribute::Int("transB", 1)]);
        Ok(Map { name: logits, channels: classes, side: 1 })
    }
}

/// The side of a map after a window went over it.
fn shrunk(side: usize, Window { kernel, stride, .. }: Window, prefix: &str) -> Result<usize> {
    let room = (side + 2 * (kernel / 2)).checked_sub(kernel).filter(|_| stride > 0);
    let side = room.map(|room| room / stride + 1);
    side.ok_or_else(|| {
        Error::new(format!("the image is too small for {prefix}")).help("choose a larger size")
    })
}

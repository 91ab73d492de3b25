//! A walk through an architecture, operation by operation.
//!
//! Whoever wants to know or to write down what a network does (its parameters' shapes, its cost, an
//! ONNX graph) says what each operation means to it ([`Operations`]); how blocks are made of
//! operations (section 1.4 of the reference page) is written here once.

use super::{Arch, Block, FEATURES, Window};
use crate::error::Result;

/// A convolution with the norm after it, by names of their parameters.
#[derive(Debug)]
pub struct Convolution {
    /// E.g. `model.0.conv`.
    pub conv: String,
    /// E.g. `model.0.bn`.
    pub norm: String,
    /// Channels in.
    pub c1: usize,
    /// Channels out.
    pub c2: usize,
    /// Kernel, stride and groups.
    pub window: Window,
    /// Whether the architecture's activation follows.
    pub activated: bool,
}

/// Attention between positions of a map.
#[derive(Debug, Clone, Copy)]
pub struct Attention {
    /// How many heads there are; a head's channels lie as query, key, value.
    pub heads: usize,
    /// Channels of a head's query, and of its key.
    pub key: usize,
    /// Channels of its value.
    pub value: usize,
    /// Runs of positions that do not see each other.
    pub areas: usize,
}

/// What an architecture's operations mean to somebody. `at` is the name of the module that does it.
pub trait Operations {
    /// A feature map.
    type Map: Clone;

    /// Convolution, norm, and perhaps the activation.
    ///
    /// # Errors
    /// If it can't be done.
    fn conv(&mut self, conv: &Convolution, x: &Self::Map) -> Result<Self::Map>;

    /// The sum of two maps.
    fn add(&mut self, at: &str, x: &Self::Map, y: &Self::Map) -> Self::Map;

    /// The maps' channels, one map after another.
    fn concat(&mut self, at: &str, maps: &[Self::Map]) -> Self::Map;

    /// The two halves of the channels.
    fn halves(&mut self, at: &str, x: &Self::Map) -> [Self::Map; 2];

    /// `v · softmax((q/√key)ᵀ k)ᵀ` of a map that holds queries, keys and values; and its values.
    ///
    /// # Errors
    /// If it can't be done.
    fn attend(&mut self, at: &str, qkv: &Self::Map, attention: Attention) -> Result<[Self::Map; 2]>;

    /// The map times the parameter `gamma`, channel by channel.
    ///
    /// # Errors
    /// If it can't be done.
    fn scale(&mut self, at: &str, x: &Self::Map, channels: usize) -> Result<Self::Map>;

    /// `max(x, 0)`.
    fn relu(&mut self, at: &str, x: &Self::Map) -> Self::Map;

    /// The maximum in a window.
    ///
    /// # Errors
    /// If it can't be done.
    fn max_pool(&mut self, at: &str, x: &Self::Map, window: Window) -> Result<Self::Map>;

    /// Global average pool, and a linear layer from `channels` to `classes`.
    ///
    /// # Errors
    /// If it can't be done.
    fn classify(&mut self, at: &str, x: &Self::Map, channels: usize, classes: usize) -> Result<Self::Map>;

    /// Counts modules of the reference that no other operation stands for.
    fn modules(&mut self, _count: usize) {}
}

/// Walks row `i` of an architecture from `x`.
///
/// # Errors
/// If an operation can't be done.
pub fn row<O: Operations>(operations: &mut O, arch: &Arch, i: usize, x: &O::Map) -> Result<O::Map> {
    Walk(operations).block(&format!("model.{i}"), &arch.rows[i].block, x)
}

/// Walks a whole architecture from `x`.
///
/// # Errors
/// If an operation can't be done.
pub fn walk<O: Operations>(operations: &mut O, arch: &Arch, x: O::Map) -> Result<O::Map> {
    (0..arch.rows.len()).try_fold(x, |x, i| row(operations, arch, i, &x))
}

struct Walk<'a, O>(&'a mut O);

impl<O: Operations> Walk<'_, O> {
    fn block(&mut self, at: &str, block: &Block, x: &O::Map) -> Result<O::Map> {
        match *block {
            Block::Conv { c1, c2, window, activated: true } => self.conv(at, [c1, c2], window, x),
            Block::Conv { c1, c2, window, activated: false } => self.plain(at, [c1, c2], window, x),
            Block::Bottleneck { c1, c2, hidden, kernels, groups, add } => {
                self.bottleneck(at, [c1, hidden, c2], kernels, groups, add, x)
            }
            Block::C2f { c1, c2, hidden, ref inner } => self.c2f(at, [c1, hidden, c2], inner, x),
            Block::C3 { c1, c2, hidden, ref inner } => self.c3(at, [c1, hidden, c2], inner, x),
            Block::C2psa { c, n, hidden, heads } => self.c2psa(at, [c, hidden], n, heads, x),
            Block::A2c2f { c1, c2, hidden, ref inner, residual } => {
                self.a2c2f(at, [c1, hidden, c2], inner, residual, x)
            }
            Block::AreaPair { c, heads, area, mlp } => (0..2)
                .try_fold(x.clone(), |x, i| self.area_block(&format!("{at}.{i}"), [c, mlp], heads, area, &x)),
            Block::Sppf { c1, c2, hidden, kernel } => self.sppf(at, [c1, hidden, c2], kernel, x),
            Block::ResNetLayer { c1, c2, first: true, .. } => self.stem(at, [c1, c2], x),
            Block::ResNetLayer { c1, c2, stride, first: false, n } => {
                self.resnet_layer(at, [c1, c2], stride, n, x)
            }
            Block::ResNet18 => self.resnet18(&format!("{at}.m"), x),
            Block::Classify { c1, classes, window } => self.classify(at, c1, classes, window, x),
            Block::Sequence(ref inner) => self.chain(at, inner, x),
        }
    }

    fn chain(&mut self, at: &str, inner: &[Block], x: &O::Map) -> Result<O::Map> {
        let mut blocks = inner.iter().enumerate();
        blocks.try_fold(x.clone(), |x, (i, block)| self.block(&format!("{at}.{i}"), block, &x))
    }

    /// Convolution, norm and activation.
    fn conv(&mut self, at: &str, channels: [usize; 2], window: Window, x: &O::Map) -> Result<O::Map> {
        self.convolve(at, channels, window, true, x)
    }

    /// Without activation: in the reference, with one that does nothing.
    fn plain(&mut self, at: &str, channels: [usize; 2], window: Window, x: &O::Map) -> Result<O::Map> {
        self.0.modules(1);
        self.convolve(at, channels, window, false, x)
    }

    fn convolve(
        &mut self,
        at: &str,
        [c1, c2]: [usize; 2],
        window: Window,
        activated: bool,
        x: &O::Map,
    ) -> Result<O::Map> {
        let (conv, norm) = (format!("{at}.conv"), format!("{at}.bn"));
        self.0.conv(&Convolution { conv, norm, c1, c2, window, activated }, x)
    }

    fn bottleneck(
        &mut self,
        at: &str,
        [c1, hidden, c2]: [usize; 3],
        kernels: [usize; 2],
        groups: usize,
        add: bool,
        x: &O::Map,
    ) -> Result<O::Map> {
        let [first, second] = kernels.map(Window::square);
        let y = self.conv(&format!("{at}.cv1"), [c1, hidden], first, x)?;
        let y = self.conv(&format!("{at}.cv2"), [hidden, c2], second.groups(groups), &y)?;
        Ok(if add { self.0.add(at, x, &y) } else { y })
    }

    fn c2f(&mut self, at: &str, [c1, c, c2]: [usize; 3], inner: &[Block], x: &O::Map) -> Result<O::Map> {
        let x = self.conv(&format!("{at}.cv1"), [c1, 2 * c], Window::POINT, x)?;
        let kept = self.0.halves(at, &x).to_vec();
        self.join_stages(at, kept, [c, c2], inner)
    }

    /// Chains `inner` behind the last of `kept`, and joins all stages.
    fn join_stages(
        &mut self,
        at: &str,
        mut kept: Vec<O::Map>,
        [c, c2]: [usize; 2],
        inner: &[Block],
    ) -> Result<O::Map> {
        for (i, block) in inner.iter().enumerate() {
            kept.push(self.block(&format!("{at}.m.{i}"), block, &kept[kept.len() - 1])?);
        }
        let joined = self.0.concat(at, &kept);
        self.conv(&format!("{at}.cv2"), [kept.len() * c, c2], Window::POINT, &joined)
    }

    fn c3(&mut self, at: &str, [c1, c, c2]: [usize; 3], inner: &[Block], x: &O::Map) -> Result<O::Map> {
        let y = self.conv(&format!("{at}.cv1"), [c1, c], Window::POINT, x)?;
        let beside = self.conv(&format!("{at}.cv2"), [c1, c], Window::POINT, x)?;
        let y = self.chain(&format!("{at}.m"), inner, &y)?;
        let joined = self.0.concat(at, &[y, beside]);
        self.conv(&format!("{at}.cv3"), [2 * c, c2], Window::POINT, &joined)
    }

    fn c2psa(
        &mut self,
        at: &str,
        [c, hidden]: [usize; 2],
        n: usize,
        heads: usize,
        x: &O::Map,
    ) -> Result<O::Map> {
        let x = self.conv(&format!("{at}.cv1"), [c, 2 * hidden], Window::POINT, x)?;
        let [kept, mut y] = self.0.halves(at, &x);
        let value = hidden / heads;
        let attention = Attention { heads, key: value / 2, value, areas: 1 };
        for i in 0..n {
            let at = format!("{at}.m.{i}");
            y = self.attention(&at, hidden, attention, 3, &y)?;
            y = self.feed_forward(&at, "ffn", [hidden, 2 * hidden], &y)?;
        }
        let joined = self.0.concat(at, &[kept, y]);
        self.conv(&format!("{at}.cv2"), [2 * hidden, c], Window::POINT, &joined)
    }

    fn area_block(
        &mut self,
        at: &str,
        [c, mlp]: [usize; 2],
        heads: usize,
        areas: usize,
        x: &O::Map,
    ) -> Result<O::Map> {
        let value = c / heads;
        let x = self.attention(at, c, Attention { heads, key: value, value, areas }, 7, x)?;
        self.feed_forward(at, "mlp", [c, mlp], &x)
    }

    /// `x + f(x)` with attention, and a depthwise convolution of `kernel`² for the positions.
    fn attention(
        &mut self,
        at: &str,
        c: usize,
        attention: Attention,
        kernel: usize,
        x: &O::Map,
    ) -> Result<O::Map> {
        let inside = format!("{at}.attn");
        let width = attention.heads * (2 * attention.key + attention.value);
        let qkv = self.plain(&format!("{inside}.qkv"), [c, width], Window::POINT, x)?;
        let [mixed, values] = self.0.attend(&inside, &qkv, attention)?;
        let place = self.plain(&format!("{inside}.pe"), [c, c], Window::square(kernel).groups(c), &values)?;
        let sum = self.0.add(&inside, &mixed, &place);
        let y = self.plain(&format!("{inside}.proj"), [c, c], Window::POINT, &sum)?;
        Ok(self.0.add(at, x, &y))
    }

    /// `x + f(x)` with two convolutions of one pixel, the second without activation.
    fn feed_forward(&mut self, at: &str, part: &str, [c, wide]: [usize; 2], x: &O::Map) -> Result<O::Map> {
        let y = self.conv(&format!("{at}.{part}.0"), [c, wide], Window::POINT, x)?;
        let y = self.plain(&format!("{at}.{part}.1"), [wide, c], Window::POINT, &y)?;
        Ok(self.0.add(at, x, &y))
    }

    fn a2c2f(
        &mut self,
        at: &str,
        [c1, c, c2]: [usize; 3],
        inner: &[Block],
        residual: bool,
        x: &O::Map,
    ) -> Result<O::Map> {
        let first = self.conv(&format!("{at}.cv1"), [c1, c], Window::POINT, x)?;
        let y = self.join_stages(at, vec![first], [c, c2], inner)?;
        if !residual {
            return Ok(y);
        }
        let scaled = self.0.scale(at, &y, c2)?;
        Ok(self.0.add(at, x, &scaled))
    }

    fn sppf(&mut self, at: &str, [c1, c, c2]: [usize; 3], kernel: usize, x: &O::Map) -> Result<O::Map> {
        let mut kept = vec![self.conv(&format!("{at}.cv1"), [c1, c], Window::POINT, x)?];
        self.0.modules(1);
        for _ in 0..3 {
            kept.push(self.0.max_pool(&format!("{at}.m"), &kept[kept.len() - 1], Window::square(kernel))?);
        }
        let joined = self.0.concat(at, &kept);
        self.conv(&format!("{at}.cv2"), [4 * c, c2], Window::POINT, &joined)
    }

    fn stem(&mut self, at: &str, channels: [usize; 2], x: &O::Map) -> Result<O::Map> {
        let x = self.conv(&format!("{at}.layer.0"), channels, Window::square(7).stride(2), x)?;
        self.0.modules(1);
        self.0.max_pool(&format!("{at}.layer.1"), &x, Window::square(3).stride(2))
    }

    fn resnet_layer(
        &mut self,
        at: &str,
        [c1, c2]: [usize; 2],
        stride: usize,
        n: usize,
        x: &O::Map,
    ) -> Result<O::Map> {
        (0..n).try_fold(x.clone(), |x, i| {
            let (c1, stride) = if i == 0 { (c1, stride) } else { (4 * c2, 1) };
            self.resnet_block(&format!("{at}.layer.{i}"), [c1, c2], stride, &x)
        })
    }

    fn resnet_block(&mut self, at: &str, [c1, c2]: [usize; 2], stride: usize, x: &O::Map) -> Result<O::Map> {
        let y = self.conv(&format!("{at}.cv1"), [c1, c2], Window::POINT, x)?;
        let y = self.conv(&format!("{at}.cv2"), [c2, c2], Window::square(3).stride(stride), &y)?;
        let y = self.plain(&format!("{at}.cv3"), [c2, 4 * c2], Window::POINT, &y)?;
        let x = if stride != 1 || c1 != 4 * c2 {
            self.plain(&format!("{at}.shortcut.0"), [c1, 4 * c2], Window::POINT.stride(stride), x)?
        } else {
            self.0.modules(1);
            x.clone()
        };
        let sum = self.0.add(at, &x, &y);
        Ok(self.0.relu(at, &sum))
    }

    /// torchvision's ResNet-18: its own names, ReLU as a module.
    fn resnet18(&mut self, at: &str, x: &O::Map) -> Result<O::Map> {
        let x = self.torch_conv(at, ["0", "1"], [3, 64], Window::square(7).stride(2), x)?;
        let x = self.0.relu(&format!("{at}.2"), &x);
        self.0.modules(2);
        let mut x = self.0.max_pool(&format!("{at}.3"), &x, Window::square(3).stride(2))?;
        let mut c1 = 64;
        for (i, c2) in [64, 128, 256, 512].into_iter().enumerate() {
            for j in 0..2 {
                let stride = if i > 0 && j == 0 { 2 } else { 1 };
                x = self.basic_block(&format!("{at}.{}.{j}", i + 4), [c1, c2], stride, &x)?;
                c1 = c2;
            }
        }
        Ok(x)
    }

    fn basic_block(&mut self, at: &str, [c1, c2]: [usize; 2], stride: usize, x: &O::Map) -> Result<O::Map> {
        self.0.modules(1);
        let y = self.torch_conv(at, ["conv1", "bn1"], [c1, c2], Window::square(3).stride(stride), x)?;
        let y = self.0.relu(at, &y);
        let y = self.torch_conv(at, ["conv2", "bn2"], [c2, c2], Window::square(3), &y)?;
        let x = if stride != 1 || c1 != c2 {
            let window = Window::POINT.stride(stride);
            self.torch_conv(at, ["downsample.0", "downsample.1"], [c1, c2], window, x)?
        } else {
            x.clone()
        };
        let sum = self.0.add(at, &x, &y);
        Ok(self.0.relu(at, &sum))
    }

    fn torch_conv(
        &mut self,
        at: &str,
        names: [&str; 2],
        [c1, c2]: [usize; 2],
        window: Window,
        x: &O::Map,
    ) -> Result<O::Map> {
        let [conv, norm] = names.map(|name| format!("{at}.{name}"));
        self.0.conv(&Convolution { conv, norm, c1, c2, window, activated: false }, x)
    }

    fn classify(
        &mut self,
        at: &str,
        c1: usize,
        classes: usize,
        window: Window,
        x: &O::Map,
    ) -> Result<O::Map> {
        let x = self.conv(&format!("{at}.conv"), [c1, FEATURES], window, x)?;
        // Pool, dropout and linear layer.
        self.0.modules(3);
        self.0.classify(at, &x, FEATURES, classes)
    }
}

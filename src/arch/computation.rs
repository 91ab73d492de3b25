//! A network as a list of operations: the one description that everything else reads.
//!
//! A [`Computation`] says in what order which operation takes which values, with the names of its parameters and the
//! row of the model YAML that it comes from. It knows channels, and nothing about the sizes of images or batches.
//! What only some can say in one word (attention, a linear layer, SiLU) stays whole, and is taken apart by those that
//! must.

use super::{Activation, Arch, Window, initial::Initial};

/// A value by number: 0 are the images, the others are what operations give, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueId(pub usize);

/// The images, `[batch, 3, height, width]`.
pub const IMAGES: ValueId = ValueId(0);
/// Channels of an image.
pub const COLORS: usize = 3;

/// A network's operations, each after those whose values it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Computation {
    /// What is done, in order.
    pub operations: Vec<Operation>,
    /// How many channels each value has, by [`ValueId`]; for a value without pixels, how many numbers.
    pub channels: Vec<usize>,
    /// What the head gives: one number for each class.
    pub logits: ValueId,
}

/// One operation in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What the operation does with its inputs.
    pub op: Op,
    /// The module that does it, e.g. `model.2.m.0`.
    pub at: String,
    /// The row of the model YAML that it comes from, from 0.
    pub row: usize,
    /// The values that the operation takes, in order.
    pub inputs: Vec<ValueId>,
    /// The values that the operation gives, in order.
    pub outputs: Vec<ValueId>,
    /// How many of the reference's modules that hold no others it stands for. A norm is one more; an activation
    /// behind a norm is none, since all share one.
    pub modules: usize,
}

/// What is done. A map is `[batch, channels, height, width]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// A convolution, with the norm and the activation that follow it.
    Convolution(Convolution),
    /// A function of every number of a map.
    Activation(Activation),
    /// The sum of two maps.
    Add,
    /// The maps' channels, one map after another.
    Concat,
    /// The channels cut into so many each.
    Split(Vec<usize>),
    /// Every second pixel of every second row, from this row and this column on.
    EverySecond {
        /// 0 or 1.
        row: usize,
        /// 0 or 1.
        column: usize,
    },
    /// The maximum in a window.
    MaxPool(Window),
    /// `v · softmax((q/√key)ᵀ k)ᵀ` of a map that holds queries, keys and values; and its values.
    Attention(Attention),
    /// The map times a learnt number for each channel.
    Scale(Scaling),
    /// The mean of each channel.
    GlobalAverage,
    /// In training, some numbers become 0 and the others larger; otherwise nothing.
    Dropout,
    /// Rows of numbers times a matrix, plus a bias.
    Linear(Linear),
}

/// A convolution with what follows it, by names of its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    /// E.g. `model.0.conv`: its weight is `model.0.conv.weight`, `[c2, c1 / groups, kernel, kernel]`.
    pub name: String,
    /// The norm after it, e.g. `model.0.bn`. Without one, the convolution has a bias `[c2]`.
    pub norm: Option<String>,
    /// Channels of the input.
    pub c1: usize,
    /// Channels of the output.
    pub c2: usize,
    /// Kernel, stride and groups.
    pub window: Window,
    /// What is applied to the output in the end; none where it is left as it is.
    pub activation: Option<Activation>,
    /// How its weight is drawn.
    pub initial: Initial,
}

/// Attention between positions of a map (Vaswani et al., 2017).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// A layer scale (Touvron et al., 2021).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaling {
    /// Its parameter, e.g. `model.6.gamma`.
    pub gamma: String,
    /// How many numbers that has.
    pub channels: usize,
}

/// A linear layer by the name of its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linear {
    /// E.g. `model.10.linear`: its weight `[outputs, inputs]` and bias `[outputs]` stand below it.
    pub name: String,
    /// How many numbers of an image go in.
    pub inputs: usize,
    /// How many numbers of an image come out.
    pub outputs: usize,
}

impl Computation {
    /// What the network of `arch` does.
    pub fn of(arch: &Arch) -> Self {
        let mut builder = Builder::new(arch.activation);
        let mut x = IMAGES;
        for (i, row) in arch.rows.iter().enumerate() {
            builder.row = i;
            x = row.build(&mut builder, &format!("model.{i}"), x);
        }
        Self { operations: builder.operations, channels: builder.channels, logits: x }
    }

    /// The same with every norm folded into its convolution, which then has a bias.
    #[must_use]
    pub fn without_norms(&self) -> Self {
        let mut folded = self.clone();
        for operation in &mut folded.operations {
            if let Op::Convolution(convolution) = &mut operation.op {
                convolution.norm = None;
            }
        }
        folded
    }

    /// The same for inference: [without norms](Self::without_norms), and branches that are one convolution are
    /// [merged](Self::merged).
    #[must_use]
    pub fn folded(&self) -> Self {
        self.without_norms().merged()
    }

    /// How many classes it tells apart.
    pub fn classes(&self) -> usize {
        self.channels[self.logits.0]
    }

    /// All convolutions of the network, in order.
    pub fn convolutions(&self) -> impl Iterator<Item = &Convolution> {
        self.operations.iter().filter_map(|operation| match &operation.op {
            Op::Convolution(convolution) => Some(convolution),
            _ => None,
        })
    }
}

/// A computation under construction: each method adds an operation and gives its value.
pub struct Builder {
    operations: Vec<Operation>,
    channels: Vec<usize>,
    activation: Activation,
    row: usize,
    /// How convolutions are drawn, where not as usual.
    convolutions: Option<Initial>,
}

impl Builder {
    fn new(activation: Activation) -> Self {
        Self { operations: Vec::new(), channels: vec![COLORS], activation, row: 0, convolutions: None }
    }

    /// How many channels a value has.
    pub fn channels(&self, x: ValueId) -> usize {
        self.channels[x.0]
    }

    /// Convolution to `c2` channels, norm, and the architecture's activation.
    pub fn conv(&mut self, at: &str, x: ValueId, c2: usize, window: Window) -> ValueId {
        let names = [format!("{at}.conv"), format!("{at}.bn")];
        self.convolution(at, x, names, c2, window, Some(self.activation), 1)
    }

    /// [`Builder::conv`] without activation: in the reference, with one that does nothing.
    pub fn plain(&mut self, at: &str, x: ValueId, c2: usize, window: Window) -> ValueId {
        let names = [format!("{at}.conv"), format!("{at}.bn")];
        self.convolution(at, x, names, c2, window, None, 2)
    }

    /// Convolution and norm under names of their own below `at`.
    pub fn named_conv(
        &mut self,
        at: &str,
        x: ValueId,
        names: [&str; 2],
        c2: usize,
        window: Window,
    ) -> ValueId {
        self.convolution(at, x, names.map(|name| format!("{at}.{name}")), c2, window, None, 1)
    }

    #[expect(clippy::too_many_arguments, reason = "private, and each is a field of the operation")]
    fn convolution(
        &mut self,
        at: &str,
        x: ValueId,
        [name, norm]: [String; 2],
        c2: usize,
        window: Window,
        activation: Option<Activation>,
        modules: usize,
    ) -> ValueId {
        let c1 = self.channels(x);
        let fan_in = c1 / window.groups * window.kernel * window.kernel;
        let initial = self.convolutions.unwrap_or(Initial::kaiming(fan_in));
        let convolution = Convolution { name, norm: Some(norm), c1, c2, window, activation, initial };
        self.push(at, Op::Convolution(convolution), &[x], c2, modules)
    }

    /// Draws the weights of the convolutions that `build` adds from `initial`.
    pub fn drawn<T>(&mut self, initial: Initial, build: impl FnOnce(&mut Self) -> T) -> T {
        let usual = self.convolutions.replace(initial);
        let built = build(self);
        self.convolutions = usual;
        built
    }

    /// An activation that stands by itself.
    pub fn activation(&mut self, at: &str, x: ValueId, activation: Activation) -> ValueId {
        self.push(at, Op::Activation(activation), &[x], self.channels(x), 0)
    }

    /// Adds a residual sum `x + y` and gives its value.
    pub fn add(&mut self, at: &str, x: ValueId, y: ValueId) -> ValueId {
        self.push(at, Op::Add, &[x, y], self.channels(y), 0)
    }

    /// The maps' channels, one map after another.
    pub fn concat(&mut self, at: &str, maps: &[ValueId]) -> ValueId {
        let channels = maps.iter().map(|map| self.channels(*map)).sum();
        self.push(at, Op::Concat, maps, channels, 0)
    }

    /// The two halves of the channels.
    pub fn halves(&mut self, at: &str, x: ValueId) -> [ValueId; 2] {
        let (all, half) = (self.channels(x), self.channels(x) / 2);
        self.push_pair(at, Op::Split(vec![half, all - half]), x, [half, all - half])
    }

    /// Every second pixel of every second row.
    pub fn every_second(&mut self, at: &str, x: ValueId, [row, column]: [usize; 2]) -> ValueId {
        self.push(at, Op::EverySecond { row, column }, &[x], self.channels(x), 0)
    }

    /// The maximum in a window.
    pub fn max_pool(&mut self, at: &str, x: ValueId, window: Window) -> ValueId {
        self.push(at, Op::MaxPool(window), &[x], self.channels(x), 1)
    }

    /// The mixture that attention makes of a map with queries, keys and values; and the values.
    pub fn attend(&mut self, at: &str, qkv: ValueId, attention: Attention) -> [ValueId; 2] {
        let channels = attention.heads * attention.value;
        self.push_pair(at, Op::Attention(attention), qkv, [channels; 2])
    }

    /// The map times the parameter `gamma`.
    pub fn scale(&mut self, at: &str, x: ValueId) -> ValueId {
        let channels = self.channels(x);
        self.push(at, Op::Scale(Scaling { gamma: format!("{at}.gamma"), channels }), &[x], channels, 0)
    }

    /// Global average, dropout, and a linear layer.
    pub fn classify(&mut self, at: &str, x: ValueId, classes: usize) -> ValueId {
        let inputs = self.channels(x);
        let x = self.push(&format!("{at}.pool"), Op::GlobalAverage, &[x], inputs, 1);
        let x = self.push(&format!("{at}.drop"), Op::Dropout, &[x], inputs, 1);
        let name = format!("{at}.linear");
        self.push(&name.clone(), Op::Linear(Linear { name, inputs, outputs: classes }), &[x], classes, 1)
    }

    /// Says that the operation added last stands for so many of the reference's modules, where not for as many as usual:
    /// a module that is used twice counts once, and one that does nothing counts too.
    pub fn stands_for(&mut self, modules: usize) {
        self.operations.last_mut().expect("an operation comes first").modules = modules;
    }

    fn push(&mut self, at: &str, op: Op, inputs: &[ValueId], channels: usize, modules: usize) -> ValueId {
        let output = self.value(channels);
        self.finish(at, op, inputs, vec![output], modules);
        output
    }

    fn push_pair(&mut self, at: &str, op: Op, x: ValueId, channels: [usize; 2]) -> [ValueId; 2] {
        let outputs = channels.map(|channels| self.value(channels));
        self.finish(at, op, &[x], outputs.to_vec(), 0);
        outputs
    }

    fn value(&mut self, channels: usize) -> ValueId {
        self.channels.push(channels);
        ValueId(self.channels.len() - 1)
    }

    fn finish(&mut self, at: &str, op: Op, inputs: &[ValueId], outputs: Vec<ValueId>, modules: usize) {
        let (at, row, inputs) = (at.to_owned(), self.row, inputs.to_vec());
        self.operations.push(Operation { op, at, row, inputs, outputs, modules });
    }
}

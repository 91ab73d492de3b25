//! One row of a model YAML turned into a block: the reference's scaling rules (its section 1.3).

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::{
    Block, Row, Window,
    document::{not_a_count, whole},
    fault::{Fault, FaultKind, Step},
};
use crate::budget::Budget;

/// The most channels of a map.
pub(super) const MAX_CHANNELS: usize = 65_536;
/// The most repeats of a module.
const MAX_REPEATS: usize = 1000;
/// The most blocks of all rows, each counted as often as it is repeated.
pub(super) const MAX_BLOCKS: u64 = 20_000;
/// The largest kernel and stride, in pixels.
const MAX_WINDOW: usize = 256;

/// Every module that a row may name, and what its arguments are called.
const MODULES: [(&str, &[&str]); 13] = [
    ("Conv", &["channels", "kernel", "stride", "padding", "groups", "dilation", "activation"]),
    ("DWConv", &["channels", "kernel", "stride", "dilation", "activation"]),
    ("Bottleneck", &["channels", "shortcut", "groups", "kernels", "expansion"]),
    ("C2f", &["channels", "shortcut", "groups", "expansion"]),
    ("C3", &["channels", "shortcut", "groups", "expansion"]),
    ("C3k", &["channels", "shortcut", "groups", "expansion", "kernel"]),
    ("C3k2", &["channels", "c3k", "expansion", "attention", "groups", "shortcut"]),
    ("C2PSA", &["channels", "expansion"]),
    (
        "A2C2f",
        &["channels", "attention", "areas", "residual", "mlp ratio", "expansion", "groups", "shortcut"],
    ),
    ("SPPF", &["channels", "kernel"]),
    ("ResNetLayer", &["input channels", "channels", "stride", "first", "blocks"]),
    ("TorchVision", &["channels", "model", "weights", "unwrap", "truncate"]),
    ("Classify", &["classes", "kernel", "stride"]),
];

/// Whether there is a module of this name.
pub(super) fn is_known(module: &str) -> bool {
    MODULES.iter().any(|(name, _)| *name == module)
}

/// How deep and wide the nominal rows become.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// `n`, `s`, `m`, `l` or `x`; empty without scales.
    pub letter: String,
    /// Factor on repeats.
    pub depth: f64,
    /// Factor on channels.
    pub width: f64,
    /// Bound on nominal channels, applied before `width`.
    pub max_channels: usize,
}

impl Default for Scale {
    fn default() -> Self {
        Self { letter: String::new(), depth: 1.0, width: 1.0, max_channels: usize::MAX }
    }
}

impl Scale {
    /// `max(round(n · depth), 1)`, half to even; a single repeat stays one.
    fn repeats(&self, n: usize) -> usize {
        if n > 1 { ((n as f64 * self.depth).round_ties_even() as usize).max(1) } else { n }
    }

    /// `min(c, max_channels) · width`, rounded up to a multiple of 8.
    fn channels(&self, c: usize) -> usize {
        ((c.min(self.max_channels) as f64 * self.width / 8.0).ceil() as usize) * 8
    }

    fn is(&self, letters: &str) -> bool {
        !self.letter.is_empty() && letters.contains(&self.letter)
    }
}

/// Where a row stands.
pub(super) struct Place {
    /// Its number among all rows.
    pub index: usize,
    /// Whether no row follows.
    pub last: bool,
    /// The way to it.
    pub path: [Step; 2],
}

/// What all rows have in common.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub scale: &'a Scale,
    /// How many classes the head gets.
    pub classes: usize,
    /// How many the file says.
    pub nc: usize,
}

/// What comes out of the row before.
pub(super) struct Input {
    pub channels: usize,
    /// Whether that row was understood; otherwise nothing is said about what doesn't fit it.
    pub sure: bool,
    /// How many blocks the rows may still have.
    pub blocks: Budget,
}

/// The row at `place`; what is wrong with it joins `faults`, and `input` becomes what comes out of it.
pub(super) fn read(
    place: &Place,
    row: &Value,
    input: &mut Input,
    context: Context<'_>,
    faults: &mut Vec<Fault>,
) -> Row {
    let before = faults.len();
    let mut reader = Reader::new(place, row, input, context, faults);
    let row = reader.row();
    let understood = reader.understood && (reader.faults.len() == before || reader.explicit);
    *input = Input { channels: row.out_channels, sure: understood, blocks: reader.blocks };
    row
}

struct Reader<'a> {
    place: &'a Place,
    context: Context<'a>,
    faults: &'a mut Vec<Fault>,
    written: &'a [Value],
    module: &'a str,
    values: &'a [Value],
    c1: usize,
    sure: bool,
    blocks: Budget,
    /// Whether the row is a row of a known module.
    understood: bool,
    /// Whether it says its output channels itself, so that other mistakes in it don't change them.
    explicit: bool,
}

impl<'a> Reader<'a> {
    fn new(
        place: &'a Place,
        row: &'a Value,
        input: &Input,
        context: Context<'a>,
        faults: &'a mut Vec<Fault>,
    ) -> Self {
        let written = row.as_array().map_or(&[][..], Vec::as_slice);
        let module = written.get(2).and_then(Value::as_str).unwrap_or_default();
        let values = written.get(3).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let (c1, sure, blocks) = (input.channels, input.sure, input.blocks);
        let (understood, explicit) = (true, false);
        Self { place, context, faults, written, module, values, c1, sure, blocks, understood, explicit }
    }

    fn row(&mut self) -> Row {
        let c1 = self.c1;
        let nothing = Block::Sequence(Vec::new());
        let (repeats, arguments, block, out_channels) = match self.shape() {
            Some(n) => self.module(n),
            None => {
                self.understood = false;
                (1, Vec::new(), nothing, c1)
            }
        };
        if self.module == "Classify" && !self.place.last && self.understood {
            self.fault(
                FaultKind::Misfit,
                &[2],
                "Classify is the last row, and another follows",
                "not the last row",
            );
        }
        Row { module: self.module.to_owned(), repeats, arguments, block, in_channels: c1, out_channels }
    }

    /// Checks the four parts of the row; its scaled repeats.
    fn shape(&mut self) -> Option<usize> {
        let [from, repeats, module, arguments] = self.written else {
            let path = self.place.path.to_vec();
            let fault = Fault::new(
                FaultKind::WrongType,
                &path,
                format!("row {} has not four parts", self.place.index),
            );
            let fault = fault.label("not `[from, repeats, module, arguments]`");
            self.faults.push(fault.help("for example `- [-1, 1, Conv, [64, 3, 2]]`"));
            return None;
        };
        self.from(from);
        let n = self.count(repeats, &[1], "the number of repeats", 1..=MAX_REPEATS).unwrap_or(1);
        if !module.is_string() {
            self.fault(FaultKind::WrongType, &[2], "the module is not a name", "not a name");
            return None;
        }
        if !arguments.is_array() {
            self.fault(FaultKind::WrongType, &[3], "the arguments are not a list", "not a list");
            return None;
        }
        self.known()?;
        Some(self.affordable(self.context.scale.repeats(n), &[1]))
    }

    /// As many repeats, if all rows together have no more blocks than they may; else one, and a fault.
    fn affordable(&mut self, n: usize, at: &[usize]) -> usize {
        if self.blocks.take(n as u64).is_ok() || n == 1 {
            return n;
        }
        let message = format!("the rows have more than {MAX_BLOCKS} blocks, with this one's {n} repeats");
        self.fault(FaultKind::OutOfRange, at, message, "too many");
        1
    }

    /// Only chains are built: a row takes what the row before it gives.
    fn from(&mut self, from: &Value) {
        let previous = self.place.index.checked_sub(1);
        let chained = |from: &Value| {
            let from = from.as_i64();
            from == Some(-1) || (previous.is_some() && from == previous.map(|row| row as i64))
        };
        let chained = match from.as_array().map(Vec::as_slice) {
            Some([only]) => chained(only),
            Some(_) => false,
            None => chained(from),
        };
        if !chained {
            let message =
                format!("row {} takes its input from {from}, not from the row before it", self.place.index);
            let fault = self.new_fault(FaultKind::Unsupported, &[0], message).label("not -1");
            self.faults.push(fault.help("Kiln builds rows that follow each other; write -1"));
        }
    }

    /// The names of the module's arguments.
    fn known(&mut self) -> Option<&'static [&'static str]> {
        let names: Vec<&str> = MODULES.iter().map(|(name, _)| *name).collect();
        let Some((_, arguments)) = MODULES.iter().find(|(name, _)| *name == self.module) else {
            let torch = self.module.starts_with("nn.") || self.module.starts_with("torch");
            let message = format!("there is no module `{}`", self.module);
            let fault = self.new_fault(FaultKind::UnknownModule, &[2], message);
            let otherwise = if torch { "PyTorch's own modules are not built" } else { "not a module" };
            let fault = fault.meant(self.module, &names, otherwise);
            self.faults.push(fault.help(format!("modules are {}", names.join(", "))));
            return None;
        };
        if self.values.len() > arguments.len() {
            let (most, given) = (arguments.len(), self.values.len());
            let message = format!("{} takes at most {most} arguments, not {given}", self.module);
            let fault = self.new_fault(FaultKind::OutOfRange, &[3, most], message).label("one too many");
            self.faults.push(fault.help(format!("they are {}", arguments.join(", "))));
        }
        Some(arguments)
    }

    /// Outer repeats, constructor arguments, block and output channels of a module repeated `n` times.
    fn module(&mut self, n: usize) -> (usize, Vec<Value>, Block, usize) {
        match self.module {
            "Conv" | "DWConv" | "Bottleneck" | "SPPF" => self.repeated(n),
            "C2f" | "C3" | "C3k" | "C3k2" | "C2PSA" | "A2C2f" => self.chained(n),
            _ => {
                if n != 1 {
                    let message = format!("{} stands once in its row", self.module);
                    self.fault(FaultKind::Unsupported, &[1], message, "not 1");
                }
                self.single()
            }
        }
    }

    /// A module that is put up `n` times, one after another.
    fn repeated(&mut self, n: usize) -> (usize, Vec<Value>, Block, usize) {
        let (c1, c2) = (self.c1, self.channels(0));
        let mut blocks = Vec::new();
        for i in 0..n {
            // The second one's mistakes are the first one's.
            let told = self.faults.len();
            blocks.push(self.simple(if i == 0 { c1 } else { c2 }, c2));
            if i > 0 {
                self.faults.truncate(told);
            }
        }
        let arguments = self.arguments(&[json!(c1), json!(c2)], 1);
        let block = if n == 1 { blocks.remove(0) } else { Block::Sequence(blocks) };
        (n, arguments, block, c2)
    }

    fn simple(&mut self, c1: usize, c2: usize) -> Block {
        match self.module {
            "Conv" => self.conv(c1, c2),
            "DWConv" => self.depthwise(c1, c2),
            "Bottleneck" => self.bottleneck(c1, c2),
            _ => self.sppf(c1, c2),
        }
    }

    /// A module that holds `n` inner blocks.
    fn chained(&mut self, n: usize) -> (usize, Vec<Value>, Block, usize) {
        let (c1, c2) = (self.c1, self.channels(0));
        let front = [json!(c1), json!(c2), json!(n)];
        let mut arguments = self.arguments(&front, 1);
        let block = match self.module {
            "C2f" => self.c2f(c2, n),
            "C3" | "C3k" => self.c3(c2, n),
            "C3k2" => {
                if self.context.scale.is("mlx") {
                    arguments.resize(arguments.len().max(4), json!(true));
                    arguments[3] = json!(true);
                }
                self.c3k2(c2, n)
            }
            "C2PSA" => self.c2psa(c2, n),
            _ => {
                if self.context.scale.is("lx") {
                    arguments.extend([json!(true), json!(1.2)]);
                }
                self.a2c2f(c2, n)
            }
        };
        (1, arguments, block, c2)
    }

    fn single(&mut self) -> (usize, Vec<Value>, Block, usize) {
        let c1 = self.c1;
        match self.module {
            "ResNetLayer" => {
                let (block, c2) = self.resnet_layer();
                (1, self.arguments(&[], 0), block, c2)
            }
            "TorchVision" => (1, self.torchvision(), Block::ResNet18, 512),
            _ => (
                1,
                self.arguments(&[json!(c1), json!(self.context.classes)], 1),
                self.classify(),
                self.context.classes,
            ),
        }
    }

    fn conv(&mut self, c1: usize, c2: usize) -> Block {
        let window = Window {
            kernel: self.window(1),
            stride: self.window(2),
            groups: self.number(4, 1, MAX_CHANNELS),
        };
        let half = window.kernel / 2;
        if !self.absent(3) && whole(&self.values[3]) != Some(half) {
            let message = format!("the padding of Conv is half its kernel, {half}");
            self.unsupported(3, message, "another padding is not built");
        }
        self.undilated(5);
        self.divides(4, window.groups, c1, c2);
        Block::Conv { c1, c2, window, activated: self.flag(6, true) }
    }

    fn depthwise(&mut self, c1: usize, c2: usize) -> Block {
        self.undilated(3);
        let window = Window { kernel: self.window(1), stride: self.window(2), groups: common(c1, c2) };
        Block::Conv { c1, c2, window, activated: self.flag(4, true) }
    }

    fn undilated(&mut self, i: usize) {
        if !self.absent(i) && whole(&self.values[i]) != Some(1) {
            self.unsupported(i, "a dilation other than 1 is not built".to_owned(), "not 1");
        }
    }

    fn bottleneck(&mut self, c1: usize, c2: usize) -> Block {
        let (shortcut, groups) = (self.flag(1, true), self.number(2, 1, MAX_CHANNELS));
        let (kernels, hidden) = (self.kernels(3), self.hidden(c2, 4));
        self.divides(2, groups, hidden, c2);
        Block::Bottleneck { c1, c2, hidden, kernels, groups, add: shortcut && c1 == c2 }
    }

    fn sppf(&mut self, c1: usize, c2: usize) -> Block {
        let kernel = if self.absent(1) { 5 } else { self.window(1) };
        if kernel % 2 == 0 {
            self.unsupported(1, "the kernel of SPPF is odd".to_owned(), "an even number");
        }
        Block::Sppf { c1, c2, hidden: (c1 / 2).max(1), kernel }
    }

    fn c2f(&mut self, c2: usize, n: usize) -> Block {
        let (shortcut, hidden) = (self.flag(1, false), self.hidden(c2, 3));
        let groups = self.groups(2, hidden);
        let inner = plain(hidden, hidden, [3, 3], groups, shortcut);
        Block::C2f { c1: self.c1, c2, hidden, inner: vec![inner; n] }
    }

    fn c3(&mut self, c2: usize, n: usize) -> Block {
        let (shortcut, hidden) = (self.flag(1, true), self.hidden(c2, 3));
        let groups = self.groups(2, hidden);
        let kernels = if self.module == "C3" {
            [1, 3]
        } else if self.absent(4) {
            [3, 3]
        } else {
            [self.window(4); 2]
        };
        let inner = plain(hidden, hidden, kernels, groups, shortcut);
        Block::C3 { c1: self.c1, c2, hidden, inner: vec![inner; n] }
    }

    fn c3k2(&mut self, c2: usize, n: usize) -> Block {
        let c3k = self.flag(1, false) || self.context.scale.is("mlx");
        let hidden = self.hidden(c2, 2);
        if self.flag(3, false) {
            self.unsupported(3, "C3k2 with attention is not built".to_owned(), "not false");
        }
        let half = self.half(hidden, 2);
        let (groups, shortcut) = (self.number(4, 1, MAX_CHANNELS), self.flag(5, true));
        self.divides(4, groups, half, if c3k { half } else { hidden });
        let inner = if c3k {
            c3k_of(hidden, groups, shortcut)
        } else {
            plain(hidden, half, [3, 3], groups, shortcut)
        };
        Block::C2f { c1: self.c1, c2, hidden, inner: vec![inner; n] }
    }

    fn c2psa(&mut self, c2: usize, n: usize) -> Block {
        let c = self.c1;
        if c != c2 {
            let message = format!("C2PSA keeps its channels, but gets {c} and gives {c2}");
            self.misfit(0, message, format!("{c2} channels after scaling"));
        }
        let hidden = self.hidden(c, 1);
        let heads = (hidden / 64).max(1);
        if c == c2 && (!hidden.is_multiple_of(heads) || hidden < 2) {
            let message = format!("C2PSA can't divide {hidden} hidden channels into {heads} heads");
            self.misfit(0, message, "a multiple of 128 always works".to_owned());
        }
        Block::C2psa { c, n, hidden, heads }
    }

    fn a2c2f(&mut self, c2: usize, n: usize) -> Block {
        let large = self.context.scale.is("lx");
        let (attention, residual) = (self.flag(1, true), self.flag(3, large));
        let ratio = self.fraction(4, if large { 1.2 } else { 2.0 });
        let hidden = self.hidden(c2, 5);
        if !hidden.is_multiple_of(32) {
            let message = format!("A2C2f needs hidden channels in multiples of 32, not {hidden}");
            self.misfit(0, message, format!("{c2} channels after scaling"));
        }
        let residual = residual && attention;
        if residual && self.c1 != c2 {
            let message = format!("A2C2f adds its input, but gets {} channels and gives {c2}", self.c1);
            self.misfit(0, message, format!("{c2} channels after scaling"));
        }
        let inner = if attention {
            let (area, mlp) = (self.number(2, 1, MAX_CHANNELS), ((hidden as f64 * ratio) as usize).max(1));
            Block::AreaPair { c: hidden, heads: (hidden / 32).max(1), area, mlp }
        } else {
            let half = self.half(hidden, 5);
            c3k_of(hidden, self.groups(6, half), self.flag(7, true))
        };
        Block::A2c2f { c1: self.c1, c2, hidden, inner: vec![inner; n], residual }
    }

    fn resnet_layer(&mut self) -> (Block, usize) {
        let c1 = self.required(0, MAX_CHANNELS).unwrap_or(self.c1);
        let c2 = self.required(1, MAX_CHANNELS / 4);
        self.explicit = c2.is_some();
        let c2 = c2.unwrap_or(8);
        if c1 != self.c1 {
            let message = format!("ResNetLayer wants {c1} channels, but the row before gives {}", self.c1);
            self.misfit(0, message, format!("did you mean {}?", self.c1));
        }
        let stride = self.window(2);
        let (first, n) = (self.flag(3, false), self.number(4, 1, MAX_REPEATS));
        let n = self.affordable(n, &[3, 4]);
        (Block::ResNetLayer { c1, c2, stride, first, n }, if first { c2 } else { 4 * c2 })
    }

    /// The row's arguments as they count: model, weights, unwrap, truncate.
    fn torchvision(&mut self) -> Vec<Value> {
        self.explicit = true;
        if self.required(0, MAX_CHANNELS).is_some_and(|c| c != 512) {
            self.misfit(0, "ResNet-18 gives 512 channels".to_owned(), "did you mean 512?".to_owned());
        }
        if self.c1 != 3 {
            let message =
                format!("ResNet-18 wants an image's 3 channels, but the row before gives {}", self.c1);
            let fault = self.new_fault(FaultKind::Misfit, &[2], message).label("not the first row");
            self.faults.extend(self.sure.then_some(fault));
        }
        if self.values.get(1).and_then(Value::as_str) != Some("resnet18") {
            let message = "of torchvision's models only resnet18 is built".to_owned();
            self.unsupported(1.min(self.values.len()), message, "did you mean `resnet18`?");
        }
        if !self.flag(3, true) {
            self.unsupported(3, "the trunk is a list of torchvision's layers".to_owned(), "not true");
        }
        if self.number(4, 2, 100) != 2 {
            self.unsupported(4, "the last two layers, pooling and head, are left out".to_owned(), "not 2");
        }
        let weights = self.values.get(2).filter(|weights| weights.as_str() != Some("None"));
        vec![json!("resnet18"), weights.cloned().unwrap_or_default(), json!(true), json!(2)]
    }

    fn classify(&mut self) -> Block {
        let Context { classes, nc, .. } = self.context;
        match self.values.first() {
            Some(Value::String(name)) if name == "nc" => (),
            Some(value) if whole(value) == Some(nc) => (),
            Some(value) => {
                let message = format!("the head has `nc` classes ({nc}), not {value}");
                self.misfit(0, message, "did you mean `nc`?".to_owned());
            }
            None => _ = self.required(0, MAX_CHANNELS),
        }
        Block::Classify {
            c1: self.c1,
            classes,
            window: Window::square(self.window(1)).stride(self.window(2)),
        }
    }

    /// The scaled output channels, which are argument `i`.
    fn channels(&mut self, i: usize) -> usize {
        let nominal = self.required(i, MAX_CHANNELS);
        self.explicit = nominal.is_some();
        let scaled = nominal.map_or(self.c1, |c| self.context.scale.channels(c));
        if scaled > MAX_CHANNELS {
            let message = format!("{scaled} channels after scaling are more than {MAX_CHANNELS}");
            self.fault(FaultKind::OutOfRange, &[3, i], message, "too many");
            return MAX_CHANNELS;
        }
        scaled
    }

    /// `c` times the fraction that is argument `i`, 0.5 unless given; at least 1.
    fn hidden(&mut self, c: usize, i: usize) -> usize {
        let hidden = (c as f64 * self.fraction(i, 0.5)) as usize;
        if hidden == 0 || hidden > MAX_CHANNELS {
            let message = format!("{} would have {hidden} hidden channels", self.module);
            self.misfit(i.min(self.values.len().saturating_sub(1)), message, "from this".to_owned());
        }
        hidden.clamp(1, MAX_CHANNELS)
    }

    /// Half of the hidden channels, of which argument `i` decides.
    fn half(&mut self, hidden: usize, i: usize) -> usize {
        if hidden < 2 {
            let message = format!("{} can't halve {hidden} hidden channels", self.module);
            self.misfit(i.min(self.values.len().saturating_sub(1)), message, "from this".to_owned());
        }
        (hidden / 2).max(1)
    }

    /// The groups that are argument `i`, which divide `hidden` channels.
    fn groups(&mut self, i: usize, hidden: usize) -> usize {
        let groups = self.number(i, 1, MAX_CHANNELS);
        self.divides(i, groups, hidden, hidden);
        groups
    }

    fn divides(&mut self, i: usize, groups: usize, c1: usize, c2: usize) {
        if !c1.is_multiple_of(groups) || !c2.is_multiple_of(groups) {
            let message = format!("{groups} groups do not divide {c1} and {c2} channels");
            self.misfit(i, message, "a divisor of both is needed".to_owned());
        }
    }

    fn kernels(&mut self, i: usize) -> [usize; 2] {
        if self.absent(i) {
            return [3, 3];
        }
        let side = |value: &Value| match value.as_array().map(Vec::as_slice) {
            Some([a, b]) if a == b => whole(a),
            _ => whole(value),
        };
        let sides = self.values[i].as_array().map(|list| list.iter().filter_map(side).collect::<Vec<_>>());
        match sides.as_deref() {
            Some([a, b]) if [a, b].iter().all(|side| (1..=MAX_WINDOW).contains(*side)) => [*a, *b],
            _ => {
                let fault = self.new_fault(FaultKind::WrongType, &[3, i], "the kernels are not two numbers");
                self.faults.push(fault.label("not two numbers").help("for example [3, 3]"));
                [3, 3]
            }
        }
    }

    /// A kernel or stride; 1 unless given.
    fn window(&mut self, i: usize) -> usize {
        self.number(i, 1, MAX_WINDOW)
    }

    fn number(&mut self, i: usize, default: usize, most: usize) -> usize {
        if self.absent(i) { default } else { self.required(i, most).unwrap_or(default) }
    }

    /// The whole number that is argument `i`.
    fn required(&mut self, i: usize, most: usize) -> Option<usize> {
        let what = self.what(i);
        match self.values.get(i) {
            Some(Value::String(name)) if name == "nc" => Some(self.context.classes),
            Some(value) => self.count(value, &[3, i], &what, 1..=most),
            None => {
                let fault = self.new_fault(FaultKind::Missing, &[3], format!("{what} is missing"));
                self.faults.push(fault.label(format!("argument {} is missing", i + 1)));
                None
            }
        }
    }

    fn count(
        &mut self,
        value: &Value,
        at: &[usize],
        what: &str,
        range: RangeInclusive<usize>,
    ) -> Option<usize> {
        let count = whole(value).filter(|n| range.contains(n));
        if count.is_none() {
            let path = self.path(at);
            self.faults.push(not_a_count(value, &path, what, &range));
        }
        count
    }

    fn fraction(&mut self, i: usize, default: f64) -> f64 {
        if self.absent(i) {
            return default;
        }
        let value = self.values[i].as_f64().filter(|value| *value > 0.0 && *value <= 16.0);
        value.unwrap_or_else(|| {
            let message = format!("{} is not a number above 0 and up to 16", self.what(i));
            self.fault(FaultKind::OutOfRange, &[3, i], message, "not such a number");
            default
        })
    }

    fn flag(&mut self, i: usize, default: bool) -> bool {
        if self.absent(i) {
            return default;
        }
        let value = match &self.values[i] {
            Value::String(text) => text.to_lowercase().parse().ok(),
            value => value.as_bool(),
        };
        value.unwrap_or_else(|| {
            let message = format!("{} is neither true nor false", self.what(i));
            self.fault(FaultKind::WrongType, &[3, i], message, "not true or false");
            default
        })
    }

    fn absent(&self, i: usize) -> bool {
        matches!(self.values.get(i), None | Some(Value::Null)) || self.values[i].as_str() == Some("None")
    }

    /// E.g. `kernel` of Conv.
    fn what(&self, i: usize) -> String {
        let names = MODULES.iter().find(|(name, _)| *name == self.module).map_or(&[][..], |(_, names)| names);
        format!("`{}` of {}", names.get(i).unwrap_or(&"argument"), self.module)
    }

    /// What the module is made with: `front`, then the row's arguments from `from` on.
    fn arguments(&self, front: &[Value], from: usize) -> Vec<Value> {
        front.iter().chain(self.values.iter().skip(from)).cloned().collect()
    }

    /// The way to a part of the row; `[3, 0]` is its first argument.
    fn path(&self, at: &[usize]) -> Vec<Step> {
        self.place.path.iter().cloned().chain(at.iter().map(|item| Step::from(*item))).collect()
    }

    fn new_fault(&self, kind: FaultKind, at: &[usize], message: impl Into<String>) -> Fault {
        Fault::new(kind, &self.path(at), message)
    }

    fn fault(&mut self, kind: FaultKind, at: &[usize], message: impl Into<String>, label: &str) {
        let fault = self.new_fault(kind, at, message).label(label);
        self.faults.push(fault);
    }

    fn unsupported(&mut self, i: usize, message: String, label: &str) {
        self.fault(FaultKind::Unsupported, &[3, i], message, label);
    }

    /// Says that argument `i` doesn't fit the rest, if what is before this row was understood.
    fn misfit(&mut self, i: usize, message: String, label: String) {
        if self.sure {
            let fault = self.new_fault(FaultKind::Misfit, &[3, i], message).label(label);
            self.faults.push(fault);
        }
    }
}

/// A bottleneck that keeps its channels.
fn plain(c: usize, hidden: usize, kernels: [usize; 2], groups: usize, add: bool) -> Block {
    Block::Bottleneck { c1: c, c2: c, hidden, kernels, groups, add }
}

/// The C3k block with two bottlenecks that C3k2 and A2C2f hold.
fn c3k_of(c: usize, groups: usize, shortcut: bool) -> Block {
    let hidden = (c / 2).max(1);
    Block::C3 { c1: c, c2: c, hidden, inner: vec![plain(hidden, hidden, [3, 3], groups, shortcut); 2] }
}

/// The greatest common divisor.
fn common(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common(b, a % b) }
}

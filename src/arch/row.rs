//! One row of a model YAML, `[from, repeats, module, arguments]`, turned into blocks.

use serde_json::Value;

use super::{
    Row,
    blocks::{Kind, Module, Repeats},
    fault::{Fault, FaultKind},
    scale::Scale,
};
use crate::{budget::Budget, yaml::path::Segment};

/// The most channels of a map.
pub(super) const MAX_CHANNELS: usize = 65_536;
/// The most repeats of a module.
pub(super) const MAX_REPEATS: usize = 1000;
/// The most blocks of all rows, each counted as often as it is repeated.
pub(super) const MAX_BLOCKS: u64 = 20_000;

/// Where a row stands.
pub(super) struct Place {
    /// Its number among all rows.
    pub index: usize,
    /// Whether no row follows.
    pub last: bool,
    /// The way to it.
    pub path: [Segment; 2],
}

/// What all rows have in common.
#[derive(Clone, Copy)]
pub(super) struct RowScope<'a> {
    /// How deep and wide the nominal rows become.
    pub scale: &'a Scale,
    /// How many classes the head gets.
    pub classes: usize,
    /// How many the file says.
    pub nc: usize,
}

/// What comes out of the row before.
pub(super) struct Input {
    /// How many channels the map has.
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
    scope: RowScope<'_>,
    faults: &mut Vec<Fault>,
) -> Row {
    let before = faults.len();
    let mut reader = RowReader::new(place, row, input, scope, faults);
    let row = reader.row();
    let understood = reader.understood && (reader.faults.len() == before || reader.explicit);
    *input = Input { channels: row.out_channels, sure: understood, blocks: reader.blocks };
    row
}

/// Reads a row: its four parts here, its arguments in `arguments.rs`.
pub(super) struct RowReader<'a> {
    place: &'a Place,
    pub(super) scope: RowScope<'a>,
    pub(super) faults: &'a mut Vec<Fault>,
    written: &'a [Value],
    /// The module's name, as the row has it.
    pub(super) module: &'a str,
    /// What its arguments are called.
    pub(super) names: &'static [&'static str],
    /// The arguments as they are written.
    pub(super) values: &'a [Value],
    /// Channels that come in.
    pub(super) c1: usize,
    /// How often the module is repeated, after scaling by depth.
    pub(super) n: usize,
    /// Whether the row before was understood.
    pub(super) sure: bool,
    blocks: Budget,
    /// Whether the row is a row of a known module.
    understood: bool,
    /// Whether it says its output channels itself, so that other mistakes in it don't change them.
    pub(super) explicit: bool,
}

impl<'a> RowReader<'a> {
    fn new(
        place: &'a Place,
        row: &'a Value,
        input: &Input,
        scope: RowScope<'a>,
        faults: &'a mut Vec<Fault>,
    ) -> Self {
        let written = row.as_array().map_or(&[][..], Vec::as_slice);
        Self {
            place,
            scope,
            faults,
            written,
            module: written.get(2).and_then(Value::as_str).unwrap_or_default(),
            names: &[],
            values: written.get(3).and_then(Value::as_array).map_or(&[][..], Vec::as_slice),
            c1: input.channels,
            n: 1,
            sure: input.sure,
            blocks: input.blocks,
            understood: true,
            explicit: false,
        }
    }

    fn row(&mut self) -> Row {
        let c1 = self.c1;
        let Some(kind) = self.shape() else {
            self.understood = false;
            return self.finished(c1, 1, Vec::new(), Vec::new());
        };
        let (repeats, arguments, blocks) = self.blocks(kind);
        if self.module == "Classify" && !self.place.last {
            self.fault(
                FaultKind::Misfit,
                &[2],
                "Classify must be the last row, but another follows",
                "not the last row",
            );
        }
        self.finished(c1, repeats, arguments, blocks)
    }

    fn finished(&self, c1: usize, repeats: usize, arguments: Vec<Value>, blocks: Vec<Module>) -> Row {
        let out_channels = blocks.last().map_or(c1, Module::channels);
        Row { module: self.module.to_owned(), repeats, arguments, blocks, in_channels: c1, out_channels }
    }

    /// Checks the four parts of the row and scales its repeats; the kind of its module.
    fn shape(&mut self) -> Option<&'static Kind> {
        let [from, repeats, module, arguments] = self.written else {
            let path = self.place.path.to_vec();
            let fault = Fault::new(
                FaultKind::WrongType,
                &path,
                format!("row {} does not have four parts", self.place.index),
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
        let kind = self.known()?;
        self.n = self.affordable(self.scope.scale.repeats(n), &[1]);
        Some(kind)
    }

    /// As many repeats, if all rows together have no more blocks than they may; else one, and a fault.
    pub(super) fn affordable(&mut self, n: usize, at: &[usize]) -> usize {
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
            self.faults.push(
                fault.help("Kiln only builds rows that take their input from the row before; write -1"),
            );
        }
    }

    /// The kind of the module, if there is one of its name.
    fn known(&mut self) -> Option<&'static Kind> {
        let Some(kind) = Kind::named(self.module) else {
            self.unknown();
            return None;
        };
        self.names = kind.arguments;
        if self.values.len() > kind.arguments.len() {
            let (most, given) = (kind.arguments.len(), self.values.len());
            let message = format!("{} takes at most {most} arguments, not {given}", self.module);
            let fault = self.new_fault(FaultKind::OutOfRange, &[3, most], message).label("one too many");
            self.faults.push(fault.help(format!("they are {}", kind.arguments.join(", "))));
        }
        Some(kind)
    }

    fn unknown(&mut self) {
        let names: Vec<&str> = Kind::names().collect();
        let torch = self.module.starts_with("nn.") || self.module.starts_with("torch");
        let message = format!("there is no module `{}`", self.module);
        let fault = self.new_fault(FaultKind::UnknownModule, &[2], message);
        let otherwise = if torch { "Kiln does not build PyTorch's own modules" } else { "not a module" };
        let fault = fault.meant(self.module, &names, otherwise);
        self.faults.push(fault.help(format!("modules are {}", names.join(", "))));
    }

    /// Outer repeats, constructor arguments, and the row's blocks.
    fn blocks(&mut self, kind: &Kind) -> (usize, Vec<Value>, Vec<Module>) {
        match kind.repeats {
            Repeats::Outside => self.one_after_another(kind),
            Repeats::Inside => self.single(kind),
            Repeats::Never => {
                if self.n != 1 {
                    let message = format!("{} can't be repeated", self.module);
                    self.fault(FaultKind::Unsupported, &[1], message, "not 1");
                }
                self.single(kind)
            }
        }
    }

    fn single(&mut self, kind: &Kind) -> (usize, Vec<Value>, Vec<Module>) {
        let block = (kind.read)(self);
        (1, block.arguments(self), vec![block])
    }

    /// A module that is put up as often as the row says.
    fn one_after_another(&mut self, kind: &Kind) -> (usize, Vec<Value>, Vec<Module>) {
        let first = (kind.read)(self);
        let arguments = first.arguments(self);
        let mut blocks = vec![first];
        // The others' mistakes are the first one's.
        let told = self.faults.len();
        for _ in 1..self.n {
            self.c1 = blocks.last().map_or(self.c1, Module::channels);
            blocks.push((kind.read)(self));
            self.faults.truncate(told);
        }
        (self.n, arguments, blocks)
    }

    /// The way to a part of the row; `[3, 0]` is its first argument.
    pub(super) fn path(&self, at: &[usize]) -> Vec<Segment> {
        self.place.path.iter().cloned().chain(at.iter().map(|item| Segment::from(*item))).collect()
    }

    pub(super) fn new_fault(&self, kind: FaultKind, at: &[usize], message: impl Into<String>) -> Fault {
        Fault::new(kind, &self.path(at), message)
    }

    pub(super) fn fault(&mut self, kind: FaultKind, at: &[usize], message: impl Into<String>, label: &str) {
        let fault = self.new_fault(kind, at, message).label(label);
        self.faults.push(fault);
    }
}

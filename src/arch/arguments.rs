//! The arguments of a row: read, checked and scaled in the ways that modules share.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::{
    document::{not_a_count, whole},
    fault::FaultKind,
    row::{MAX_CHANNELS, RowReader},
};

/// The largest kernel and stride, in pixels.
pub(super) const MAX_WINDOW: usize = 256;
/// The most kernels of one block.
const MAX_KERNELS: usize = 16;

impl RowReader<'_> {
    /// The scaled output channels, which are argument `i`.
    pub(super) fn channels(&mut self, i: usize) -> usize {
        let nominal = self.required(i, MAX_CHANNELS);
        self.explicit = nominal.is_some();
        let scaled = nominal.map_or(self.c1, |c| self.scope.scale.channels(c));
        if scaled > MAX_CHANNELS {
            let message = format!("{scaled} channels after scaling are more than {MAX_CHANNELS}");
            self.fault(FaultKind::OutOfRange, &[3, i], message, "too many");
            return MAX_CHANNELS;
        }
        scaled
    }

    /// `c` times the fraction that is argument `i`, 0.5 unless given; at least 1.
    pub(super) fn hidden(&mut self, c: usize, i: usize) -> usize {
        self.part(c, i, 0.5)
    }

    /// `c` times the fraction that is argument `i`, or `default`; at least 1.
    pub(super) fn part(&mut self, c: usize, i: usize, default: f64) -> usize {
        let hidden = (c as f64 * self.fraction(i, default)) as usize;
        if hidden == 0 || hidden > MAX_CHANNELS {
            let message = format!("{} would have {hidden} hidden channels", self.module);
            self.misfit(i.min(self.values.len().saturating_sub(1)), message, "from this".to_owned());
        }
        hidden.clamp(1, MAX_CHANNELS)
    }

    /// Half of the hidden channels, of which argument `i` decides.
    pub(super) fn half(&mut self, hidden: usize, i: usize) -> usize {
        if hidden < 2 {
            let message = format!("{} can't halve {hidden} hidden channels", self.module);
            self.misfit(i.min(self.values.len().saturating_sub(1)), message, "from this".to_owned());
        }
        (hidden / 2).max(1)
    }

    /// The groups that are argument `i`, which divide `hidden` channels.
    pub(super) fn groups(&mut self, i: usize, hidden: usize) -> usize {
        let groups = self.number(i, 1, MAX_CHANNELS);
        self.divides(i, groups, hidden, hidden);
        groups
    }

    /// Says so if the groups that are argument `i` do not divide `c1` and `c2` channels.
    pub(super) fn divides(&mut self, i: usize, groups: usize, c1: usize, c2: usize) {
        if !c1.is_multiple_of(groups) || !c2.is_multiple_of(groups) {
            let message = format!("{groups} groups do not divide {c1} and {c2} channels");
            self.misfit(i, message, "a divisor of both is needed".to_owned());
        }
    }

    /// The dilation that is argument `i`, which must be 1.
    pub(super) fn undilated(&mut self, i: usize) {
        if !self.absent(i) && whole(&self.values[i]) != Some(1) {
            self.unsupported(i, "Kiln does not build dilations other than 1".to_owned(), "not 1");
        }
    }

    /// The padding that is argument `i`, which must be half of `kernel`.
    pub(super) fn padding(&mut self, i: usize, kernel: usize) {
        let half = kernel / 2;
        if !self.absent(i) && whole(&self.values[i]) != Some(half) {
            let message = format!("the padding of {} is half its kernel, {half}", self.module);
            self.unsupported(i, message, "Kiln does not build other paddings");
        }
    }

    /// Two kernels, which are argument `i`.
    pub(super) fn kernels(&mut self, i: usize) -> [usize; 2] {
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

    /// The kernel that is argument `i`, or `default`; an even one would not keep the map's size.
    pub(super) fn odd_kernel(&mut self, i: usize, default: usize) -> usize {
        let kernel = self.number(i, default, MAX_WINDOW);
        if kernel.is_multiple_of(2) {
            let message = format!("the kernel of {} is odd", self.module);
            self.unsupported(i, message, "an even number");
        }
        kernel
    }

    /// The kernel that is argument `i`, or `default`.
    pub(super) fn kernel(&mut self, i: usize, default: usize) -> usize {
        self.number(i, default, MAX_WINDOW)
    }

    /// The list of kernels that is argument `i`, or `default`; even ones would not keep the map's size.
    pub(super) fn odd_kernels(&mut self, i: usize, default: &[usize]) -> Vec<usize> {
        if self.absent(i) {
            return default.to_vec();
        }
        let odd = |value: &Value| whole(value).filter(|n| *n <= MAX_WINDOW && !n.is_multiple_of(2));
        let kernels = self.values[i].as_array().filter(|list| (1..=MAX_KERNELS).contains(&list.len()));
        kernels.and_then(|list| list.iter().map(odd).collect()).unwrap_or_else(|| {
            let fault = self.new_fault(FaultKind::WrongType, &[3, i], "the kernels are not odd numbers");
            self.faults.push(fault.label("not a list of odd numbers").help("for example [5, 9, 13]"));
            default.to_vec()
        })
    }

    /// A kernel or stride; 1 unless given.
    pub(super) fn window(&mut self, i: usize) -> usize {
        self.number(i, 1, MAX_WINDOW)
    }

    /// The whole number up to `most` that is argument `i`, or `default`.
    pub(super) fn number(&mut self, i: usize, default: usize, most: usize) -> usize {
        if self.absent(i) { default } else { self.required(i, most).unwrap_or(default) }
    }

    /// The whole number that is argument `i`.
    pub(super) fn required(&mut self, i: usize, most: usize) -> Option<usize> {
        let what = self.what(i);
        match self.values.get(i) {
            Some(Value::String(name)) if name == "nc" => Some(self.scope.classes),
            Some(value) => self.count(value, &[3, i], &what, 1..=most),
            None => {
                let fault = self.new_fault(FaultKind::Missing, &[3], format!("{what} is missing"));
                self.faults.push(fault.label(format!("argument {} is missing", i + 1)));
                None
            }
        }
    }

    /// The whole number `value`, which stands in the row `at` and is called `what`.
    pub(super) fn count(
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

    /// The number above 0 that is argument `i`.
    pub(super) fn fraction(&mut self, i: usize, default: f64) -> f64 {
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

    /// The truth that is argument `i`; Python's words count too.
    pub(super) fn flag(&mut self, i: usize, default: bool) -> bool {
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

    /// Whether argument `i` is left out, or none.
    pub(super) fn absent(&self, i: usize) -> bool {
        matches!(self.values.get(i), None | Some(Value::Null)) || self.values[i].as_str() == Some("None")
    }

    /// What argument `i` is called, e.g. `kernel` of Conv.
    fn what(&self, i: usize) -> String {
        format!("`{}` of {}", self.names.get(i).unwrap_or(&"argument"), self.module)
    }

    /// What the module is made with: `front`, then the row's arguments from `from` on.
    pub(super) fn arguments(&self, front: &[Value], from: usize) -> Vec<Value> {
        front.iter().chain(self.values.iter().skip(from)).cloned().collect()
    }

    /// Says that argument `i` asks for what the format knows and Kiln does not build.
    pub(super) fn unsupported(&mut self, i: usize, message: String, label: &str) {
        self.fault(FaultKind::Unsupported, &[3, i], message, label);
    }

    /// Says that argument `i` doesn't fit the rest, if what is before this row was understood.
    pub(super) fn misfit(&mut self, i: usize, message: String, label: String) {
        if self.sure {
            let fault = self.new_fault(FaultKind::Misfit, &[3, i], message).label(label);
            self.faults.push(fault);
        }
    }

    /// [`RowReader::misfit`] of the output channels `c2`, which are argument 0.
    pub(super) fn channels_misfit(&mut self, message: String, c2: usize) {
        self.misfit(0, message, format!("{c2} channels after scaling"));
    }
}

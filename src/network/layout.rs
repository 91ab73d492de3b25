//! Where each parameter of a network lies in the one vector of all.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use crate::arch::Role;

/// A parameter's place in the vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The parameter's name in files of weights, e.g. `model.0.conv.weight`.
    pub name: String,
    /// E.g. `[16, 3, 3, 3]`; the numbers lie row by row.
    pub shape: Vec<usize>,
    /// What it is for.
    pub role: Role,
    /// Where its first number lies.
    pub offset: usize,
}

/// The order of a network's parameters in one vector: learnt weights, learnt norms, learnt biases, what is frozen, and
/// the running statistics, each part sorted by name.
///
/// So whatever an optimizer does to parameters of one role, it does to one range, and all that is learnt comes first.
/// The statistics of a frozen norm are frozen too: no batch moves them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    slots: Vec<Slot>,
    /// Where the five parts end.
    ends: [usize; 5],
    frozen: BTreeSet<String>,
}

/// The parts, in order.
const WEIGHTS: usize = 0;
const NORMS: usize = 1;
const BIASES: usize = 2;
const FROZEN: usize = 3;
const STATISTICS: usize = 4;

impl Slot {
    /// How many numbers it has.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Where the parameter's numbers lie in the vector.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.count()
    }
}

impl Layout {
    /// The layout of parameters with these names and shapes, of which those called `frozen` are not learnt.
    pub fn new(shapes: &BTreeMap<String, Vec<usize>>, frozen: BTreeSet<String>) -> Self {
        let mut parts: [Vec<(&String, &Vec<usize>, Role)>; 5] = Default::default();
        for (name, shape) in shapes {
            let role = Role::of(name, shape.len());
            parts[part(name, role, &frozen)].push((name, shape, role));
        }
        let (mut slots, mut ends, mut offset) = (Vec::with_capacity(shapes.len()), [0; 5], 0);
        for (part, end) in parts.into_iter().zip(&mut ends) {
            for (name, shape, role) in part {
                slots.push(Slot { name: name.clone(), shape: shape.clone(), role, offset });
                offset += shape.iter().product::<usize>();
            }
            *end = offset;
        }
        Self { slots, ends, frozen }
    }

    /// All parameters in the order of the vector.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The parameters whose numbers lie in `range`, which must not cut any.
    pub fn slots_in(&self, range: &Range<usize>) -> &[Slot] {
        let from = self.slots.partition_point(|slot| slot.offset < range.start);
        let to = self.slots.partition_point(|slot| slot.offset < range.end);
        &self.slots[from..to]
    }

    /// The names of the parameters that are not learnt.
    pub fn frozen(&self) -> &BTreeSet<String> {
        &self.frozen
    }

    /// How many numbers the vector has.
    pub fn count(&self) -> usize {
        self.ends[STATISTICS]
    }

    /// All that is learnt.
    pub fn learnt(&self) -> Range<usize> {
        0..self.ends[BIASES]
    }

    /// The learnt parameters of `role`; none for [`Role::Statistic`].
    pub fn of_role(&self, role: Role) -> Range<usize> {
        match role {
            Role::Weight => 0..self.ends[WEIGHTS],
            Role::Norm => self.ends[WEIGHTS]..self.ends[NORMS],
            Role::Bias => self.ends[NORMS]..self.ends[BIASES],
            Role::Statistic => 0..0,
        }
    }

    /// The running statistics that follow the batches.
    pub fn statistics(&self) -> Range<usize> {
        self.ends[FROZEN]..self.ends[STATISTICS]
    }
}

/// The part that a parameter belongs to.
fn part(name: &str, role: Role, frozen: &BTreeSet<String>) -> usize {
    match role {
        Role::Statistic if norm_is_frozen(module(name), frozen) => FROZEN,
        Role::Statistic => STATISTICS,
        _ if frozen.contains(name) => FROZEN,
        Role::Weight => WEIGHTS,
        Role::Norm => NORMS,
        Role::Bias => BIASES,
    }
}

/// The module that a parameter belongs to: `model.0.bn` of `model.0.bn.running_mean`.
fn module(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(module, _)| module)
}

/// Whether neither scale nor shift of a norm (`model.0.bn`) is learnt: then it goes by its running statistics, and no
/// batch moves those.
pub(super) fn norm_is_frozen(norm: &str, frozen: &BTreeSet<String>) -> bool {
    ["weight", "bias"].iter().all(|part| frozen.contains(&format!("{norm}.{part}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(frozen: &[&str]) -> Layout {
        let shapes: [(&str, &[usize]); 10] = [
            ("a.bn.bias", &[2]),
            ("a.bn.running_mean", &[2]),
            ("a.bn.running_var", &[2]),
            ("a.bn.weight", &[2]),
            ("a.conv.weight", &[2, 3, 1, 1]),
            ("b.gamma", &[4]),
            ("c.bn.bias", &[1]),
            ("c.bn.running_mean", &[1]),
            ("c.bn.weight", &[1]),
            ("c.linear.weight", &[1, 2]),
        ];
        let shapes = shapes.map(|(name, shape)| (name.to_owned(), shape.to_vec())).into();
        Layout::new(&shapes, frozen.iter().map(ToString::to_string).collect())
    }

    fn names(layout: &Layout, range: &Range<usize>) -> Vec<String> {
        layout.slots_in(range).iter().map(|slot| slot.name.clone()).collect()
    }

    #[test]
    fn roles_are_ranges_one_after_another() {
        let layout = layout(&[]);
        let ranges = [Role::Weight, Role::Norm, Role::Bias].map(|role| layout.of_role(role));
        assert_eq!(ranges, [0..12, 12..15, 15..18]);
        assert_eq!((layout.learnt(), layout.statistics(), layout.count()), (0..18, 18..23, 23));
        assert_eq!(names(&layout, &ranges[0]), ["a.conv.weight", "b.gamma", "c.linear.weight"]);
        assert_eq!(names(&layout, &ranges[1]), ["a.bn.weight", "c.bn.weight"]);
        let ends = layout.slots().iter().map(|slot| slot.range().end);
        assert!(layout.slots().iter().map(|slot| slot.offset).skip(1).eq(ends.take(9)));
    }

    #[test]
    fn what_is_frozen_lies_behind_what_is_learnt() {
        // One part of a norm is not the norm.
        let layout = layout(&["a.bn.weight", "a.bn.bias", "c.bn.bias", "b.gamma"]);
        assert_eq!(names(&layout, &layout.learnt()), ["a.conv.weight", "c.linear.weight", "c.bn.weight"]);
        let frozen = layout.learnt().end..layout.statistics().start;
        let all =
            ["a.bn.bias", "a.bn.running_mean", "a.bn.running_var", "a.bn.weight", "b.gamma", "c.bn.bias"];
        assert_eq!(names(&layout, &frozen), all);
        assert_eq!(names(&layout, &layout.statistics()), ["c.bn.running_mean"]);
    }
}

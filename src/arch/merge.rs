//! Branches that are one convolution: two of the same map whose sum is taken (Ding et al., "RepVGG", 2021).
//!
//! A convolution is linear, and a smaller kernel is a larger one with zeros around it. So the sum of both is the
//! convolution whose kernel and bias are the sums of theirs, once their norms are folded in.

use std::collections::{BTreeMap, BTreeSet};

use super::computation::{Computation, Convolution, Op, ValueId};

/// Two convolutions that can be one.
#[derive(Debug, Clone, Copy)]
pub struct Branches<'a> {
    /// The one with the larger kernel, which takes in the other.
    pub large: &'a Convolution,
    /// The other.
    pub small: &'a Convolution,
    /// Where they and their sum stand among the operations.
    places: Places,
}

/// Numbers of operations.
#[derive(Debug, Clone, Copy)]
struct Places {
    large: usize,
    small: usize,
    sum: usize,
}

impl Computation {
    /// All branches that can be one convolution.
    pub fn branches(&self) -> Vec<Branches<'_>> {
        let mut uses: BTreeMap<ValueId, usize> = BTreeMap::from([(self.logits, 1)]);
        let inputs = self.operations.iter().flat_map(|operation| &operation.inputs);
        inputs.for_each(|input| *uses.entry(*input).or_default() += 1);
        let mut convolutions = BTreeMap::new();
        let mut branches = Vec::new();
        for (place, operation) in self.operations.iter().enumerate() {
            match &operation.op {
                Op::Convolution(_) if uses.get(&operation.outputs[0]) == Some(&1) => {
                    convolutions.insert(operation.outputs[0], place);
                }
                Op::Add => {
                    let places = [0, 1].map(|input| convolutions.get(&operation.inputs[input]).copied());
                    if let [Some(a), Some(b)] = places {
                        branches.extend(self.pair([a, b], place));
                    }
                }
                _ => {}
            }
        }
        branches
    }

    /// The convolutions at these places, if the sum that stands at `sum` can be one.
    fn pair(&self, places: [usize; 2], sum: usize) -> Option<Branches<'_>> {
        let [Some(a), Some(b)] = places.map(|place| self.convolution(place)) else { return None };
        let same_map = self.operations[places[0]].inputs == self.operations[places[1]].inputs;
        if !same_map || !alike(a, b) {
            return None;
        }
        let [first, second] = places;
        Some(match a.window.kernel >= b.window.kernel {
            true => Branches { large: a, small: b, places: Places { large: first, small: second, sum } },
            false => Branches { large: b, small: a, places: Places { large: second, small: first, sum } },
        })
    }

    fn convolution(&self, place: usize) -> Option<&Convolution> {
        match &self.operations[place].op {
            Op::Convolution(convolution) => Some(convolution),
            _ => None,
        }
    }

    /// The same with a single convolution in the place of all [`Computation::branches`].
    #[must_use]
    pub fn merged(&self) -> Self {
        let mut merged = self.clone();
        let mut gone = BTreeSet::new();
        for Branches { places: Places { large, small, sum }, .. } in self.branches() {
            merged.operations[large].outputs = self.operations[sum].outputs.clone();
            gone.extend([small, sum]);
        }
        let mut place = 0..;
        merged.operations.retain(|_| place.next().is_none_or(|place| !gone.contains(&place)));
        merged
    }
}

/// Whether two convolutions of a map look at the same pixels, but for those at the rim of the kernel.
fn alike(a: &Convolution, b: &Convolution) -> bool {
    let linear = a.activation.is_none() && b.activation.is_none();
    // Padded by half the kernel, even kernels are off the middle.
    let centred = a.window.kernel % 2 == 1 && b.window.kernel % 2 == 1;
    linear && centred && (a.window.stride, a.window.groups) == (b.window.stride, b.window.groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Arch;

    fn names(rows: &str) -> Vec<[String; 2]> {
        let text = format!("backbone: [{rows}]\nhead: [[-1, 1, Classify, [nc]]]");
        let computation = Computation::of(&Arch::parse("test", &text, 2).unwrap());
        let of = |it: Branches<'_>| [it.large.name.clone(), it.small.name.clone()];
        computation.branches().into_iter().map(of).collect()
    }

    #[test]
    fn only_sums_of_convolutions_of_one_map_are_branches() {
        let rep = names("[-1, 1, RepC3, [16]]");
        assert_eq!(rep, [["model.0.m.0.conv1.conv", "model.0.m.0.conv2.conv"].map(str::to_owned)]);
        let large = names("[-1, 1, C2fCIB, [16, true, true]]");
        assert_eq!(large, [["conv", "conv1"].map(|name| format!("model.0.m.0.cv1.2.{name}.conv"))]);
        assert!(names("[-1, 1, ResNetLayer, [3, 16, 2, false, 2]]").is_empty());
        assert!(names("[-1, 2, C2f, [16, true]]").is_empty());
    }

    #[test]
    fn a_merged_computation_does_with_fewer_operations() {
        let text = "backbone: [[-1, 2, RepC3, [16]]]\nhead: [[-1, 1, Classify, [nc]]]";
        let computation = Computation::of(&Arch::parse("test", text, 2).unwrap());
        let merged = computation.merged();
        assert_eq!(merged.operations.len() + 2 * 2, computation.operations.len());
        assert!(merged.branches().is_empty() && merged.logits == computation.logits);
        assert!(merged.shapes().keys().all(|name| !name.contains("conv2")));
    }
}

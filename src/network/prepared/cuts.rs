//! Where the channels of each value are cut into slabs, so that no operation ever has to move channels.
//!
//! A concatenation is a list of its parts' slabs, and a split takes some of a list: nothing is copied. For that a value
//! must be cut where its parts begin, and what is added to it must be cut likewise.

use std::{collections::BTreeSet, ops::Range};

use super::pixel::LANES;
use crate::arch::computation::{Attention, Computation, Convolution, Op, Operation, ValueId};

/// For each value, the channels at which a slab must begin, but for the first.
struct Cuts(Vec<BTreeSet<usize>>);

/// How many channels each slab of each value has, by [`ValueId`].
pub(super) fn lanes(computation: &Computation) -> Vec<Vec<usize>> {
    let mut cuts = Cuts(vec![BTreeSet::new(); computation.channels.len()]);
    while cuts.share_all(computation) {}
    cuts.0.iter().zip(&computation.channels).map(|(cuts, channels)| divided(cuts, *channels)).collect()
}

/// Full slabs from each cut to the next, and one of what is left.
fn divided(cuts: &BTreeSet<usize>, channels: usize) -> Vec<usize> {
    let ends = cuts.iter().copied().chain([channels]);
    let mut start = 0;
    let mut lanes = Vec::new();
    for end in ends {
        lanes.extend((start..end).step_by(LANES).map(|first| LANES.min(end - first)));
        start = end;
    }
    lanes
}

impl Cuts {
    /// [`Cuts::share`] for all operations; whether any cut is new.
    fn share_all(&mut self, computation: &Computation) -> bool {
        let mut more = false;
        for operation in &computation.operations {
            more |= self.share(operation, computation);
        }
        more
    }

    /// Lets the values of an operation have the same cuts where they are the same channels; whether any is new.
    fn share(&mut self, operation: &Operation, computation: &Computation) -> bool {
        let Operation { op, inputs, outputs, .. } = operation;
        let channels = |value: &ValueId| computation.channels[value.0];
        match op {
            Op::Split(parts) => self.parts(inputs[0], outputs, parts),
            Op::Concat => self.parts(outputs[0], inputs, &inputs.iter().map(channels).collect::<Vec<_>>()),
            Op::Attention(attention) => self.heads(*attention, inputs[0], outputs),
            Op::Convolution(convolution) if !depthwise(convolution) => false,
            Op::Linear(_) => false,
            Op::Convolution(_)
            | Op::Add
            | Op::Activation(_)
            | Op::EverySecond { .. }
            | Op::MaxPool(_)
            | Op::Scale(_)
            | Op::GlobalAverage
            | Op::Dropout => {
                let whole = channels(&outputs[0]);
                let alike = inputs.iter().map(|input| self.same(*input, 0..whole, outputs[0], 0));
                alike.fold(false, |more, new| more | new)
            }
        }
    }

    /// `parts` channels each of `whole` are the values `of`.
    fn parts(&mut self, whole: ValueId, of: &[ValueId], parts: &[usize]) -> bool {
        let (mut start, mut more) = (0, false);
        for (part, length) in of.iter().zip(parts) {
            more |= self.same(whole, start..start + length, *part, 0);
            start += length;
        }
        more
    }

    /// A head's queries, keys and values begin with slabs of their own, and so does what it gives.
    fn heads(
        &mut self,
        Attention { heads, key, value, .. }: Attention,
        qkv: ValueId,
        outputs: &[ValueId],
    ) -> bool {
        let mut more = false;
        for head in 0..heads {
            let start = head * (2 * key + value);
            let values = start + 2 * key..start + 2 * key + value;
            more |= self.cut(qkv, start) | self.cut(qkv, start + key);
            for output in outputs {
                more |= self.cut(*output, head * value);
            }
            more |= self.same(qkv, values, outputs[1], head * value);
        }
        more
    }

    /// The channels `range` of a value are those of `part` from `start` on; both are cut where they begin and end.
    fn same(&mut self, whole: ValueId, range: Range<usize>, part: ValueId, start: usize) -> bool {
        let length = range.len();
        let there: Vec<usize> = self.0[whole.0].range(range.clone()).map(|cut| cut - range.start).collect();
        let here: Vec<usize> = self.0[part.0].range(start..start + length).map(|cut| cut - start).collect();
        let all = there.into_iter().chain(here).chain([0, length]);
        all.fold(false, |more, cut| more | self.cut(whole, range.start + cut) | self.cut(part, start + cut))
    }

    /// Cuts a value at a channel; whether that is new. The end of a value needs no cut, and does no harm.
    fn cut(&mut self, value: ValueId, channel: usize) -> bool {
        channel > 0 && self.0[value.0].insert(channel)
    }
}

/// Whether every channel of a convolution is by itself.
pub(super) fn depthwise(convolution: &Convolution) -> bool {
    convolution.window.groups == convolution.c1 && convolution.c1 == convolution.c2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Arch;

    fn of(rows: &str) -> Vec<Vec<usize>> {
        let text = format!("backbone: [{rows}]\nhead: [[-1, 1, Classify, [nc]]]");
        lanes(&Computation::of(&Arch::parse("test", &text, 2).unwrap()))
    }

    #[test]
    fn slabs_are_full_where_nothing_is_cut() {
        assert_eq!(of("[-1, 1, Conv, [40]]")[1], [16, 16, 8]);
        assert_eq!(of("[-1, 1, Conv, [16]]")[0], [3]);
    }

    #[test]
    fn what_is_split_and_joined_is_cut_where_its_parts_begin() {
        // 40 channels in halves of 20, and a bottleneck whose sum is a third part.
        let lanes = of("[-1, 1, C2f, [40, true]]");
        assert_eq!(lanes[1], [16, 4, 16, 4]);
        assert!(lanes.contains(&vec![16, 4, 16, 4, 16, 4]));
    }
}

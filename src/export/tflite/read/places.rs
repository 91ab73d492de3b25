//! Operators that only put numbers into other places.

use super::{super::schema::options, operator::Operator, reader::Reader};
use crate::{
    error::Result,
    export::{channels_last::Seen, lowered::Operator as Plain},
};

/// Fields of a slice's options, each of which makes it mean something else.
const MASKS: std::ops::Range<usize> = 0..5;

impl Reader<'_> {
    pub(super) fn transpose(&mut self, operator: &Operator<'_>, [x, order]: [i32; 2]) -> Result<Seen> {
        let (x, order) = (self.tensor(x)?, self.tensors.sizes(order)?);
        self.push(operator, Plain::Transpose { order }, &[x])
    }

    /// Another shape, which is a tensor or an option.
    pub(super) fn reshape(&mut self, operator: &Operator<'_>, x: i32) -> Result<Seen> {
        let x = self.tensor(x)?;
        let shape = match operator.inputs[..] {
            [_, shape] => self.tensors.whole(shape)?,
            _ => operator.numbers(options::NEW_SHAPE)?,
        };
        let sizes: Option<Vec<usize>> = shape.iter().map(|size| usize::try_from(*size).ok()).collect();
        match sizes.as_deref() {
            Some([batch, rest @ ..]) if [*batch] == self.with_batch(&[])[..] => {
                self.push(operator, Plain::Reshape(rest.to_vec()), &[x])
            }
            _ => operator.unknown("shape"),
        }
    }

    /// A part along one axis.
    pub(super) fn slice(&mut self, operator: &Operator<'_>, [x, first, size]: [i32; 3]) -> Result<Seen> {
        let x = self.tensor(x)?;
        let whole = self.with_batch(&self.restored.shape(x));
        let (first, size) = (self.tensors.sizes(first)?, self.tensors.sizes(size)?);
        operator.hold("rank", [first.len(), size.len()] == [whole.len(); 2])?;
        let cut: Vec<usize> = (0..whole.len()).filter(|axis| size[*axis] != whole[*axis]).collect();
        let (axis, size) = match cut[..] {
            [] => return Ok(x),
            [axis] => (axis, size[axis]),
            _ => return operator.unknown("part"),
        };
        let before = first[axis];
        let Some(behind) = whole[axis].checked_sub(size).and_then(|rest| rest.checked_sub(before)) else {
            return operator.unknown("part");
        };
        let sizes = [before, size, behind].into_iter().filter(|size| *size > 0).collect();
        let parts = self.restored.push(&operator.at, Plain::Split { axis, sizes }, &[x])?;
        parts.get(usize::from(before > 0)).copied().map_or_else(|| operator.unknown("part"), Ok)
    }

    /// Every second pixel of every second row, by where that begins and ends and in which steps.
    pub(super) fn every_second(
        &mut self,
        operator: &Operator<'_>,
        x: i32,
        [first, end, step]: [i32; 3],
    ) -> Result<Seen> {
        for mask in MASKS {
            operator.must_be("mask", mask, 0)?;
        }
        let x = self.tensor(x)?;
        let to_the_end = self.tensors.sizes(end)? == self.with_batch(&self.restored.shape(x));
        match (&self.tensors.sizes(first)?[..], &self.tensors.sizes(step)?[..]) {
            (&[0, row, column, 0], [1, 2, 2, 1]) if to_the_end => {
                self.push(operator, Plain::EverySecond { row, column }, &[x])
            }
            _ => operator.unknown("part"),
        }
    }
}

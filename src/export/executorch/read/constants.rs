//! The numbers behind a program.

use super::super::schema::{constants, program, segment};
use crate::{
    error::{Error, Result},
    export::{
        Precision,
        flatbuffer::{Budget, Record, numbers},
        lowered::Constant,
    },
};

/// A file's constants.
pub(super) struct Constants<'a> {
    bytes: &'a [u8],
    /// Where each of them begins; the first is none.
    starts: Vec<u64>,
    /// What of the file may still be read.
    budget: Budget,
}

impl<'a> Constants<'a> {
    /// Those of a program in a file whose segments begin at `base`.
    pub(super) fn of(program: Record<'a>, file: &'a [u8], base: usize) -> Result<Self> {
        let table = program.record(program::CONSTANTS)?;
        let table = table.ok_or_else(|| Error::new("it has no constants behind it"))?;
        let segment = table.number(constants::SEGMENT, 0_u32)? as usize;
        let segment = program.list(program::SEGMENTS)?.record(segment)?;
        let [offset, size] = [segment::OFFSET, segment::SIZE].map(|field| segment.number(field, 0_u64));
        let segments = file.get(base..).unwrap_or_default();
        let bytes = part(segments, offset?, size?).ok_or_else(|| Error::new("its constants are cut off"))?;
        let starts = table.numbers(constants::OFFSETS)?;
        Ok(Self { bytes, starts, budget: Budget::new(file.len()) })
    }

    /// The constant of this number and shape.
    pub(super) fn constant(&mut self, number: usize, name: String, shape: Vec<usize>) -> Result<Constant> {
        let size = shape.iter().try_fold(size_of::<f32>(), |size, sizes| size.checked_mul(*sizes));
        let start = self.starts.get(number).filter(|_| number > 0);
        let bytes = start.zip(size).and_then(|(start, size)| part(self.bytes, *start, size as u64));
        let bytes = bytes.ok_or_else(|| Error::new(format!("{name} is not among its constants")))?;
        self.budget.take(bytes.len())?;
        let data = numbers(bytes).unwrap_or_default();
        Ok(Constant { name, shape, data, precision: Precision::Fp32 })
    }
}

/// So many bytes from a place on, if there are so many.
fn part(bytes: &[u8], start: u64, size: u64) -> Option<&[u8]> {
    bytes.get(usize::try_from(start).ok()?..)?.get(..usize::try_from(size).ok()?)
}

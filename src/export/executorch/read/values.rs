//! A program's values by their numbers.

use std::ops::Range;

use super::{
    super::schema::{self, field, kind, place, plan, tensor},
    constants::Constants,
};
use crate::{
    error::{Error, Result},
    export::{
        flatbuffer::{List, Record},
        lowered::Constant,
    },
};

/// More numbers than a list has, or dimensions than a tensor, in any image classifier.
const MOST: usize = 8;

/// The values of a program.
pub(super) struct Values<'a> {
    values: List<'a>,
    constants: Constants<'a>,
    /// Bytes of the memory that the program plans.
    memory: u64,
}

/// What a program says of a tensor.
#[derive(Debug)]
pub(super) struct Tensor {
    /// The type of its numbers.
    pub(super) of: i8,
    /// Its sizes, that of the batch in front.
    pub(super) shape: Vec<usize>,
    /// Which constant it is; 0 for none.
    constant: usize,
    /// Where it lies in memory, if it is no constant.
    pub(super) bytes: Option<Range<u64>>,
}

impl<'a> Values<'a> {
    /// Those of a method.
    pub(super) fn new(plan: Record<'a>, constants: Constants<'a>) -> Result<Self> {
        let memories: Vec<i64> = plan.numbers(plan::MEMORIES)?;
        let memory = memories.get(schema::MEMORY as usize).copied().unwrap_or(0);
        Ok(Self { values: plan.list(plan::VALUES)?, constants, memory: u64::try_from(memory).unwrap_or(0) })
    }

    /// The table of a value, which must be of a kind.
    fn table(&self, value: i32, kind: u8) -> Result<Record<'a>> {
        let other = || Error::new(format!("value {value} is not what it should be"));
        let record = self.values.record(usize::try_from(value).map_err(|_| other())?)?;
        let table =
            record.record(field::TABLE)?.filter(|_| record.number(field::IS, 0_u8).ok() == Some(kind));
        table.ok_or_else(other)
    }

    /// Whether a value is none.
    pub(super) fn is_null(&self, value: i32) -> bool {
        self.table(value, kind::NULL).is_ok()
    }

    /// Whether a value says so.
    pub(super) fn flag(&self, value: i32) -> Result<bool> {
        Ok(self.table(value, kind::BOOL)?.number(field::VALUE, 0_u8)? != 0)
    }

    /// A whole number.
    pub(super) fn whole(&self, value: i32) -> Result<i64> {
        self.table(value, kind::INT)?.number(field::VALUE, 0_i64)
    }

    /// A whole number that is not negative.
    pub(super) fn size(&self, value: i32) -> Result<usize> {
        let number = self.whole(value)?;
        usize::try_from(number).map_err(|_| Error::new(format!("value {value} is negative: {number}")))
    }

    /// Several.
    pub(super) fn sizes(&self, value: i32) -> Result<Vec<usize>> {
        let values: Vec<i64> = self.table(value, kind::INTS)?.numbers(field::VALUE)?;
        if values.len() > MOST {
            return Err(Error::new(format!("value {value} has too many numbers")));
        }
        values.into_iter().map(|value| self.size(i32::try_from(value).unwrap_or(-1))).collect()
    }

    /// The tensors in a list, if a value is one.
    pub(super) fn tensors(&self, value: i32) -> Option<Result<Vec<i32>>> {
        self.table(value, kind::TENSORS).ok().map(|table| table.numbers(field::VALUE))
    }

    /// A tensor, if a value is one.
    pub(super) fn tensor(&self, value: i32) -> Option<Result<Tensor>> {
        self.table(value, kind::TENSOR).ok().map(|table| self.described(value, table))
    }

    fn described(&self, value: i32, table: Record<'_>) -> Result<Tensor> {
        let unknown = || Error::new(format!("Kiln doesn't know tensors such as value {value}"));
        let sizes: Vec<i32> = table.numbers(tensor::SIZES)?;
        let in_order = table.bytes(tensor::ORDER)?.iter().copied().map(usize::from).eq(0..sizes.len());
        let special = table.number(tensor::FIRST, 0_i32)? != 0 || table.number(tensor::DYNAMISM, 0_i8)? != 0;
        if sizes.len() > MOST || !in_order || special || table.record(tensor::MORE)?.is_some() {
            return Err(unknown());
        }
        let shape: Option<Vec<usize>> = sizes.iter().map(|size| usize::try_from(*size).ok()).collect();
        let (of, shape) = (table.number(tensor::TYPE, 0_i8)?, shape.ok_or_else(unknown)?);
        let constant = table.number(tensor::CONSTANT, 0_u32)? as usize;
        let bytes = table.record(tensor::PLACE)?.map(|place| self.bytes(place, of, &shape)).transpose()?;
        Ok(Tensor { of, shape, constant, bytes })
    }

    /// Where a tensor lies in memory.
    fn bytes(&self, place: Record<'_>, of: i8, shape: &[usize]) -> Result<Range<u64>> {
        let each = if of == schema::LONG { size_of::<i64>() } else { size_of::<f32>() };
        let size = shape.iter().try_fold(each, |size, sizes| size.checked_mul(*sizes));
        let [low, high] = [place::LOW, place::HIGH].map(|field| place.number(field, 0_u32).map(u64::from));
        let start = (high? << u32::BITS) + low?;
        let end = size.and_then(|size| start.checked_add(size as u64)).filter(|end| *end <= self.memory);
        let planned = place.number(place::MEMORY, 0_u32)? == schema::MEMORY;
        let end = end.filter(|_| planned);
        end.map(|end| start..end).ok_or_else(|| Error::new("a tensor lies outside of the planned memory"))
    }

    /// The numbers of a tensor that is known beforehand, if a value is one. Each is read once.
    pub(super) fn constant(&mut self, value: i32) -> Option<Result<Constant>> {
        let tensor = self.tensor(value)?.ok()?;
        (tensor.constant > 0 && tensor.of == schema::FLOAT && tensor.bytes.is_none())
            .then(|| self.constants.constant(tensor.constant, format!("value {value}"), tensor.shape))
    }
}

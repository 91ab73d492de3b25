//! An operator in a file.

use super::super::schema::{KINDS, Kind, operator, operator_code};
use crate::{
    error::{Error, Result},
    export::flatbuffer::{self, List, Record},
};

/// An operator as the file has it.
pub(super) type Operator<'a> = flatbuffer::Operator<'a, Kind>;

impl<'a> Operator<'a> {
    /// The operator at this place of a file whose kinds are `codes`.
    ///
    /// # Errors
    /// If it is of a kind that is not known.
    pub(super) fn of(place: usize, record: Record<'a>, codes: List<'a>) -> Result<Self> {
        let kind = kind(codes.record(record.number(operator::CODE, 0_u32)? as usize)?)?;
        let operator = Self {
            at: format!("operator {place} ({})", kind.name),
            kind,
            inputs: record.numbers(operator::INPUTS)?,
            outputs: record.numbers(operator::OUTPUTS)?,
            options: record.record(operator::OPTIONS)?,
        };
        let of = record.number(operator::OPTIONS_TYPE, 0_u8)?;
        operator.hold("kind of options", of == kind.options || operator.options.is_none())?;
        Ok(operator)
    }

    /// Refuses it if an activation is part of it.
    pub(super) fn must_be_alone(&self, field: usize) -> Result<()> {
        self.hold("activation", self.number(field, 0_i8)? == 0)
    }
}

/// Which kind an entry of the file's list means.
fn kind(code: Record<'_>) -> Result<Kind> {
    let old = i32::from(code.number(operator_code::OLD_CODE, 0_i8)?);
    let number = code.number(operator_code::CODE, 0_i32)?.max(old);
    let kind = KINDS.into_iter().find(|kind| kind.code == number);
    kind.ok_or_else(|| Error::new(format!("Kiln doesn't know LiteRT's operator {number}")))
}

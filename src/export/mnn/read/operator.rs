//! An operator in a file.

use super::super::schema::{Format, KINDS, Kind, op};
use crate::{
    error::{Error, Result},
    export::flatbuffer::{self, Record},
};

/// What an operator's format is that is left out: channels last, which Kiln does not know.
const LEFT_OUT: i8 = 1;

/// An operator as the file has it.
pub(super) type Operator<'a> = flatbuffer::Operator<'a, Kind>;

impl<'a> Operator<'a> {
    /// The operator at this place of a file.
    ///
    /// # Errors
    /// If it is of a kind that is not known, or its parameters are those of another.
    pub(super) fn of(place: usize, record: Record<'a>) -> Result<Self> {
        let code = record.number(op::TYPE, 0_i32)?;
        let kind = KINDS.into_iter().find(|kind| kind.code == code);
        let kind = kind.ok_or_else(|| Error::new(format!("Kiln doesn't know MNN's operator {code}")))?;
        let operator = Self {
            at: format!("operator {place} ({})", kind.name),
            kind,
            inputs: record.numbers(op::INPUTS)?,
            outputs: record.numbers(op::OUTPUTS)?,
            options: record.record(op::PARAMETERS)?,
        };
        let of = record.number(op::PARAMETERS_TYPE, 0_u8)?;
        operator.hold("kind of parameters", of == kind.parameters || operator.options.is_none())?;
        operator.hold("format", Format::of(record.number(op::FORMAT, LEFT_OUT)?).is_some())?;
        Ok(operator)
    }
}

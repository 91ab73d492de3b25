//! An operator in a file.

use super::super::schema::{KINDS, Kind, operator, operator_code};
use crate::{
    error::{Error, Result},
    export::flatbuffer::{List, Number, Record},
};

/// An operator as the file has it.
pub(super) struct Operator<'a> {
    place: usize,
    /// What it does.
    pub(super) kind: Kind,
    /// The tensors that it takes.
    pub(super) inputs: Vec<i32>,
    /// The tensors that it gives.
    pub(super) outputs: Vec<i32>,
    options: Option<Record<'a>>,
}

impl<'a> Operator<'a> {
    /// The operator at this place of a file whose kinds are `codes`.
    ///
    /// # Errors
    /// If it is of a kind that is not known.
    pub(super) fn of(place: usize, record: Record<'a>, codes: List<'a>) -> Result<Self> {
        let kind = kind(codes.record(record.number(operator::CODE, 0_u32)? as usize)?)?;
        let operator = Self {
            place,
            kind,
            inputs: record.numbers(operator::INPUTS)?,
            outputs: record.numbers(operator::OUTPUTS)?,
            options: record.record(operator::OPTIONS)?,
        };
        let of = record.number(operator::OPTIONS_TYPE, 0_u8)?;
        operator.hold("kind of options", of == kind.options || operator.options.is_none())?;
        Ok(operator)
    }

    /// What it is called in messages.
    pub(super) fn at(&self) -> String {
        format!("operator {} ({})", self.place, self.kind.name)
    }

    /// A number of its options.
    pub(super) fn number<T: Number>(&self, field: usize, default: T) -> Result<T> {
        match self.options {
            Some(options) => options.number(field, default),
            None => Ok(default),
        }
    }

    /// Several.
    pub(super) fn numbers(&self, field: usize) -> Result<Vec<i32>> {
        self.options.map_or_else(|| Ok(Vec::new()), |options| options.numbers(field))
    }

    /// Refuses it unless a number of its options is this one.
    pub(super) fn must_be(&self, what: &str, field: usize, wanted: i32) -> Result<()> {
        self.hold(what, self.number(field, wanted)? == wanted)
    }

    /// Refuses it if an activation is part of it.
    pub(super) fn must_be_alone(&self, field: usize) -> Result<()> {
        self.hold("activation", self.number(field, 0_i8)? == 0)
    }

    /// Whether one of its options says so.
    pub(super) fn holds(&self, field: usize) -> Result<bool> {
        Ok(self.number(field, 0_u8)? != 0)
    }

    /// Refuses it unless something about it is as it should be.
    pub(super) fn hold(&self, what: &str, holds: bool) -> Result<()> {
        if holds { Ok(()) } else { self.unknown(what) }
    }

    /// Refuses it for something about it.
    pub(super) fn unknown<T>(&self, what: &str) -> Result<T> {
        Err(Error::new(format!("{}: Kiln doesn't know such a {what}", self.at())))
    }
}

/// Which kind an entry of the file's list means.
fn kind(code: Record<'_>) -> Result<Kind> {
    let old = i32::from(code.number(operator_code::OLD_CODE, 0_i8)?);
    let number = code.number(operator_code::CODE, 0_i32)?.max(old);
    let kind = KINDS.into_iter().find(|kind| kind.code == number);
    kind.ok_or_else(|| Error::new(format!("Kiln doesn't know LiteRT's operator {number}")))
}

//! TorchScript as plain operators again: the writer backwards.
//!
//! Only code of the plain kind that Kiln writes is read. Whatever is not known is refused, never passed over, since the
//! reading is the proof of what was written.

mod parse;
mod program;

use self::{parse::Statement, program::Program};
use super::code::BODY;
use crate::{
    error::{Error, Result},
    export::{Told, lowered::Lowered, square_images::SquareImages},
    weights::Script,
};

/// The network that a program is.
///
/// # Errors
/// If it does anything that plain operators can't.
pub(super) fn network(script: Script, told: &Told) -> Result<Lowered> {
    let images = SquareImages::told(told)?;
    let other = || Error::new("its code is not of the plain kind that Kiln writes");
    let (_, body) = script.code.split_once(BODY).ok_or_else(other)?;
    let (body, probabilities) = body.rsplit_once("    return ").ok_or_else(other)?;
    let mut program = Program::new(images, script.tensors);
    body.lines().try_for_each(|line| program.statement(Statement::parse(line)?))?;
    program.finish(probabilities.trim_end())
}

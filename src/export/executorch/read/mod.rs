//! ExecuTorch's programs as plain operators again: the writer backwards.
//!
//! Whatever is not known is refused by its name, never passed over, since the reading is the proof of what was written.

mod alive;
mod calls;
mod constants;
mod reader;
mod values;

use self::{constants::Constants, reader::Reader, values::Values};
use super::{
    container,
    schema::{self, chain, field, plan, program},
};
use crate::{
    error::{Error, Result},
    export::{flatbuffer::Record, lowered::Lowered},
};

/// The network in the bytes of a file.
///
/// # Errors
/// If it does anything that plain operators can't.
pub(super) fn network(file: &[u8]) -> Result<Lowered> {
    let (base, program) = (container::base(file)?, Record::root(file)?);
    if program.number(program::VERSION, 0_u32)? != 0 {
        return Err(Error::new("it is of another version"));
    }
    let plan = only(program, program::PLANS, "method")?;
    let values = Values::new(plan, Constants::of(program, file, base)?)?;
    let [images, probabilities] = [plan::INPUTS, plan::OUTPUTS].map(|field| one(plan, field));
    let kernels = plan.list(plan::KERNELS)?;
    let mut reader = Reader::new(values, images?)?;
    let instructions = only(plan, plan::CHAINS, "chain")?.list(chain::INSTRUCTIONS)?;
    for (place, instruction) in instructions.records().enumerate() {
        let call = called(instruction?)?;
        let kernel = kernels.record(call.number(field::KERNEL, 0_u32)? as usize)?;
        let (name, overload) = (kernel.text(field::NAME)?, kernel.text(field::OVERLOAD)?);
        reader.call(place, (name, overload), &call.numbers::<i32>(field::ARGUMENTS)?)?;
    }
    reader.finish(probabilities?)
}

/// The call of a kernel that an instruction is.
fn called(instruction: Record<'_>) -> Result<Record<'_>> {
    let is = instruction.number(field::IS, 0_u8)?;
    let call = instruction.record(field::TABLE)?.filter(|_| is == schema::KERNEL_CALL);
    call.ok_or_else(|| Error::new("it does other things than to call kernels, as for a delegate"))
}

/// The one table in a list.
fn only<'a>(table: Record<'a>, field: usize, what: &str) -> Result<Record<'a>> {
    let list = table.list(field)?;
    if list.len() == 1 {
        list.record(0)
    } else {
        Err(Error::new(format!("it has more or less than one {what}")))
    }
}

/// The one value that the program takes, or gives.
fn one(plan: Record<'_>, field: usize) -> Result<i32> {
    match plan.numbers(field)?[..] {
        [value] => Ok(value),
        _ => Err(Error::new("it has more than one input or output")),
    }
}

#[cfg(test)]
mod tests;

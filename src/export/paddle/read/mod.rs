//! Paddle's files as plain operators again: the writer backwards.
//!
//! Whatever is not known is refused by its name, never passed over, since the reading is the proof of what was written.

mod attributes;
mod json;
mod operators;
mod parameters;
mod values;

use self::{parameters::parameters, values::Values};
use super::program::{Attribute, NAME, Operation, PARAMETER};
use crate::{
    error::{Error, Result},
    export::lowered::Lowered,
};

/// The network in a program's text and the parameters beside it.
///
/// # Errors
/// If it does anything that plain operators can't.
pub(super) fn network(program: &str, bytes: &[u8]) -> Result<Lowered> {
    let operations = json::operations(program)?;
    let (own, others): (Vec<&Operation>, Vec<&Operation>) =
        operations.iter().partition(|operation| operation.kind == PARAMETER);
    let [images, others @ .., result] = &others[..] else { return Err(Error::new("it has no operations")) };
    let parameters = parameters(own.iter().filter_map(|operation| name(operation)), bytes)?;
    let mut values = Values::new(images, parameters)?;
    own.into_iter().chain(others.iter().copied()).try_for_each(|operation| values.operation(operation))?;
    values.finish(result)
}

/// What a parameter is called.
fn name(operation: &Operation) -> Option<&str> {
    match &operation.attributes[..] {
        [(key, Attribute::Text(name))] if key == NAME => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

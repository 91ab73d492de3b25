//! MNN's files as plain operators again: the writer backwards.
//!
//! Whatever is not known is refused by its name, never passed over, since the reading is the proof of what was written.

mod operator;
mod operators;
mod parameters;
mod reader;

use self::{operator::Operator, reader::Reader};
use super::schema::{self, Format, input, net};
use crate::{
    error::{Error, Result},
    export::{
        flatbuffer::{Budget, Record},
        lowered::Lowered,
    },
};

/// The network in a file of so many bytes.
///
/// # Errors
/// If it does anything that plain operators can't.
pub(super) fn network(net: Record<'_>, size: usize) -> Result<Lowered> {
    let operators = net.list(net::OPERATORS)?.records().enumerate();
    let mut operators = operators.map(|(place, record)| Operator::of(place, record?));
    let images = operators.next().transpose()?.filter(|first| first.kind == schema::INPUT);
    let images = images.ok_or_else(|| Error::new("it does not begin with its input"))?;
    let mut reader = Reader::new(&images, of_images(&images)?, Budget::new(size))?;
    operators.try_for_each(|operator| reader.operator(&operator?))?;
    let (name, probabilities) = probabilities(net)?;
    reader.finish(name, probabilities)
}

/// An empty network for the images that an input describes.
fn of_images(images: &Operator<'_>) -> Result<Lowered> {
    images.must_be("type", input::TYPE, schema::FLOAT)?;
    images.hold("format", images.number(input::FORMAT, Format::Packed as i8)? == Format::Plain as i8)?;
    let sizes: Vec<i32> = images.numbers(input::SHAPE)?;
    let sizes: Vec<Option<usize>> = sizes.iter().map(|size| usize::try_from(*size).ok()).collect();
    Lowered::of_images("its images", &sizes)
}

/// What the file calls the one tensor that it gives, and its number.
fn probabilities(net: Record<'_>) -> Result<(&str, i32)> {
    let &[name] = &net.list(net::OUTPUTS)?.texts().collect::<Result<Vec<&str>>>()?[..] else {
        return Err(Error::new("it gives more or less than one tensor"));
    };
    let names: Vec<&str> = net.list(net::TENSORS)?.texts().collect::<Result<_>>()?;
    let mut numbers = (0..names.len()).filter(|number| names[*number] == name);
    match (numbers.next(), numbers.next()) {
        (Some(number), None) => Ok((name, number as i32)),
        _ => Err(Error::new(format!("there is not one tensor {name:?}, which it gives"))),
    }
}

#[cfg(test)]
mod tests;

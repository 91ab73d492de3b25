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
    export::{Told, lowered::Lowered},
    weights::Script,
};

/// The network that a program is.
///
/// # Errors
/// If it does anything that plain operators can't.
pub(super) fn network(script: Script, told: &Told) -> Result<Lowered> {
    let images = images(told)?;
    let other = || Error::new("its code is not of the plain kind that Kiln writes");
    let (_, body) = script.code.split_once(BODY).ok_or_else(other)?;
    let (body, probabilities) = body.rsplit_once("    return ").ok_or_else(other)?;
    let mut program = Program::new(images, script.tensors)?;
    body.lines().try_for_each(|line| program.statement(Statement::parse(line)?))?;
    program.finish(probabilities.trim_end())
}

/// What takes the images that the metadata tell of, any number at once: the code does not say it.
fn images(told: &Told) -> Result<Lowered> {
    let sizes = told.image_sizes();
    if sizes.contains(&None) {
        return Err(Error::new("its metadata do not say which images it takes"));
    }
    Lowered::of_images("its images", &[&[None], &sizes[..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::lowered::{BatchDimension, INPUT};

    #[test]
    fn images_are_square_and_of_a_size() {
        let told = |text: &str| images(&Told::from_json(text).unwrap());
        let lowered = told(r#"{"imgsz": [64, 64], "channels": 3}"#).unwrap();
        assert_eq!((lowered.batch, lowered.shape(INPUT)), (BatchDimension::Any, &[3, 64, 64][..]));
        let others = [
            r#"{"imgsz": [64, 32], "channels": 3}"#,
            r#"{"imgsz": [64000, 64000], "channels": 3}"#,
            r#"{"imgsz": [-64, -64], "channels": 3}"#,
            r#"{"imgsz": "[64, 64]", "channels": 3}"#,
            r#"{"imgsz": [64, 64]}"#,
        ];
        assert!(others.iter().all(|text| told(text).is_err()));
    }
}

//! A trained model as formats of a network take it.

use serde_json::Value;

use super::{Options, Precision, lower::lower, lowered::Lowered};
use crate::{
    arch::{Arch, Computation},
    error::{Error, Result},
    weights::{Weights, fold_weights},
};

/// A trained model, and what its file is to be like.
#[derive(Debug, Clone, Copy)]
pub struct Model<'a> {
    /// The network's architecture.
    pub arch: &'a Arch,
    /// Its parameters by name, norms not folded in.
    pub weights: &'a Weights,
    /// The names of the classes, by index: `[classes]`.
    pub names: &'a [String],
    /// Side of the square images, in pixels.
    pub size: usize,
    /// The eval chain, as in a pipeline file: what happens to an image before the network sees it.
    pub eval: &'a Value,
    /// What the format is asked for.
    pub options: Options,
}

impl Model<'_> {
    /// The network as plain operators, norms folded in: what a format writes.
    ///
    /// # Errors
    /// If weights are missing or of a wrong shape, the images are too small or of a size that an operation can't divide,
    /// or there are not as many names as classes.
    pub fn lowered(&self) -> Result<Lowered> {
        let computation = Computation::of(self.arch);
        let weights = fold_weights(&computation, self.weights);
        let lowered = lower(&computation.merged(), weights, self.options.batch(), self.size)?;
        let lowered = match self.options.precision {
            Precision::Fp32 => lowered,
            Precision::Fp16 => lowered.in_half()?,
        };
        let (classes, names) = (computation.classes(), self.names.len());
        if classes == names {
            Ok(lowered)
        } else {
            Err(Error::new(format!("the network has {classes} classes, but {names} names")))
        }
    }
}

//! What readers of all formats need: where a network begins and ends, and what a shape means that a file asks for.

use super::{BatchDimension, Lowered, Operator, TensorId};
use crate::error::{Error, Result};

/// Side of the largest images, in pixels, and the most channels that they have.
const MOST_PIXELS: usize = 1 << 14;

impl Lowered {
    /// A network that does nothing yet, for images that a file calls `name`: batch, channels, height and width; those
    /// are none where a run decides.
    ///
    /// # Errors
    /// If they are not square, or not of one size.
    pub(in crate::export) fn of_images(name: &str, sizes: &[Option<usize>]) -> Result<Self> {
        let sensible = |size| (1..=MOST_PIXELS).contains(&size);
        match *sizes {
            [batch, Some(channels), Some(height), Some(width)]
                if height == width && batch != Some(0) && [channels, width].into_iter().all(sensible) =>
            {
                let batch = batch.map_or(BatchDimension::Any, BatchDimension::Fixed);
                Ok(Self::new(batch, channels, width))
            }
            _ => Err(Error::new(format!("{name} are not square images of one size"))),
        }
    }

    /// The network, whose probabilities are this tensor; the file calls it `name`.
    ///
    /// # Errors
    /// If it is not one number for each class.
    pub(in crate::export) fn giving(mut self, name: &str, probabilities: TensorId) -> Result<Self> {
        self.probabilities = probabilities;
        match self.shape(probabilities) {
            [_] => Ok(self),
            _ => Err(Error::new(format!("{name} is not one number for each class"))),
        }
    }

    /// The sizes of a tensor, that of the batch in front; it is -1 where a run decides.
    pub(in crate::export) fn dims(&self, tensor: TensorId) -> Vec<i64> {
        let batch = match self.batch {
            BatchDimension::Fixed(images) => images as i64,
            BatchDimension::Any => -1,
        };
        [batch].into_iter().chain(self.shape(tensor).iter().map(|size| *size as i64)).collect()
    }

    /// What gives a tensor the shape that a file asks for ([`Operator::reshape`]).
    pub(in crate::export) fn reshaped(&self, tensor: TensorId, wanted: &[i64]) -> Option<Operator> {
        Operator::reshape(self.batch, self.shape(tensor), wanted)
    }
}

impl Operator {
    /// What gives a tensor of this shape behind its batch the shape that a file asks for: 0 is a size that stays, and -1
    /// what is left; none if that would change the batch.
    pub(in crate::export) fn reshape(batch: BatchDimension, x: &[usize], wanted: &[i64]) -> Option<Self> {
        let (first, rest) = wanted.split_first()?;
        let known = |(at, size): (usize, &i64)| match size {
            0 => x.get(at).copied(),
            _ => usize::try_from(*size).ok(),
        };
        let sizes: Vec<Option<usize>> = rest.iter().enumerate().map(known).collect();
        let product = sizes.iter().flatten().try_fold(1_usize, |product, size| product.checked_mul(*size));
        let left = product.and_then(|product| x.iter().product::<usize>().checked_div(product));
        let stays = match (batch, first) {
            (_, 0) => true,
            (_, -1) => !sizes.contains(&None),
            (BatchDimension::Fixed(images), first) => usize::try_from(*first) == Ok(images),
            (BatchDimension::Any, _) => false,
        };
        let shape: Option<Vec<usize>> = sizes.into_iter().map(|size| size.or(left)).collect();
        shape.filter(|_| stays).map(Operator::Reshape)
    }
}

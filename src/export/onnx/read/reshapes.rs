//! Numbers in other shapes. A file may join the batch and the dimension behind it; here they stay two.

use super::{attributes::Attributes, nodes::Nodes};
use crate::{
    error::{Error, Result},
    export::lowered::{BatchDimension, Operator},
};

impl Nodes<'_> {
    /// Another shape, and whether its batch is joined with what is behind: 0 is a size that stays, and -1 what is left.
    pub(super) fn reshaped(
        &self,
        x: &str,
        name: &str,
        attributes: &Attributes<'_>,
    ) -> Result<(Operator, bool)> {
        attributes.must_be("allowzero", 0)?;
        let shape = self.shape(x, self.constants.whole(name)?);
        shape.ok_or_else(|| Error::new(format!("Kiln can't tell which shape {name} is")))
    }

    /// All numbers of an image in a row.
    pub(super) fn flattened(&self, x: &str, attributes: &Attributes<'_>) -> Result<(Operator, bool)> {
        attributes.must_be("axis", 1)?;
        let shape = self.shape(x, &[0, -1]);
        shape.ok_or_else(|| Error::new(format!("Kiln can't tell which shape {x} is")))
    }

    fn shape(&self, x: &str, wanted: &[i64]) -> Option<(Operator, bool)> {
        let x = self.tensors.tensor(x).ok()?;
        let (all, is_joined) = (self.lowered.shape(x), self.joined.contains(&x));
        let (own, behind) = if is_joined { (all[0], &all[1..]) } else { (1, all) };
        let (&first, rest) = wanted.split_first()?;
        let known = |(at, size): (usize, &i64)| match size {
            0 => behind.get(at).copied(),
            _ => usize::try_from(*size).ok(),
        };
        let rest: Vec<Option<usize>> = rest.iter().enumerate().map(known).collect();
        let total: usize = all.iter().product();
        let product = rest.iter().flatten().try_fold(1_usize, |product, size| product.checked_mul(*size))?;
        let left = total.checked_div(product)?;
        // How many there are for each image of what the first dimension counts.
        let count = match (first, rest.contains(&None)) {
            (0, _) => own,
            (-1, false) => left,
            _ => self.for_each_image(first)?,
        };
        let rest = rest.into_iter().map(|size| size.or(left.checked_div(count)));
        let rest: Vec<usize> = rest.collect::<Option<_>>()?;
        Some(match count {
            1 => (Operator::Reshape(rest), false),
            _ => (Operator::Reshape([vec![count], rest].concat()), true),
        })
    }

    /// A size divided by the number of images, if that is known.
    fn for_each_image(&self, size: i64) -> Option<usize> {
        let (BatchDimension::Fixed(images), Ok(size)) = (self.lowered.batch, usize::try_from(size)) else {
            return None;
        };
        (images > 0 && size % images == 0).then(|| size / images)
    }
}

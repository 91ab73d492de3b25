//! Sizes that a file calculates while it runs, where it takes images of any size: here they are known.

use super::{attributes::Attributes, nodes::Nodes};
use crate::{
    error::{Error, Result},
    export::{lowered::BatchDimension, onnx::proto::NodeProto},
};

impl<'a> Nodes<'a> {
    /// Whether a node gives whole numbers: the sizes of a tensor, or what is made of known ones.
    pub(super) fn sizes(
        &mut self,
        node: &'a NodeProto,
        inputs: &[&str],
        attributes: &Attributes<'_>,
    ) -> Result<bool> {
        let [name] = node.output.as_slice() else { return Ok(false) };
        let is_whole = |name: &&str| self.constants.whole(name).is_ok();
        let whole = match (node.op_type.as_str(), inputs) {
            ("Shape", [x]) => self.shape_of(x)?,
            ("Gather", [from, at]) if is_whole(from) => {
                attributes.must_be("axis", 0)?;
                let at = self.constants.sizes(at)?;
                let from = self.constants.whole(from)?;
                let taken: Option<Vec<i64>> = at.iter().map(|at| from.get(*at).copied()).collect();
                taken.ok_or_else(|| Error::new(format!("{} takes a size that is not there", node.name)))?
            }
            ("Unsqueeze", [x, axes]) if is_whole(x) && self.constants.whole(axes)? == [0] => {
                self.constants.whole(x)?.to_vec()
            }
            ("Mul", [a, b]) if is_whole(a) && is_whole(b) => {
                let pairs = self.constants.whole(a)?.iter().zip(self.constants.whole(b)?);
                pairs.map(|(a, b)| a.saturating_mul(*b)).collect()
            }
            ("Concat", all) if all.iter().all(is_whole) => {
                attributes.must_be("axis", 0)?;
                let all: Result<Vec<&[i64]>> = all.iter().map(|name| self.constants.whole(name)).collect();
                all?.concat()
            }
            _ => return Ok(false),
        };
        self.constants.know(name, whole)?;
        Ok(true)
    }

    /// The sizes of a tensor: 0 for a batch of any size, which in a shape is what stays as it was.
    fn shape_of(&self, x: &str) -> Result<Vec<i64>> {
        let x = self.tensors.tensor(x)?;
        if self.joined.contains(&x) {
            return Err(Error::new("Kiln doesn't know Shape of a tensor that joins the images of a batch"));
        }
        let images = match self.lowered.batch {
            BatchDimension::Fixed(images) => images,
            BatchDimension::Any => 0,
        };
        let rest = self.lowered.shape(x).iter();
        Ok(std::iter::once(&images).chain(rest).map(|size| *size as i64).collect())
    }
}

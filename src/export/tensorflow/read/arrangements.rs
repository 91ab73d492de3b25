//! What only puts numbers into other places, and what goes along axes.

use super::{
    super::{Attribute, Type, arrangements::MASKS},
    attributes::Attributes,
    nodes::Nodes,
};
use crate::{
    error::{Error, Result},
    export::lowered::Operator,
};

impl Nodes {
    pub(super) fn concat(
        &mut self,
        attributes: &mut Attributes,
        parts: usize,
        axis: &str,
    ) -> Result<Operator> {
        attributes.must_have("Tidx", Type::Int32)?;
        attributes.must_be("N", &Attribute::Int(parts as i64))?;
        Ok(Operator::Concat { axis: self.axis(axis)? })
    }

    pub(super) fn split(&mut self, attributes: &mut Attributes, sizes: &str, axis: &str) -> Result<Operator> {
        attributes.must_have("Tlen", Type::Int32)?;
        let sizes = self.sizes(sizes)?;
        attributes.must_be("num_split", &Attribute::Int(sizes.len() as i64))?;
        Ok(Operator::Split { axis: self.axis(axis)?, sizes })
    }

    pub(super) fn transpose(&mut self, attributes: &mut Attributes, order: &str) -> Result<Operator> {
        attributes.must_have("Tperm", Type::Int32)?;
        Ok(Operator::Transpose { order: self.sizes(order)? })
    }

    pub(super) fn reshape(&mut self, attributes: &mut Attributes, x: &str, shape: &str) -> Result<Operator> {
        attributes.must_have("Tshape", Type::Int32)?;
        let wanted = self.row(shape)?;
        let reshape = self.restored.reshape(self.values.tensor(x)?, &wanted);
        reshape.ok_or_else(|| Error::new(format!("Kiln can't tell which shape {shape} is")))
    }

    /// The mean over the height and the width.
    pub(super) fn average(&mut self, attributes: &mut Attributes, axes: &str) -> Result<Operator> {
        attributes.must_have("Tidx", Type::Int32)?;
        attributes.must_be("keep_dims", &Attribute::Flag(false))?;
        match self.row(axes)?[..] {
            [1, 2] => Ok(Operator::GlobalAverage),
            _ => Err(attributes.wrong("axes")),
        }
    }

    /// Every second pixel of every second row, by where that begins, ends and in which steps.
    pub(super) fn every_second(
        &mut self,
        attributes: &mut Attributes,
        [first, end, step]: [&str; 3],
    ) -> Result<Operator> {
        attributes.must_have("Index", Type::Int32)?;
        MASKS.into_iter().try_for_each(|(key, mask)| attributes.must_be(key, &Attribute::Int(mask)))?;
        let [first, _, step] = [self.sizes(first)?, self.sizes(end)?, self.sizes(step)?];
        match (&first[..], &step[..]) {
            (&[0, row, column, 0], [1, 2, 2, 1]) => Ok(Operator::EverySecond { row, column }),
            _ => Err(attributes.wrong("begin or strides")),
        }
    }
}

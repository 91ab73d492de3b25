//! ML programs as plain operators again: the writer backwards.
//!
//! Whatever is not known is refused by its name, never passed over, since the reading is the proof of what was written.

mod arguments;
mod constants;
mod operations;

use self::operations::Operations;
use super::{
    MAIN,
    proto::{Kind, ModelProto, NamedType, TensorType},
    values::FLOAT32,
};
use crate::{
    error::{Error, Result},
    export::lowered::Lowered,
};

/// The network in a model whose file of weights has these bytes.
///
/// # Errors
/// If it does anything that plain operators can't.
pub(super) fn network(model: &ModelProto, weights: &[u8]) -> Result<Lowered> {
    let main = model.program.as_ref().and_then(|program| program.functions.get(MAIN));
    let main = main.ok_or_else(|| Error::new("it is no ML program"))?;
    let block = main.blocks.get(&main.opset).ok_or_else(|| Error::new("its program has no operations"))?;
    let [images] = main.inputs.as_slice() else {
        return Err(Error::new("it has more than one input or none"));
    };
    let mut operations = Operations::new(&images.name, of_images(images)?, weights);
    block.operations.iter().try_for_each(|operation| operations.operation(operation))?;
    operations.finish()
}

/// What takes the images of an input.
fn of_images(input: &NamedType) -> Result<Lowered> {
    match (tensor_type(input).map(|of| of.data_type), shape(input).as_deref()) {
        (Some(FLOAT32), Some(sizes)) => {
            Lowered::of_images(&input.name, &sizes.iter().copied().map(Some).collect::<Vec<_>>())
        }
        _ => Err(Error::new(format!("{} are no images", input.name))),
    }
}

/// What a value is, if it is a tensor.
fn tensor_type(value: &NamedType) -> Option<&TensorType> {
    match value.r#type.as_ref()?.kind.as_ref()? {
        Kind::Tensor(tensor) => Some(tensor),
        _ => None,
    }
}

/// The sizes of a value, if it is a tensor whose sizes are known.
fn shape(value: &NamedType) -> Option<Vec<usize>> {
    sizes(tensor_type(value)?)
}

fn sizes(tensor: &TensorType) -> Option<Vec<usize>> {
    let size = |size: &super::proto::Dimension| usize::try_from(size.constant.as_ref()?.size).ok();
    tensor.dimensions.iter().map(size).collect()
}

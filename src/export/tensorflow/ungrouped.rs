//! Convolutions whose groups are neither one nor one for each channel: TensorFlow has no such on a CPU, so that each group
//! becomes a convolution of its own.

use crate::{
    arch::Window,
    error::Result,
    export::lowered::{Constant, ConstantId, INPUT, Instruction, Lowered, Operator, TensorId},
};

/// The same network without such convolutions.
///
/// # Errors
/// If an operator can't take its tensors, which a network that was lowered does not have.
pub(super) fn ungrouped(mut from: Lowered) -> Result<Lowered> {
    let mut to = Lowered::new(from.batch, from.shape(INPUT)[0], from.shape(INPUT)[1]);
    to.constants = std::mem::take(&mut from.constants);
    let mut tensors = vec![INPUT; from.shapes.len()];
    for Instruction { operator, at, inputs, outputs } in from.instructions {
        let inputs: Vec<TensorId> = inputs.iter().map(|input| tensors[input.0]).collect();
        let given = match operator {
            Operator::Convolution { weight, bias, window } if is_grouped(&to, inputs[0], window) => {
                vec![by_group(&mut to, &at, inputs[0], [weight, bias], window)?]
            }
            operator => to.push_all(&at, operator, &inputs)?,
        };
        outputs.iter().zip(given).for_each(|(output, given)| tensors[output.0] = given);
    }
    to.probabilities = tensors[from.probabilities.0];
    Ok(to)
}

fn is_grouped(lowered: &Lowered, x: TensorId, window: Window) -> bool {
    window.groups > 1 && window.groups < lowered.shape(x)[0]
}

/// The channels of each group, convolved by themselves and joined.
fn by_group(
    lowered: &mut Lowered,
    at: &str,
    x: TensorId,
    constants: [ConstantId; 2],
    window: Window,
) -> Result<TensorId> {
    let sizes = vec![lowered.shape(x)[0] / window.groups; window.groups];
    let parts = lowered.push_all(at, Operator::Split { axis: 1, sizes }, &[x])?;
    let mut maps = Vec::new();
    for (group, part) in parts.into_iter().enumerate() {
        let [weight, bias] = constants.map(|id| of_group(lowered, id, group, window.groups));
        let operator = Operator::Convolution { weight, bias, window: window.groups(1) };
        maps.push(lowered.push(at, operator, &[part])?);
    }
    lowered.push(at, Operator::Concat { axis: 1 }, &maps)
}

/// The numbers of one of so many groups.
fn of_group(lowered: &mut Lowered, id: ConstantId, group: usize, groups: usize) -> ConstantId {
    let Constant { name, shape, data, precision } = lowered.constant(id);
    let mut shape = shape.clone();
    shape[0] /= groups;
    let count = data.len() / groups;
    let data = data[group * count..][..count].to_vec();
    let part = Constant { name: format!("{name}.{group}"), shape, data, precision: *precision };
    lowered.add_constant(part)
}

//! The same network with the channels of its maps last, as TensorFlow and its relatives have them; and the way back.

mod read;
mod weights;

pub(super) use self::{
    read::{Restored, Seen},
    weights::reordered,
};
use super::{
    Layout,
    lowered::{Constant, INPUT, Instruction, Lowered, Operator, TensorId},
};

/// The order of axes that puts the channels of a map last.
pub(super) const TO_LAST: [usize; 4] = [0, 2, 3, 1];
/// The order that puts them first again.
pub(super) const TO_FIRST: [usize; 4] = [0, 3, 1, 2];

/// A network whose maps are `[batch, height, width, channels]` wherever an operator works on maps; its axes and shapes
/// are meant so. What is no map, such as the inside of an attention, is as it was, with transpositions between. Constants
/// are as they were, too: each format orders the weights of convolutions in its own way.
#[derive(Debug)]
pub(super) struct ChannelsLast(pub(super) Lowered);

impl ChannelsLast {
    /// The same network; its images lie as `images` says.
    pub(super) fn of(mut from: Lowered, images: Layout) -> Self {
        let instructions = std::mem::take(&mut from.instructions);
        let mut turning = Turning::new(&from, images);
        instructions.into_iter().for_each(|instruction| turning.instruction(instruction));
        let probabilities = turning.tensor(from.probabilities, Layout::ChannelsFirst, "");
        let Turning { instructions, shapes, .. } = turning;
        Self(Lowered { instructions, shapes, probabilities, ..from })
    }
}

/// A network on its way.
struct Turning<'a> {
    /// The network as it was, without its instructions.
    from: &'a Lowered,
    instructions: Vec<Instruction>,
    shapes: Vec<Vec<usize>>,
    /// What each tensor has become with its channels first and with its channels last, as far as either was asked for.
    /// What is no map is said to have them first.
    become_of: Vec<[Option<TensorId>; 2]>,
}

impl<'a> Turning<'a> {
    fn new(from: &'a Lowered, images: Layout) -> Self {
        let shapes = vec![turned(from.shape(INPUT), images)];
        let become_of = vec![[None; 2]; from.shapes.len()];
        let mut turning = Self { from, instructions: Vec::new(), shapes, become_of };
        turning.become_of[INPUT.0][images as usize] = Some(INPUT);
        turning
    }

    fn instruction(&mut self, Instruction { operator, at, inputs, outputs }: Instruction) {
        let lies_last =
            inputs.iter().any(|input| self.become_of[input.0][Layout::ChannelsLast as usize].is_some());
        let layout = taken(&operator, &self.from.constants, lies_last);
        let inputs = inputs.iter().map(|input| self.tensor(*input, layout, &at)).collect();
        // One number for each channel is no map.
        let given = if operator == Operator::GlobalAverage { Layout::ChannelsFirst } else { layout };
        let from = self.from;
        let shapes = outputs.iter().map(|output| turned(from.shape(*output), given)).collect();
        let tensors = self.push(&at, with_axis(operator, layout, last_axis), inputs, shapes);
        for (output, tensor) in outputs.iter().zip(tensors) {
            self.become_of[output.0][given as usize] = Some(tensor);
        }
    }

    /// What a tensor has become, transposed where it lies otherwise.
    fn tensor(&mut self, tensor: TensorId, layout: Layout, at: &str) -> TensorId {
        let [first, last] = self.become_of[tensor.0];
        let (there, other, order) = match layout {
            Layout::ChannelsFirst => (first, last, TO_FIRST),
            Layout::ChannelsLast => (last, first, TO_LAST),
        };
        if let Some(tensor) = there {
            return tensor;
        }
        let other = other.expect("a tensor is made before it is used");
        let (operator, shape) =
            (Operator::Transpose { order: order.to_vec() }, turned(self.from.shape(tensor), layout));
        let transposed = self.push(at, operator, vec![other], vec![shape])[0];
        self.become_of[tensor.0][layout as usize] = Some(transposed);
        transposed
    }

    /// Adds an instruction whose results have these shapes.
    fn push(
        &mut self,
        at: &str,
        operator: Operator,
        inputs: Vec<TensorId>,
        shapes: Vec<Vec<usize>>,
    ) -> Vec<TensorId> {
        let first = self.shapes.len();
        let outputs: Vec<TensorId> = (first..first + shapes.len()).map(TensorId).collect();
        self.shapes.extend(shapes);
        self.instructions.push(Instruction { operator, at: at.to_owned(), inputs, outputs: outputs.clone() });
        outputs
    }
}

/// How an operator takes its inputs. What works on single numbers or along an axis takes them as one of them lies.
fn taken(operator: &Operator, constants: &[Constant], one_lies_last: bool) -> Layout {
    let last = match operator {
        Operator::Convolution { .. }
        | Operator::EverySecond { .. }
        | Operator::MaxPool(_)
        | Operator::GlobalAverage => true,
        // One number for each channel.
        Operator::Scale(factor) if !constants[factor.0].shape.is_empty() => true,
        Operator::Silu
        | Operator::Relu
        | Operator::Add
        | Operator::Scale(_)
        | Operator::Concat { .. }
        | Operator::Split { .. } => one_lies_last,
        Operator::Reshape(_)
        | Operator::Transpose { .. }
        | Operator::MatMul { .. }
        | Operator::Softmax
        | Operator::Linear { .. } => false,
    };
    if last { Layout::ChannelsLast } else { Layout::ChannelsFirst }
}

/// The shape of a tensor whose shape with its channels first is this.
fn turned(shape: &[usize], layout: Layout) -> Vec<usize> {
    let mut shape = shape.to_vec();
    if layout == Layout::ChannelsLast {
        shape.rotate_left(1);
    }
    shape
}

/// The operator with its axis as it is for maps with their channels last, or first again.
fn with_axis(operator: Operator, layout: Layout, axis_of: fn(usize) -> usize) -> Operator {
    match (operator, layout) {
        (Operator::Concat { axis }, Layout::ChannelsLast) => Operator::Concat { axis: axis_of(axis) },
        (Operator::Split { axis, sizes }, Layout::ChannelsLast) => {
            Operator::Split { axis: axis_of(axis), sizes }
        }
        (operator, _) => operator,
    }
}

/// Where an axis of a map, which is not the batch, lies with the channels last.
fn last_axis(axis: usize) -> usize {
    TO_LAST.iter().position(|from| *from == axis).unwrap_or(axis)
}

/// Where an axis of a map with its channels last lies with the channels first.
fn first_axis(axis: usize) -> usize {
    TO_FIRST.iter().position(|from| *from == axis).unwrap_or(axis)
}

#[cfg(test)]
mod tests;

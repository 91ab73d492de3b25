//! A lowered network as the code of one class: a statement for each instruction.

use super::super::{
    Precision,
    identifiers::Identifiers,
    lowered::{Constant, ConstantId, Instruction, Lowered, Operator, TensorId},
};
use crate::{
    arch::Window,
    weights::{Array, Script, ScriptTensor},
};

/// What stands before the first statement of the class's one method.
pub(super) const BODY: &str = "  def forward(self: __torch__.Kiln,\n    images: Tensor) -> Tensor:\n";
/// What the images are called there.
pub(super) const IMAGES: &str = "images";
/// PyTorch's number for 32-bit floats.
pub(super) const FLOAT: i64 = 6;

/// The program that a network is.
pub(super) fn script(lowered: Lowered, metadata: String) -> Script {
    let code = Code::of(&lowered);
    let (text, names) = (code.text(), code.constants);
    let attributes = lowered.constants.into_iter().zip(names);
    let tensors = attributes.map(|(Constant { shape, data, precision, .. }, name)| ScriptTensor {
        name,
        array: Array { shape, data },
        half: precision == Precision::Fp16,
    });
    let tensors = tensors.collect();
    Script { code: text, metadata, tensors }
}

/// Code on its way.
struct Code<'a> {
    lowered: &'a Lowered,
    /// What each constant is called, by its number: the class's attributes.
    constants: Vec<String>,
    /// What each tensor is called, by its number.
    tensors: Vec<String>,
}

impl<'a> Code<'a> {
    fn of(lowered: &'a Lowered) -> Self {
        let mut names = Identifiers::default();
        let tensors = names.all(lowered.named(IMAGES));
        let constants = names.all(lowered.constants.iter().map(|constant| constant.name.as_str()));
        Self { lowered, constants, tensors }
    }

    fn text(&self) -> String {
        let quoted: Vec<String> = self.constants.iter().map(|name| format!("\"{name}\", ")).collect();
        let mut text = format!(
            "class {}(Module):\n  __parameters__ = [{}]\n  __buffers__ = []\n  training : bool\n",
            Script::CLASS,
            quoted.concat()
        );
        self.constants.iter().for_each(|name| text.push_str(&format!("  {name} : Tensor\n")));
        text.push_str(BODY);
        for instruction in &self.lowered.instructions {
            text.push_str(&format!("    {}\n", self.statement(instruction)));
        }
        text + &format!("    return {}\n", self.tensor(self.lowered.probabilities))
    }

    fn tensor(&self, tensor: TensorId) -> &str {
        &self.tensors[tensor.0]
    }

    /// A constant as a tensor of 32-bit numbers.
    fn constant(&self, id: ConstantId) -> String {
        let name = &self.constants[id.0];
        match self.lowered.constant(id).precision {
            Precision::Fp32 => format!("self.{name}"),
            Precision::Fp16 => format!("torch.to(self.{name}, {FLOAT})"),
        }
    }

    fn statement(&self, instruction: &Instruction) -> String {
        let outputs: Vec<&str> = instruction.outputs.iter().map(|tensor| self.tensor(*tensor)).collect();
        let value = self.value(instruction);
        match instruction.operator {
            Operator::Split { .. } => format!("{}, = {value}", outputs.join(", ")),
            _ => format!("{} = {value}", outputs.join(", ")),
        }
    }

    /// What an instruction gives, as PyTorch says it.
    fn value(&self, Instruction { operator, inputs, .. }: &Instruction) -> String {
        let inputs: Vec<&str> = inputs.iter().map(|tensor| self.tensor(*tensor)).collect();
        let x = inputs[0];
        match operator {
            Operator::Convolution { weight, bias, window } => {
                let (weight, bias) = (self.constant(*weight), self.constant(*bias));
                let Window { kernel, stride, groups } = *window;
                let [stride, pad] = [stride, kernel / 2].map(square);
                format!("torch.conv2d({x}, {weight}, {bias}, {stride}, {pad}, [1, 1], {groups})")
            }
            Operator::Silu => format!("torch.silu({x})"),
            Operator::Relu => format!("torch.relu({x})"),
            Operator::Add => format!("torch.add({})", inputs.join(", ")),
            Operator::Scale(factor) => format!("torch.mul({x}, {})", self.constant(*factor)),
            Operator::Concat { axis } => format!("torch.cat([{}], {axis})", inputs.join(", ")),
            Operator::Split { axis, sizes } => format!("torch.split_with_sizes({x}, {sizes:?}, {axis})"),
            Operator::EverySecond { row, column } => {
                format!("torch.slice(torch.slice({x}, 2, {row}, None, 2), 3, {column}, None, 2)")
            }
            Operator::MaxPool(Window { kernel, stride, .. }) => {
                let [kernel, stride, pad] = [*kernel, *stride, kernel / 2].map(square);
                format!("torch.max_pool2d({x}, {kernel}, {stride}, {pad}, [1, 1], False)")
            }
            Operator::Reshape(shape) => {
                let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
                format!("torch.reshape({x}, [-1, {}])", sizes.join(", "))
            }
            Operator::Transpose { order } => format!("torch.permute({x}, {order:?})"),
            Operator::MatMul { transpose_a, transpose_b } => {
                let (a, b) = (factor(x, *transpose_a), factor(inputs[1], *transpose_b));
                format!("torch.matmul({a}, {b})")
            }
            Operator::Softmax => format!("torch.softmax({x}, -1)"),
            Operator::GlobalAverage => format!("torch.mean({x}, [2, 3])"),
            Operator::Linear { weight, bias } => {
                format!("torch.linear({x}, {}, {})", self.constant(*weight), self.constant(*bias))
            }
        }
    }
}

/// The same in both directions.
fn square(size: usize) -> String {
    format!("[{size}, {size}]")
}

/// A factor of a product, its last two dimensions swapped if that is wanted.
fn factor(tensor: &str, swapped: bool) -> String {
    if swapped { format!("torch.transpose({tensor}, -2, -1)") } else { tensor.to_owned() }
}

//! Products with weights, and poolings: what several nodes say together.

use super::{
    super::{Attribute, Type, Word},
    attributes::Attributes,
    constants::{floats, whole},
    nodes::Nodes,
    values::{Outside, Value},
};
use crate::{
    arch::Window,
    error::{Error, Result},
    export::{
        channels_last::{Seen, reordered},
        lowered::{Constant, Operator},
    },
};

/// The order that makes `[kernel, kernel, in, out]` the `[out, in, kernel, kernel]` of a convolution.
const CONVOLUTION: [usize; 4] = [3, 2, 0, 1];

impl Nodes {
    /// A map with half a window around it, for the node after it.
    pub(super) fn padded(
        &mut self,
        attributes: &mut Attributes,
        x: &str,
        sides: &str,
        number: &[&str],
    ) -> Result<Value> {
        attributes.must_have("Tpaddings", Type::Int32)?;
        let outside = self.outside(attributes, number)?;
        let tensor = self.values.constant(sides)?;
        match (&whole(sides, &tensor, 2)?[..], &tensor.shape[..]) {
            (&[0, 0, half, b, c, d, 0, 0], [4, 2]) if [b, c, d] == [half; 3] => {
                let half = usize::try_from(half).map_err(|_| attributes.wrong("paddings"))?;
                Ok(Value::Padded(self.values.tensor(x)?, half, outside))
            }
            _ => Err(attributes.wrong("paddings")),
        }
    }

    /// What is put around a map: zeros, or a number.
    fn outside(&mut self, attributes: &Attributes, number: &[&str]) -> Result<Outside> {
        match (attributes.op.as_str(), number) {
            ("Pad", []) => Ok(Outside::Zeros),
            ("PadV2", [number]) => match floats(number, &self.values.constant(number)?)?.data[..] {
                [f32::MIN] => Ok(Outside::Lowest),
                _ => Err(attributes.wrong("constant_values")),
            },
            _ => Err(attributes.wrong("inputs")),
        }
    }

    /// What a window goes over, if all around it is as much as the window wants.
    fn map(&self, attributes: &mut Attributes, x: &str, window: Window, outside: Outside) -> Result<Seen> {
        attributes.must_be("data_format", &Attribute::Word(Word::Nhwc))?;
        let half = window.kernel / 2;
        match (attributes.take("padding")?, self.values.get(x)) {
            (Attribute::Word(Word::Valid), Some(Value::Padded(x, around, of)))
                if *around == half && *of == outside =>
            {
                Ok(*x)
            }
            (Attribute::Word(Word::Valid), _) if half == 0 => self.values.tensor(x),
            (Attribute::Word(Word::Same), _) if window.stride == 1 && window.kernel % 2 == 1 => {
                self.values.tensor(x)
            }
            _ => Err(attributes.wrong("padding")),
        }
    }

    /// A convolution without its bias.
    pub(super) fn convolved(&mut self, attributes: &mut Attributes, x: &str, weight: &str) -> Result<Value> {
        attributes.must_be("dilations", &Attribute::Ints(vec![1; 4]))?;
        let stride = attributes.over_a_map("strides")?;
        let apart = attributes.op == "DepthwiseConv2dNative";
        let mut window = Window::POINT;
        let id = self.floats(weight, |constant| {
            let &[kernel, width, inputs, outputs] = constant.shape.as_slice() else { return None };
            let (groups, shape) = match apart {
                true => (inputs, [kernel, width, 1, inputs.checked_mul(outputs)?]),
                false => (1, [kernel, width, inputs, outputs]),
            };
            window = Window { kernel, stride, groups };
            let data = reordered(&constant.data, shape, CONVOLUTION);
            let shape = CONVOLUTION.map(|axis| shape[axis]).to_vec();
            Some(Constant { shape, data, ..constant })
        })?;
        let map = self.map(attributes, x, window, Outside::Zeros)?;
        Ok(Value::Product(map, id, Some(window)))
    }

    /// A linear layer without its bias.
    pub(super) fn linear(&mut self, attributes: &mut Attributes, x: &str, weight: &str) -> Result<Value> {
        attributes.must_be("transpose_a", &Attribute::Flag(false))?;
        attributes.must_be("transpose_b", &Attribute::Flag(true))?;
        Ok(Value::Product(self.values.tensor(x)?, self.floats(weight, Some)?, None))
    }

    /// The product before, with its bias.
    pub(super) fn biased(&mut self, attributes: &mut Attributes, x: &str, bias: &str) -> Result<Value> {
        attributes.must_be("data_format", &Attribute::Word(Word::Nhwc))?;
        let bias = self.floats(bias, Some)?;
        let Some(&Value::Product(x, weight, window)) = self.values.get(x) else {
            return Err(Error::new(format!("{}: a bias without a product", attributes.name)));
        };
        let operator = match window {
            Some(window) => Operator::Convolution { weight, bias, window },
            None => Operator::Linear { weight, bias },
        };
        self.push(attributes, operator, &[x])
    }

    pub(super) fn max_pool(&mut self, attributes: &mut Attributes, x: &str) -> Result<Value> {
        let window =
            Window::square(attributes.over_a_map("ksize")?).stride(attributes.over_a_map("strides")?);
        let map = self.map(attributes, x, window, Outside::Lowest)?;
        self.push(attributes, Operator::MaxPool(window), &[map])
    }
}

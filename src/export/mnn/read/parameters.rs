//! The parameters of convolutions, poolings and scales.

use half::f16;

use super::{
    super::schema::{self, Fields, convolution, pool, quantised, scale},
    operator::Operator,
    reader::Reader,
};
use crate::{
    arch::Window,
    error::Result,
    export::{
        Precision,
        flatbuffer::{Record, numbers},
        lowered::{Constant, ConstantId, Operator as Plain, TensorId},
    },
};

impl Reader {
    pub(super) fn convolution(&mut self, operator: &Operator<'_>, x: TensorId) -> Result<Plain> {
        let common = operator.table("window", convolution::COMMON)?;
        must_be_plain(operator, common)?;
        let window = window(operator, common, convolution::WINDOW)?;
        let [groups, outputs, inputs] =
            [(convolution::GROUPS, 1), (convolution::OUTPUTS, 0), (convolution::INPUTS, 0)]
                .map(|(field, default)| size(common, field, default));
        let (groups, outputs, inputs) = (groups?, outputs?, inputs?);
        let divided = inputs.checked_div(groups).unwrap_or(0);
        let each_by_itself = groups == inputs && groups == outputs;
        operator.hold("groups", operator.kind != schema::DEPTHWISE || each_by_itself)?;
        operator.hold("number of channels", self.lowered.shape(x).first() == Some(&inputs))?;
        let weight = self.weight(operator, vec![outputs, divided, window.kernel, window.kernel])?;
        let bias = self.floats(operator, "bias", convolution::BIAS, vec![outputs])?;
        Ok(Plain::Convolution { weight, bias, window: window.groups(groups) })
    }

    /// A factor for each channel.
    pub(super) fn scale(&mut self, operator: &Operator<'_>) -> Result<Plain> {
        let biases: Vec<f32> = operator.numbers(scale::BIASES)?;
        operator.hold("bias", biases.iter().all(|bias| *bias == 0.0))?;
        let channels = usize::try_from(operator.number(scale::CHANNELS, 0_i32)?).unwrap_or(0);
        self.floats(operator, "factor", scale::FACTORS, vec![channels, 1, 1]).map(Plain::Scale)
    }

    /// The weights of a convolution, of 32 bits or 16.
    fn weight(&mut self, operator: &Operator<'_>, shape: Vec<usize>) -> Result<ConstantId> {
        if operator.number(convolution::QUANTISED, 0_u32)? == 0 {
            return self.floats(operator, "weight", convolution::WEIGHT, shape);
        }
        let quantised = operator.table("weight", convolution::QUANTISED)?;
        operator.hold("weight", quantised.number(quantised::TYPE, 0_i32)? == schema::HALF)?;
        let bytes = quantised.bytes(quantised::BYTES)?;
        self.budget.take(bytes.len())?;
        let widened = |data: Vec<u16>| data.into_iter().map(|bits| f16::from_bits(bits).to_f32()).collect();
        let Some(data) = numbers(bytes).map(widened) else { return operator.unknown("weight") };
        self.constant(
            operator,
            "weight",
            Constant { name: String::new(), shape, data, precision: Precision::Fp16 },
        )
    }

    /// The numbers of 32 bits in a field, in this shape.
    fn floats(
        &mut self,
        operator: &Operator<'_>,
        what: &str,
        field: usize,
        shape: Vec<usize>,
    ) -> Result<ConstantId> {
        let data: Vec<f32> = operator.numbers(field)?;
        self.budget.take(size_of::<f32>() * data.len())?;
        self.constant(
            operator,
            what,
            Constant { name: String::new(), shape, data, precision: Precision::Fp32 },
        )
    }

    /// Adds a constant that fits its shape.
    fn constant(&mut self, operator: &Operator<'_>, what: &str, constant: Constant) -> Result<ConstantId> {
        let count = constant.shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
        operator.hold(what, count == Some(constant.data.len()))?;
        let name = format!("{}.{what}", operator.at);
        Ok(self.lowered.add_constant(Constant { name, ..constant }))
    }
}

/// The maximum in a window, or the average of whole maps.
pub(super) fn pooling(operator: &Operator<'_>) -> Result<Plain> {
    let Some(options) = operator.options else { return operator.unknown("pooling") };
    let (of, global) = (options.number(pool::TYPE, 0_i8)?, operator.holds(pool::GLOBAL)?);
    if (of, global) == (schema::AVERAGE, true) {
        return Ok(Plain::GlobalAverage);
    }
    operator.hold("pooling", (of, global) == (schema::MAXIMUM, false))?;
    operator.hold("rounding", options.number(pool::ROUNDS_UP, 1_u8)? == 0)?;
    operator.hold("padding", options.number(pool::PADDING_MODE, 0_i8)? == 0)?;
    window(operator, options, pool::WINDOW).map(Plain::MaxPool)
}

/// Refuses a convolution that is spread out, followed by an activation or padded by a rule.
fn must_be_plain(operator: &Operator<'_>, common: Record<'_>) -> Result<()> {
    for activation in convolution::ACTIVATIONS {
        operator.hold("activation", common.number(activation, 0_u8)? == 0)?;
    }
    for spread in convolution::SPREADS {
        operator.hold("spread", common.number(spread, 1_i32)? == 1)?;
    }
    operator.hold("padding", common.number(convolution::PADDING_MODE, 0_i8)? == 0)
}

/// How a window goes over a map, which must be padded by half of it.
fn window(operator: &Operator<'_>, table: Record<'_>, fields: Fields) -> Result<Window> {
    let Fields { paddings, kernels, strides, sides, least } = fields;
    let kernel = square(operator, "kernel", kernels.map(|field| size(table, field, least)))?;
    let stride = square(operator, "stride", strides.map(|field| size(table, field, least)))?;
    let padding = square(operator, "padding", paddings.map(|field| size(table, field, 0)))?;
    let sides: Vec<i32> = table.numbers(sides)?;
    let alike = sides.len() == 4 && sides.iter().all(|side| usize::try_from(*side) == Ok(padding));
    operator.hold("padding", padding == kernel / 2 && (alike || sides.is_empty()))?;
    Ok(Window::square(kernel).stride(stride))
}

/// What is the same in both directions.
fn square(operator: &Operator<'_>, what: &str, [width, height]: [Result<usize>; 2]) -> Result<usize> {
    let (width, height) = (width?, height?);
    operator.hold(what, width == height)?;
    Ok(width)
}

/// A number of a table that is not negative; 0 if it is.
fn size(table: Record<'_>, field: usize, default: i32) -> Result<usize> {
    Ok(usize::try_from(table.number(field, default)?).unwrap_or(0))
}

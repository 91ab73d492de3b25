//! The parameters of convolutions, poolings and scales.

use half::f16;

use super::schema::{self, Fields, convolution, pool, quantised, scale};
use crate::{
    arch::Window,
    export::{
        Precision,
        flatbuffer::{Child, Table},
        lowered::Constant,
    },
};

/// Those of a convolution.
pub(super) fn convolved(weight: &Constant, bias: &Constant, window: Window) -> Table {
    let [outputs, inputs] = [weight.shape[0], weight.shape[1] * window.groups];
    let common = gone_over(convolution::WINDOW, window)
        .number(convolution::GROUPS, window.groups as i32)
        .number(convolution::OUTPUTS, outputs as i32)
        .number(convolution::INPUTS, inputs as i32);
    let table = Table::new().child(convolution::COMMON, common).child(convolution::BIAS, bias.data.clone());
    match weight.precision {
        Precision::Fp32 => table.child(convolution::WEIGHT, weight.data.clone()),
        Precision::Fp16 => table.child(convolution::QUANTISED, halves(&weight.data)),
    }
}

/// Weights in 16 bits, as those that are quantised.
fn halves(weights: &[f32]) -> Table {
    let bytes = weights.iter().flat_map(|weight| f16::from_f32(*weight).to_le_bytes()).collect();
    Table::new().child(quantised::BYTES, Child::data(bytes)).number(quantised::TYPE, schema::HALF)
}

/// Those of a pooling that takes the maximum.
pub(super) fn pooled(window: Window) -> Table {
    pooling(window, schema::MAXIMUM).number(pool::GLOBAL, false)
}

/// Those of a pooling that averages whole maps.
pub(super) fn averaged() -> Table {
    pooling(Window::POINT, schema::AVERAGE).number(pool::GLOBAL, true)
}

fn pooling(window: Window, of: i8) -> Table {
    gone_over(pool::WINDOW, window).number(pool::TYPE, of).number(pool::ROUNDS_UP, false)
}

/// A window that goes over a map, which is padded by half of it on each side.
fn gone_over(fields: Fields, Window { kernel, stride, .. }: Window) -> Table {
    let half = kernel as i32 / 2;
    let numbers = [(fields.paddings, half), (fields.kernels, kernel as i32), (fields.strides, stride as i32)];
    let sides = Table::new().child(fields.sides, vec![half; 4]);
    let both = |table: Table, ([width, height], number): ([usize; 2], i32)| {
        table.number(width, number).number(height, number)
    };
    numbers.into_iter().fold(sides, both)
}

/// Those of a product with a number for each channel.
pub(super) fn scaled(factors: &[f32]) -> Table {
    Table::new()
        .number(scale::CHANNELS, factors.len() as i32)
        .child(scale::FACTORS, factors.to_vec())
        .child(scale::BIASES, vec![0.0_f32; factors.len()])
}

//! Convolutions and poolings, and what was put around their maps.

use super::{
    super::{
        schema::{self, Padding, window},
        windows::DEPTHWISE,
    },
    operator::Operator,
    reader::{Given, Outside, Reader},
};
use crate::{
    arch::Window,
    error::Result,
    export::{
        channels_last::{Seen, TO_FIRST, reordered},
        lowered::{Constant, Operator as Plain},
    },
};

/// Fields of options that say which activation is part of an operator, and how far its window is spread.
const ACTIVATION: usize = 3;
const DEPTHWISE_ACTIVATION: usize = 4;
const POOLS_ACTIVATION: usize = 5;

impl Reader<'_> {
    pub(super) fn convolution(
        &mut self,
        operator: &Operator<'_>,
        [x, weight, bias]: [i32; 3],
    ) -> Result<Seen> {
        let apart = operator.kind == schema::DEPTHWISE_CONV_2D;
        let (activation, order) =
            if apart { (DEPTHWISE_ACTIVATION, back(DEPTHWISE)) } else { (ACTIVATION, TO_FIRST) };
        operator.must_be_alone(activation)?;
        for spread in [activation + 1, activation + 2] {
            operator.must_be("spread", spread, 1)?;
        }
        let (weight, bias) = (self.constant(weight)?, self.constant(bias)?);
        let Ok(shape) = <[usize; 4]>::try_from(&weight.shape[..]) else { return operator.unknown("weight") };
        let (data, shape) = (reordered(&weight.data, shape, order), order.map(|axis| shape[axis]));
        let (map, window) = self.window(operator, x, shape[2], Outside::Zeros)?;
        let channels = self.restored.shape(map).last().copied().unwrap_or(0);
        let groups = if apart { Some(channels) } else { channels.checked_div(shape[1]) };
        if apart {
            let multiple = operator.number(window::DEPTH_MULTIPLIER, 0_i32)? as usize;
            operator.hold("depth", multiple.checked_mul(channels) == Some(shape[0]))?;
        }
        let weight = self.restored.add_constant(Constant { shape: shape.to_vec(), data, ..weight });
        let bias = self.restored.add_constant(bias);
        let window = window.groups(groups.unwrap_or(0));
        self.push(operator, Plain::Convolution { weight, bias, window }, &[map])
    }

    pub(super) fn max_pool(&mut self, operator: &Operator<'_>, x: i32) -> Result<Seen> {
        let kernel = pooled(operator)?;
        let (map, window) = self.window(operator, x, kernel, Outside::Lowest)?;
        self.push(operator, Plain::MaxPool(window), &[map])
    }

    /// The average of whole maps.
    pub(super) fn average(&mut self, operator: &Operator<'_>, x: i32) -> Result<Seen> {
        let (map, kernel) = (self.tensor(x)?, pooled(operator)?);
        let valid = operator.number(window::PADDING, 0_i8)? == Padding::Valid as i8;
        let &[height, width, channels] = &self.restored.shape(map)[..] else {
            return operator.unknown("tensor");
        };
        operator.hold("window", valid && [height, width] == [kernel; 2])?;
        let row = self.push(operator, Plain::GlobalAverage, &[map])?;
        self.push(operator, Plain::Reshape(vec![1, 1, channels]), &[row])
    }

    /// Says what is put around a map: zeros, or the number in a tensor.
    pub(super) fn pad(
        &mut self,
        operator: &Operator<'_>,
        [x, sides]: [i32; 2],
        with: Option<i32>,
    ) -> Result<()> {
        let outside = match with {
            Some(with) => {
                let with = self.tensors.floats(with)?.data;
                operator.hold("padding", with.len() == 1 && with[0] <= f32::MIN)?;
                Outside::Lowest
            }
            None => Outside::Zeros,
        };
        let (map, sides) = (self.tensor(x)?, self.tensors.sizes(sides)?);
        match sides[..] {
            [0, 0, top, bottom, left, right, 0, 0] if [top, top, top] == [bottom, left, right] => {
                self.give_all(operator.outputs[0], Given::Padded(map, top, outside))
            }
            _ => operator.unknown("padding"),
        }
    }

    /// The map that a window goes over, and how it does so; it must be padded by half of it, with `outside`.
    fn window(
        &self,
        operator: &Operator<'_>,
        x: i32,
        kernel: usize,
        outside: Outside,
    ) -> Result<(Seen, Window)> {
        let strides =
            [window::STRIDE_WIDTH, window::STRIDE_HEIGHT].map(|field| operator.number(field, 0_i32));
        let [Ok(stride), Ok(other)] = strides else { return operator.unknown("stride") };
        operator.hold("stride", stride == other && stride > 0)?;
        let window = Window::square(kernel).stride(stride as usize);
        let valid = operator.number(window::PADDING, 0_i8)? == Padding::Valid as i8;
        let (map, padded) = match self.given(x) {
            Some(Given::Padded(map, pixels, with)) => (map, valid && with == outside && pixels == kernel / 2),
            _ => (self.tensor(x)?, if valid { kernel == 1 } else { stride == 1 && kernel % 2 == 1 }),
        };
        operator.hold("padding", padded)?;
        Ok((map, window))
    }
}

/// The side of a pooling's square window.
fn pooled(operator: &Operator<'_>) -> Result<usize> {
    operator.must_be_alone(POOLS_ACTIVATION)?;
    let sides = [window::POOL_WIDTH, window::POOL_HEIGHT].map(|field| operator.number(field, 0_i32));
    match sides {
        [Ok(width), Ok(height)] if width == height && width > 0 => Ok(width as usize),
        _ => operator.unknown("window"),
    }
}

/// The order that undoes another.
fn back(order: [usize; 4]) -> [usize; 4] {
    let mut back = [0; 4];
    order.into_iter().enumerate().for_each(|(place, axis)| back[axis] = place);
    back
}

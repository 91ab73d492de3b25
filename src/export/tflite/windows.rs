//! Convolutions and poolings, and what is put around their maps.

use super::{
    operators::Operators,
    schema::{self, Padding, window},
};
use crate::{
    arch::Window,
    export::{
        channels_last::TO_LAST,
        flatbuffer::Table,
        lowered::{ConstantId, TensorId},
    },
};

/// The order that makes `[channels out, 1, kernel, kernel]` the `[1, kernel, kernel, channels out]` of a convolution
/// whose channels do not see each other.
pub(super) const DEPTHWISE: [usize; 4] = [1, 2, 3, 0];

impl Operators<'_> {
    pub(super) fn convolution(
        &mut self,
        at: &str,
        [x, y]: [TensorId; 2],
        [weight, bias]: [ConstantId; 2],
        window: Window,
    ) {
        let channels = self.lowered.shape(x)[2];
        let apart = window.groups > 1 && window.groups == channels;
        let (kind, order) =
            if apart { (schema::DEPTHWISE_CONV_2D, DEPTHWISE) } else { (schema::CONV_2D, TO_LAST) };
        let weight = self.weight(weight, order);
        let bias = self.floats(bias, &self.lowered.constant(bias).shape);
        let (map, padding) = match padding(window) {
            Some(padding) => (self.tensor(x), padding),
            None => (self.padded(at, x, window, None), Padding::Valid),
        };
        let options = options(window, padding);
        let options = match apart {
            true => {
                let multiple = self.lowered.shape(y)[2] / channels;
                options.number(window::DEPTH_MULTIPLIER, multiple as i32)
            }
            false => options,
        };
        self.file.operator(kind, vec![map, weight, bias], vec![self.tensor(y)], options);
    }

    pub(super) fn max_pool(&mut self, at: &str, [x, y]: [TensorId; 2], window: Window) {
        let (map, padding) = match padding(window) {
            Some(padding) => (self.tensor(x), padding),
            None => (self.padded(at, x, window, Some(f32::MIN)), Padding::Valid),
        };
        let options = pooled(options(window, padding), window.kernel);
        self.file.operator(schema::MAX_POOL_2D, vec![map], vec![self.tensor(y)], options);
    }

    /// A window as large as the map: that is known to all programs, unlike a mean over two axes.
    pub(super) fn global_average(&mut self, at: &str, [x, y]: [TensorId; 2]) {
        let (side, channels) = (self.lowered.shape(x)[0], self.lowered.shape(x)[2]);
        let pixel = self.file.tensor(&format!("{at}/pixel"), &self.with_batch(&[1, 1, channels]));
        let options = pooled(options(Window::POINT, Padding::Valid), side);
        self.file.operator(schema::AVERAGE_POOL_2D, vec![self.tensor(x)], vec![pixel], options);
        self.reshape(at, pixel, &self.shape(y), y);
    }

    /// A map with half a window of a number, or of zeros, on each side.
    fn padded(&mut self, at: &str, x: TensorId, window: Window, number: Option<f32>) -> i32 {
        let half = window.kernel / 2;
        let &[height, width, channels] = self.lowered.shape(x) else { unreachable!("it is a map") };
        let shape = self.with_batch(&[height + 2 * half, width + 2 * half, channels]);
        let padded = self.file.tensor(&format!("{at}/padded"), &shape);
        let half = half as i32;
        let sides = self.file.whole(&format!("{at}/sides"), &[4, 2], &[0, 0, half, half, half, half, 0, 0]);
        let (kind, mut inputs) = (number.map_or(schema::PAD, |_| schema::PADV2), vec![self.tensor(x), sides]);
        inputs.extend(number.map(|number| self.file.number(&format!("{at}/outside"), number)));
        self.file.operator(kind, inputs, vec![padded], Table::new());
        padded
    }
}

/// How the operator itself pads a map by half the window, if it can. If the window moves by more than a pixel, the
/// operator would put less before a map of even side than behind it.
fn padding(window: Window) -> Option<Padding> {
    match window {
        Window { kernel: 1, .. } => Some(Padding::Valid),
        Window { kernel, stride: 1, .. } if kernel % 2 == 1 => Some(Padding::Same),
        _ => None,
    }
}

fn options(window: Window, padding: Padding) -> Table {
    Table::new()
        .number(window::PADDING, padding as i8)
        .number(window::STRIDE_WIDTH, window.stride as i32)
        .number(window::STRIDE_HEIGHT, window.stride as i32)
}

/// The options with those of a pooling.
fn pooled(options: Table, kernel: usize) -> Table {
    options.number(window::POOL_WIDTH, kernel as i32).number(window::POOL_HEIGHT, kernel as i32)
}

//! Convolutions and poolings, and what is put around their maps.

use super::{
    Attribute, Type, Word,
    builder::FLOATS,
    nodes::{Nodes, layout},
};
use crate::{
    arch::Window,
    export::{Precision, channels_last::reordered, lowered::ConstantId},
};

/// The order that makes `[out, in, kernel, kernel]` the `[kernel, kernel, in, out]` of a convolution.
const CONVOLUTION: [usize; 4] = [2, 3, 1, 0];

impl Nodes<'_> {
    /// A convolution of a map of so many channels, in one group, or in one for each channel.
    pub(super) fn convolution(
        &mut self,
        y: &str,
        x: &str,
        channels: usize,
        [weight, bias]: [ConstantId; 2],
        window: Window,
    ) {
        let apart = window.groups > 1;
        let weight = self.weight(weight, apart.then_some(channels));
        let (map, padding) = match padding(window) {
            Some(padding) => (x.to_owned(), padding),
            None => (self.padded(y, x, window, None), Word::Valid),
        };
        let op = if apart { "DepthwiseConv2dNative" } else { "Conv2D" };
        let dilations = ("dilations", Attribute::Ints(vec![1; 4]));
        let attributes = moved(window, padding).into_iter().chain([dilations]);
        let product = self.builder.node(y, op, &[&map, &weight], attributes);
        self.bias(y, &product, bias);
    }

    /// The weights of a convolution; if each of so many channels has its own, in the shape `[kernel, kernel, channels,
    /// results for each]`.
    fn weight(&mut self, id: ConstantId, channels: Option<usize>) -> String {
        let constant = self.lowered.constant(id);
        let shape = std::array::from_fn(|axis| constant.shape[axis]);
        let numbers = reordered(&constant.data, shape, CONVOLUTION);
        let [height, width, inputs, outputs] = CONVOLUTION.map(|axis| shape[axis]);
        let shape = match channels {
            Some(channels) => [height, width, channels, outputs / channels],
            None => [height, width, inputs, outputs],
        };
        self.builder.floats(&constant.name, &shape, &numbers, constant.precision)
    }

    pub(super) fn max_pool(&mut self, y: &str, x: &str, window: Window) {
        let (map, padding) = match padding(window) {
            Some(padding) => (x.to_owned(), padding),
            None => (self.padded(y, x, window, Some(f32::MIN)), Word::Valid),
        };
        let size = ("ksize", over_a_map(window.kernel));
        self.builder.named(y, "MaxPool", &[&map], moved(window, padding).into_iter().chain([size]));
    }

    /// A map with half a window of a number, or of zeros, on each side.
    fn padded(&mut self, y: &str, x: &str, window: Window, number: Option<f32>) -> String {
        let half = (window.kernel / 2) as i64;
        let sides = self.builder.whole(y, &[4, 2], &[0, 0, half, half, half, half, 0, 0]);
        let attributes = [FLOATS, ("Tpaddings", Attribute::Type(Type::Int32))];
        match number {
            None => self.builder.node(y, "Pad", &[x, &sides], attributes),
            Some(number) => {
                let number = self.builder.floats(&format!("{y}_outside"), &[], &[number], Precision::Fp32);
                self.builder.node(y, "PadV2", &[x, &sides, &number], attributes)
            }
        }
    }
}

/// How the node itself pads a map by half the window, if it can. If the window moves by more than a pixel, it would put
/// less before a map of even side than behind it.
fn padding(window: Window) -> Option<Word> {
    match window {
        Window { kernel: 1, .. } => Some(Word::Valid),
        Window { kernel, stride: 1, .. } if kernel % 2 == 1 => Some(Word::Same),
        _ => None,
    }
}

fn moved(window: Window, padding: Word) -> [(&'static str, Attribute); 4] {
    [FLOATS, ("strides", over_a_map(window.stride)), ("padding", Attribute::Word(padding)), layout()]
}

/// A size for the height and the width of a map.
fn over_a_map(size: usize) -> Attribute {
    Attribute::Ints(vec![1, size as i64, size as i64, 1])
}

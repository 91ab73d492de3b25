//! For tests: a small network of every operator, and what it gives.

use super::{
    Engine as _, Precision,
    interpreter::Interpreter,
    lowered::{BatchDimension, Constant, ConstantId, INPUT, Lowered, Operator, TensorId},
};
use crate::{arch::Window, random::Random};

const CHANNELS: usize = 4;
const SIZE: usize = 8;

/// Numbers from -1 to 1.
fn numbers(name: &str, count: usize) -> Vec<f32> {
    let mut random = Random::new(name, &[]);
    (0..count).map(|_| random.uniform(-1.0, 1.0) as f32).collect()
}

/// A network on its way.
struct Building(Lowered);

impl Building {
    fn constant(&mut self, name: &str, shape: &[usize]) -> ConstantId {
        let (name, shape, data) = (name.to_owned(), shape.to_vec(), numbers(name, shape.iter().product()));
        self.0.add_constant(Constant { name, shape, data, precision: Precision::Fp32 })
    }

    fn convolution(&mut self, at: &str, window: Window, x: TensorId) -> TensorId {
        let channels = self.0.shape(x)[0];
        let shape = [CHANNELS, channels / window.groups, window.kernel, window.kernel];
        let weight = self.constant(&format!("{at}.weight"), &shape);
        let bias = self.constant(&format!("{at}.bias"), &[CHANNELS]);
        self.push(at, Operator::Convolution { weight, bias, window }, &[x])
    }

    fn push(&mut self, at: &str, operator: Operator, inputs: &[TensorId]) -> TensorId {
        self.0.push(at, operator, inputs).unwrap()
    }

    /// Convolutions, what is between them, and poolings, on a map.
    fn map(&mut self) -> TensorId {
        let strided = self.convolution("a", Window::square(3).stride(2), INPUT);
        let silu = self.push("a.act", Operator::Silu, &[strided]);
        let grouped = self.convolution("b", Window::square(4).groups(2), silu);
        let pooled = self.push("b", Operator::MaxPool(Window::square(2).stride(2)), &[grouped]);
        let depthwise = self.convolution("c", Window::square(5).groups(CHANNELS), pooled);
        let relu = self.push("c", Operator::Relu, &[depthwise]);
        let gamma = self.constant("c.gamma", &[CHANNELS, 1, 1]);
        let scaled = self.push("c", Operator::Scale(gamma), &[relu]);
        let first = self.convolution("d", Window::square(2).stride(2), INPUT);
        let second = self.push("d", Operator::EverySecond { row: 0, column: 1 }, &[INPUT]);
        let second = self.convolution("e", Window::POINT, second);
        let second = self.push("e", Operator::MaxPool(Window::square(3)), &[second]);
        let first = self.push("d", Operator::MaxPool(Window::square(3).stride(2)), &[first]);
        let second = self.push("e", Operator::MaxPool(Window::square(2).stride(2)), &[second]);
        let sum = self.push("e", Operator::Add, &[first, second]);
        self.push("f", Operator::Concat { axis: 1 }, &[sum, scaled])
    }

    /// Attention within areas, on a map of 8 channels and 9 pixels.
    fn attention(&mut self, map: TensorId) -> TensorId {
        let divided = self.push("g", Operator::Reshape(vec![2, 4, 3, 3]), &[map]);
        let areas = self.push("g", Operator::Transpose { order: vec![0, 3, 1, 2, 4] }, &[divided]);
        let split = Operator::Split { axis: 3, sizes: vec![1, 1, 2] };
        let parts = self.0.push_all("g", split, &[areas]).unwrap();
        let root = self.constant("g.scale", &[]);
        let queries = self.push("g", Operator::Scale(root), &[parts[0]]);
        let scores = Operator::MatMul { transpose_a: true, transpose_b: false };
        let scores = self.push("g", scores, &[queries, parts[1]]);
        let shares = self.push("g", Operator::Softmax, &[scores]);
        let mixed = Operator::MatMul { transpose_a: false, transpose_b: true };
        let mixed = self.push("g", mixed, &[parts[2], shares]);
        let joined = self.push("g", Operator::Transpose { order: vec![0, 2, 3, 1, 4] }, &[mixed]);
        self.push("g", Operator::Reshape(vec![4, 3, 3]), &[joined])
    }
}

/// A network of every operator, for images of 4 channels and 8 pixels.
pub(super) fn every_operator(batch: BatchDimension) -> Lowered {
    let mut building = Building(Lowered::new(batch, CHANNELS, SIZE));
    let map = building.map();
    let map = building.attention(map);
    let means = building.push("h", Operator::GlobalAverage, &[map]);
    let [weight, bias] =
        [("h.weight", &[3, 4][..]), ("h.bias", &[3])].map(|(name, shape)| building.constant(name, shape));
    let logits = building.push("h", Operator::Linear { weight, bias }, &[means]);
    building.0.probabilities = building.push("", Operator::Softmax, &[logits]);
    building.0
}

/// What a network gives for some image.
pub(super) fn probabilities(lowered: Lowered) -> Vec<f32> {
    let shape = lowered.shape(INPUT).to_vec();
    let image = numbers("image", shape.iter().product());
    Interpreter::new(String::new(), lowered).probabilities(&image, shape[1]).unwrap()
}

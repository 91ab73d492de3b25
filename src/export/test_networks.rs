//! For tests: a small network that has every operator.

use super::{
    Precision,
    lowered::{BatchDimension, Constant, ConstantId, INPUT, Lowered, Operator, TensorId},
};
use crate::{arch::Window, random::Random};

/// Adds a constant of numbers that look like weights.
fn numbers(lowered: &mut Lowered, name: &str, shape: &[usize]) -> ConstantId {
    let mut random = Random::new(name, &[]);
    let data = (0..shape.iter().product()).map(|_| random.uniform(-1.0, 1.0) as f32).collect();
    lowered.add_constant(Constant {
        name: name.to_owned(),
        shape: shape.to_vec(),
        data,
        precision: Precision::Fp32,
    })
}

fn convolution(lowered: &mut Lowered, name: &str, x: TensorId, channels: usize, window: Window) -> TensorId {
    let shape = [channels, lowered.shape(x)[0] / window.groups, window.kernel, window.kernel];
    let weight = numbers(lowered, &format!("{name}.weight"), &shape);
    let bias = numbers(lowered, &format!("{name}.bias"), &[channels]);
    lowered.push(name, Operator::Convolution { weight, bias, window }, &[x]).unwrap()
}

/// Every operator once at least, for images of 8 pixels: convolutions of all kinds, attention in two heads, a head of
/// three classes.
pub(super) fn every_operator(batch: BatchDimension) -> Lowered {
    let mut it = Lowered::new(batch, 3, 8);
    let x = convolution(&mut it, "a", INPUT, 4, Window::square(3));
    let x = it.push("a.act", Operator::Silu, &[x]).unwrap();
    let x = it.push("half", Operator::EverySecond { row: 0, column: 1 }, &[x]).unwrap();
    let y = convolution(&mut it, "b", x, 4, Window::square(3).groups(4));
    let y = it.push("b.act", Operator::Relu, &[y]).unwrap();
    let x = it.push("sum", Operator::Add, &[x, y]).unwrap();
    let gamma = numbers(&mut it, "gamma", &[4, 1, 1]);
    let x = it.push("gamma", Operator::Scale(gamma), &[x]).unwrap();
    let parts = it.push_all("parts", Operator::Split { axis: 1, sizes: vec![1, 3] }, &[x]).unwrap();
    let pooled = it.push("pool", Operator::MaxPool(Window::square(3)), &[parts[1]]).unwrap();
    let x = it.push("joined", Operator::Concat { axis: 1 }, &[parts[0], pooled, parts[1]]).unwrap();
    let x = convolution(&mut it, "c", x, 12, Window::POINT);
    let x = attention(&mut it, x);
    let x = convolution(&mut it, "d", x, 6, Window::square(3).stride(2).groups(2));
    let x = it.push("relu", Operator::Relu, &[x]).unwrap();
    let x = it.push("small", Operator::MaxPool(Window::square(3).stride(2)), &[x]).unwrap();
    let x = it.push("mean", Operator::GlobalAverage, &[x]).unwrap();
    let [weight, bias] = [("linear.weight", vec![3, 6]), ("linear.bias", vec![3])]
        .map(|(name, shape)| numbers(&mut it, name, &shape));
    let x = it.push("linear", Operator::Linear { weight, bias }, &[x]).unwrap();
    it.probabilities = it.push("", Operator::Softmax, &[x]).unwrap();
    it
}

/// Of 16 positions to each other, in two heads of 6 channels: 2 of queries, 2 of keys, 2 of values.
fn attention(it: &mut Lowered, x: TensorId) -> TensorId {
    let x = it.push("heads", Operator::Reshape(vec![2, 6, 16]), &[x]).unwrap();
    let parts = it.push_all("heads", Operator::Split { axis: 2, sizes: vec![2, 2, 2] }, &[x]).unwrap();
    let root = numbers(it, "root", &[]);
    let q = it.push("q", Operator::Scale(root), &[parts[0]]).unwrap();
    let scores = Operator::MatMul { transpose_a: true, transpose_b: false };
    let scores = it.push("scores", scores, &[q, parts[1]]).unwrap();
    let shares = it.push("shares", Operator::Softmax, &[scores]).unwrap();
    let mixed = Operator::MatMul { transpose_a: false, transpose_b: true };
    let mixed = it.push("mixed", mixed, &[parts[2], shares]).unwrap();
    let turned = it.push("turned", Operator::Transpose { order: vec![0, 3, 2, 1] }, &[mixed]).unwrap();
    it.push("map", Operator::Reshape(vec![4, 4, 4]), &[turned]).unwrap()
}

/// The pixels of one image that it takes.
pub(super) fn image(lowered: &Lowered) -> Vec<f32> {
    let mut random = Random::new("image", &[]);
    (0..lowered.shape(INPUT).iter().product()).map(|_| random.unit() as f32).collect()
}

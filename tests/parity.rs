//! The networks give the numbers that the reference gives (`fixtures/weights/README.md` says how those were made).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use kiln::{
    arch::{Computation, Role},
    data::{Batch, decode::decode, transform},
    device_name::DeviceName,
    eval::Classifier,
    softmax::softmax,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    tensors: usize,
    parameters: usize,
    outputs: BTreeMap<String, Output>,
}

#[derive(Deserialize)]
struct Output {
    logits: Vec<f32>,
    probs: Vec<f32>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn image(name: &str, size: usize) -> Batch {
    let image = decode(&fixtures().join(format!("parity/{name}.png"))).unwrap();
    let mut images = Vec::new();
    transform::apply_eval(&transform::default_eval(), size, image, &mut images).unwrap();
    Batch { images, targets: vec![0], indices: vec![0], size }
}

/// Logits within the tolerance for their size in pixels, where there is one, probabilities within 1e-5.
fn check(name: &str, tolerance: impl Fn(usize) -> Option<f32>) {
    let text = std::fs::read_to_string(fixtures().join("weights/expected.json")).unwrap();
    let expected: BTreeMap<String, Expected> = serde_json::from_str(&text).unwrap();
    let expected = &expected[name];
    let model = Classifier::load(&fixtures().join(format!("weights/{name}.pt")), DeviceName::Cpu).unwrap();
    let shapes = Computation::of(model.own().unwrap().0).shapes();
    let learnt = shapes.iter().filter(|(name, shape)| Role::of(name, shape.len()) != Role::Statistic);
    assert_eq!(learnt.map(|(_, shape)| shape.iter().product::<usize>()).sum::<usize>(), expected.parameters);
    let norms = shapes.keys().filter(|name| name.ends_with("running_mean")).count();
    assert_eq!(shapes.len() + norms, expected.tensors, "the reference also counts num_batches_tracked");
    assert_eq!(model.names, ["class a", "class b", "class c", "class d"]);
    for (input, output) in &expected.outputs {
        let (image_name, size) = input.split_once('_').unwrap();
        let size = size.parse().unwrap();
        let logits = model.logits(&image(image_name, size));
        if let Some(tolerance) = tolerance(size) {
            close(&logits, &output.logits, tolerance, name, input);
        }
        close(&softmax(&logits), &output.probs, 1e-5, name, input);
    }
}

fn close(got: &[f32], wanted: &[f32], tolerance: f32, name: &str, input: &str) {
    let worst = got.iter().zip(wanted).map(|(got, wanted)| (got - wanted).abs()).fold(0.0, f32::max);
    assert!(
        got.len() == wanted.len() && worst <= tolerance,
        "{name} {input}: off by {worst}: {got:?} for {wanted:?}"
    );
}

#[test]
fn yolo11_gives_the_references_numbers() {
    check("tiny-yolo11", |_| Some(2e-3));
}

#[test]
fn yolov8_gives_the_references_numbers() {
    check("tiny-yolov8", |_| Some(2e-3));
}

/// With these random weights its attention has scores of up to 2800 at 224 pixels, so that softmax is a
/// step function, and rounding decides where it steps: the reference's own logits, around 80, are 0.17
/// from those in 64 bits, and its two convolution libraries 0.14 from each other. At 64 pixels the scores
/// stay below 60. So at 224 pixels it is the logits in 64 bits that ours are held to (`fixtures/weights/float64.py`).
#[test]
fn yolo12_gives_the_references_numbers() {
    check("tiny-yolo12", |size| (size == 64).then_some(2e-3));
    let model = Classifier::load(&fixtures().join("weights/tiny-yolo12.pt"), DeviceName::Cpu).unwrap();
    let tall = [-39.966412112981125, 30.52852252421316, -9.178361741375824, 102.52996153422313];
    let wide = [-10.869698591597128, 46.28056920603727, -24.94198339403119, 79.94943169688909];
    for (name, exact, tolerance) in [("tall", tall, 0.02), ("wide", wide, 0.1)] {
        let logits = model.logits(&image(name, 224));
        close(&logits, &exact.map(|x| x as f32), tolerance, "tiny-yolo12", name);
    }
}

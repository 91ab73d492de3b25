//! The networks give the numbers that the reference gives (`fixtures/weights/README.md` says how those were made).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use kiln::{
    data::{Batch, decode::decode, transform},
    eval::{Classifier, metrics::softmax},
    zoo::{Arch, Network, Role},
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
    let mut images = vec![0.0; 3 * size * size];
    transform::apply_eval(&transform::default_eval(), size, image, &mut images);
    Batch { images, targets: vec![0], indices: vec![0], size }
}

/// Logits within `tolerance`, probabilities within 1e-5.
fn check(name: &str, tolerance: f32) {
    let text = std::fs::read_to_string(fixtures().join("weights/expected.json")).unwrap();
    let expected: BTreeMap<String, Expected> = serde_json::from_str(&text).unwrap();
    let expected = &expected[name];
    let model = Classifier::load(&fixtures().join(format!("weights/{name}.pt")), "cpu").unwrap();
    let shapes = Network::shapes(model.arch());
    let learnt = shapes.iter().filter(|(name, shape)| Role::of(name, shape.len()) != Role::Statistic);
    assert_eq!(learnt.map(|(_, shape)| shape.iter().product::<usize>()).sum::<usize>(), expected.parameters);
    let norms = shapes.keys().filter(|name| name.ends_with("running_mean")).count();
    assert_eq!(shapes.len() + norms, expected.tensors, "the reference also counts num_batches_tracked");
    assert_eq!(model.names, ["class a", "class b", "class c", "class d"]);
    for (input, output) in &expected.outputs {
        let (image_name, size) = input.split_once('_').unwrap();
        let logits = model.logits(&image(image_name, size.parse().unwrap()));
        close(&logits, &output.logits, tolerance, name, input);
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
    check("tiny-yolo11", 2e-3);
}

#[test]
fn yolov8_gives_the_references_numbers() {
    check("tiny-yolov8", 2e-3);
}

/// With these random weights its attention is close to a step function, which magnifies rounding:
/// at 224 pixels logits around 100 differ by up to 0.13.
#[test]
fn yolo12_gives_the_references_numbers() {
    check("tiny-yolo12", 0.2);
}

/// Section 1.6 of the reference page: parameters at 1000 and at 10 classes.
#[test]
fn parameter_counts_are_the_references() {
    let rows = [
        ("yolo11n-cls", 2_812_104, 1_543_914),
        ("yolo11s-cls", 6_724_008, 5_455_818),
        ("yolo11m-cls", 11_634_216, 10_366_026),
        ("yolo11l-cls", 14_115_624, 12_847_434),
        ("yolo11x-cls", 29_637_064, 28_368_874),
        ("yolo26n-cls", 2_812_104, 1_543_914),
        ("yolo26x-cls", 29_637_064, 28_368_874),
        ("yolov8n-cls", 2_719_288, 1_451_098),
        ("yolov8m-cls", 17_053_336, 15_785_146),
        ("yolo12n-cls", 2_999_496, 1_731_306),
        ("yolo12l-cls", 16_737_160, 15_468_970),
    ];
    for (name, thousand, ten) in rows {
        for (classes, wanted) in [(1000, thousand), (10, ten)] {
            let shapes = Network::shapes(&Arch::built_in(name, classes).unwrap());
            let learnt = shapes.iter().filter(|(name, shape)| Role::of(name, shape.len()) != Role::Statistic);
            let count: usize = learnt.map(|(_, shape)| shape.iter().product::<usize>()).sum();
            assert_eq!(count, wanted, "{name} with {classes} classes");
        }
    }
}

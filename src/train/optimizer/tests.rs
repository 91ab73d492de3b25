//! Every optimizer against PyTorch's own, step by step (`tests/fixtures/optimizers/make.py`).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;

use super::*;
use crate::{
    network::{layout::Slot, parameters::to_vec},
    weights::{Array, Weights},
};

type Flat = BTreeMap<String, Vec<f32>>;

#[derive(Deserialize)]
struct Fixture {
    shapes: BTreeMap<String, Vec<usize>>,
    decay: f64,
    beta1: f64,
    /// Rate, rate of biases and momentum of each step.
    rates: Vec<[f64; 3]>,
    start: Flat,
    gradients: Vec<Flat>,
    /// Optimizer to the parameters after each step.
    after: BTreeMap<String, Vec<Flat>>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../../tests/fixtures/optimizers/optimizers.json")).unwrap()
}

fn tensor(values: &[f32]) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &Device::flex())
}

impl Fixture {
    fn parameters(&self) -> Parameters {
        let array = |(name, shape): (&String, &Vec<usize>)| {
            (name.clone(), Array { shape: shape.clone(), data: self.start[name].clone() })
        };
        let weights: Weights = self.shapes.iter().map(array).collect();
        let layout = Arc::new(Layout::new(&self.shapes, BTreeSet::new()));
        Parameters::from_weights(layout, &weights, &Device::flex())
    }

    /// All steps by `rule`; the optimizer is saved and resumed after each if `resumed`.
    fn run(&self, rule: Rule, resumed: bool) -> Vec<Flat> {
        let (mut parameters, mut optimizer) = (self.parameters(), Optimizer::new(rule, self.decay));
        let mut after = Vec::new();
        for (&[rate, bias_rate, momentum], gradients) in self.rates.iter().zip(&self.gradients) {
            let slots = parameters.layout.slots_in(&parameters.layout.learnt()).iter();
            let gradient: Vec<f32> = slots.flat_map(|slot: &Slot| gradients[&slot.name].clone()).collect();
            optimizer.step(&mut parameters, tensor(&gradient), Rates { rate, bias_rate, momentum });
            if resumed {
                let (steps, moments) = (optimizer.steps(), optimizer.moments().to_vec());
                optimizer = Optimizer::new(rule, self.decay);
                optimizer.resume(steps, moments);
            }
            let weights = parameters.to_weights().into_iter();
            after.push(weights.map(|(name, array)| (name, array.data)).collect());
        }
        after
    }

    fn rules(&self) -> [(&'static str, Rule, f32); 8] {
        let beta1 = self.beta1;
        [
            ("sgd", Rule::Sgd, 1e-6),
            ("adam", Rule::Adam { beta1 }, 1e-6),
            ("adamw", Rule::AdamW { beta1 }, 1e-6),
            ("adamax", Rule::Adamax { beta1 }, 1e-6),
            ("nadam", Rule::NAdam { beta1 }, 1e-6),
            ("radam", Rule::RAdam { beta1 }, 1e-6),
            ("rmsprop", Rule::RmsProp, 1e-6),
            // Matrix products are summed in another order.
            ("musgd", Rule::MuSgd, 2e-5),
        ]
    }
}

/// The largest difference, relative where numbers are large.
fn distance(ours: &Flat, theirs: &Flat) -> f32 {
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    let pairs = ours.iter().flat_map(|(name, values)| values.iter().zip(&theirs[name]));
    pairs.map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f32::max)
}

#[test]
fn every_optimizer_steps_as_pytorch_does() {
    let fixture = fixture();
    assert_eq!(fixture.after.len(), fixture.rules().len(), "a rule for each optimizer of the fixture");
    for (name, rule, tolerance) in fixture.rules() {
        let theirs = &fixture.after[name];
        for (step, (ours, theirs)) in fixture.run(rule, false).iter().zip(theirs).enumerate() {
            let distance = distance(ours, theirs);
            assert!(distance < tolerance, "{name}, step {step}: off by {distance}");
        }
    }
}

#[test]
fn the_rules_differ() {
    let fixture = fixture();
    let ends: Vec<Flat> =
        fixture.rules().map(|(_, rule, _)| fixture.run(rule, false).pop().unwrap()).to_vec();
    for (i, end) in ends.iter().enumerate() {
        assert!(ends[..i].iter().all(|other| distance(end, other) > 1e-4), "{}", fixture.rules()[i].0);
    }
}

#[test]
fn memory_is_all_that_an_optimizer_needs_to_go_on() {
    let fixture = fixture();
    for (name, rule, _) in fixture.rules() {
        assert_eq!(fixture.run(rule, true), fixture.run(rule, false), "{name}");
    }
}

#[test]
fn large_gradients_are_clipped_and_small_ones_are_not() {
    let clipped = |limit| to_vec(clip_norm(tensor(&[3.0, 0.0, 4.0]), limit));
    assert_eq!(clipped(10.0), [3.0, 0.0, 4.0]);
    let half = clipped(2.5);
    assert!((half[0] - 1.5).abs() < 1e-5 && (half[2] - 2.0).abs() < 1e-5, "{half:?}");
}

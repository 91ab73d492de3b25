//! What training makes small.

use burn::tensor::{Tensor, activation::log_softmax};

use crate::network::upload;

/// What a batch should be taken for.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// The class of each image: `[batch]`.
    Classes(Vec<usize>),
    /// How much of each class each image shows: `[batch, classes]`, row by row; rows sum to 1.
    Soft(Vec<f32>),
}

/// Cross-entropy in nats, with what a config may add to it.
///
/// For images `i` and classes `c`, with logits' probabilities `p` and the targets' shares `q`:
/// `Σ w_c q'_ic (1 - p_ic)^γ (-ln p_ic) / Σ w_c q_ic`, where `q' = (1 - s) q + s / classes` is smoothed.
/// Without focal loss (γ = 0) that is PyTorch's `cross_entropy` with `weight` and `label_smoothing`; with
/// it, that of Lin et al., "Focal loss for dense object detection" (2017).
#[derive(Debug, Clone)]
pub(super) struct Loss {
    /// How many classes there are.
    pub classes: usize,
    /// `s`: the part of each target that is spread over all classes; 0 for none.
    pub smoothing: f64,
    /// `w`: what each class counts; all the same if there are none.
    pub weights: Option<Vec<f64>>,
    /// `γ`: how much less those images count that the network is sure about; 0 for none.
    pub gamma: f64,
}

/// Keeps the slope of `(1 - p)^γ` finite where `p` is 1.
const UNSURE: f64 = 1e-7;

impl Loss {
    /// The loss `[1]` of logits `[batch, classes]`.
    pub(super) fn of(&self, logits: Tensor<2>, targets: &Targets) -> Tensor<1> {
        match targets {
            Targets::Classes(classes) if self.is_plain() => cross_entropy(logits, classes),
            _ => {
                let target_weights = beside(&logits, self.target_weights(targets), logits.dims());
                self.weighted_nll(logits, target_weights)
            }
        }
    }

    fn is_plain(&self) -> bool {
        self.smoothing == 0.0 && self.gamma == 0.0 && self.weights.is_none()
    }

    /// `[batch, classes]`: how much each logarithm counts, all in all.
    fn target_weights(&self, targets: &Targets) -> Vec<f32> {
        let shares = self.shares(targets);
        let weight = |class: usize| self.weights.as_ref().map_or(1.0, |weights| weights[class]);
        let weights: Vec<f64> = (0..self.classes).map(weight).collect();
        let cells = || shares.iter().zip(weights.iter().cycle());
        let total: f64 = cells().map(|(&share, weight)| f64::from(share) * weight).sum();
        let smooth =
            |share: f32| f64::from(share) * (1.0 - self.smoothing) + self.smoothing / self.classes as f64;
        cells().map(|(&share, weight)| (smooth(share) * weight / total) as f32).collect()
    }

    fn shares(&self, targets: &Targets) -> Vec<f32> {
        match targets {
            Targets::Soft(shares) => shares.clone(),
            Targets::Classes(classes) => one_hot(classes, self.classes),
        }
    }

    fn weighted_nll(&self, logits: Tensor<2>, target_weights: Tensor<2>) -> Tensor<1> {
        let logs = log_softmax(logits, 1);
        let unsure = |logs: Tensor<2>| logs.exp().neg().add_scalar(1.0).clamp_min(UNSURE);
        let target_weights = match self.gamma {
            0.0 => target_weights,
            gamma => target_weights * unsure(logs.clone()).powf_scalar(gamma),
        };
        (logs * target_weights).sum().neg()
    }
}

/// Rows `[batch, classes]` that are 1 at the class of the image.
pub(super) fn one_hot(classes: &[usize], count: usize) -> Vec<f32> {
    let mut rows = vec![0.0; classes.len() * count];
    for (row, &class) in rows.chunks_exact_mut(count).zip(classes) {
        row[class] = 1.0;
    }
    rows
}

/// Mean cross-entropy of logits `[batch, classes]` and a class for each image, in nats.
fn cross_entropy(logits: Tensor<2>, classes: &[usize]) -> Tensor<1> {
    let numbers = classes.iter().map(|&class| class as f32).collect();
    let classes: Tensor<2> = beside(&logits, numbers, [classes.len(), 1]);
    log_softmax(logits, 1).gather(1, classes.int()).mean().neg()
}

/// These numbers, row by row, where the logits lie.
fn beside<const D: usize>(logits: &Tensor<2>, numbers: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    let device = logits.device();
    let numbers = upload(numbers, shape, &device.clone().inner());
    if device.is_autodiff() { Tensor::from_inner(numbers) } else { numbers }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use serde::Deserialize;

    use super::*;
    use crate::network::parameters::to_vec;

    #[derive(Deserialize)]
    struct Fixture {
        logits: Vec<Vec<f32>>,
        classes: Vec<usize>,
        soft: Vec<Vec<f32>>,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        smoothing: f64,
        weights: Vec<f64>,
        gamma: f64,
        soft: bool,
        loss: f32,
        gradient: Vec<f32>,
    }

    /// Made by PyTorch: `tests/fixtures/losses/make.py`.
    fn fixture() -> Fixture {
        serde_json::from_str(include_str!("../../tests/fixtures/losses/losses.json")).unwrap()
    }

    /// The loss and its slope.
    fn measure(loss: &Loss, logits: &[Vec<f32>], targets: &Targets) -> (f32, Vec<f32>) {
        let shape = [logits.len(), logits[0].len()];
        let data = TensorData::new(logits.concat(), shape);
        let logits = Tensor::<2>::from_data(data, &Device::flex().autodiff()).require_grad();
        let value = loss.of(logits.clone(), targets);
        (to_vec(value.clone())[0], to_vec(logits.grad(&value.backward()).unwrap()))
    }

    #[test]
    fn losses_and_their_slopes_are_pytorchs() {
        let fixture = fixture();
        assert_eq!(fixture.cases.len(), 8);
        for (i, case) in fixture.cases.iter().enumerate() {
            let weights = (!case.weights.is_empty()).then(|| case.weights.clone());
            let loss = Loss { classes: 4, smoothing: case.smoothing, weights, gamma: case.gamma };
            let targets = match case.soft {
                true => Targets::Soft(fixture.soft.concat()),
                false => Targets::Classes(fixture.classes.clone()),
            };
            let (value, slope) = measure(&loss, &fixture.logits, &targets);
            assert!((value - case.loss).abs() < 1e-5, "case {i}: {value}, PyTorch has {}", case.loss);
            let pairs = slope.iter().zip(&case.gradient);
            let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-6, "case {i}: the slope is off by {worst}");
        }
    }

    #[test]
    fn classes_are_shares_of_one() {
        let fixture = fixture();
        let plain = Loss { classes: 4, smoothing: 0.0, weights: None, gamma: 0.0 };
        let shares = Targets::Soft(one_hot(&fixture.classes, 4));
        let (by_class, _) = measure(&plain, &fixture.logits, &Targets::Classes(fixture.classes.clone()));
        let (by_share, _) = measure(&plain, &fixture.logits, &shares);
        assert!((by_class - by_share).abs() < 1e-6);
    }

    #[test]
    fn a_sure_network_has_a_finite_slope() {
        let sure = [vec![200.0, 0.0], vec![-200.0, 0.0]];
        let loss = Loss { classes: 2, smoothing: 0.0, weights: None, gamma: 0.5 };
        let (value, slope) = measure(&loss, &sure, &Targets::Classes(vec![0, 0]));
        assert!(value.is_finite() && slope.iter().all(|x| x.is_finite()), "{value} {slope:?}");
    }
}

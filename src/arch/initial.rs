//! The numbers that a network begins with (docs/reference.md, Initialisation).

use crate::random::Random;

/// How a parameter's first numbers are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initial {
    /// All the same number.
    Constant(f32),
    /// Drawn uniformly between minus and plus this bound.
    Uniform(f64),
    /// Normal around 0 with this deviation.
    Normal(f64),
}

impl Initial {
    /// Uniform in `±1/√fan_in`: Kaiming uniform with `a = √5`, as PyTorch draws the weights of convolutions and linear
    /// layers. `fan_in` is how many numbers an output is made of.
    pub fn kaiming(fan_in: usize) -> Self {
        Self::Uniform(1.0 / (fan_in as f64).sqrt())
    }

    /// `count` numbers for the parameter `name`. They depend on the seed and the name alone, so they are the same on
    /// every device, and in a network that differs elsewhere.
    pub fn draw(self, name: &str, seed: u64, count: usize) -> Vec<f32> {
        let mut random = Random::new(name, &[seed]);
        match self {
            Self::Constant(value) => vec![value; count],
            Self::Uniform(bound) => (0..count).map(|_| random.uniform(-bound, bound) as f32).collect(),
            Self::Normal(deviation) => (0..count).map(|_| (deviation * random.normal()) as f32).collect(),
        }
    }
}

//! The parameters of a computation: their names, shapes, and how they are drawn.

use std::collections::BTreeMap;

use super::{
    Role, Window,
    computation::{Computation, Convolution, Linear, Op, Scaling},
    initial::Initial,
};

/// A parameter, or a running statistic.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The parameter's name in files of weights, e.g. `model.0.conv.weight`.
    pub name: String,
    /// E.g. `[16, 3, 3, 3]`.
    pub shape: Vec<usize>,
    /// How its first numbers are drawn.
    pub initial: Initial,
}

/// Shapes by name, e.g. `model.0.conv.weight`: `[16, 3, 3, 3]`.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// The first value of a layer scale, as in the reference.
const GAMMA: f32 = 0.01;

impl Computation {
    /// All parameters, running statistics included, in the order of the operations.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter> {
        self.operations.iter().flat_map(|operation| operation.op.parameters())
    }

    /// Their shapes by name.
    pub fn shapes(&self) -> Shapes {
        self.parameters().map(|parameter| (parameter.name, parameter.shape)).collect()
    }

    /// How many numbers are learnt.
    pub fn learnt(&self) -> u64 {
        let learnt = self.parameters().filter(|it| Role::of(&it.name, it.shape.len()) != Role::Statistic);
        let size = |shape: Vec<usize>| shape.iter().fold(1_u64, |n, side| n.saturating_mul(*side as u64));
        learnt.map(|parameter| size(parameter.shape)).fold(0, u64::saturating_add)
    }
}

impl Op {
    /// What it learns, and what it remembers.
    pub fn parameters(&self) -> Vec<Parameter> {
        match self {
            Self::Convolution(convolution) => convolution.parameters(),
            Self::Scale(Scaling { gamma, channels }) => vec![Parameter {
                name: gamma.clone(),
                shape: vec![*channels],
                initial: Initial::Constant(GAMMA),
            }],
            Self::Linear(linear) => linear.parameters(),
            Self::Activation(_)
            | Self::Add
            | Self::Concat
            | Self::Split(_)
            | Self::EverySecond { .. }
            | Self::MaxPool(_)
            | Self::Attention(_)
            | Self::GlobalAverage
            | Self::Dropout => Vec::new(),
        }
    }
}

impl Convolution {
    fn parameters(&self) -> Vec<Parameter> {
        let Window { kernel, groups, .. } = self.window;
        let shape = vec![self.c2, self.c1 / groups, kernel, kernel];
        let weight = parameter(&self.name, "weight", shape, self.initial);
        let channels = |module, part, value| parameter(module, part, vec![self.c2], Initial::Constant(value));
        let parts = match &self.norm {
            Some(norm) => [("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)]
                .map(|(part, value)| channels(norm, part, value))
                .to_vec(),
            None => vec![channels(&self.name, "bias", 0.0)],
        };
        std::iter::once(weight).chain(parts).collect()
    }
}

impl Linear {
    fn parameters(&self) -> Vec<Parameter> {
        let initial = Initial::kaiming(self.inputs);
        vec![
            parameter(&self.name, "weight", vec![self.outputs, self.inputs], initial),
            parameter(&self.name, "bias", vec![self.outputs], initial),
        ]
    }
}

fn parameter(module: &str, part: &str, shape: Vec<usize>, initial: Initial) -> Parameter {
    Parameter { name: format!("{module}.{part}"), shape, initial }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Arch;

    /// The reference counts `num_batches_tracked` too, one for each norm (docs/reference.md, Parameter names).
    #[test]
    fn networks_have_as_many_parameters_as_the_references() {
        let counts = [
            ("yolo11n-cls", 236),
            ("yolo11m-cls", 296),
            ("yolo26x-cls", 494),
            ("yolov8s-cls", 158),
            ("yolov8m-cls", 230),
            ("yolov8x-cls", 302),
            ("yolo12n-cls", 350),
            ("yolo12m-cls", 410),
            ("yolo12l-cls", 736),
            ("yolov8-cls-resnet50", 326),
            ("yolov8-cls-resnet101", 632),
        ];
        for (name, wanted) in counts {
            let shapes = Computation::of(&Arch::built_in(name, 10).unwrap()).shapes();
            let norms = shapes.keys().filter(|name| name.ends_with("running_mean")).count();
            assert_eq!(shapes.len() + norms, wanted, "{name}");
        }
    }

    #[test]
    fn torchvisions_names_are_its_own() {
        let shapes = Computation::of(&Arch::built_in("yolo11-cls-resnet18", 10).unwrap()).shapes();
        let shape = |name: &str| shapes[&format!("model.0.m.{name}")].as_slice();
        assert_eq!(shape("0.weight"), [64, 3, 7, 7]);
        assert_eq!(shape("1.running_var"), [64]);
        assert_eq!(shape("4.0.conv1.weight"), [64, 64, 3, 3]);
        assert_eq!(shape("5.0.downsample.0.weight"), [128, 64, 1, 1]);
        assert_eq!(shape("7.1.bn2.bias"), [512]);
        assert_eq!(shapes.keys().filter(|name| name.starts_with("model.0.m.")).count(), 20 * 5);
    }
}

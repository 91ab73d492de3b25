//! What a network costs: parameters, layers and operations, as the reference counts them.

use std::ops::AddAssign;

use super::{
    Activation, Arch, Role,
    computation::{Attention, Computation, Op, Operation},
    sizes::{Map, sizes},
};
use crate::error::Result;

/// What a network, or a row of it, costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// How many numbers are learnt.
    pub parameters: u64,
    /// Modules that hold no others: convolutions, norms, activations, pools. An activation that
    /// several rows share counts once in a network, and not in a row.
    pub layers: usize,
    /// Learnt numbers once every norm is folded into its convolution.
    pub folded_parameters: u64,
    /// How many layers there are once norms are folded in.
    pub folded_layers: usize,
    /// Multiplications with additions of one image, as the reference weighs them: of convolutions,
    /// linear layers and matrix products; four for each element of a norm, one for each that goes into or
    /// comes out of the global pool; none for activations and for the softmax at the end.
    pub operations: u64,
}

impl Cost {
    /// Two operations (one multiplication, one addition) a piece, in billions.
    pub fn gflops(&self) -> f64 {
        2.0 * self.operations as f64 / 1e9
    }
}

/// What an architecture costs, whole and row by row, with the shapes between the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Costs {
    /// What the whole network costs.
    pub total: Cost,
    /// What each row of the architecture costs, in order.
    pub rows: Vec<Cost>,
    /// `[channels, height, width]` that each row gives; the head's is `[classes]`.
    pub shapes: Vec<Vec<usize>>,
}

impl Costs {
    /// The costs of `arch` for square images of `size` pixels (docs/reference.md, Sizes).
    ///
    /// # Errors
    /// If the images are too small, or of a size that areas can't divide.
    pub fn of(arch: &Arch, size: usize) -> Result<Self> {
        let computation = Computation::of(arch);
        let maps = sizes(&computation, size)?;
        let mut rows = vec![Cost::default(); arch.rows.len()];
        let mut shapes = vec![Vec::new(); arch.rows.len()];
        for operation in &computation.operations {
            rows[operation.row] += Cost::of(operation, &maps);
            shapes[operation.row] = shape(operation, &maps);
        }
        let mut total = Cost { layers: shared_activations(&computation), ..Cost::default() };
        total.folded_layers = total.layers;
        rows.iter().for_each(|row| total += *row);
        Ok(Self { total, rows, shapes })
    }
}

/// The activations that belong to no module alone: all convolutions share one, if any has one, and so do all pairs of
/// convolutions that are summed before it (RepConv).
fn shared_activations(computation: &Computation) -> usize {
    let of_sums = |operation: &Operation| {
        matches!(operation.op, Op::Activation(Activation::Silu)) && operation.modules == 0
    };
    usize::from(computation.convolutions().any(|convolution| convolution.activation.is_some()))
        + usize::from(computation.operations.iter().any(of_sums))
}

/// `[channels, height, width]` of what an operation gives, or `[numbers]`.
fn shape(operation: &Operation, maps: &[Map]) -> Vec<usize> {
    let Map { channels, side } = maps[operation.outputs[0].0];
    match operation.op {
        Op::Linear(_) => vec![channels],
        _ => vec![channels, side, side],
    }
}

impl Cost {
    fn of(operation: &Operation, maps: &[Map]) -> Self {
        let norms = match &operation.op {
            Op::Convolution(convolution) => usize::from(convolution.norm.is_some()),
            _ => 0,
        };
        let (parameters, folded_parameters) = parameters(&operation.op);
        Self {
            parameters,
            layers: operation.modules + norms,
            folded_parameters,
            folded_layers: operation.modules,
            operations: operations(operation, maps),
        }
    }
}

/// How many numbers an operation learns, and how many once its norm is folded in.
fn parameters(op: &Op) -> (u64, u64) {
    let learnt =
        op.parameters().into_iter().filter(|it| Role::of(&it.name, it.shape.len()) != Role::Statistic);
    let count = learnt.map(|parameter| parameter.shape.iter().product::<usize>() as u64).sum();
    match op {
        // Scale and shift of the norm become one bias.
        Op::Convolution(convolution) if convolution.norm.is_some() => (count, count - convolution.c2 as u64),
        _ => (count, count),
    }
}

/// What one operation of the network costs, counted as [`Cost::operations`] says.
fn operations(operation: &Operation, maps: &[Map]) -> u64 {
    let (x, y) = (maps[operation.inputs[0].0], maps[operation.outputs[0].0]);
    match &operation.op {
        Op::Convolution(convolution) => {
            let weights = convolution.c2
                * (convolution.c1 / convolution.window.groups)
                * convolution.window.kernel.pow(2);
            (weights * y.side * y.side) as u64 + 4 * y.elements()
        }
        // Scores, and the mixture of values: every position of an area with every other.
        Op::Attention(Attention { heads, key, value, areas }) => {
            let positions = x.side * x.side;
            let factors = [*heads, key + value, positions, positions / areas];
            factors.iter().fold(1, |product, factor| product.saturating_mul(*factor as u64))
        }
        Op::GlobalAverage => x.elements() + y.elements(),
        Op::Linear(linear) => (linear.inputs * linear.outputs) as u64,
        Op::Activation(_)
        | Op::Add
        | Op::Concat
        | Op::Split(_)
        | Op::EverySecond { .. }
        | Op::MaxPool(_)
        | Op::Scale(_)
        | Op::Dropout => 0,
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.parameters += other.parameters;
        self.layers += other.layers;
        self.folded_parameters += other.folded_parameters;
        self.folded_layers += other.folded_layers;
        self.operations = self.operations.saturating_add(other.operations);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/reference.md, Sizes: name, parameters at 1000 and at 10 classes, layers before and
    /// after folding, GFLOPs at 1000 classes of 224 and 640 pixels and at 10 classes of 224, parameters
    /// folded.
    type Line = (&'static str, [u64; 2], [usize; 2], [f64; 3], [u64; 2]);

    const TABLE: [Line; 17] = [
        ("yolo11n-cls", [2_812_104, 1_543_914], [86, 47], [0.4018, 3.3153, 0.3992], [2_807_024, 1_538_834]),
        ("yolo11s-cls", [6_724_008, 5_455_818], [86, 47], [1.4908, 12.2590, 1.4882], [6_715_128, 5_446_938]),
        (
            "yolo11m-cls",
            [11_634_216, 10_366_026],
            [106, 57],
            [4.8556, 39.7268, 4.8530],
            [11_622_632, 10_354_442],
        ),
        (
            "yolo11l-cls",
            [14_115_624, 12_847_434],
            [176, 94],
            [6.1031, 50.0186, 6.1006],
            [14_099_432, 12_831_242],
        ),
        (
            "yolo11x-cls",
            [29_637_064, 28_368_874],
            [176, 94],
            [13.6039, 111.3572, 13.6013],
            [29_613_416, 28_345_226],
        ),
        ("yolov8n-cls", [2_719_288, 1_451_098], [56, 30], [0.4140, 3.3615, 0.4115], [2_715_880, 1_447_690]),
        ("yolov8s-cls", [6_361_736, 5_093_546], [56, 30], [1.5442, 12.5873, 1.5417], [6_356_200, 5_088_010]),
        (
            "yolov8m-cls",
            [17_053_336, 15_785_146],
            [80, 42],
            [5.1341, 41.8926, 5.1316],
            [17_043_656, 15_775_466],
        ),
        (
            "yolov8l-cls",
            [37_480_744, 36_212_554],
            [104, 54],
            [12.1450, 99.1243, 12.1424],
            [37_465_576, 36_197_386],
        ),
        (
            "yolov8x-cls",
            [57_422_840, 56_154_650],
            [104, 54],
            [18.9055, 154.3122, 18.9030],
            [57_404_200, 56_136_010],
        ),
        ("yolo12n-cls", [2_999_496, 1_731_306], [152, 94], [0.4633, 4.6263, 0.4608], [2_990_640, 1_722_450]),
        ("yolo12s-cls", [7_385_512, 6_117_322], [152, 94], [1.6877, 15.4840, 1.6852], [7_369_080, 6_100_890]),
        (
            "yolo12m-cls",
            [13_261_608, 11_993_418],
            [172, 104],
            [5.4535, 47.3755, 5.4510],
            [13_239_016, 11_970_826],
        ),
        (
            "yolo12l-cls",
            [16_737_160, 15_468_970],
            [312, 190],
            [7.0651, 63.4064, 7.0625],
            [16_700_696, 15_432_506],
        ),
        (
            "yolo12x-cls",
            [35_351_112, 34_082_922],
            [312, 190],
            [15.6423, 136.2999, 15.6397],
            [35_297_064, 34_028_874],
        ),
        (
            "yolov8-cls-resnet50",
            [27_413_032, 26_144_842],
            [145, 91],
            [8.5233, 69.5594, 8.5207],
            [27_385_192, 26_117_002],
        ),
        (
            "yolov8-cls-resnet101",
            [46_405_160, 45_136_970],
            [281, 176],
            [15.9887, 130.5013, 15.9861],
            [46_351_208, 45_083_018],
        ),
    ];

    fn costs(name: &str, classes: usize, size: usize) -> Cost {
        Costs::of(&Arch::built_in(name, classes).unwrap(), size).unwrap().total
    }

    /// As the table prints it.
    fn rounded(cost: Cost) -> f64 {
        format!("{:.4}", cost.gflops()).parse().unwrap()
    }

    fn check(name: &str, (_, parameters, layers, gflops, folded): Line) {
        let [thousand, ten, large] =
            [(1000, 224), (10, 224), (1000, 640)].map(|(nc, size)| costs(name, nc, size));
        assert_eq!([thousand.parameters, ten.parameters], parameters, "{name}");
        assert_eq!([thousand.folded_parameters, ten.folded_parameters], folded, "{name}");
        assert_eq!([thousand.layers, thousand.folded_layers], layers, "{name}");
        assert_eq!([rounded(thousand), rounded(large), rounded(ten)], gflops, "{name}");
    }

    #[test]
    fn every_row_of_the_references_table() {
        for line in TABLE {
            check(line.0, line);
            if let Some(letter) = line.0.strip_prefix("yolo11") {
                check(&format!("yolo26{letter}"), line);
            }
        }
    }

    /// The table says no layers of it: the reference does not fold torchvision's norms.
    #[test]
    fn resnet18_is_the_references() {
        let name = "yolo11-cls-resnet18";
        let [thousand, ten] = [1000, 10].map(|classes| costs(name, classes, 224));
        assert_eq!([thousand.parameters, ten.parameters], [13_115_432, 11_847_242]);
        assert_eq!([rounded(thousand), rounded(ten)], [3.7144, 3.7119]);
    }

    #[test]
    fn rows_add_up_and_have_shapes() {
        let costs = Costs::of(&Arch::built_in("yolo11n-cls", 10).unwrap(), 224).unwrap();
        let parameters: Vec<u64> = costs.rows.iter().map(|row| row.parameters).collect();
        let expected = [464, 4672, 6640, 36_992, 26_080, 147_712, 87_040, 295_424, 346_112, 249_728, 343_050];
        assert_eq!(parameters, expected);
        assert_eq!(costs.shapes[0], [16, 112, 112]);
        assert_eq!((&costs.shapes[9][..], &costs.shapes[10][..]), (&[256, 7, 7][..], &[10][..]));
        assert_eq!(costs.total.operations, costs.rows.iter().map(|row| row.operations).sum::<u64>());
    }

    #[test]
    fn a_size_that_does_not_fit_is_an_error() {
        let arch = Arch::built_in("yolo12n-cls", 10).unwrap();
        let error = Costs::of(&arch, 40).unwrap_err().to_string();
        assert_eq!(error, "9 positions can't be divided into 4 areas at model.6.m.0.0.attn");
        assert!(Costs::of(&arch, 0).unwrap_err().to_string().starts_with("the image is too small"));
    }
}

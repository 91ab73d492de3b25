//! What a network costs: parameters, layers and operations, as the reference counts them.

use super::{
    Arch, Window, shapes,
    walk::{self, Attention, Convolution, Operations},
};
use crate::error::{Error, Result};

/// What a network, or a row of it, costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Learnt numbers.
    pub parameters: u64,
    /// Modules that hold no others: convolutions, norms, activations, pools. An activation that all
    /// rows share counts once in a network, and not in a row.
    pub layers: usize,
    /// Learnt numbers once every norm is folded into its convolution.
    pub folded_parameters: u64,
    /// Layers then.
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
    /// The whole network.
    pub total: Cost,
    /// Each row.
    pub rows: Vec<Cost>,
    /// `[channels, height, width]` that each row gives; the head's is `[classes]`.
    pub shapes: Vec<Vec<usize>>,
}

impl Costs {
    /// The costs of `arch` for square images of `size` pixels (section 1.6 of the reference page).
    ///
    /// # Errors
    /// If the images are too small, or of a size that areas can't divide.
    pub fn of(arch: &Arch, size: usize) -> Result<Self> {
        let mut meter = Meter::default();
        let mut x = Map { channels: 3, side: size };
        let (mut rows, mut outputs) = (Vec::new(), Vec::new());
        for i in 0..arch.rows.len() {
            let before = meter.cost;
            x = walk::row(&mut meter, arch, i, &x)?;
            rows.push(minus(meter.cost, before));
            outputs.push(if x.side == 0 { vec![x.channels] } else { vec![x.channels, x.side, x.side] });
        }
        let activation = usize::from(meter.activated);
        let total = Cost {
            layers: meter.cost.layers + activation,
            folded_layers: meter.cost.folded_layers + activation,
            ..meter.cost
        };
        debug_assert_eq!(total.parameters, shapes::learnt(arch));
        Ok(Self { total, rows, shapes: outputs })
    }
}

fn minus(a: Cost, b: Cost) -> Cost {
    Cost {
        parameters: a.parameters - b.parameters,
        layers: a.layers - b.layers,
        folded_parameters: a.folded_parameters - b.folded_parameters,
        folded_layers: a.folded_layers - b.folded_layers,
        operations: a.operations - b.operations,
    }
}

/// A map's size.
#[derive(Clone, Copy)]
struct Map {
    channels: usize,
    /// 0 behind the head.
    side: usize,
}

impl Map {
    fn elements(self) -> u64 {
        (self.channels * self.side * self.side) as u64
    }
}

/// Counts on the way.
#[derive(Default)]
struct Meter {
    cost: Cost,
    activated: bool,
}

impl Meter {
    fn parameters(&mut self, count: usize) {
        self.cost.parameters += count as u64;
        self.cost.folded_parameters += count as u64;
    }
}

impl Operations for Meter {
    type Map = Map;

    fn conv(&mut self, conv: &Convolution, x: &Map) -> Result<Map> {
        let y = Map { channels: conv.c2, side: conv.window.side(x.side, &conv.conv)? };
        let weights = conv.c2 * (conv.c1 / conv.window.groups) * conv.window.kernel.pow(2);
        self.parameters(weights + conv.c2);
        self.cost.parameters += conv.c2 as u64;
        self.cost.layers += 1;
        self.modules(1);
        let operations = (weights * y.side * y.side) as u64 + 4 * y.elements();
        self.cost.operations = self.cost.operations.saturating_add(operations);
        self.activated |= conv.activated;
        Ok(y)
    }

    fn add(&mut self, _: &str, x: &Map, _: &Map) -> Map {
        *x
    }

    fn concat(&mut self, _: &str, maps: &[Map]) -> Map {
        Map { channels: maps.iter().map(|map| map.channels).sum(), side: maps[0].side }
    }

    fn halves(&mut self, _: &str, x: &Map) -> [Map; 2] {
        [Map { channels: x.channels / 2, ..*x }; 2]
    }

    fn attend(&mut self, at: &str, qkv: &Map, attention: Attention) -> Result<[Map; 2]> {
        let Attention { heads, key, value, areas } = attention;
        let positions = qkv.side * qkv.side;
        if !positions.is_multiple_of(areas) {
            return Err(undivided(positions, areas, at));
        }
        // Scores, and the mixture of values: every position of an area with every other.
        let factors = [heads, key + value, positions, positions / areas];
        let products = factors.iter().fold(1_u64, |product, factor| product.saturating_mul(*factor as u64));
        self.cost.operations = self.cost.operations.saturating_add(products);
        Ok([Map { channels: heads * value, ..*qkv }; 2])
    }

    fn scale(&mut self, _: &str, x: &Map, channels: usize) -> Result<Map> {
        self.parameters(channels);
        Ok(*x)
    }

    fn relu(&mut self, _: &str, x: &Map) -> Map {
        *x
    }

    fn max_pool(&mut self, at: &str, x: &Map, window: Window) -> Result<Map> {
        Ok(Map { side: window.side(x.side, at)?, ..*x })
    }

    fn classify(&mut self, _: &str, x: &Map, channels: usize, classes: usize) -> Result<Map> {
        self.parameters((channels + 1) * classes);
        let operations = x.elements() + channels as u64 + (channels * classes) as u64;
        self.cost.operations = self.cost.operations.saturating_add(operations);
        Ok(Map { channels: classes, side: 0 })
    }

    fn modules(&mut self, count: usize) {
        self.cost.layers += count;
        self.cost.folded_layers += count;
    }
}

/// The error of positions that areas can't divide.
pub fn undivided(positions: usize, areas: usize, at: &str) -> Error {
    Error::new(format!("{positions} positions can't be divided into {areas} areas at {at}"))
        .help("choose an image size that is a multiple of 32")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 1.6 of the reference page: name, parameters at 1000 and at 10 classes, layers before and
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

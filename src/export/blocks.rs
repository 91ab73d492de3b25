//! An architecture's operations as ONNX operations.

use super::graph::{Attribute, Graph};
use crate::{
    arch::{
        Activation, Window,
        cost::undivided,
        walk::{Attention, Convolution, Operations},
    },
    error::{Error, Result},
    weights::{Array, Weights},
};

/// A feature map in the graph.
#[derive(Debug, Clone)]
pub struct Map {
    /// The value's name.
    pub name: String,
    /// How many channels it has.
    pub channels: usize,
    /// Side of its square, in pixels.
    pub side: usize,
}

impl Map {
    fn named(&self, name: String) -> Self {
        Self { name, ..*self }
    }

    fn wide(&self, name: String, channels: usize) -> Self {
        Self { name, channels, side: self.side }
    }
}

/// Writes operations down, with the weights that they need.
pub struct Blocks<'a> {
    /// Where the operations go.
    pub graph: Graph,
    /// Without norms.
    weights: &'a Weights,
    activation: Activation,
}

impl<'a> Blocks<'a> {
    /// An empty graph for these weights, whose norms are folded into their convolutions.
    pub fn new(weights: &'a Weights, activation: Activation) -> Self {
        Self { graph: Graph::default(), weights, activation }
    }

    /// Adds the parameter `name`, which must have this shape, to the graph.
    fn parameter(&mut self, name: &str, shape: &[usize]) -> Result<()> {
        let array = find(self.weights, name)?;
        if array.shape != shape || array.data.len() != shape.iter().product::<usize>() {
            return Err(Error::new(format!("{name} has the shape {:?}, not {shape:?}", array.shape)));
        }
        self.graph.floats(name, shape, &array.data);
        Ok(())
    }

    /// The architecture's activation.
    fn activate(&mut self, at: &str, x: &Map) -> Map {
        if self.activation == Activation::Relu {
            return self.relu(at, x);
        }
        let scope = format!("{at}.act");
        let gate = self.graph.op(&scope, "Sigmoid", &[&x.name], &[]);
        x.named(self.graph.op(&scope, "Mul", &[&x.name, &gate], &[]))
    }

    /// `v · softmax((q/√width)ᵀ k)ᵀ` over the last two dimensions, which `turn` swaps.
    fn mix(&mut self, at: &str, [q, k, v]: [&str; 3], width: usize, turn: &[i64]) -> String {
        let scale = format!("{at}.scale");
        self.graph.floats(&scale, &[], &[(width as f64).powf(-0.5) as f32]);
        let q = self.graph.op(at, "Mul", &[q, &scale], &[]);
        let q = self.graph.transpose(at, &q, turn);
        let scores = self.graph.op(at, "MatMul", &[&q, k], &[]);
        let share = self.graph.op(at, "Softmax", &[&scores], &[Attribute::Int("axis", -1)]);
        let share = self.graph.transpose(at, &share, turn);
        self.graph.op(at, "MatMul", &[v, &share], &[])
    }

    /// Attention of every position to every other.
    fn attend_all(&mut self, at: &str, qkv: &Map, attention: Attention) -> [Map; 2] {
        let Attention { heads, key, value, .. } = attention;
        let parts = [0, heads, 2 * key + value, qkv.side * qkv.side];
        let parts = self.graph.reshape(at, &qkv.name, &parts);
        let [q, k, v] = self.graph.split(at, &parts, 2, [key, key, value]);
        let mixed = self.mix(at, [&q, &k, &v], key, &[0, 1, 3, 2]);
        let shape = [0, heads * value, qkv.side, qkv.side];
        [&mixed, &v].map(|map| qkv.wide(self.graph.reshape(at, map, &shape), heads * value))
    }

    /// Attention within each of the areas, which are runs of positions.
    fn attend_areas(&mut self, at: &str, qkv: &Map, attention: Attention) -> [Map; 2] {
        let Attention { heads, key, value, areas } = attention;
        let parts = [0, heads, 2 * key + value, areas, qkv.side * qkv.side / areas];
        let parts = self.graph.reshape(at, &qkv.name, &parts);
        let parts = self.graph.transpose(at, &parts, &[0, 3, 1, 2, 4]);
        let [q, k, v] = self.graph.split(at, &parts, 3, [key, key, value]);
        let mixed = self.mix(at, [&q, &k, &v], key, &[0, 1, 2, 4, 3]);
        let shape = [0, heads * value, qkv.side, qkv.side];
        [&mixed, &v].map(|map| {
            let back = self.graph.transpose(at, map, &[0, 2, 3, 1, 4]);
            qkv.wide(self.graph.reshape(at, &back, &shape), heads * value)
        })
    }
}

impl Operations for Blocks<'_> {
    type Map = Map;

    fn conv(&mut self, conv: &Convolution, x: &Map) -> Result<Map> {
        let Window { kernel, stride, groups } = conv.window;
        let [weight, bias] = ["weight", "bias"].map(|part| format!("{}.{part}", conv.conv));
        if !self.weights.contains_key(&bias) {
            // Nothing was folded in: some part of the norm is missing.
            for part in ["weight", "bias", "running_mean", "running_var"] {
                find(self.weights, &format!("{}.{part}", conv.norm))?;
            }
        }
        self.parameter(&weight, &[conv.c2, conv.c1 / groups, kernel, kernel])?;
        self.parameter(&bias, &[conv.c2])?;
        let [side, step, groups] = [kernel, stride, groups].map(|number| number as i64);
        let attributes = [
            Attribute::Ints("dilations", &[1, 1]),
            Attribute::Int("group", groups),
            Attribute::Ints("kernel_shape", &[side; 2]),
            Attribute::Ints("pads", &[side / 2; 4]),
            Attribute::Ints("strides", &[step; 2]),
        ];
        let y = self.graph.op(&conv.conv, "Conv", &[&x.name, &weight, &bias], &attributes);
        let y = Map { name: y, channels: conv.c2, side: conv.window.side(x.side, &conv.conv)? };
        let at = conv.conv.strip_suffix(".conv").unwrap_or(&conv.conv);
        Ok(if conv.activated { self.activate(at, &y) } else { y })
    }

    fn add(&mut self, at: &str, x: &Map, y: &Map) -> Map {
        y.named(self.graph.op(at, "Add", &[&x.name, &y.name], &[]))
    }

    fn concat(&mut self, at: &str, maps: &[Map]) -> Map {
        let names: Vec<&str> = maps.iter().map(|map| map.name.as_str()).collect();
        let name = self.graph.op(at, "Concat", &names, &[Attribute::Int("axis", 1)]);
        maps[0].wide(name, maps.iter().map(|map| map.channels).sum())
    }

    fn halves(&mut self, at: &str, x: &Map) -> [Map; 2] {
        let half = x.channels / 2;
        self.graph.split(at, &x.name, 1, [half, x.channels - half]).map(|name| x.wide(name, half))
    }

    fn attend(&mut self, at: &str, qkv: &Map, attention: Attention) -> Result<[Map; 2]> {
        let positions = qkv.side * qkv.side;
        match attention.areas {
            1 if attention.key != attention.value => Ok(self.attend_all(at, qkv, attention)),
            areas if !positions.is_multiple_of(areas) => Err(undivided(positions, areas, at)),
            _ => Ok(self.attend_areas(at, qkv, attention)),
        }
    }

    fn scale(&mut self, at: &str, x: &Map, channels: usize) -> Result<Map> {
        let gamma = format!("{at}.gamma");
        let array = find(self.weights, &gamma)?;
        if array.data.len() != channels {
            return Err(Error::new(format!("{gamma} has {} numbers, not {channels}", array.data.len())));
        }
        self.graph.floats(&gamma, &[channels, 1, 1], &array.data);
        Ok(x.named(self.graph.op(at, "Mul", &[&x.name, &gamma], &[])))
    }

    fn relu(&mut self, at: &str, x: &Map) -> Map {
        x.named(self.graph.op(at, "Relu", &[&x.name], &[]))
    }

    fn max_pool(&mut self, at: &str, x: &Map, window: Window) -> Result<Map> {
        let [kernel, stride] = [window.kernel, window.stride].map(|number| number as i64);
        let attributes = [
            Attribute::Ints("kernel_shape", &[kernel; 2]),
            Attribute::Ints("pads", &[kernel / 2; 4]),
            Attribute::Ints("strides", &[stride; 2]),
        ];
        let name = self.graph.op(at, "MaxPool", &[&x.name], &attributes);
        Ok(Map { name, side: window.side(x.side, at)?, ..*x })
    }

    /// The result has `classes` channels and no sides.
    fn classify(&mut self, at: &str, x: &Map, channels: usize, classes: usize) -> Result<Map> {
        let pooled = self.graph.op(&format!("{at}.pool"), "GlobalAveragePool", &[&x.name], &[]);
        let flat = self.graph.op(at, "Flatten", &[&pooled], &[Attribute::Int("axis", 1)]);
        let [weight, bias] = ["weight", "bias"].map(|part| format!("{at}.linear.{part}"));
        self.parameter(&weight, &[classes, channels])?;
        self.parameter(&bias, &[classes])?;
        let scope = format!("{at}.linear");
        let logits = self.graph.op(&scope, "Gemm", &[&flat, &weight, &bias], &[Attribute::Int("transB", 1)]);
        Ok(Map { name: logits, channels: classes, side: 1 })
    }
}

/// The array `name`.
fn find<'a>(weights: &'a Weights, name: &str) -> Result<&'a Array> {
    weights.get(name).ok_or_else(|| Error::new(format!("the model has no {name}")))
}

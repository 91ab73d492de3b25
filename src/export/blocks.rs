//! A computation's operations as ONNX operations.

use super::graph::{Attribute, Graph};
use crate::{
    arch::{
        Activation, Window,
        computation::{Attention, Computation, Convolution, IMAGES, Linear, Op, Operation, Scaling},
        sizes::{Map, sizes},
    },
    error::{Error, Result},
    weights::{Array, Weights},
};

/// Writes operations down, with the weights that they need.
pub struct Blocks<'a> {
    graph: Graph,
    /// Without norms.
    weights: &'a Weights,
    maps: Vec<Map>,
    /// What each value is called, by its number.
    names: Vec<String>,
}

impl<'a> Blocks<'a> {
    /// The graph of `computation` for square images of `size` pixels, which are called `images`; and what its logits
    /// are called. Norms are folded into the `weights`.
    ///
    /// # Errors
    /// If weights are missing or of a wrong shape, or the images are too small.
    pub fn write(
        computation: &Computation,
        weights: &'a Weights,
        images: &str,
        size: usize,
    ) -> Result<(Graph, String)> {
        let mut names = vec![String::new(); computation.channels.len()];
        images.clone_into(&mut names[IMAGES.0]);
        let mut blocks = Self { graph: Graph::default(), weights, maps: sizes(computation, size)?, names };
        for operation in &computation.operations {
            let inputs: Vec<String> =
                operation.inputs.iter().map(|input| blocks.names[input.0].clone()).collect();
            let outputs = blocks.operation(operation, &inputs)?;
            for (output, name) in operation.outputs.iter().zip(outputs) {
                blocks.names[output.0] = name;
            }
        }
        Ok((blocks.graph, blocks.names.swap_remove(computation.logits.0)))
    }

    /// Writes an operation on values of these names; the names of what it gives.
    fn operation(&mut self, operation: &Operation, inputs: &[String]) -> Result<Vec<String>> {
        let (at, x) = (operation.at.as_str(), inputs[0].as_str());
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        Ok(match &operation.op {
            Op::Convolution(convolution) => vec![self.convolution(convolution, x)?],
            Op::Activation(activation) => vec![self.activation(at, *activation, x)],
            Op::Add => vec![self.graph.op(at, "Add", &inputs, &[])],
            Op::Concat => vec![self.graph.op(at, "Concat", &inputs, &[Attribute::Int("axis", 1)])],
            Op::Split(parts) => self.graph.split(at, x, 1, parts),
            Op::EverySecond { row, column } => vec![self.graph.every_second(at, x, [*row, *column])],
            Op::MaxPool(window) => vec![self.max_pool(at, x, *window)],
            Op::Attention(attention) => {
                self.attention(at, x, *attention, self.maps[operation.inputs[0].0].side).into()
            }
            Op::Scale(scaling) => vec![self.scale(at, scaling, x)?],
            Op::GlobalAverage => vec![self.graph.op(at, "GlobalAveragePool", &[x], &[])],
            Op::Dropout => vec![x.to_owned()],
            Op::Linear(linear) => vec![self.linear(linear, x)?],
        })
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

    fn convolution(&mut self, convolution: &Convolution, x: &str) -> Result<String> {
        let Convolution { name, norm, c1, c2, window, activation, .. } = convolution;
        let Window { kernel, stride, groups } = *window;
        let [weight, bias] = ["weight", "bias"].map(|part| format!("{name}.{part}"));
        if let (Some(norm), false) = (norm, self.weights.contains_key(&bias)) {
            // Nothing was folded in: some part of the norm is missing.
            for part in ["weight", "bias", "running_mean", "running_var"] {
                find(self.weights, &format!("{norm}.{part}"))?;
            }
        }
        self.parameter(&weight, &[*c2, c1 / groups, kernel, kernel])?;
        self.parameter(&bias, &[*c2])?;
        let [side, step, groups] = [kernel, stride, groups].map(|number| number as i64);
        let attributes = [
            Attribute::Ints("dilations", &[1, 1]),
            Attribute::Int("group", groups),
            Attribute::Ints("kernel_shape", &[side; 2]),
            Attribute::Ints("pads", &[side / 2; 4]),
            Attribute::Ints("strides", &[step; 2]),
        ];
        let y = self.graph.op(name, "Conv", &[x, &weight, &bias], &attributes);
        let at = name.strip_suffix(".conv").unwrap_or(name);
        Ok(match activation {
            Some(Activation::Silu) => self.activation(&format!("{at}.act"), Activation::Silu, &y),
            Some(Activation::Relu) => self.activation(at, Activation::Relu, &y),
            None => y,
        })
    }

    fn activation(&mut self, at: &str, activation: Activation, x: &str) -> String {
        match activation {
            Activation::Relu => self.graph.op(at, "Relu", &[x], &[]),
            Activation::Silu => {
                let gate = self.graph.op(at, "Sigmoid", &[x], &[]);
                self.graph.op(at, "Mul", &[x, &gate], &[])
            }
        }
    }

    fn max_pool(&mut self, at: &str, x: &str, window: Window) -> String {
        let [kernel, stride] = [window.kernel, window.stride].map(|number| number as i64);
        let attributes = [
            Attribute::Ints("kernel_shape", &[kernel; 2]),
            Attribute::Ints("pads", &[kernel / 2; 4]),
            Attribute::Ints("strides", &[stride; 2]),
        ];
        self.graph.op(at, "MaxPool", &[x], &attributes)
    }

    /// The mixture and the values of a square of `side` pixels.
    fn attention(&mut self, at: &str, qkv: &str, attention: Attention, side: usize) -> [String; 2] {
        match attention.areas {
            1 => self.attend_all(at, qkv, attention, side),
            _ => self.attend_areas(at, qkv, attention, side),
        }
    }

    /// Attention of every position to every other.
    fn attend_all(&mut self, at: &str, qkv: &str, attention: Attention, side: usize) -> [String; 2] {
        let Attention { heads, key, value, .. } = attention;
        let parts = [0, heads, 2 * key + value, side * side];
        let parts = self.graph.reshape(at, qkv, &parts);
        let parts = self.graph.split(at, &parts, 2, &[key, key, value]);
        let mixed = self.mix(at, &parts, key, &[0, 1, 3, 2]);
        let shape = [0, heads * value, side, side];
        [&mixed, &parts[2]].map(|map| self.graph.reshape(at, map, &shape))
    }

    /// Attention within each of the areas, which are runs of positions.
    fn attend_areas(&mut self, at: &str, qkv: &str, attention: Attention, side: usize) -> [String; 2] {
        let Attention { heads, key, value, areas } = attention;
        let parts = [0, heads, 2 * key + value, areas, side * side / areas];
        let parts = self.graph.reshape(at, qkv, &parts);
        let parts = self.graph.transpose(at, &parts, &[0, 3, 1, 2, 4]);
        let parts = self.graph.split(at, &parts, 3, &[key, key, value]);
        let mixed = self.mix(at, &parts, key, &[0, 1, 2, 4, 3]);
        let shape = [0, heads * value, side, side];
        [&mixed, &parts[2]].map(|map| {
            let back = self.graph.transpose(at, map, &[0, 2, 3, 1, 4]);
            self.graph.reshape(at, &back, &shape)
        })
    }

    /// `v · softmax((q/√width)ᵀ k)ᵀ` over the last two dimensions, which `turn` swaps; `parts` are q, k and v.
    fn mix(&mut self, at: &str, parts: &[String], width: usize, turn: &[i64]) -> String {
        let scale = format!("{at}.scale");
        self.graph.floats(&scale, &[], &[(width as f64).powf(-0.5) as f32]);
        let q = self.graph.op(at, "Mul", &[&parts[0], &scale], &[]);
        let q = self.graph.transpose(at, &q, turn);
        let scores = self.graph.op(at, "MatMul", &[&q, &parts[1]], &[]);
        let share = self.graph.op(at, "Softmax", &[&scores], &[Attribute::Int("axis", -1)]);
        let share = self.graph.transpose(at, &share, turn);
        self.graph.op(at, "MatMul", &[&parts[2], &share], &[])
    }

    fn scale(&mut self, at: &str, Scaling { gamma, channels }: &Scaling, x: &str) -> Result<String> {
        let array = find(self.weights, gamma)?;
        if array.data.len() != *channels {
            return Err(Error::new(format!("{gamma} has {} numbers, not {channels}", array.data.len())));
        }
        self.graph.floats(gamma, &[*channels, 1, 1], &array.data);
        Ok(self.graph.op(at, "Mul", &[x, gamma], &[]))
    }

    fn linear(&mut self, Linear { name, inputs, outputs }: &Linear, x: &str) -> Result<String> {
        let at = name.strip_suffix(".linear").unwrap_or(name);
        let flat = self.graph.op(at, "Flatten", &[x], &[Attribute::Int("axis", 1)]);
        let [weight, bias] = ["weight", "bias"].map(|part| format!("{name}.{part}"));
        self.parameter(&weight, &[*outputs, *inputs])?;
        self.parameter(&bias, &[*outputs])?;
        Ok(self.graph.op(name, "Gemm", &[&flat, &weight, &bias], &[Attribute::Int("transB", 1)]))
    }
}

/// The array `name`.
fn find<'a>(weights: &'a Weights, name: &str) -> Result<&'a Array> {
    weights.get(name).ok_or_else(|| Error::new(format!("the model has no {name}")))
}

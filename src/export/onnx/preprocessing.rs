//! The eval chain as ONNX nodes: from the pixels of images of any size to what the network takes.
//!
//! `Resize` with `antialias` and without what is outside of the image is Pillow's filter; in ONNX Runtime, whose passes
//! may be in another order, a pixel differs by 1 of 255 at most.

use serde_json::Value;

use super::graph::{Attribute, Graph, INT64};
use crate::{
    data::{
        resample::Interpolation,
        transform::{EvalOp, Normalize, PixelOp as _, TensorOp as _},
    },
    error::{Error, Result},
};

/// The first version of ONNX's operations whose `Resize` can be antialiased.
pub const OLDEST_PREPARING_OPSET: u32 = 18;

/// ONNX's number for 32-bit floats, as an attribute.
const FLOAT: i64 = 1;
/// Where the nodes stand in the graph.
const SCOPE: &str = "prepare";

/// Adds the nodes that prepare `images`, uint8 `[batch, height, width, 3]`, by the chain `steps`, which ends at
/// `size` x `size`; the name of what they give, `[batch, 3, size, size]` from 0 to 1.
///
/// # Errors
/// If a step can't be written.
pub(super) fn prepare(graph: &mut Graph, images: &str, steps: &Value, size: usize) -> Result<String> {
    let steps: Vec<EvalOp> = serde_json::from_value(steps.clone())
        .map_err(|error| Error::new("the preprocessing is not one that Kiln knows").because(error))?;
    let numbers = steps.iter().position(|step| matches!(step, EvalOp::Normalize(_))).unwrap_or(steps.len());
    let (of_pixels, of_numbers) = steps.split_at(numbers);
    let mut chain = Steps { graph, size, fills: false };
    let mut pixels = chain.graph.transpose(SCOPE, images, &[0, 3, 1, 2]);
    for step in of_pixels {
        pixels = chain.pixels(&pixels, step)?;
    }
    let mut numbers = chain.divided(&pixels);
    for (place, step) in of_numbers.iter().enumerate() {
        numbers = chain.numbers(&numbers, place, step)?;
    }
    Ok(numbers)
}

/// Steps on their way into a graph.
struct Steps<'a> {
    graph: &'a mut Graph,
    size: usize,
    /// Whether no image can be smaller than the size any more.
    fills: bool,
}

impl Steps<'_> {
    /// `[batch, 3, height, width]` after a step that changes pixels.
    fn pixels(&mut self, pixels: &str, step: &EvalOp) -> Result<String> {
        match step {
            EvalOp::Resize(op) => {
                let short = op.size.map_or(self.size, |own| own as usize);
                self.fills = short >= self.size;
                let sides = self.shortest(pixels, short);
                Ok(self.resized(pixels, &sides, op.interpolation))
            }
            EvalOp::Squash(op) => {
                self.fills = true;
                let sides = self.graph.sizes(&[self.size; 2]);
                Ok(self.resized(pixels, &sides, op.interpolation))
            }
            EvalOp::CenterCrop(_) if self.fills => Ok(self.cropped(pixels)),
            EvalOp::CenterCrop(op) => Err(unwritten(&format!("{} of images that may be smaller", op.name()))),
            EvalOp::Letterbox(op) => Err(unwritten(op.name())),
            EvalOp::Grayscale(op) => Err(unwritten(op.name())),
            EvalOp::Reduce(op) => Err(unwritten(op.name())),
            EvalOp::Normalize(op) => Err(unwritten(op.name())),
        }
    }

    /// Numbers from 0 to 1.
    fn divided(&mut self, pixels: &str) -> String {
        let numbers = self.graph.op(SCOPE, "Cast", &[pixels], &[Attribute::Int("to", FLOAT)]);
        let most = self.graph.floats("prepare.most", &[], &[255.0]);
        self.graph.op(SCOPE, "Div", &[&numbers, &most], &[])
    }

    /// `[batch, 3, height, width]` after a step that changes numbers, at this place among them.
    fn numbers(&mut self, numbers: &str, place: usize, step: &EvalOp) -> Result<String> {
        let EvalOp::Normalize(Normalize { mean, std }) = step else {
            return Err(Error::new("the preprocessing has a step on pixels after one on numbers"));
        };
        let mean = self.graph.floats(&format!("prepare.{place}.mean"), &[3, 1, 1], mean);
        let std = self.graph.floats(&format!("prepare.{place}.std"), &[3, 1, 1], std);
        let numbers = self.graph.op(SCOPE, "Sub", &[numbers, &mean], &[]);
        Ok(self.graph.op(SCOPE, "Div", &[&numbers, &std], &[]))
    }

    /// Height and width for the shorter side to be `short`, rounded down.
    fn shortest(&mut self, pixels: &str, short: usize) -> String {
        let sides = self.sides(pixels);
        let shorter = self.graph.op(SCOPE, "ReduceMin", &[&sides], &[Attribute::Int("keepdims", 1)]);
        let short = self.graph.sizes(&[short]);
        let product = self.graph.op(SCOPE, "Mul", &[&sides, &short], &[]);
        self.graph.op(SCOPE, "Div", &[&product, &shorter], &[])
    }

    /// Height and width.
    fn sides(&mut self, pixels: &str) -> String {
        let axes = [Attribute::Int("start", 2), Attribute::Int("end", 4)];
        self.graph.op(SCOPE, "Shape", &[pixels], &axes)
    }

    /// The image in another height and width.
    fn resized(&mut self, pixels: &str, sides: &str, interpolation: Interpolation) -> String {
        let axes = [Attribute::Int("start", 0), Attribute::Int("end", 2)];
        let front = self.graph.op(SCOPE, "Shape", &[pixels], &axes);
        // All four, as ONNX Runtime 1.32 fails on two and their `axes`.
        let sizes = self.graph.op(SCOPE, "Concat", &[&front, sides], &[Attribute::Int("axis", 0)]);
        let mode = match interpolation {
            Interpolation::Bilinear => vec![Attribute::Text("mode", "linear")],
            Interpolation::Bicubic => {
                vec![Attribute::Text("mode", "cubic"), Attribute::Float("cubic_coeff_a", -0.5)]
            }
        };
        let filter = [Attribute::Int("antialias", 1), Attribute::Int("exclude_outside", 1)];
        let attributes: Vec<Attribute<'_>> = filter.into_iter().chain(mode).collect();
        self.graph.op(SCOPE, "Resize", &[pixels, "", "", &sizes], &attributes)
    }

    /// The middle of an image that is nowhere smaller; halves are rounded to even.
    fn cropped(&mut self, pixels: &str) -> String {
        let (sides, size) = (self.sides(pixels), self.graph.sizes(&[self.size]));
        let spare = self.graph.op(SCOPE, "Sub", &[&sides, &size], &[]);
        let spare = self.graph.op(SCOPE, "Cast", &[&spare], &[Attribute::Int("to", FLOAT)]);
        let half = self.graph.floats("prepare.half", &[], &[0.5]);
        let first = self.graph.op(SCOPE, "Mul", &[&spare, &half], &[]);
        let first = self.graph.op(SCOPE, "Round", &[&first], &[]);
        let first = self.graph.op(SCOPE, "Cast", &[&first], &[Attribute::Int("to", INT64.into())]);
        let end = self.graph.op(SCOPE, "Add", &[&first, &size], &[]);
        let axes = self.graph.sizes(&[2, 3]);
        self.graph.op(SCOPE, "Slice", &[pixels, &first, &end, &axes], &[])
    }
}

fn unwritten(step: &str) -> Error {
    Error::new(format!("the eval chain's step {step} can't be in an ONNX file")).help(
        "leave out `include`; `resize`, `squash`, `center_crop` behind them and `normalize` can be included",
    )
}

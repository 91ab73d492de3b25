//! MIL operations as a lowered network's operators.

use super::{arguments::Arguments, constants::Constants, shape};
use crate::{
    arch::Window,
    error::{Error, Result},
    export::{
        coreml::{
            operations::PIXEL,
            proto::{NamedType, Operation},
            values::Literal,
        },
        lowered::{BatchDimension, ConstantId, INPUT, Lowered, Operator, TensorId},
        tensor_names::TensorNames,
    },
};

/// A network on its way.
pub(super) struct Operations<'a> {
    lowered: Lowered,
    /// What the images from 0 to 255 are called.
    pixels: &'a str,
    constants: Constants<'a>,
    /// The tensors by the names that the program gives them.
    tensors: TensorNames<'a>,
    /// The tensor that the classes' names are given to.
    classified: Option<TensorId>,
}

impl<'a> Operations<'a> {
    /// A network that does nothing yet to its images.
    pub(super) fn new(pixels: &'a str, lowered: Lowered, weights: &'a [u8]) -> Self {
        let (constants, tensors) = (Constants::new(weights), TensorNames::default());
        Self { lowered, pixels, constants, tensors, classified: None }
    }

    /// The network.
    pub(super) fn finish(self) -> Result<Lowered> {
        let probabilities = self.classified.ok_or_else(|| Error::new("it names no classes"))?;
        self.lowered.giving("what it classifies", probabilities)
    }

    /// Adds what an operation does.
    pub(super) fn operation(&mut self, operation: &'a Operation) -> Result<()> {
        let mut arguments = Arguments::of(operation);
        match operation.r#type.as_str() {
            "const" => self.constants.add(operation)?,
            "mul" => self.multiply(operation, &mut arguments)?,
            "cast" => self.cast(operation, &mut arguments)?,
            // The classes' names stand in the metadata too.
            "classify" => {
                self.classified = Some(self.tensors.tensor(arguments.name("probabilities")?)?);
                return Ok(());
            }
            kind => {
                let inputs = self.inputs(kind, &mut arguments)?;
                let operator = self.operator(kind, &mut arguments)?;
                self.push(operation, operator, &inputs)?;
            }
        }
        arguments.finish()
    }

    /// The images are divided first, and then a tensor may be multiplied by a constant.
    fn multiply(&mut self, operation: &'a Operation, arguments: &mut Arguments<'a>) -> Result<()> {
        let (x, y) = (arguments.name("x")?, arguments.name("y")?);
        if x != self.pixels {
            let x = self.tensors.tensor(x)?;
            let factor = self.constant(y)?;
            return self.push(operation, Operator::Scale(factor), &[x]);
        }
        match self.constants.literal(y)? {
            Literal::Float(PIXEL) => self.give(operation, &[INPUT]),
            _ => Err(Error::new("its images are not divided by 255")),
        }
    }

    /// Other bits: the same numbers here.
    fn cast(&mut self, operation: &'a Operation, arguments: &mut Arguments<'a>) -> Result<()> {
        let tensor = self.tensors.tensor(arguments.name("x")?)?;
        match self.literal(arguments, "dtype")? {
            Literal::Text(to) if ["fp16", "fp32"].contains(&to.as_str()) => self.give(operation, &[tensor]),
            _ => Err(arguments.wrong("dtype")),
        }
    }

    fn push(&mut self, operation: &'a Operation, operator: Operator, inputs: &[TensorId]) -> Result<()> {
        let outputs = self.lowered.push_all(Arguments::of(operation).at(), operator, inputs)?;
        self.give(operation, &outputs)
    }

    /// What an operation gives are these tensors, whose sizes it must tell.
    fn give(&mut self, operation: &'a Operation, tensors: &[TensorId]) -> Result<()> {
        let BatchDimension::Fixed(batch) = self.lowered.batch else {
            return Err(Error::new("its batch is unknown"));
        };
        let told: Vec<Option<Vec<usize>>> = operation.outputs.iter().map(shape).collect();
        let sizes = |tensor: &TensorId| Some([&[batch], self.lowered.shape(*tensor)].concat());
        if told != tensors.iter().map(sizes).collect::<Vec<_>>() {
            let (at, kind) = (Arguments::of(operation).at(), &operation.r#type);
            return Err(Error::new(format!("{at}: {kind} gives tensors of other shapes than it says")));
        }
        let mut named = operation.outputs.iter().zip(tensors);
        named.try_for_each(|(NamedType { name, .. }, tensor)| self.tensors.name(name, *tensor))
    }

    /// The tensors that an operation takes.
    fn inputs(&self, kind: &str, arguments: &mut Arguments<'a>) -> Result<Vec<TensorId>> {
        let keys: &[&str] = match kind {
            "concat" => &["values"],
            "add" | "matmul" => &["x", "y"],
            _ => &["x"],
        };
        let mut tensors = Vec::new();
        for key in keys {
            for name in arguments.names(key)? {
                tensors.push(self.tensors.tensor(name)?);
            }
        }
        Ok(tensors)
    }

    /// What an operation does with them.
    fn operator(&mut self, kind: &str, arguments: &mut Arguments<'a>) -> Result<Operator> {
        Ok(match kind {
            "conv" => self.convolution(arguments)?,
            "linear" => {
                let [weight, bias] = self.weights(arguments)?;
                Operator::Linear { weight, bias }
            }
            "silu" => Operator::Silu,
            "relu" => Operator::Relu,
            "add" => Operator::Add,
            "concat" => {
                self.must_be(arguments, "interleave", Literal::Bool(false))?;
                Operator::Concat { axis: self.index(arguments, "axis")? }
            }
            "split" => Operator::Split {
                axis: self.index(arguments, "axis")?,
                sizes: self.sizes(arguments, "split_sizes")?,
            },
            "slice_by_index" => self.every_second(arguments)?,
            "max_pool" => {
                let kernel = self.square(arguments, "kernel_sizes")?;
                self.must_be(arguments, "ceil_mode", Literal::Bool(false))?;
                Operator::MaxPool(self.window(arguments, kernel)?)
            }
            "reshape" => {
                let shape = self.sizes(arguments, "shape")?;
                let images = shape.first().map(|images| BatchDimension::Fixed(*images));
                match images == Some(self.lowered.batch) {
                    true => Operator::Reshape(shape[1..].to_vec()),
                    false => return Err(arguments.wrong("shape")),
                }
            }
            "transpose" => Operator::Transpose { order: self.sizes(arguments, "perm")? },
            "matmul" => Operator::MatMul {
                transpose_a: self.flag(arguments, "transpose_x")?,
                transpose_b: self.flag(arguments, "transpose_y")?,
            },
            "softmax" => {
                self.must_be(arguments, "axis", Literal::Int(-1))?;
                Operator::Softmax
            }
            "reduce_mean" => {
                self.must_be(arguments, "axes", Literal::Ints(vec![2, 3]))?;
                self.must_be(arguments, "keep_dims", Literal::Bool(false))?;
                Operator::GlobalAverage
            }
            _ => return Err(Error::new(format!("{}: Kiln doesn't know {kind}", arguments.at()))),
        })
    }

    fn convolution(&mut self, arguments: &mut Arguments<'a>) -> Result<Operator> {
        let [weight, bias] = self.weights(arguments)?;
        self.must_be(arguments, "dilations", Literal::Ints(vec![1; 2]))?;
        let groups = self.index(arguments, "groups")?;
        let kernel = self.lowered.constant(weight).shape.last().copied();
        let kernel = kernel.ok_or_else(|| arguments.wrong("weight"))?;
        Ok(Operator::Convolution { weight, bias, window: self.window(arguments, kernel)?.groups(groups) })
    }

    /// How a window of this side goes over a map.
    fn window(&mut self, arguments: &mut Arguments<'a>, kernel: usize) -> Result<Window> {
        self.must_be(arguments, "pad_type", Literal::text("custom"))?;
        self.must_be(arguments, "pad", Literal::sizes(&[kernel / 2; 4]))?;
        Ok(Window::square(kernel).stride(self.square(arguments, "strides")?))
    }

    fn every_second(&mut self, arguments: &mut Arguments<'a>) -> Result<Operator> {
        self.must_be(arguments, "end", Literal::Ints(vec![0; 4]))?;
        self.must_be(arguments, "stride", Literal::Ints(vec![1, 1, 2, 2]))?;
        self.must_be(arguments, "begin_mask", Literal::Bools(vec![true, true, false, false]))?;
        self.must_be(arguments, "end_mask", Literal::Bools(vec![true; 4]))?;
        match self.sizes(arguments, "begin")?[..] {
            [0, 0, row, column] => Ok(Operator::EverySecond { row, column }),
            _ => Err(arguments.wrong("begin")),
        }
    }

    /// The constant of this name becomes one of the network's.
    fn constant(&mut self, name: &str) -> Result<ConstantId> {
        Ok(self.lowered.add_constant(self.constants.constant(name)?))
    }

    fn weights(&mut self, arguments: &mut Arguments<'a>) -> Result<[ConstantId; 2]> {
        Ok([self.constant(arguments.name("weight")?)?, self.constant(arguments.name("bias")?)?])
    }

    fn literal(&mut self, arguments: &mut Arguments<'a>, key: &str) -> Result<Literal> {
        self.constants.literal(arguments.name(key)?)
    }

    /// Refuses any other value.
    fn must_be(&mut self, arguments: &mut Arguments<'a>, key: &str, wanted: Literal) -> Result<()> {
        if self.literal(arguments, key)? == wanted { Ok(()) } else { Err(arguments.wrong(key)) }
    }

    fn flag(&mut self, arguments: &mut Arguments<'a>, key: &str) -> Result<bool> {
        match self.literal(arguments, key)? {
            Literal::Bool(flag) => Ok(flag),
            _ => Err(arguments.wrong(key)),
        }
    }

    fn index(&mut self, arguments: &mut Arguments<'a>, key: &str) -> Result<usize> {
        match self.literal(arguments, key)? {
            Literal::Int(index) => usize::try_from(index).map_err(|_| arguments.wrong(key)),
            _ => Err(arguments.wrong(key)),
        }
    }

    fn sizes(&mut self, arguments: &mut Arguments<'a>, key: &str) -> Result<Vec<usize>> {
        let Literal::Ints(ints) = self.literal(arguments, key)? else { return Err(arguments.wrong(key)) };
        let sizes = ints.into_iter().map(|int| usize::try_from(int).ok()).collect();
        Option::ok_or_else(sizes, || arguments.wrong(key))
    }

    /// The same size twice.
    fn square(&mut self, arguments: &mut Arguments<'a>, key: &str) -> Result<usize> {
        match self.sizes(arguments, key)?[..] {
            [height, width] if height == width => Ok(height),
            _ => Err(arguments.wrong(key)),
        }
    }
}

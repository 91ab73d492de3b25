//! A network with its numbers, for what it says about images and nothing else.

use burn::tensor::Device;

use super::{
    Mode, Network, Values, forward, kernels,
    parameters::{to_vec, values},
    prepared::Prepared,
    upload,
};
use crate::{
    arch::computation::{COLORS, Computation, Op},
    weights::Weights,
};

/// A network that only infers.
pub struct Inference(Way);

/// How it computes.
enum Way {
    /// On the CPU, where the processor has vectors.
    Prepared(Box<Prepared>),
    /// By burn's operations.
    Forward { network: Network, values: Values, device: Device },
}

impl Inference {
    /// The network that does `computation`, [folded](Computation::folded), on `device`; `weights` are folded too.
    ///
    /// # Panics
    /// If a parameter is not among `weights`.
    pub fn new(computation: Computation, weights: &Weights, device: &Device) -> Self {
        let prepared = if *device == Device::flex() { Prepared::new(&computation, weights) } else { None };
        Self(match prepared {
            Some(prepared) => Way::Prepared(Box::new(prepared)),
            None => Way::Forward {
                values: packed(&computation, values(weights, device)),
                network: Network::new(computation),
                device: device.clone(),
            },
        })
    }

    /// Logits `[batch, classes]`, row by row, of images `[batch, 3, size, size]`. On the pure Rust backend a row does
    /// not depend on the others.
    ///
    /// # Panics
    /// If the network can't take images of that size ([`sizes`](crate::arch::sizes::sizes) says why).
    pub fn logits(&self, images: &[f32], size: usize) -> Vec<f32> {
        match &self.0 {
            Way::Prepared(prepared) => {
                prepared.logits(images, size).unwrap_or_else(|error| panic!("{error}"))
            }
            Way::Forward { network, values, device } => {
                let shape = [images.len() / (COLORS * size * size), COLORS, size, size];
                let images = upload(images, shape, device);
                to_vec(network.forward(values, images, &Mode::Eval).logits)
            }
        }
    }
}

/// The values, kernels as the device likes them best where nothing but the network's convolutions looks at them.
fn packed(computation: &Computation, mut values: Values) -> Values {
    let convolutions = computation.operations.iter().filter_map(|operation| match &operation.op {
        Op::Convolution(convolution) if convolution.norm.is_none() => Some(convolution),
        _ => None,
    });
    for convolution in convolutions {
        let name = format!("{}.weight", convolution.name);
        if let Some(numbers) = values.remove(&name) {
            let (shape, geometry) = (forward::shape(convolution), forward::geometry(convolution));
            values.insert(name, kernels::packed(numbers, shape, geometry));
        }
    }
    values
}

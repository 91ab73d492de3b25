//! Convolutions with what follows them, and linear layers, which are convolutions of single pixels.

use burn::backend::{Flex, TensorMetadata};

use super::{Gradient, Recorded, Tape, elementwise::relu, reshaped};
use crate::{
    arch::{
        Activation, EPSILON, Window,
        computation::{Convolution, Linear},
    },
    network::{
        Statistics,
        kernels::{
            Geometry, KernelGradients, Kernels,
            cpu::{Affine, Array, Planes, array, dims},
            unbiased,
        },
        layout::norm_is_frozen,
        parameters::to_tensor,
    },
};

impl<'a> Tape<'a> {
    /// The convolution, its norm or bias, and its activation; `before` says whether the images want a gradient.
    pub(super) fn convolution(&mut self, convolution: &'a Convolution, x: Array, before: bool) -> Recorded {
        let Convolution { name, norm, c1, c2, window, activation, .. } = convolution;
        let Window { kernel, stride, groups } = *window;
        let geometry = Geometry { stride, padding: kernel / 2, groups };
        let convolved = self.convolved(name, x, [*c2, c1 / groups, kernel, kernel], geometry, before);
        let silu = *activation == Some(Activation::Silu);
        let taken = match norm {
            Some(norm) if norm_is_frozen(norm, self.parameters.layout.frozen()) => {
                convolved.then(|y| self.by_statistics(norm, y, silu))
            }
            Some(norm) => convolved.then(|y| self.by_batch(norm, y, silu)),
            None => convolved.then(|y| self.biased(name, y, silu)),
        };
        if *activation == Some(Activation::Relu) { taken.then(relu) } else { taken }
    }

    /// Rows of numbers times a matrix, plus a bias.
    pub(super) fn linear(&self, linear: &'a Linear, x: Array, before: bool) -> Recorded {
        let Linear { name, inputs, outputs } = linear;
        let pointwise = Geometry { stride: 1, padding: 0, groups: 1 };
        let convolved = self.convolved(name, x, [*outputs, *inputs, 1, 1], pointwise, before);
        convolved.then(|y| self.biased(name, y, false))
    }

    fn convolved(
        &self,
        name: &'a str,
        x: Array,
        shape: [usize; 4],
        geometry: Geometry,
        before: bool,
    ) -> Recorded {
        let weight = reshaped(self.part(name, "weight"), shape);
        let y = <Flex as Kernels>::conv(x.clone(), weight.clone(), geometry);
        let learns = self.is_learnt(&format!("{name}.weight"));
        let name = name.to_owned();
        Recorded::one(y, move |of_y, gradient| {
            if learns {
                let of_weight = Flex::conv_weight_gradient(x.clone(), weight.clone(), of_y.clone(), geometry);
                gradient.add(&name, "weight", of_weight.to_contiguous().storage());
            }
            vec![before.then(|| Flex::conv_x_gradient(x, weight, of_y, geometry))]
        })
    }

    /// The norm by the batch's statistics, which are told, then SiLU if `silu`.
    fn by_batch(&mut self, norm: &'a str, x: Array, silu: bool) -> Recorded {
        let planes = Planes::of(&x);
        let [gamma, beta] = ["weight", "bias"].map(|part| self.part(norm, part));
        let (mean, variance) = planes.statistics(x.storage());
        self.tell(norm, &mean, &variance, planes.count());
        let affine = Affine::new(mean, &variance, gamma.storage(), beta.storage(), EPSILON, silu);
        let y = array(planes.forward(x.storage(), &affine), x.shape().to_vec());
        let name = norm.to_owned();
        Recorded::one(y, move |of_y, gradient: &mut Gradient<'_>| {
            let (of_x, of_gamma, of_beta) = planes.backward(x.storage(), of_y.storage(), &affine);
            gradient.add(&name, "weight", &of_gamma);
            gradient.add(&name, "bias", &of_beta);
            vec![Some(array(of_x, x.shape().to_vec()))]
        })
    }

    fn tell(&mut self, norm: &str, mean: &[f32], variance: &[f32], count: usize) {
        let factor = unbiased(count) as f32;
        let variance = variance.iter().map(|variance| variance * factor).collect();
        let [mean, variance] = [mean.to_vec(), variance].map(|numbers| to_tensor(numbers, &self.device));
        self.statistics.push(Statistics { norm: norm.to_owned(), mean, variance });
    }

    /// The norm by known statistics, then SiLU if `silu`; nothing of it is learnt.
    fn by_statistics(&self, norm: &'a str, x: Array, silu: bool) -> Recorded {
        let [gamma, beta, mean, variance] =
            ["weight", "bias", "running_mean", "running_var"].map(|part| self.part(norm, part));
        let mean = mean.storage::<f32>().to_vec();
        let affine = Affine::new(mean, variance.storage(), gamma.storage(), beta.storage(), EPSILON, silu);
        affine_map(x, affine)
    }

    /// The map plus a bias for each channel, then SiLU if `silu`.
    fn biased(&self, name: &'a str, x: Array, silu: bool) -> Recorded {
        let bias = self.part(name, "bias");
        let affine = Affine::shift(bias.storage(), silu);
        let name = name.to_owned();
        let planes = Planes::of(&x);
        let Recorded { outputs, backward } = affine_map(x, affine);
        Recorded {
            outputs,
            backward: Box::new(move |gradients, gradient| {
                let gradients = backward(gradients, gradient);
                if let Some(of_x) = gradients.iter().flatten().next() {
                    gradient.add(&name, "bias", &planes.sums(of_x.storage()));
                }
                gradients
            }),
        }
    }
}

/// What `affine` gives of each number.
fn affine_map(x: Array, affine: Affine) -> Recorded {
    let (planes, shape) = (Planes::of(&x), dims(&x));
    let y = array(planes.forward(x.storage(), &affine), shape.to_vec());
    Recorded::one(y, move |of_y, _| {
        vec![Some(array(planes.affine_backward(x.storage(), of_y.storage(), &affine), shape.to_vec()))]
    })
}

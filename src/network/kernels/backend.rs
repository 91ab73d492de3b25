//! What a backend can do for us beyond burn's own operations.
//!
//! Every method has a body made of burn's operations; a backend overrides those that it does better.
#![cfg_attr(
    feature = "libtorch",
    expect(deprecated, reason = "burn 0.22 deprecates burn-tch, which the project is asked to use")
)]

use burn::{
    backend::{Backend, ExtensionType, backend_extension, tensor::FloatTensor},
    tensor::ops::ConvOptions,
};

/// Where a convolution's kernel goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Pixels between two places of the kernel.
    pub stride: usize,
    /// Rows and columns of zeros on each side.
    pub padding: usize,
    /// Groups of channels that see only themselves.
    pub groups: usize,
}

impl From<Geometry> for ConvOptions<2> {
    fn from(geometry: Geometry) -> Self {
        let Geometry { stride, padding, groups } = geometry;
        Self::new([stride; 2], [padding; 2], [1, 1], groups)
    }
}

/// A batch norm's output, and the statistics that it was made with, `[channels]` each.
#[derive(ExtensionType)]
pub(in crate::network) struct NormSilu<B: Backend> {
    pub output: FloatTensor<B>,
    pub mean: FloatTensor<B>,
    pub variance: FloatTensor<B>,
}

/// The operations that layers call, on every backend and with gradients.
#[backend_extension(Flex, LibTorch: cfg(feature = "libtorch"), Autodiff)]
pub(in crate::network) trait Kernels: Backend {
    /// Images in the order in memory that convolutions like best.
    fn images(x: FloatTensor<Self>) -> FloatTensor<Self> {
        x
    }

    /// The kernel of such a shape, whose numbers lie in the device's [`crate::network::order::Order`].
    fn kernel(numbers: FloatTensor<Self>, shape: [usize; 4]) -> FloatTensor<Self> {
        Self::float_reshape(numbers, shape.into())
    }

    /// Convolution of `[batch, c1, h, w]` with `[c2, c1 / groups, kernel, kernel]`.
    fn conv(x: FloatTensor<Self>, weight: FloatTensor<Self>, geometry: Geometry) -> FloatTensor<Self> {
        Self::conv2d(x, weight, None, geometry.into())
    }

    /// Convolution, bias, SiLU if `activated`.
    fn conv_bias_silu(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: Geometry,
        activated: bool,
    ) -> FloatTensor<Self> {
        let y = Self::conv2d(x, weight, Some(bias), geometry.into());
        if activated { silu::<Self>(y) } else { y }
    }

    /// Batch norm by the batch's statistics, SiLU if `activated`.
    fn norm_silu(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        activated: bool,
    ) -> NormSilu<Self> {
        let normed = Self::batch_norm_train(x, gamma, beta, epsilon);
        let output = if activated { silu::<Self>(normed.output) } else { normed.output };
        NormSilu { output, mean: normed.mean, variance: normed.variance }
    }

    /// A residual sum `x + y`; both have one shape.
    fn add(x: FloatTensor<Self>, y: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_add(x, y)
    }

    /// `x` times factors that have as many dimensions, each as large or 1.
    fn scale(x: FloatTensor<Self>, factors: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_mul(x, factors)
    }
}

/// What a batch norm was made of: its input `[batch, channels, h, w]`, all else `[channels]`.
#[derive(Debug, Clone)]
pub(in crate::network) struct NormInputs<B: Backend> {
    pub x: FloatTensor<B>,
    pub gamma: FloatTensor<B>,
    pub beta: FloatTensor<B>,
    pub mean: FloatTensor<B>,
    pub variance: FloatTensor<B>,
    pub epsilon: f64,
    pub activated: bool,
}

/// The gradients of [`Kernels`], on backends that record nothing themselves.
pub(in crate::network) trait KernelGradients: Backend {
    /// Gradient of [`Kernels::conv`]'s images.
    fn conv_x_gradient(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self> {
        Self::conv2d_x_backward(x, weight, gradient, geometry.into())
    }

    /// Gradient of [`Kernels::conv`]'s weight.
    fn conv_weight_gradient(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self> {
        Self::conv2d_weight_backward(x, weight, gradient, geometry.into())
    }

    /// Gradients of [`Kernels::norm_silu`]'s input, scale and shift.
    fn norm_silu_gradients(inputs: NormInputs<Self>, gradient: FloatTensor<Self>) -> [FloatTensor<Self>; 3] {
        let NormInputs { x, gamma, beta, mean, variance, epsilon, activated } = inputs;
        let gradient = if activated {
            let (mean, variance) = (mean.clone(), variance.clone());
            let y = Self::batch_norm(x.clone(), gamma.clone(), beta, mean, variance, epsilon);
            silu_gradient::<Self>(y, gradient)
        } else {
            gradient
        };
        let all = Self::batch_norm_train_backward(x, gamma, mean, variance, epsilon, gradient);
        [all.x_grad, all.gamma_grad, all.beta_grad]
    }
}

/// SiLU of burn's own operations: `y · sigmoid(y)`.
fn silu<B: Backend>(y: FloatTensor<B>) -> FloatTensor<B> {
    B::float_mul(y.clone(), B::sigmoid(y))
}

/// `g · s · (1 + y · (1 − s))` with `s = sigmoid(y)`.
fn silu_gradient<B: Backend>(y: FloatTensor<B>, gradient: FloatTensor<B>) -> FloatTensor<B> {
    let s = B::sigmoid(y.clone());
    let rest = B::float_add_scalar(B::float_neg(s.clone()), 1.0_f32.into());
    let slope = B::float_add_scalar(B::float_mul(y, rest), 1.0_f32.into());
    B::float_mul(gradient, B::float_mul(s, slope))
}

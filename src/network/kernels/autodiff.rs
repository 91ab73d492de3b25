//! The operations of [`Kernels`], recorded with their gradients for burn's autodiff.

use burn::backend::{
    Autodiff,
    autodiff::{
        NodeId,
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};

use super::backend::{Geometry, KernelGradients, Kernels, NormInputs, NormSilu};

#[derive(Debug)]
struct Conv;

impl<B: Kernels + KernelGradients> Backward<B, 2> for Conv {
    type State = (NodeId, NodeId, Geometry);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let ([x_node, weight_node], (x, weight, geometry)) = (ops.parents, ops.state);
        let gradient = grads.consume::<B>(&ops.node);
        let x = checkpointer.retrieve_node_output::<FloatTensor<B>>(x);
        let weight = checkpointer.retrieve_node_output::<FloatTensor<B>>(weight);
        if let Some(node) = x_node {
            let of_x = B::conv_x_gradient(x.clone(), weight.clone(), gradient.clone(), geometry);
            grads.register::<B>(node.id, of_x);
        }
        if let Some(node) = weight_node {
            grads.register::<B>(node.id, B::conv_weight_gradient(x, weight, gradient, geometry));
        }
    }
}

#[derive(Debug)]
struct Norm;

impl<B: Kernels + KernelGradients> Backward<B, 3> for Norm {
    type State = NormInputs<B>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let gradients = B::norm_silu_gradients(ops.state, gradient);
        for (node, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: Kernels + KernelGradients, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn conv(x: FloatTensor<Self>, weight: FloatTensor<Self>, geometry: Geometry) -> FloatTensor<Self> {
        match Conv.prepare::<C>([x.node(), weight.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&weight), geometry);
                prep.finish(state, B::conv(x.into_primitive(), weight.into_primitive(), geometry))
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::conv(x.into_primitive(), weight.into_primitive(), geometry))
            }
        }
    }

    fn norm_silu(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        activated: bool,
    ) -> NormSilu<Self> {
        let prep = Norm.prepare::<C>([x.node(), gamma.node(), beta.node()]).compute_bound().stateful();
        let (x, gamma, beta) = (x.into_primitive(), gamma.into_primitive(), beta.into_primitive());
        let normed = B::norm_silu(x.clone(), gamma.clone(), beta.clone(), epsilon, activated);
        let NormSilu { output, mean, variance } = normed;
        let output = match prep {
            OpsKind::Tracked(prep) => {
                let (mean, variance) = (mean.clone(), variance.clone());
                prep.finish(NormInputs { x, gamma, beta, mean, variance, epsilon, activated }, output)
            }
            OpsKind::UnTracked(prep) => prep.finish(output),
        };
        let constant = |tensor| <Self as burn::backend::AutodiffBackend>::from_inner(tensor);
        NormSilu { output, mean: constant(mean), variance: constant(variance) }
    }
}

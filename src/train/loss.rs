//! What training makes small.

use burn::tensor::{Int, Tensor, activation::log_softmax};

/// Mean cross-entropy of logits `[batch, classes]` and class indices `[batch]`, in nats.
pub fn cross_entropy(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let picked = log_softmax(logits, 1).gather(1, targets.unsqueeze_dim(1));
    picked.mean().neg()
}

//! A PyTorch state dict: the weights, and an entry that only Kiln reads.

use super::{Content, Format};
use crate::weights;

/// The format.
pub(super) const PT: Format = Format {
    name: "pt",
    title: "PyTorch",
    about: "A PyTorch state dict that `torch.load(path, weights_only=True)` reads. Only Kiln sees names,\n\
            architecture, size and transforms in it; a copy that PyTorch saves has the weights alone.",
    file: "model.pt",
    content: Content::Weights(weights::to_state_dict),
};

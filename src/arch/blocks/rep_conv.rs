//! Two convolutions of the same map, summed before the activation (Ding et al., "RepVGG", 2021).

use crate::arch::{
    Activation, Window,
    computation::{Builder, ValueId},
};

/// One of 3×3 pixels and one of a single pixel, both to `c2` channels, then SiLU whatever the architecture's activation.
pub(super) fn rep_conv(to: &mut Builder, at: &str, x: ValueId, c2: usize) -> ValueId {
    let y = to.plain(&format!("{at}.conv1"), x, c2, Window::square(3));
    let z = to.plain(&format!("{at}.conv2"), x, c2, Window::POINT);
    let sum = to.add(at, y, z);
    to.activation(at, sum, Activation::Silu)
}

//! The windows of convolutions and poolings.

use super::attributes::Attributes;
use crate::{arch::Window, error::Result};

/// The window that the attributes of a convolution or a pooling tell.
///
/// # Errors
/// If it is not square, spread out, or padded otherwise than by half of it.
pub(super) fn window(attributes: &Attributes<'_>) -> Result<Window> {
    let kernel = square(attributes, "kernel_shape")?;
    let stride = square(attributes, "strides")?;
    let pads = attributes.ints("pads").unwrap_or(&[0; 4]);
    attributes
        .hold("pads", pads.len() == 4 && pads.iter().all(|pad| usize::try_from(*pad) == Ok(kernel / 2)))?;
    attributes.must_be_ones("dilations")?;
    attributes.must_be("ceil_mode", 0)?;
    let groups = attributes.int("group").map_or(Ok(1), usize::try_from);
    attributes.hold("group", groups.is_ok())?;
    Ok(Window { kernel, stride, groups: groups.unwrap_or(1) })
}

/// The side of a square.
fn square(attributes: &Attributes<'_>, name: &str) -> Result<usize> {
    match attributes.ints(name) {
        Some(&[height, width]) if height == width && width > 0 => Ok(width as usize),
        None if name == "strides" => Ok(1),
        _ => attributes.hold(name, false).map(|()| 1),
    }
}

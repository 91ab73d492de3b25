//! The windows of convolutions and poolings.

use super::data::Data;
use crate::{arch::Window, error::Result};

/// The window of this kernel that a layer's data tell.
///
/// # Errors
/// If it is not square, spread out, or padded otherwise than by half of it.
pub(super) fn window(data: &Data<'_>, kernel: &[usize]) -> Result<Window> {
    let kernel = square(data, "kernel", kernel)?;
    let stride = square(data, "strides", &data.sizes("strides")?)?;
    for name in ["pads_begin", "pads_end"] {
        data.hold(name, data.sizes(name)? == [kernel / 2; 2])?;
    }
    if let Some(dilations) = data.text("dilations") {
        data.hold("dilations", dilations.split(',').all(|dilation| dilation.trim() == "1"))?;
    }
    data.must_be("auto_pad", "explicit")?;
    Ok(Window { kernel, stride, groups: 1 })
}

/// The side of a square.
fn square(data: &Data<'_>, name: &str, sides: &[usize]) -> Result<usize> {
    match *sides {
        [height, width] if height == width && width > 0 => Ok(width),
        _ => data.hold(name, false).map(|()| 1),
    }
}

//! The windows of convolutions and poolings.

use super::line::Line;
use crate::{arch::Window, error::Result};

/// The window of a convolution.
///
/// # Errors
/// If it is not square, spread out, or padded otherwise than by half of it.
pub(super) fn convolved(line: &Line<'_>) -> Result<Window> {
    let kernel = line.size(1, 0)?;
    line.must_be(11, kernel)?;
    line.must_be(2, 1)?;
    line.must_be(12, 1)?;
    let stride = line.size(3, 1)?;
    line.must_be(13, stride)?;
    let padding = line.size(4, 0)?;
    [14, 15, 16].into_iter().try_for_each(|side| line.must_be(side, padding))?;
    window(line, kernel, stride, (4, padding))
}

/// The window of a pooling that takes the maximum.
///
/// # Errors
/// If it is not square, or padded otherwise than by half of it.
pub(super) fn pooled(line: &Line<'_>) -> Result<Window> {
    let kernel = line.size(1, 0)?;
    line.must_be(11, kernel)?;
    let stride = line.size(2, 1)?;
    line.must_be(12, stride)?;
    let padding = line.size(3, 0)?;
    [13, 14, 15].into_iter().try_for_each(|side| line.must_be(side, padding))?;
    line.hold(5, line.size(5, 0)? == 1)?;
    window(line, kernel, stride, (3, padding))
}

fn window(line: &Line<'_>, kernel: usize, stride: usize, (number, padding): (i32, usize)) -> Result<Window> {
    line.hold(1, kernel > 0)?;
    line.hold(number, padding == kernel / 2)?;
    Ok(Window { kernel, stride, groups: 1 })
}

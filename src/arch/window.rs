//! How a convolution or a pooling goes over a map.

use crate::error::{Error, Result};

/// How a convolution or a pooling goes over a map. It is padded by half the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Side of the square window, in pixels.
    pub kernel: usize,
    /// How far the window moves from one output to the next, in pixels.
    pub stride: usize,
    /// Parts of the channels that do not see each other.
    pub groups: usize,
}

impl Window {
    /// One pixel at a time.
    pub const POINT: Self = Self::square(1);

    /// `kernel`² pixels, stride 1, one group.
    pub const fn square(kernel: usize) -> Self {
        Self { kernel, stride: 1, groups: 1 }
    }

    /// The same with another stride.
    #[must_use]
    pub const fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// The same with other groups.
    #[must_use]
    pub const fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// The side of a map of `side` pixels after the window went over it.
    ///
    /// # Errors
    /// If the window does not fit once; `at` names the layer.
    pub fn side(self, side: usize, at: &str) -> Result<usize> {
        let room = (side + 2 * (self.kernel / 2)).checked_sub(self.kernel).filter(|_| side > 0);
        room.map(|room| room / self.stride + 1).ok_or_else(|| {
            Error::new(format!("the image is too small for {at}")).help("choose a larger size")
        })
    }
}

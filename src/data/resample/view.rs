//! A rectangle of an image that is read where it lies.

use image::RgbImage;

use super::Part;

/// Rows of RGB bytes inside of an image.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// From the first pixel on, to the end of the image.
    bytes: &'a [u8],
    /// Bytes from one row to the next.
    stride: usize,
    width: usize,
    height: usize,
}

impl<'a> View<'a> {
    /// All of an image.
    pub(super) fn of(image: &'a RgbImage) -> Self {
        let (width, height) = (image.width() as usize, image.height() as usize);
        Self { bytes: image.as_raw(), stride: 3 * width, width, height }
    }

    /// A part of it, inside which the part must lie.
    pub(super) fn part(self, part: Part) -> Self {
        let [left, top, width, height] =
            [part.left, part.top, part.width, part.height].map(|length| length as usize);
        assert!(left + width <= self.width && top + height <= self.height, "the part lies inside the image");
        let start = (top * self.stride + 3 * left).min(self.bytes.len());
        Self { bytes: &self.bytes[start..], stride: self.stride, width, height }
    }

    /// Width and height in pixels.
    pub(super) fn size(self) -> (u32, u32) {
        (self.width as u32, self.height as u32)
    }

    /// How many rows there are.
    pub(super) fn height(self) -> usize {
        self.height
    }

    /// Bytes of a row.
    pub(super) fn row_len(self) -> usize {
        3 * self.width
    }

    /// The bytes of row `y`.
    pub(super) fn row(self, y: usize) -> &'a [u8] {
        &self.bytes[y * self.stride..][..3 * self.width]
    }

    /// The bytes of row `y`, and all that follow in the image.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn row_and_behind(self, y: usize) -> &'a [u8] {
        &self.bytes[y * self.stride..]
    }

    /// A copy.
    pub(super) fn to_image(self) -> RgbImage {
        let mut pixels = Vec::with_capacity(self.row_len() * self.height);
        (0..self.height).for_each(|y| pixels.extend_from_slice(self.row(y)));
        RgbImage::from_raw(self.width as u32, self.height as u32, pixels).expect("all rows are there")
    }
}

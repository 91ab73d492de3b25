//! An image on its way through a chain.

use std::sync::Arc;

use image::RgbImage;

use crate::data::{
    decode::MAX_PIXELS,
    resample::{Interpolation, Part, crop, crop_and_resize, resize, resize_part},
};

/// How much longer than wide an image may be where all of it is resized.
pub(super) const MAX_ASPECT: u64 = 64;

/// An image, or one that is to be resized: resizing waits for the op that comes next, so that what a crop cuts away
/// is never made. The pixels may be another's, too: they are copied by what changes them.
#[derive(Debug, Clone)]
pub enum Picture {
    /// The pixels as they are.
    Made(Arc<RgbImage>),
    /// An image that is still to be resized.
    Resized {
        /// What is to be resized.
        image: Arc<RgbImage>,
        /// Width and height after resizing; both at least 1.
        size: (u32, u32),
        /// How new pixels are made.
        interpolation: Interpolation,
    },
}

/// An image would become too large in a chain that resizes all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an image of {} x {} pixels is too narrow: resized it would have {} x {}", old.0, old.1, new.0, new.1)]
pub struct TooNarrow {
    old: (u32, u32),
    new: (u32, u32),
}

impl Picture {
    /// Width and height after resizing, in pixels.
    pub fn size(&self) -> (u32, u32) {
        match self {
            Self::Made(image) => image.dimensions(),
            Self::Resized { size, .. } => *size,
        }
    }

    /// The pixels of `part`, which must lie inside. It takes the memory of the image and the part alone.
    #[must_use]
    pub fn part(self, part: Part) -> RgbImage {
        match self {
            Self::Made(image) if image.dimensions() == (part.width, part.height) => {
                Arc::unwrap_or_clone(image)
            }
            Self::Made(image) => crop(&image, part),
            Self::Resized { image, size, interpolation } => resize_part(&image, size, part, interpolation),
        }
    }

    /// The pixels of `part`, which must lie inside, resized to `new` (width, height).
    #[must_use]
    pub fn part_resized(self, part: Part, new: (u32, u32), how: Interpolation) -> RgbImage {
        match self {
            Self::Made(image) => crop_and_resize(&image, part, new, how),
            Self::Resized { .. } => resize(&self.part(part), new.0, new.1, how),
        }
    }

    /// All pixels to be changed, resized if that was still to be done.
    ///
    /// # Errors
    /// As [`Picture::shared`].
    pub fn whole(self) -> Result<RgbImage, TooNarrow> {
        self.shared().map(Arc::unwrap_or_clone)
    }

    /// All pixels to be read, resized if that was still to be done.
    ///
    /// # Errors
    /// When resizing makes an image longer than `MAX_ASPECT` times its width that is larger than the one there is,
    /// or more than [`MAX_PIXELS`].
    pub fn shared(self) -> Result<Arc<RgbImage>, TooNarrow> {
        match self {
            Self::Made(image) => Ok(image),
            Self::Resized { image, size, interpolation } => {
                may_be_made(image.dimensions(), size)?;
                Ok(resize(&image, size.0, size.1, interpolation).into())
            }
        }
    }
}

impl From<Arc<RgbImage>> for Picture {
    fn from(image: Arc<RgbImage>) -> Self {
        Self::Made(image)
    }
}

impl From<RgbImage> for Picture {
    fn from(image: RgbImage) -> Self {
        Self::Made(image.into())
    }
}

fn may_be_made(old: (u32, u32), new: (u32, u32)) -> Result<(), TooNarrow> {
    let pixels = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
    let short = u64::from(new.0.min(new.1));
    let most = (MAX_ASPECT * short * short).max(pixels(old)).min(MAX_PIXELS);
    if pixels(new) <= most { Ok(()) } else { Err(TooNarrow { old, new }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_stays_in_proportion() {
        // A photograph, a panorama, a chart that shrinks; at the largest size there is, too.
        for (old, new) in [
            ((500, 375), (298, 224)),
            ((20_000, 400), (11_200, 224)),
            ((30_000, 300), (22_400, 224)),
            ((4000, 3000), (5461, 4096)),
        ] {
            assert_eq!(may_be_made(old, new), Ok(()), "{old:?} {new:?}");
        }
        for (old, new) in [
            ((60_000, 1), (13_440_000, 224)),
            ((12, 60_000), (224, 1_120_000)),
            ((600, 65_000), (4096, 443_733)),
        ] {
            assert_eq!(may_be_made(old, new), Err(TooNarrow { old, new }));
        }
        let error = may_be_made((60_000, 1), (13_440_000, 224)).unwrap_err().to_string();
        assert_eq!(error, "an image of 60000 x 1 pixels is too narrow: resized it would have 13440000 x 224");
    }
}

//! What every op of a chain is: it knows its name, checks its own keys, and applies itself.

use super::{
    fault::OpFault,
    outline::{Outline, Reads},
    picture::{Picture, TooNarrow},
};
use crate::random::Random;

/// An op on an image of 8-bit RGB pixels; in a chain it comes before the pixels become numbers.
pub trait PixelOp {
    /// The op's name in a file, as in `type: resize`.
    fn name(&self) -> &'static str;

    /// The first mistake in the op's keys that a schema can't tell, if there is one.
    fn fault(&self) -> Option<OpFault>;

    /// What the op does to the image's width and height, in a chain that is to end at `size` x `size`.
    fn shape(&self, size: usize) -> ShapeEffect;

    /// What [`Self::apply`] reads of a picture of this outline; if that is left to chance, the same is drawn from `random`.
    fn reads(&self, outline: Outline, _size: u32, _random: &mut Random) -> Reads {
        outline.all()
    }

    /// `picture` after the op, in a chain that is to end at `size` x `size`. All that is left to chance is drawn
    /// from `random`.
    ///
    /// # Errors
    /// If what is to be resized was itself resized to something too large.
    fn apply(&self, picture: Picture, size: u32, random: &mut Random) -> Result<Picture, TooNarrow>;
}

/// An op on numbers, after the pixels became those.
pub trait TensorOp {
    /// The op's name in a file, as in `type: normalize`.
    fn name(&self) -> &'static str;

    /// The first mistake in the op's keys that a schema can't tell, if there is one.
    fn fault(&self) -> Option<OpFault>;

    /// Changes `pixels`, `[3, size, size]`, in place. All that is left to chance is drawn from `random`.
    fn apply(&self, pixels: &mut [f32], size: usize, random: &mut Random);

    /// The same for pixels that are still bytes, `[size, size, 3]`: an op that sets numbers to zero sets bytes to zero,
    /// and one that changes numbers alone, which draws none, leaves them as they are.
    fn apply_to_bytes(&self, pixels: &mut [u8], size: usize, random: &mut Random);

    /// What it makes of numbers, if that is the same for each pixel of a colour: a mean to subtract, then a deviation to
    /// divide by.
    fn scaling(&self) -> Option<Scaling> {
        None
    }

    /// Whether it sets numbers to zero.
    fn erases(&self) -> bool {
        false
    }
}

/// `(number - mean) / deviation`, for numbers of red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    /// `[3]`.
    pub mean: [f32; 3],
    /// `[3]`, above 0.
    pub deviation: [f32; 3],
}

/// What an op does to an image's width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShapeEffect {
    /// Both are what the image was decoded at: nothing comes before the op.
    AsDecoded,
    /// Width and height stay as they are.
    Keeps,
    /// The shorter side becomes so many pixels, and the other keeps the aspect ratio.
    Shortest(usize),
    /// Both sides become as long as the chain's size.
    Square,
}

/// An op in its chain.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    Pixels(&'a dyn PixelOp),
    Numbers(&'a dyn TensorOp),
}

impl Step<'_> {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Pixels(op) => op.name(),
            Self::Numbers(op) => op.name(),
        }
    }

    pub(super) fn fault(&self) -> Option<OpFault> {
        match self {
            Self::Pixels(op) => op.fault(),
            Self::Numbers(op) => op.fault(),
        }
    }

    pub(super) fn shape(&self, size: usize) -> ShapeEffect {
        match self {
            Self::Pixels(op) => op.shape(size),
            Self::Numbers(_) => ShapeEffect::Keeps,
        }
    }
}

/// What `op` makes of the whole of `image`.
#[cfg(test)]
pub(super) fn applied(
    op: &impl PixelOp,
    image: image::RgbImage,
    size: u32,
    random: &mut Random,
) -> image::RgbImage {
    op.apply(image.into(), size, random).and_then(Picture::whole).expect("a test's image is not too narrow")
}
